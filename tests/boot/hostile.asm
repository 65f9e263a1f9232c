; SPDX-License-Identifier: GPL-2.0-or-later
; A hypervisor whose root code and guest code are random: whoever loads it writes the blocks. An exception, a VM exit and the end of a block lead to the
; next block; after so many of them the kernel ends.
%include "kernel.inc"
%include "vmcs.inc"
BLOCKS          equ 0x8000              ; of root code, 64 of 64 bytes
GUEST_BLOCKS    equ 0x9000
BLOCKS_THAT_RUN equ 300
TURN_STACK      equ STACK - 0x2000

main:   mov zword [resume_at], next
        mov zword [resume_stack], TURN_STACK
        call vmx_on
        call plain
        mov eax, [options]
        mov [pin], eax
        mov eax, [options + 4]
        mov [primary], eax
        call use_ept
        mov eax, [options + 8]
        or [secondary], eax
        call new_guest
        call set_eptp
        write 0x2012, 0x360000
        write 0x2014, 0x361000
        guest_at GUEST_BLOCKS
        write 0x6c16, next
        write 0x6c14, TURN_STACK
next:   mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov zsp, TURN_STACK
        mov zword [resume_at], next
        mov eax, [turn]
        inc dword [turn]
        cmp eax, BLOCKS_THAT_RUN
        jae finish
        and eax, 63
        shl eax, 6
        add eax, BLOCKS
        jmp zax

align 4
turn:           dd 0
options:        dd 0, 0, 0
