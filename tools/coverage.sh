#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How much of vmx-model its own unit tests reach: lines and branches, by gcov. Fails under 95 % of lines. Safe to repeat.
set -euo pipefail
wanted=95
total_only=0
case "${1:-}" in
-h | --help)
  echo "usage: tools/coverage.sh [--total]    builds vmx-model with counters in build-coverage/ (or \$VMXBENCH_COVERAGE_BUILD), runs its unit tests, and"
  echo "prints how many of the lines and branches of each file they reach. Exit status 1 under $wanted % of all lines. --total: one line."
  exit 0 ;;
--total) total_only=1 ;;
"") ;;
*) echo "tools/coverage.sh: unknown argument '$1'; --help tells more" >&2; exit 2 ;;
esac
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${VMXBENCH_COVERAGE_BUILD:-$top/build-coverage}
mkdir -p "$build"

quietly() {
  "$@" >"$build/coverage.log" 2>&1 || { tail -n 40 "$build/coverage.log"; echo "failed: $* (the whole log: $build/coverage.log)"; exit 1; }
}
[ -e "$build/Makefile" ] ||
  quietly cmake -S "$top" -B "$build" -G "Unix Makefiles" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O0 -DVMXBENCH_COVERAGE=ON
quietly make -C "$build/tests/vmx-model" -j "$(nproc)"
objects=$build/vmx-model/CMakeFiles/vmx_model.dir
rm -f "$objects"/*.gcda
cd "$build/tests/vmx-model"
quietly ctest -j "$(nproc)" --output-on-failure --no-tests=error

cd "$objects"
gcov -b -n -- *.gcno 2>/dev/null | awk -v top="$top/" -v wanted="$wanted" -v total_only="$total_only" '
  function part(text) { sub(/^[^:]*:/, "", text); return text }      # "Lines executed:97.50% of 40": 97.50% of 40
  function reached(text, count) { count = text; sub(/.* of /, "", count); return int(part(text) * count / 100 + 0.5) }
  function of(text) { sub(/.* of /, "", text); return text + 0 }
  function percent(a, b) { return b == 0 ? "     -" : sprintf("%5.1f%%", 100 * a / b) }
  /^File / { name = $0; sub(/^File ./, "", name); sub(/.$/, "", name); sub("^" top, "", name); sub(/^.*vmx-model\//, "vmx-model/", name) }
  /^(Calls executed|No calls)/ { name = "" } # the totals that follow the last file are of all files, headers of the system too
  name !~ /^vmx-model\// { next }
  /^Lines executed/ { if (!(name in lines)) order[++files] = name; lines[name] = of($0); hit[name] = reached($0) }
  /^Taken at least once/ { branches[name] = of($0); taken[name] = reached($0) }
  END {
    for (i = 1; i <= files; i++) {
      name = order[i]
      all_lines += lines[name]; all_hit += hit[name]; all_branches += branches[name]; all_taken += taken[name]
      if (!total_only)
        printf "%-44s lines %s of %4d   branches %s of %4d\n", name, percent(hit[name], lines[name]), lines[name],
          percent(taken[name], branches[name]), branches[name] | "sort"
    }
    close("sort")
    if (all_lines == 0) { print "gcov reports nothing"; exit 1 }
    printf "vmx-model by its unit tests: lines %.1f%% of %d, branches %.1f%% of %d\n", 100 * all_hit / all_lines, all_lines,
      100 * all_taken / all_branches, all_branches
    if (100 * all_hit < wanted * all_lines) { printf "at least %d%% of lines are wanted\n", wanted; exit 1 }
  }'
