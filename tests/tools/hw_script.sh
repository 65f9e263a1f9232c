#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hw_script.sh HW_SH BUILD SCENARIO: every step of tools/hw.sh works or says what it misses.
set -eu
script=$1 scenario=$3
export VMXBENCH_BUILD="$2"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# expect STATUS TEXT ARGUMENT...: the script ends with this status, and says that.
expect() {
  wanted=$1 text=$2
  shift 2
  status=0
  "$script" "$@" >"$folder/said" 2>&1 || status=$?
  [ "$status" = "$wanted" ] || { cat "$folder/said"; echo "$*: status $status, wanted $wanted"; exit 1; }
  grep -q "$text" "$folder/said" || { cat "$folder/said"; echo "$*: does not say '$text'"; exit 1; }
}
expect 2 'usage: tools/hw.sh check'
expect 0 'usage: tools/hw.sh check' --help
expect 2 'usage: tools/hw.sh check' moon
expect 2 'usage: tools/hw.sh check' bochs
"$script" check >"$folder/check" || grep -q 'missing: ' "$folder/check"
[ "$(wc -l <"$folder/check")" -ge 7 ]
expect 0 "$folder/scenarios.vmxs" module "$folder/scenarios.vmxs" "$scenario"
head -c 4 "$folder/scenarios.vmxs" | grep -q VMXS
expect 0 'grub-mknetdir' pxe "$folder/net" "$scenario"
[ -s "$folder/net/boot/vmxbench-hw.elf" ] && [ -s "$folder/net/boot/scenarios.vmxs" ]
grep -q 'multiboot /boot/vmxbench-hw.elf' "$folder/net/boot/grub/grub.cfg"
expect 2 '/nonexistent: there is no such device' line /nonexistent "$scenario"
expect 0 'passed, 0 failed' bochs "$scenario"
printf 'vmxbench-hw 1\nvmxbench-hw: stopped: the processor has no VT-x\n' >"$folder/line"
expect 2 'stopped: the processor has no VT-x' line "$folder/line" "$scenario"
# A computer on which nothing is installed.
mkdir "$folder/bin"
for program in bash dirname cat grep mktemp rm; do ln -s "$(command -v $program)" "$folder/bin/$program"; done
PATH=$folder/bin expect 2 'QEMU is not installed (Debian: qemu-system-x86)' qemu "$scenario"
PATH=$folder/bin expect 2 'grub-mkrescue is missing' iso "$scenario"
VMXBENCH_BUILD=$folder expect 2 'vmxbench: build with' bochs "$scenario"
# QEMU's own processor has no VT-x: its loader takes the image all the same, and the image says what is missing.
if command -v qemu-system-x86_64 >/dev/null; then
  timeout 60 qemu-system-x86_64 -accel tcg -m 64M -kernel "$2/handlers/hw/vmxbench-hw.elf" -initrd "$folder/scenarios.vmxs" -serial "file:$folder/qemu" \
    -display none -monitor none -no-reboot </dev/null >/dev/null 2>&1 &
  qemu=$!
  for wait in $(seq 300); do
    if grep -qas 'stopped: ' "$folder/qemu" || ! kill -0 $qemu 2>/dev/null; then break; fi
    sleep 0.1
  done
  kill $qemu 2>/dev/null || true
  wait $qemu 2>/dev/null || true
  expect 2 'stopped: the processor has no VT-x (CPUID.1:ECX bit 5 is 0)' line "$folder/qemu" "$scenario"
fi
