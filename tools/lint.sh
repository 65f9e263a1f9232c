#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Holds the sources to .clang-format and .clang-tidy. Needs Debian's clang-format and clang-tidy, and a configured build folder.
set -euo pipefail
case "${1:-}" in
-h | --help)
  echo "usage: tools/lint.sh [FILE...]    checks the format of all sources (or of FILEs), then runs clang-tidy over those that are compiled, with the"
  echo "commands of build/ (or \$VMXBENCH_BUILD). Exit status 0: clean, 1: something was found (printed), 2: it could not be run."
  exit 0 ;;
-*) echo "tools/lint.sh: unknown option '$1'; --help tells more" >&2; exit 2 ;;
esac
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${VMXBENCH_BUILD:-$top/build}
commands=$build/compile_commands.json
for program in clang-format clang-tidy git; do
  command -v "$program" >/dev/null || { echo "$program is missing: apt-get install $program" >&2; exit 2; }
done
[ -e "$commands" ] || { echo "$commands is missing: cmake -S $top -B $build" >&2; exit 2; }

if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(cd "$top" && git ls-files -- '*.c' '*.h' | sed "s|^|$top/|")
fi
status=0
echo "clang-format: ${#files[@]} files"
clang-format --dry-run --Werror -- "${files[@]}" || status=1

compiled=()
for file in "${files[@]}"; do
  if grep -qF "\"file\": \"$(realpath "$file")\"" "$commands"; then
    compiled+=("$(realpath "$file")")
  fi
done
echo "clang-tidy: ${#compiled[@]} files"
# GCC's options for whole programs mean nothing to clang.
printf '%s\0' "${compiled[@]}" |
  xargs -0 -r -n 1 -P "$(nproc)" clang-tidy --quiet -p "$build" --extra-arg=-Wno-ignored-optimization-argument --extra-arg=-Wno-unknown-warning-option \
    2>/dev/null || status=1
[ "$status" = 0 ] && echo "clean"
exit "$status"
