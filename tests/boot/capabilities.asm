; SPDX-License-Identifier: GPL-2.0-or-later
; What tells of VMX before it is on: the capability MSRs, printed for the suite to judge, and IA32_FEATURE_CONTROL with what VMXON makes of it.
; SDM 3D, "VMX Capability Reporting Facility"; SDM 3C, "Enabling and Entering VMX Operation".
%include "kernel.inc"
REGION          equ 0x300000
FEATURE_CONTROL equ 0x3a

main:   call msrs
        mov ecx, 0x480
        rdmsr
        mov [REGION], eax
        mov dword [pointer], REGION
        mov zax, cr4
        or eax, 0x2000
        mov cr4, zax
        call feature_control
        ret

; A line for each: "480: high low", or "480: none".
msrs:   mov dword [index], 0x480
.next:  mov eax, [index]
        call say_hex
        mov esi, .colon
        call say
        mov zword [resume_at], .none
        mov [resume_stack], zsp
        mov ecx, [index]
        rdmsr
        mov zword [resume_at], 0
        xchg eax, edx
        call say_hex
        mov eax, edx
        call say_hex
        jmp .end
.none:  mov zword [resume_at], 0
        mov esi, .no
        call say
.end:   mov al, 10
        call say_byte
        inc dword [index]
        cmp dword [index], 0x498
        jb .next
        ret
.colon: db ": ", 0
.no:    db "none", 0

; write_control NAME, RESULT, VALUE
%macro write_control 3
        mov ecx, FEATURE_CONTROL
        xor edx, edx
        mov eax, %3
        expect %1, %2, wrmsr
%endmacro

feature_control:
        mov ecx, FEATURE_CONTROL
        rdmsr
        mov [control], eax
        expect_value "IA32_FEATURE_CONTROL, high half", 0, edx
        test byte [control], 1
        jnz locked
        expect "VMXON, not locked", GP, vmxon [pointer]
        write_control "bit 3 is reserved", GP, 8
        mov eax, 1
        cpuid
        test cl, 0x40
        jnz .smx
        write_control "bit 8 is reserved", GP, 0x100
        jmp .high
.smx:   write_control "bits 15:8 are SENTER's", 0x8d5, 0xff00
        write_control "none of them again", 0x8d5, 0
.high:
        mov ecx, FEATURE_CONTROL
        mov edx, 1
        mov eax, 4
        expect "bit 32 is reserved", GP, wrmsr
        write_control "on outside SMX, not locked", 0x8d5, 4
        expect "VMXON, on and not locked", GP, vmxon [pointer]
        write_control "on, and off again", 0x8d5, 0
        write_control "locked", 0x8d5, 3
        mov ecx, FEATURE_CONTROL
        rdmsr
        mov [control], eax
        expect_value "as it was written", 3, eax

locked: test byte [control], 4
        mov ebx, GP
        jz .judge
        xor ebx, ebx
.judge: expect "VMXON, locked", ebx, vmxon [pointer]
        mov [result_of_vmxon], ebx
        write_control "WRMSR of 5, locked", GP, 5
        write_control "WRMSR of 0, locked", GP, 0
        mov ecx, FEATURE_CONTROL
        rdmsr
        expect_value "it stays", [control], eax
        cmp dword [result_of_vmxon], 0
        jne .off
        expect "VMXOFF", SUCCEED, vmxoff
        ret
.off:   expect "VMXOFF, never on", UD, vmxoff
        ret

align 8
pointer:        dq 0
index:          dd 0
control:        dd 0
result_of_vmxon: dd 0
