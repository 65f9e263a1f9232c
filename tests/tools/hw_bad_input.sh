#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hw_bad_input.sh VMXBENCH SCENARIO: what can be wrong with a computer, its memory, its boot loader or the modules ends on Bochs with one clear line and an
# exit status. A command that stands before Bochs puts the fault into its configuration or ROM.
set -eu
vmxbench=$1 scenario=$2
FAULT_BOCHS=$(command -v bochs)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin"
cat >"$folder/bin/bochs" <<'END'
#!/bin/sh
set -eu
rc=bochsrc rom=rom.bin # it runs where they stand
# bytes OFFSET OCTAL: into the ROM.  place PATTERN: where the last such bytes of the ROM stand.
bytes() { printf "$2" | dd of="$rom" bs=1 seek="$1" conv=notrunc 2>/dev/null; }
place() { LC_ALL=C grep -obUaP "$1" "$rom" | tail -n 1 | cut -d : -f 1; }
model() { sed -i "s/model=[a-z0-9_]*/model=$1/" "$rc"; }
scenario=$(place 'VMXS\x01\0\0\0') information=$(place '\x09\0\0\0\x7f\x02\0\0') loader=$(($(wc -c <"$rom") - 65536))
eval "$FAULT"
exec "$FAULT_BOCHS" "$@"
END
chmod +x "$folder/bin/bochs"
export FAULT FAULT_BOCHS
# expect STATUS TEXT FAULT
expect() {
  FAULT=$3 status=0
  PATH="$folder/bin:$PATH" "$vmxbench" run --on bochs "$scenario" >"$folder/said" 2>&1 || status=$?
  if [ "$status" != "$1" ] || ! grep -q -- "$2" "$folder/said" || [ "$(wc -l <"$folder/said")" -gt 2 ]; then
    cat "$folder/said"
    echo "$3: status $status, wanted $1 and '$2'"
    exit 1
  fi
}
expect 0 '1 passed, 0 failed' ':'
# ---- the processor ----
expect 2 'stopped: the processor has no VT-x (CPUID.1:ECX bit 5 is 0)' 'model p4_prescott_celeron_336'
expect 2 'stopped: the processor has no 64-bit mode' 'model pentium_mmx'
# Firmware that locks VT-x off: mov ecx, 3ah; mov eax, 1; xor edx, edx; wrmsr; then on as the loader would have gone: mov eax, 2badb002h; mov ecx, the old entry; jmp ecx.
expect 2 'stopped: the firmware locked VT-x off in IA32_FEATURE_CONTROL' '
  bytes $((loader + 32768)) "\271\072\0\0\0\270\001\0\0\0\061\322\017\060\270\002\260\255\053\271"
  dd if="$rom" of="$rom" bs=1 skip=$loader seek=$((loader + 32788)) count=4 conv=notrunc 2>/dev/null
  bytes $((loader + 32792)) "\377\341"
  bytes $loader "\0\200\377\377"'
# ---- memory and boot loader ----
expect 2 'stopped: too little memory: guest RAM begins at 16 MBytes' 'bytes $((information + 8)) "\0\040\0\0"'
expect 2 'the machine has less guest RAM than the scenario wants' 'bytes $((information + 8)) "\0\076\0\0"'
expect 2 'stopped: not started by a multiboot loader that tells the size of memory' 'bytes $information "\010"'
expect 2 'stopped: no boot module' 'bytes $((information + 20)) "\0"'
expect 2 'stopped: more than 64 boot modules' 'bytes $((information + 20)) "\101"'
expect 2 'an empty module' 'dd if="$rom" of="$rom" bs=1 skip=$((information + 128)) seek=$((information + 132)) count=4 conv=notrunc 2>/dev/null'
expect 2 'stopped: too little memory: scenarios and guest RAM need more' 'bytes $((information + 135)) "\020"'
# ---- the packed scenario: cut off, and each of its parts damaged ----
expect 2 'a corrupted module: no packed scenario where one should begin' 'bytes $((information + 132)) "\0"'
expect 2 'not a packed scenario' 'bytes $scenario W'
expect 2 'packed scenario of another version' 'bytes $((scenario + 4)) "\002"'
expect 2 'a corrupted module: no packed scenario where one should begin' 'bytes $((scenario + 10)) "\001"'
expect 2 'packed scenario is damaged (CRC-32)' 'bytes $((scenario + 12)) "\0\0\0\0"'
expect 2 'packed scenario is damaged (CRC-32)' 'bytes $((scenario + 16)) "\077"'
expect 2 'packed scenario is damaged (CRC-32)' 'bytes $((scenario + 20)) "\377"'
# ---- Bochs itself ----
expect 2 'Bochs did not start the image' 'model no_such_processor'
expect 2 'Bochs did not start the image' 'rm "$rom"'
expect 2 'Bochs is not installed' 'exit 127'
