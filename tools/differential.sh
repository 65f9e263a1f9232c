#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Random VM entries and guest programs on the simulator and on Bochs, any number, in pieces at low priority; goes on where it was stopped. Or every
# opcode, once.
set -euo pipefail
top="$(cd "$(dirname "$0")/.." && pwd)"
build="${VMXBENCH_BUILD:-$top/build}"
usage="usage: tools/differential.sh COUNT [--seed S] | opcodes    e.g. 1000000; results and progress in \$VMXBENCH_BUILD/differential-S (build/ unless set)"
case "${1:-}" in
-h | --help) echo "$usage"; exit 0 ;;
opcodes)
    [ "$#" -eq 1 ] || { echo "$usage" >&2; exit 2; }
    [ -x "$build/tests/differential/opcodes" ] || { echo "$build/tests/differential/opcodes is missing: build with tools/test.sh, on a host with NASM and Bochs" >&2; exit 2; }
    exec nice "$build/tests/differential/opcodes"
    ;;
esac
count="${1:-}" seed=1 piece=4096
if [ "$#" -eq 3 ] && [ "$2" = --seed ]; then seed="$3"; elif [ "$#" -ne 1 ]; then echo "$usage" >&2; exit 2; fi
case "$count$seed" in
*[!0-9]* | "") echo "$usage" >&2; exit 2 ;;
esac
program="$build/tests/differential/differential"
[ -x "$program" ] || { echo "$program is missing: build with tools/test.sh, on a host with NASM and Bochs" >&2; exit 2; }
folder="$build/differential-$seed"
mkdir -p "$folder/scripts"
done_file="$folder/next" log="$folder/log"
first=0
[ ! -s "$done_file" ] || first="$(cat "$done_file")"
status=0
while [ "$first" -lt "$count" ]; do
    left=$((count - first))
    part=$((left < piece ? left : piece))
    result=0
    nice "$program" "$part" --seed "$seed" --first "$first" --keep "$folder/scripts" >"$folder/piece" || result=$?
    if [ "$result" -gt 1 ]; then cat "$folder/piece" >&2; exit 2; fi
    cat "$folder/piece" >>"$log"
    first=$((first + part))
    echo "$first" >"$done_file"
    echo "$first of $count: $(grep -c ' disagrees: ' "$log" || true) disagreements so far"
done
if grep -q ' disagrees: ' "$log" 2>/dev/null; then
    echo "they stand in $log, made small in $folder/scripts"
    status=1
fi
exit "$status"
