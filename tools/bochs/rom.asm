; SPDX-License-Identifier: GPL-2.0-or-later
; The last 64 KBytes of a ROM that stands in for a BIOS: from the reset vector to a multiboot kernel, without firmware, delay or disk.
; Its first bytes are a table that the maker of the ROM fills in: u32 entry point, u32 address of the multiboot information, u32 number of copies,
; then for each copy u32 from (in the ROM), u32 to, u32 bytes (a multiple of 4).
bits 16
org 0
ROM_BASE        equ 0xffff0000
TABLE_BYTES     equ 256
MULTIBOOT_MAGIC equ 0x2badb002

table:
        times TABLE_BYTES db 0

real_mode:
        cli
        cld
        o32 lgdt [cs:gdt_pointer]
        mov eax, cr0
        and eax, 0x9fffffff             ; caches on
        or al, 1
        mov cr0, eax
        jmp dword 0x08:ROM_BASE + protected_mode

bits 32
protected_mode:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov ebx, ROM_BASE + table
        mov edx, [ebx + 8]
        lea ebp, [ebx + 12]
.copy:  test edx, edx
        jz .done
        mov esi, [ebp]
        mov edi, [ebp + 4]
        mov ecx, [ebp + 8]
        shr ecx, 2
        rep movsd
        add ebp, 12
        dec edx
        jmp .copy
.done:  mov eax, MULTIBOOT_MAGIC
        mov ecx, [ebx]
        mov ebx, [ebx + 4]
        jmp ecx

align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
gdt_pointer:
        dw 23
        dd ROM_BASE + gdt

        times 0xfff0 - ($ - $$) db 0xff
bits 16
reset:  jmp 0xf000:real_mode
        times 0x10000 - ($ - $$) db 0xff
