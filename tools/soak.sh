#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Long runs: guests against their instruction-by-instruction reference, one trace whatever the build and the host do, guests that mean harm. ctest runs a
# small part of each. Safe to repeat; builds stand in build-soak/.
set -euo pipefail
runs=100 blocks=100000 seconds=600 first=1 jobs=$(nproc) parts="exact determinism hostile" builds="gcc-O0 gcc-O3 clang-O0 clang-O3"
usage() {
  cat <<END
usage: tools/soak.sh [options] [exact] [determinism] [hostile]
Long runs, all three parts unless some are named. Exit status 0: nothing was found, 1: something was (it is printed), 2: bad usage.

  exact         random guests of BLOCKS blocks in eight modes, a fifth as many with several virtual CPUs, every scenario and workload: as usual,
                instruction by instruction and in runs of other lengths, with the same trace, final state and memory
  determinism   every scenario RUNS times, by each build ($builds), with 1 job and with several, once under
                valgrind: one hash of the trace
  hostile       random code, descriptors and page tables, as guests and by turns as images on the bare machine, for SECONDS of CPU time under
                AddressSanitizer and UndefinedBehaviorSanitizer: no crash, none that runs past its limit, no growth of memory

  --blocks N    of the part exact (default $blocks)
  --runs N      of the part determinism (default $runs)
  --seconds N   of the part hostile (default $seconds)
  --first N     number of the first random guest (default $first)
  --builds "B"  of the part determinism, of gcc-O0 gcc-O3 clang-O0 clang-O3
  --jobs N      of builds and of the run with several (default: the processors here)
  --no-valgrind leaves that out
END
}
die() { echo "tools/soak.sh: $*" >&2; exit 2; }
number() { [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || die "$1 takes a number from 1 up, not '${2:-}'"; }
named="" valgrind=1
while [ $# -gt 0 ]; do
  case "$1" in
  -h | --help) usage; exit 0 ;;
  --blocks | --runs | --seconds | --first | --jobs) number "$1" "${2:-}"; declare "${1#--}=$2"; shift ;;
  --builds) builds=${2:-}; [ -n "$builds" ] || die "--builds takes names"; shift ;;
  --no-valgrind) valgrind=0 ;;
  exact | determinism | hostile) named="$named $1" ;;
  *) die "unknown argument '$1'; --help tells more" ;;
  esac
  shift
done
for build in $builds; do [[ "$build" =~ ^(gcc|clang)-O[0-3]$ ]] || die "no build '$build'"; done
[ -z "$named" ] || parts=$named
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
soak=$top/build-soak
mkdir -p "$soak"
cd "$top"
found=0
found_something() { echo "FOUND: $*"; found=1; }

# build NAME COMPILER CMAKE-OPTIONS... with $targets. Warnings are the business of the usual build, which knows one compiler.
build() {
  local name=$1 compiler=$2
  shift 2
  echo "building $name"
  { [ -e "$soak/$name/Makefile" ] || cmake -S "$top" -B "$soak/$name" -G "Unix Makefiles" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_C_FLAGS=-w -DVMXBENCH_WHOLE_PROGRAM=OFF "$@"; } \
    >"$soak/$name.log" 2>&1 && cmake --build "$soak/$name" -j "$jobs" --target $targets >>"$soak/$name.log" 2>&1 ||
    { tail -n 20 "$soak/$name.log"; echo "cannot build $name: see $soak/$name.log" >&2; exit 1; }
}

# Scripts that run here: workloads need guests that tools/setup.sh fetches.
scripts() { find scenarios -name '*.lua' | sort; }
scripts_that_run() {
  local script
  for script in $(scripts); do
    if "$soak/gcc-O3/vmxbench" run -q "$script" >"$soak/probe.log" 2>&1; then echo "$script"; else echo "left out, it does not run here: $script" >&2; fi
  done
}

exact() {
  targets="fuzz_guest exact_scenarios vmxbench" build gcc-O3 gcc -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O3
  local guests=$(((blocks + 63) / 64)) at=$first number
  while [ "$guests" -gt 0 ]; do
    number=$((guests < 500 ? guests : 500))
    "$soak/gcc-O3/tests/fuzz/fuzz_guest" exact "$number" "$at" >"$soak/exact.log" 2>&1 || { cat "$soak/exact.log"; found_something "exact $number $at"; }
    tail -n 1 "$soak/exact.log"
    "$soak/gcc-O3/tests/fuzz/fuzz_guest" shared $(((number + 4) / 5)) "$at" >"$soak/exact.log" 2>&1 || { cat "$soak/exact.log"; found_something "shared $(((number + 4) / 5)) $at"; }
    guests=$((guests - number)) at=$((at + number))
  done
  local script
  for script in $(scripts_that_run); do
    "$soak/gcc-O3/tests/scenarios/exact_scenarios" 17 "$script" >"$soak/exact.log" 2>&1 || { cat "$soak/exact.log"; found_something "exact $script"; }
  done
  echo "exact: done"
}

# hash PROGRAM... : of the trace of all scripts that run
hash_of() { "$@" run -q --trace - "${all[@]}" 2>"$soak/hash.log" | sha256sum | cut -c1-64; }

determinism() {
  local name wanted="" got run
  targets="vmxbench" build gcc-O3 gcc -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O3
  mapfile -t all < <(scripts_that_run)
  check() { # WHAT HASH
    [ -n "$wanted" ] || wanted=$2
    [ "$2" = "$wanted" ] || found_something "determinism: $1 gives $2, not $wanted"
  }
  for name in $builds; do
    targets="vmxbench" build "$name" "${name%-*}" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-${name#*-}"
    for run in $(seq "$([ "$name" = gcc-O3 ] && echo "$runs" || echo 1)"); do
      # another environment each time: size of the stack's top, address-space layout, directory of temporary files
      got=$(RUN=$(printf "%${run}s" x) hash_of "$soak/$name/vmxbench")
      check "$name, run $run" "$got"
    done
    echo "$name: $got"
  done
  got=$(hash_of setarch -R "$soak/gcc-O3/vmxbench")
  check "without address-space randomisation" "$got"
  "$soak/gcc-O3/vmxbench" run -q -j "$jobs" --trace "$soak/jobs.trace" "${all[@]}" >"$soak/hash.log" 2>&1 || true
  check "$jobs jobs" "$(sha256sum <"$soak/jobs.trace" | cut -c1-64)"
  if [ "$valgrind" = 1 ] && command -v valgrind >/dev/null; then
    mapfile -t all < <(scripts_that_run 2>"$soak/probe.log" | grep -v workloads)
    wanted=$(hash_of "$soak/gcc-O3/vmxbench")
    check "under valgrind" "$(hash_of valgrind -q --smc-check=all-non-file "$soak/gcc-O3/vmxbench")"
  fi
  echo "determinism: done"
}

hostile() {
  targets="fuzz_guest fuzz_image" build sanitize gcc -DCMAKE_BUILD_TYPE=Release -DVMXBENCH_SANITIZE=ON
  local at=$first used status
  SECONDS_BEFORE=$(times_of_children)
  while used=$(($(times_of_children) - SECONDS_BEFORE)); [ "$used" -lt "$seconds" ]; do
    status=0
    "$soak/sanitize/tests/fuzz/fuzz_guest" hostile 200 "$at" >"$soak/hostile.log" 2>&1 || status=$?
    [ "$status" = 0 ] || { tail -n 40 "$soak/hostile.log"; found_something "hostile 200 $at (exit status $status)"; }
    status=0
    "$soak/sanitize/tests/boot/fuzz_image" 200 "$at" >"$soak/hostile.log" 2>&1 || status=$?
    [ "$status" = 0 ] || { tail -n 40 "$soak/hostile.log"; found_something "fuzz_image 200 $at (exit status $status)"; }
    at=$((at + 200))
  done
  echo "hostile: guests and images $first to $((at - 1)), $used seconds of CPU time"
}
# Whole seconds of CPU time that ended child processes have used.
times_of_children() { times | tail -n 1 | awk '{ s = 0; for (i = 1; i <= NF; i++) { split($i, t, /[ms]/); s += t[1] * 60 + t[2] }; print int(s) }'; }

for part in $parts; do "$part"; done
[ "$found" = 0 ] && echo "nothing found"
exit "$found"
