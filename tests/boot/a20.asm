; SPDX-License-Identifier: GPL-2.0-or-later
; Address line 20: its gates, what A20M# masks, and what VMX operation makes of it. SDM 3A, "External Signal Compatibility"; SDM 3C, "Restrictions on
; VMX Operation", "VMXON". The kernel stands above 1 MByte, where bit 20 is 1: while the line is closed a copy of it runs, at address 0.
%include "kernel.inc"
%include "vmcs.inc"
MEGABYTE        equ 0x100000
CELL            equ 0x060000            ; and its twin a megabyte above it
TWIN            equ CELL + MEGABYTE
WINDOW          equ 0xc00000            ; linear, through a page table
PAGE_TABLE      equ 0x240000            ; entered as the one a megabyte above it
PORT92          equ 0x92
IN_CELL         equ 0x11110000
IN_TWIN         equ 0x22220000

main:   mov dword [CELL], IN_CELL
        mov dword [TWIN], IN_TWIN
        expect_value "open at first, below 1 MByte", IN_CELL, [CELL]
        expect_value "and above", IN_TWIN, [TWIN]
        call masks
        call walks
        call gates
        jmp vmx

; ---- gates ----
; The keyboard controller takes command AL, once it has taken what came before.
command:
        push zax
.busy:  in al, 0x64
        test al, 2
        jnz .busy
        pop zax
        out 0x64, al
        ret
to_output_port:
        push zax
        mov al, 0xd1
        call command
.busy:  in al, 0x64
        test al, 2
        jnz .busy
        pop zax
        out 0x60, al
        ret
; AL: bit 1 of its output port.
output_port:
        mov al, 0xd0
        call command
.none:  in al, 0x64
        test al, 1
        jz .none
        in al, 0x60
        and al, 2
        ret
copy:   push zsi
        push zdi
        push zcx
        mov esi, LOAD
        mov edi, LOAD - MEGABYTE
        mov ecx, (kernel_end - header + 3) / 4
        rep movsd
        pop zcx
        pop zdi
        pop zsi
        ret
close:  call copy
        mov al, 0xcd
        call to_output_port
        mov al, 0
        out PORT92, al
        ret
; What the copy has found wrong is wrong.
open:   mov al, 2
        out PORT92, al
take:   mov al, [wrong - MEGABYTE]
        or [wrong], al
        ret

gates:  call close
        expect_value "both gates closed", IN_CELL, [TWIN]
        call output_port
        movzx eax, al
        expect_value "output port of the keyboard controller, closed", 0, eax
        mov al, 0xdf
        call command
        expect_value "command DFH opens", IN_TWIN, [TWIN]
        call take
        call copy
        mov al, 0xdd
        call command
        expect_value "command DDH closes", IN_CELL, [TWIN]
        mov al, 0xdf
        call to_output_port
        expect_value "command D1H opens", IN_TWIN, [TWIN]
        call take
        call output_port
        movzx eax, al
        expect_value "output port of the keyboard controller, open", 2, eax
        call close
        expect_value "both gates closed again", IN_CELL, [TWIN]
        call open
        expect_value "port 92H opens", IN_TWIN, [TWIN]
        ret

; ---- what is masked ----
masks:  call close
        expect_value "closed, what is read above 1 MByte", IN_CELL, [TWIN]
        expect_value "closed, bit 20 alone is masked", 0, [MEGABYTE * 2 + CELL + 4]
        mov dword [TWIN], IN_CELL + 1
        expect_value "closed, what is written above 1 MByte", IN_CELL + 1, [CELL]
        mov edi, TWIN + 8
        mov eax, IN_CELL + 2
        mov ecx, 4
        rep stosd
        expect_value "closed, what is stored above 1 MByte by REP", IN_CELL + 2, [CELL + 20]
        lock inc dword [TWIN]
        call open
        expect_value "open, below 1 MByte", IN_CELL + 2, [CELL]
        expect_value "open, above", IN_TWIN, [TWIN]
        expect_value "open, above, where REP has stored", 0, [TWIN + 20]
        mov dword [CELL], IN_CELL
        ret

; ---- paging structures ----
walks:
%if HOST = 32
        mov dword [TABLES + WINDOW / 0x400000 * 4], PAGE_TABLE + MEGABYTE + 7
%else
        mov dword [TABLES + 0x1000 + WINDOW / 0x200000 * 8], PAGE_TABLE + MEGABYTE + 7
%endif
        mov dword [PAGE_TABLE], TWIN + 7
        mov zax, cr3
        mov cr3, zax
        expect "open, the page table is above", FAULT(PF, 0), mov eax, [WINDOW]
        call close
        mov zax, cr3
        mov cr3, zax
        expect_value "closed, a page table and its page", IN_CELL, [WINDOW]
        expect_value "closed, its accessed flag", TWIN + 0x27, [PAGE_TABLE]
        mov dword [WINDOW], IN_CELL + 3
        expect_value "closed, its dirty flag", TWIN + 0x67, [PAGE_TABLE]
        expect_value "closed, what is written through it", IN_CELL + 3, [CELL]
        mov eax, TABLES + MEGABYTE
        mov cr3, zax
        expect_value "closed, all paging structures", IN_CELL + 3, [TWIN]
        mov eax, TABLES
        mov cr3, zax
        call open
        mov dword [CELL], IN_CELL
        ret

; ---- VMX operation ----
vmx:    call vmx_on
        vmxoff
        call close
        expect "VMXON in A20M mode", GP, vmxon [region_pointer]
        call open
        expect "VMXON with the line open", SUCCEED, vmxon [region_pointer]
        call close
        expect_value "VMX operation blocks A20M", IN_TWIN, [TWIN]
        call copy
        vmxoff
        nop
        expect_value "behind VMXOFF it acts", IN_CELL, [TWIN]
        expect "VMXON then", GP, vmxon [region_pointer]
        jmp open
kernel_end:
