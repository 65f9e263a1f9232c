; SPDX-License-Identifier: GPL-2.0-or-later
; VMX aborts: the command line's first letter tells which, and the kernel does not come back from it. SDM 3C, "VMX Aborts".
%include "kernel.inc"
%include "vmcs.inc"
LIST            equ 0x330000
BAD_TABLES      equ 0x338000
LONG_TABLES     equ 0x340000
MSR_BITMAPS     equ 0x350000

main:   call vmx_on
        call plain
        or dword [primary], 1 << 28
        call use_ept
        or dword [secondary], 1 << 7
        call new_guest
        call set_eptp
        write 0x2004, MSR_BITMAPS
        write V_RIP, guest_call
        write V_RSP, GUEST_STACK
        write V_RFLAGS, 2
        mov edx, [boot_information]
        mov edx, [zdx + 16]
        mov al, [zdx]
        cmp al, 's'
        je store
        cmp al, 'l'
        je load
        cmp al, 'f'
        je failed_entry
        cmp al, 'p'
        je pdptes
        cmp al, 'm'
        je mode
        ret                             ; no abort: the status says that all is right

guest_call:
        vmcall

%macro list 2           ; MSR, high half of its value
        mov dword [LIST], %1
        mov dword [LIST + 4], 0
        mov dword [LIST + 8], 0
        mov dword [LIST + 12], %2
%endmacro

; An MSR that cannot be stored at the exit.
store:  list 0x12345, 0
        write 0x2006, LIST
        write 0x400e, 1
        jmp go
; An MSR that may not be loaded at the exit.
load:   list 0xc0000100, 0
        write 0x2008, LIST
        write 0x4010, 1
        jmp go
; The same at an entry that fails for its guest state.
failed_entry:
        list 0xc0000100, 0
        write 0x2008, LIST
        write 0x4010, 1
        write V_RFLAGS, 0
        jmp go
; PDPTEs of the host with reserved bits.
pdptes: mov dword [BAD_TABLES], 0x21
        mov dword [BAD_TABLES + 4], 0
        write 0x6c02, BAD_TABLES
        jmp go
; A guest of a 32-bit host goes into IA-32e mode by itself.
mode:   mov dword [LONG_TABLES], LONG_TABLES + 0x1007
        mov dword [LONG_TABLES + 0x1000], LONG_TABLES + 0x2007
        mov dword [LONG_TABLES + 0x2000], 0x87
        write V_RIP, guest_climb
        write V_CR0, 0x21
        write V_CR4, 0x2020
        jmp go

guest_climb:
        mov ecx, EFER
        xor edx, edx
        mov eax, 0x100
        wrmsr
        mov eax, LONG_TABLES
        mov cr3, zax
        mov eax, 0x80000021
        mov cr0, zax
        jmp guest_call

go:     expect_entry "this comes back", -1
        ret
