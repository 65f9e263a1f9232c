#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# same_source.sh BUILD SOURCE: what the compiler sees of each handler, device and bench source is the same for the simulator and for the hardware image, and
# none of them asks which of the two it is for.
set -eu
build=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# preprocess FILE TARGET OUTPUT: as the compile command of that target says.
preprocess() {
  command=$(sed -n "s|^  \"command\": \"\\(.*\\) -o [^ ]*CMakeFiles/$2\\.dir/[^ ]* -c $source/$1\",\$|\\1|p" "$build/compile_commands.json" | sed 's/\\"/"/g')
  [ -n "$command" ] || { echo "$1 is not compiled for $2"; exit 1; }
  (cd "$build" && sh -c "$command -E -P -o '$3' '$source/$1'")
}
count=0
for path in "$source"/handlers/*.c "$source"/handlers/devices/*.c "$source"/handlers/bench/*.c; do
  file=${path#"$source"/}
  grep -q "CMakeFiles/hw_kernel\\.dir/[^ ]* -c $path\"" "$build/compile_commands.json" || { echo "$file is not compiled for hw_kernel"; exit 1; }
  preprocess "$file" handlers "$folder/simulator"
  preprocess "$file" hw_kernel "$folder/hardware"
  [ -s "$folder/simulator" ] || { echo "$file: nothing is left of it"; exit 1; }
  cmp "$folder/simulator" "$folder/hardware" || { echo "$file differs between the paths"; exit 1; }
  if grep -nE '^# *(if|ifdef|elif).*(SIM|HW|BOCHS|UNICORN)' "$path"; then echo "$file asks for its path"; exit 1; fi
  count=$((count + 1))
done
echo "$count sources are the same for both paths"
[ "$count" -ge 50 ]
