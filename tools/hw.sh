#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs scenarios on VT-x: here by QEMU and KVM, on a computer with a serial line, or on Bochs. Each step says what it misses.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
build=${VMXBENCH_BUILD:-$top/build}
image=$build/handlers/hw/vmxbench-hw.elf
iso=$build/handlers/hw/vmxbench-hw.iso
usage() {
  cat <<END
usage: tools/hw.sh check                        what this computer offers and what it lacks
       tools/hw.sh qemu   SCENARIO|FOLDER...    the image in QEMU, on this computer's VT-x (KVM with nested VMX)
       tools/hw.sh bochs  SCENARIO|FOLDER...    the image on the VT-x that Bochs emulates
       tools/hw.sh module FILE SCENARIO|FOLDER...      a boot module for another computer
       tools/hw.sh iso    SCENARIO|FOLDER...    image, module and GRUB as $iso, for a CD or (dd) a USB stick
       tools/hw.sh pxe    FOLDER SCENARIO|FOLDER...    image, module and a GRUB configuration for a network boot
       tools/hw.sh line   DEVICE SCENARIO|FOLDER...    judges what that computer says on a serial line (start this first, then the computer)
END
}
lacks() { echo "tools/hw.sh: $*" >&2; exit 2; }
scenarios() { [ $# -gt 0 ] || { usage >&2; exit 2; }; }

need_build() {
  [ -x "$build/vmxbench" ] || lacks "there is no $build/vmxbench: build with \`cmake -S $top -B $build -DVMXBENCH_HW=ON && cmake --build $build\`"
  [ -e "$image" ] || lacks "there is no $image: build with \`cmake -S $top -B $build -DVMXBENCH_HW=ON && cmake --build $build --target hw_image\`"
}
need_qemu() { command -v qemu-system-x86_64 >/dev/null || lacks "QEMU is not installed (Debian: qemu-system-x86)"; }

# One line for each thing that a run of the image on this computer wants.
check() {
  local status=0
  report() { printf '%-22s %s\n' "$1" "$2"; }
  missing() { report "$1" "missing: $2"; status=1; }
  if [ -e "$image" ]; then report "hardware image" "$image"; else missing "hardware image" "cmake -S . -B build -DVMXBENCH_HW=ON && cmake --build build --target hw_image"; fi
  if grep -qw vmx /proc/cpuinfo; then report "VT-x" "the processor has it"; else missing "VT-x" "no vmx among the flags in /proc/cpuinfo: no Intel processor, off in the firmware, or a virtual machine without it"; fi
  if [ -w /dev/kvm ]; then report "/dev/kvm" "can be used"; elif [ -e /dev/kvm ]; then missing "/dev/kvm" "no right to use it: join the group kvm"; else missing "/dev/kvm" "modprobe kvm_intel nested=1"; fi
  case $(cat /sys/module/kvm_intel/parameters/nested 2>/dev/null || true) in
  Y | 1) report "nested VMX" "on" ;;
  "") missing "nested VMX" "the module kvm_intel is not loaded" ;;
  *) missing "nested VMX" "modprobe -r kvm_intel; modprobe kvm_intel nested=1" ;;
  esac
  if command -v qemu-system-x86_64 >/dev/null; then report "QEMU" "$(command -v qemu-system-x86_64)"; else missing "QEMU" "Debian: qemu-system-x86"; fi
  if command -v bochs >/dev/null; then report "Bochs" "$(command -v bochs)"; else missing "Bochs" "Debian: bochs bochs-term"; fi
  if command -v grub-mkrescue >/dev/null && command -v xorriso >/dev/null; then report "GRUB for an ISO" "$(command -v grub-mkrescue)"; else missing "GRUB for an ISO" "Debian: grub-pc-bin xorriso mtools"; fi
  return $status
}

# The menu of the boot loader; $1 is where image and module stand for it.
menu() {
  cat <<END
set timeout=3
serial --unit=0 --speed=115200
terminal_output --append serial
menuentry "vmxbench" {
    multiboot $1/vmxbench-hw.elf
    module $1/scenarios.vmxs
    boot
}
END
}

pack() { "$build/vmxbench" run -q --pack "$@" >/dev/null || lacks "the scenarios could not be packed"; }

make_iso() {
  for program in grub-mkrescue xorriso; do
    command -v $program >/dev/null || lacks "$program is missing: an ISO wants grub-mkrescue and xorriso (Debian: grub-pc-bin xorriso mtools)"
  done
  [ -d /usr/lib/grub/i386-pc ] || lacks "an ISO wants GRUB for the BIOS (Debian: grub-pc-bin)"
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mkdir -p "$folder/boot/grub"
  cp "$image" "$folder/boot/vmxbench-hw.elf"
  pack "$folder/boot/scenarios.vmxs" "$@"
  menu /boot >"$folder/boot/grub/grub.cfg"
  grub-mkrescue -d /usr/lib/grub/i386-pc -o "$iso" "$folder" >"$build/iso.log" 2>&1 || { tail -5 "$build/iso.log" >&2; lacks "grub-mkrescue failed"; }
  echo "$iso"
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
-h | --help) usage ;;
check) check ;;
qemu) scenarios "$@"; need_build; need_qemu; exec "$build/vmxbench" run --on image "$@" ;;
bochs) scenarios "$@"; need_build; exec "$build/vmxbench" run --on bochs "$@" ;;
module) scenarios "${@:2}"; need_build; pack "$@"; echo "$1" ;;
iso) scenarios "$@"; need_build; make_iso "$@" ;;
pxe)
  scenarios "${@:2}"; need_build
  mkdir -p "$1/boot/grub"
  cp "$image" "$1/boot/vmxbench-hw.elf"
  pack "$1/boot/scenarios.vmxs" "${@:2}"
  menu /boot >"$1/boot/grub/grub.cfg"
  echo "$1: serve it by TFTP; \`grub-mknetdir --net-directory=$1 --subdir=boot/grub\` adds the boot loader, boot/grub/i386-pc/core.0, which DHCP has to name"
  ;;
line)
  scenarios "${@:2}"; need_build
  [ -e "$1" ] || lacks "$1: there is no such device"
  [ -r "$1" ] || lacks "$1: no right to read it (a serial device is its group's, on Debian dialout)"
  exec "$build/vmxbench" run --on "image:$1" "${@:2}"
  ;;
*) usage >&2; exit 2 ;;
esac
