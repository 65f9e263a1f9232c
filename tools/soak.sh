#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Long runs: guests against their instruction-by-instruction reference, one trace whatever the build and the host do, guests that mean harm. ctest runs a
# small part of each. Builds stand in build-soak/. What a tree of sources has passed is remembered there, so that an interrupted soak goes on.
set -euo pipefail
runs=100 slow_runs=2 blocks=100000 seconds=600 states=10000000 first=1 jobs=$(nproc) parts="exact determinism hostile model"
builds="gcc-O3 clang-O3 gcc-O0 clang-O0" valgrind=1 anew=0 named=""
usage() {
  cat <<END
usage: tools/soak.sh [options] [exact] [determinism] [hostile] [model]
Long runs, all parts unless some are named, in pieces of a minute or so, as many at once as there are processors; about two and a half hours of CPU time.
A piece that the same sources have passed is not run again. Exit status 0: nothing was found, 1: something was (it is printed), 2: bad usage, another soak
that runs, sources that changed meanwhile, or a guest that a workload needs and that is not there.

  exact         random guests of BLOCKS blocks in eight modes, a fifth as many with several virtual CPUs, every scenario, every workload (of a Linux
                kernel the first $((exact_short / 1000000)) million instructions): as usual, instruction by instruction and in runs of other lengths, with the
                same trace, final state and memory
  determinism   every workload (all scenarios; the guests of scenarios/workloads; the portable scenarios inside the hardware image; firmware, kernels and
                Xen on the bare machine) RUNS times, shared among the builds with -O3, and SLOW times by each other build: with 1 job and
                with several, with other environments and addresses; its first $((short / 1000)) thousand instructions under valgrind: one hash of all that it
                prints and traces
  hostile       random code, descriptors and page tables; devices, several processors, VMX structures in wrong places; processors that share everything;
                images on the bare machine; files and scripts that are damaged: for SECONDS of CPU time under AddressSanitizer and
                UndefinedBehaviorSanitizer, without a crash, a run past its limit, or growth of memory
  model         STATES random states through vmx-model, under the same sanitizers

  --blocks N    of the part exact (default $blocks)
  --runs N      of the part determinism (default $runs), and --slow-runs N (default $slow_runs)
  --seconds N   of the part hostile (default $seconds)
  --states N    of the part model (default $states)
  --first N     number of the first random guest (default $first)
  --builds "B"  of the part determinism, of gcc-O0 gcc-O3 clang-O0 clang-O3; the first one gives the hash
  --jobs N      pieces and compilers at once, and jobs of the runs with several (default: the processors here)
  --no-valgrind leaves that out
  --anew        forgets what these sources have passed
END
}
short=300000          # instructions under valgrind
exact_short=200000000 # of a guest that takes long, instruction by instruction
die() { echo "tools/soak.sh: $*" >&2; exit 2; }
number() { [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || die "$1 takes a number from 1 up, not '${2:-}'"; }
while [ $# -gt 0 ]; do
  case "$1" in
  -h | --help) usage; exit 0 ;;
  --blocks | --runs | --slow-runs | --seconds | --states | --first | --jobs)
    number "$1" "${2:-}"; name=${1#--}; declare "${name//-/_}=$2"; shift ;;
  --builds) builds=${2:-}; [ -n "$builds" ] || die "--builds takes names"; shift ;;
  --no-valgrind) valgrind=0 ;;
  --anew) anew=1 ;;
  exact | determinism | hostile | model) named="$named $1" ;;
  *) die "unknown argument '$1'; --help tells more" ;;
  esac
  shift
done
for build in $builds; do [[ "$build" =~ ^(gcc|clang)-O[0-3]$ ]] || die "no build '$build'"; done
[ -z "$named" ] || parts=$named
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
soak=$top/build-soak
guests=build/guests # as the workloads name them
cd "$top"
export TZ=UTC

# ---- what these sources have passed ----
# Sources are told by their content, whatever has been committed: of all that a result may depend on.
sources() {
  find CMakeLists.txt handlers scenarios sim tests tools vmx-model -type f ! -name '*.md' ! -name '*.1' ! -name LICENSE -print0 | sort -z |
    xargs -0 sha256sum | sha256sum | cut -c1-16
}
mkdir -p "$soak"
exec 9>"$soak/lock"
flock -n 9 || die "another soak runs in $soak"
passing=$(sources)
state=$soak/passed/$passing
[ "$anew" = 0 ] || rm -rf "$state"
mkdir -p "$state/hash"
touch "$state/pieces"
scratch=$(mktemp -d "$soak/run.XXXXXX")
# Pieces end with the script, whatever ends it.
below() { local child; for child in $(pgrep -P "$1"); do echo "$child"; below "$child"; done; }
ended() {
  local started
  started=$(below $$)
  [ -z "$started" ] || kill $started 2>/dev/null || true
  rm -rf "$scratch"
}
trap ended EXIT
trap 'echo "interrupted; the same command goes on" >&2; exit 130' INT TERM
: >"$scratch/found"
: >"$scratch/missing"
found() { echo "FOUND: $*" | tee -a "$scratch/found"; }
passed() { grep -qxF -- "$*" < <(cut -d' ' -f2- "$state/pieces"); } # no pipe: grep ends at the first match, and cut would fail

# measured COMMAND...: runs it; its output is in $log, its status and the CPU time that it took in $used.
measured() {
  local TIMEFORMAT='%U %S' status=0
  { time "$@" >"$log" 2>&1 || status=$?; } 2>"$log.time"
  used=$(awk '{ s += $1 + $2 } END { printf "%.1f", s }' "$log.time")
  return "$status"
}
# piece KEY COMMAND...: unless it was passed; remembered when it is. A shell function may be the command.
piece() {
  local key=$1 log used=0
  shift
  log=$scratch/log.$BASHPID
  if passed "$key"; then return 0; fi
  if measured "$@"; then
    echo "$used $key" >>"$state/pieces"
    tail -n 1 "$log" | sed "s|^|$key: |"
  else
    { tail -n 40 "$log"; found "$key"; }
  fi
}
# The same beside others, as many as --jobs says.
beside() {
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
  piece "$@" &
}

# build NAME COMPILER CMAKE-OPTIONS... with $targets. Warnings are the business of the usual build, which knows one compiler.
build() {
  local name=$1 compiler=$2
  shift 2
  echo "building $name"
  { [ -e "$soak/$name/Makefile" ] || cmake -S "$top" -B "$soak/$name" -G "Unix Makefiles" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_C_FLAGS=-w -DVMXBENCH_WHOLE_PROGRAM=OFF "$@"; } \
    >"$soak/$name.log" 2>&1 && cmake --build "$soak/$name" -j "$jobs" --target $targets >>"$soak/$name.log" 2>&1 ||
    { tail -n 20 "$soak/$name.log"; echo "cannot build $name: see $soak/$name.log" >&2; exit 1; }
}
build_at() { build "$1" "${1%-*}" -DCMAKE_BUILD_TYPE=Release -DVMXBENCH_OPTIMIZE="-${1#*-}"; }

# needs WHAT FILE: false, and it is said, when a guest has not been fetched.
needs() {
  [ ! -e "$2" ] || return 0
  echo "$1 was left out: $2 is not there; tools/setup.sh fetches it (a Linux kernel: tools/fetch_linux.sh)" >>"$scratch/missing"
  return 1
}
guest_of() { sed -n 's|.*"\.\./\.\./\('"$guests"'/[^"]*\)".*|\1|p' "$1" | head -n 1; }
scripts() { find scenarios -name '*.lua' ! -path '*/workloads/*' | sort; }
# Workload scripts whose guests are there.
workload_scripts() {
  local script guest
  for script in scenarios/workloads/*.lua; do
    guest=$(guest_of "$script")
    if [ -z "$guest" ] || needs "$script" "$guest"; then echo "$script"; fi
  done
}

# ---- exact ----
exact() {
  targets="fuzz_guest exact_scenarios" build_at gcc-O3
  local left=$(((blocks + 63) / 64)) at=$first count script
  while [ "$left" -gt 0 ]; do
    count=$((left < 200 ? left : 200))
    beside "exact: $count guests from $at" "$soak/gcc-O3/tests/fuzz/fuzz_guest" exact "$count" "$at"
    beside "exact: $(((count + 4) / 5)) guests that share from $at" "$soak/gcc-O3/tests/fuzz/fuzz_guest" shared $(((count + 4) / 5)) "$at"
    left=$((left - count)) at=$((at + count))
  done
  for script in $(scripts) $(workload_scripts); do
    case "$script" in
    scenarios/workloads/linux.lua) set -- --limit "$exact_short" 17 "$script" ;;
    *) set -- 17 "$script" ;;
    esac
    beside "exact: $script" "$soak/gcc-O3/tests/scenarios/exact_scenarios" "$@"
  done
  wait
}

# ---- determinism ----
# The first scenario of a workload's script: the first name that stands there, or the script's own.
name_of() {
  local name
  name=$(sed -n 's/.*name *= *"\([a-z0-9-]*\)".*/\1/p' "$1" | head -n 1)
  echo "${name:-$(basename "$1" .lua)}"
}
# run_of WORKLOAD VMXBENCH JOBS LIMIT FOLDER: what it prints is on standard output, traces are in the folder. LIMIT 0: to its end.
run_of() {
  local what=${1#*:} vmxbench=$2 how_many=$3 limit=$4 folder=$5 boot
  boot="$vmxbench boot --limit $([ "$limit" = 0 ] && echo 300000000 || echo "$limit") --trace $folder/trace"
  case "$1" in
  scenarios:*) $vmxbench run -q -j "$how_many" --trace "$folder/trace" $([ "$limit" = 0 ] && scripts || echo scenarios/exits) ;;
  script:*)
    if [ "$limit" = 0 ] || [ "$what" = scenarios/workloads/tunable.lua ]; then # a short one
      $vmxbench run -q -j "$how_many" --trace "$folder/trace" "$what"
    else
      $vmxbench snapshot --instructions "$limit" --name "$(name_of "$what")" -o "$folder/snapshot" "$what"
    fi ;;
  inside:*)
    $vmxbench run -q -j "$how_many" --on inside --trace "$folder/trace" $([ "$limit" = 0 ] && echo scenarios/{exits,rules,entry} || echo scenarios/exits/{cpuid,vmcall,hlt}.lua) ;;
  firmware:*) $boot --bios "$guests/usr/share/seabios/bios.bin" ;;
  xen:*) $boot --smp 4 --memory 256M --append 'com1=115200,8n1 console=com1' --module "$guests/boot/xen-4.17-amd64.config" "$guests/boot/xen-4.17-amd64.gz" ;;
  kernel:*)
    # the byte behind its header says how many processors it is to use
    { head -c 32 "$soak/${builds%% *}/tests/boot/$what-64.bin" && printf '\4' && tail -c +34 "$soak/${builds%% *}/tests/boot/$what-64.bin"; } >"$folder/kernel"
    $boot --smp 4 "$folder/kernel" ;;
  esac
}
workloads() {
  local script kernel
  for kernel in apic delivery smp transitions; do echo "kernel:$kernel"; done
  for script in $(workload_scripts); do echo "script:$script"; done
  ! needs firmware "$guests/usr/share/seabios/bios.bin" || echo firmware:
  ! needs xen "$guests/boot/xen-4.17-amd64.gz" || echo xen:
  echo scenarios:all
  echo inside:all
}
# A hash of the exit status, all that is printed, and the trace or snapshot.
hash_of() {
  local folder status=0
  folder=$(mktemp -d "$scratch/hash.XXXXXX")
  run_of "$1" "$2" "$3" "$4" "$folder" >"$folder/out" 2>"$folder/err" || status=$?
  echo "$status" >"$folder/status"
  # every scenario and every guest of scenarios/workloads is to come to its end; names of temporary files are no part of the run
  case "$1" in scenarios:* | script:* | inside:*) [ "$status" = 0 ] || { cat "$folder/out" "$folder/err"; return 1; } ;; esac
  sed -i "s|$folder|FOLDER|g" "$folder/out" "$folder/err"
  (cd "$folder" && sha256sum -- * | sha256sum | cut -c1-64)
  rm -rf "$folder"
}
# same_hash KEY WORKLOAD VMXBENCH JOBS LIMIT: the first one of a key is the wanted one.
same_hash() {
  local key=$state/hash/${1//[^a-zA-Z0-9]/_} got
  got=$(hash_of "$2" "$3" "$4" "$5") || { echo "$got"; return 1; }
  (set -o noclobber; echo "$got" >"$key") 2>"$scratch/clobber.$BASHPID" || true
  echo "$got"
  [ "$got" = "$(cat "$key")" ] || { echo "not $(cat "$key")"; return 1; }
}
# Another environment each time: the top of the stack, the layout of addresses, the number of jobs.
one_run() {
  local run=$3 program=$soak/$2/vmxbench
  export RUN
  RUN=$(printf "%$((run * 37))s" x)
  [ $((run % 3)) != 0 ] || program="setarch -R $program"
  same_hash "$1" "$1" "$program" $((run % 2 == 0 ? jobs : 1)) 0
}
under_valgrind() { same_hash "$1 short" "$1" "valgrind -q --smc-check=all-non-file $soak/$2/vmxbench" 1 "$short"; }
native_short() { same_hash "$1 short" "$1" "$soak/$2/vmxbench" 1 "$short"; }
determinism() {
  local name all workload fast="" at=0 run
  for name in $builds; do
    targets="vmxbench boot_kernels" build_at "$name"
    [[ "$name" != *-O3 ]] || fast="$fast $name"
    [ "$name" != "${builds%% *}" ] || continue
    # what runs inside is the same guest for all, whoever compiled the simulator that holds it
    cp "$soak/${builds%% *}/handlers/hw/vmxbench-hw.elf" "$soak/$name/handlers/hw/"
    targets="vmxbench" build_at "$name"
  done
  mapfile -t all < <(workloads)
  for workload in "${all[@]}"; do # the first run alone: it says what is wanted
    piece "determinism: $workload by ${builds%% *}, run 1" one_run "$workload" "${builds%% *}" 1
    for run in $(seq 2 "$runs"); do
      set -- ${fast:-$builds}
      shift $((at % $#)) && at=$((at + 1))
      beside "determinism: $workload by $1, run $run" one_run "$workload" "$1" "$run"
    done
    for name in $builds; do
      [[ " $fast " != *" $name "* ]] || continue
      for run in $(seq "$slow_runs"); do beside "determinism: $workload by $name, run $run" one_run "$workload" "$name" "$run"; done
    done
    wait
    [ "$valgrind" = 1 ] || continue
    piece "determinism: $workload, short" native_short "$workload" "${builds%% *}"
    beside "determinism: $workload, short, under valgrind" under_valgrind "$workload" "${builds%% *}"
  done
  wait
}

# ---- hostile ----
build_sanitized() { build sanitize gcc -DCMAKE_BUILD_TYPE=Release -DVMXBENCH_SANITIZE=ON; }
seconds_of() { awk -v part="$1:" '$2 == part { s += $1 } END { print int(s) }' "$state/pieces"; }
hostile() {
  targets="fuzz_guest fuzz_image fuzz_input" build_sanitized
  # freed memory that is kept back for the sanitizer is not growth
  export ASAN_OPTIONS=quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1
  local at=$first tests=$soak/sanitize/tests
  while [ "$(seconds_of hostile)" -lt "$seconds" ] && [ ! -s "$scratch/found" ]; do
    beside "hostile: 200 guests from $at" "$tests/fuzz/fuzz_guest" hostile 200 "$at"
    beside "hostile: 200 wild guests from $at" "$tests/fuzz/fuzz_guest" wild 200 "$at"
    beside "hostile: 20 guests that share from $at" "$tests/fuzz/fuzz_guest" shared 20 "$at"
    beside "hostile: 200 images from $at" "$tests/boot/fuzz_image" 200 "$at"
    beside "hostile: 2000 inputs from $at" "$tests/fuzz/fuzz_input" 2000 "$((at * 10))"
    at=$((at + 200))
  done
  wait
  echo "hostile: $(seconds_of hostile) seconds of CPU time"
}

# ---- model ----
model() {
  targets="fuzz_model" build_sanitized
  local at=$first left=$states count
  while [ "$left" -gt 0 ]; do
    count=$((left < 500000 ? left : 500000))
    beside "model: $count states from $at" "$soak/sanitize/tests/fuzz/fuzz_model" "$count" "$at"
    left=$((left - count)) at=$((at + count))
  done
  wait
}

for part in $parts; do
  began=$SECONDS
  "$part"
  echo "$part: done, $(grep -c " $part:" "$state/pieces" || true) pieces passed, $(seconds_of "$part") seconds of CPU time, $((SECONDS - began)) by the clock"
done
[ ! -s "$scratch/found" ] || { cat "$scratch/found"; exit 1; }
[ "$(sources)" = "$passing" ] || die "the sources changed meanwhile: what passed tells nothing about them"
[ ! -s "$scratch/missing" ] || { sort -u "$scratch/missing"; exit 2; }
echo "nothing found"
