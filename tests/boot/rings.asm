; SPDX-License-Identifier: GPL-2.0-or-later
; Far transfers of ring 3 reach its stack with the rights of ring 3: with SMAP where the processor has it, and where the stack is the supervisor's.
; SDM 3A, "Access Rights".
%include "kernel.inc"
USER            equ 0x800000            ; a large page of ring 3; all others are the supervisor's
SUPERVISOR      equ 0xc00000
USER_STACK      equ USER + 0x4000
SMEP_SMAP       equ 0x300000

main:   mov esi, user_code
        mov edi, USER
        mov ecx, user_end - user_code
        rep movsb
%if HOST = 32
        mov edi, TABLES
        mov ecx, MAPPED / 0x400000
.page:  and byte [zdi], ~4 & 0xff
        add edi, 4
        loop .page
        or byte [TABLES + (USER >> 22) * 4], 4
%else
        mov edi, TABLES + 0x1000
        mov ecx, MAPPED / 0x200000
.page:  and byte [zdi], ~4 & 0xff
        add edi, 8
        loop .page
        or byte [TABLES + 0x1000 + (USER >> 21) * 8], 4
%endif
        mov zax, cr3
        mov cr3, zax
        xor eax, eax
        cpuid
        cmp eax, 7
        jb .no_smap
        mov eax, 7
        xor ecx, ecx
        cpuid
        and ebx, 1 << 7 | 1 << 20
        cmp ebx, 1 << 7 | 1 << 20
        jne .no_smap
        mov zax, cr4
        or eax, SMEP_SMAP
        mov cr4, zax
.no_smap:

; ring_3 NAME, RESULT, LABEL, STACK: from the label on, up to an exception.
%macro ring_3 4
        expect %1, %2, jmp %%go
        jmp %%over
%%go:
        mov bx, USER_DATA
        mov ds, bx
        push USER_DATA
        push %4
        push 2
        push USER_CODE
        push USER + (%3 - user_code)
  %if HOST = 64
        iretq
  %else
        iretd
  %endif
%%over:
%endmacro
        ring_3 "PUSH and POP", UD, pushes, USER_STACK
        ring_3 "IRET in ring 3", UD, returns, USER_STACK
        ring_3 "far CALL and far RET in ring 3", UD, calls, USER_STACK
        ring_3 "far CALL and IRET in ring 3", UD, calls_to_iret, USER_STACK
        ring_3 "PUSH to the supervisor's stack", FAULT(PF, 7), pushes, SUPERVISOR + 0x100
        ring_3 "IRET from the supervisor's stack", FAULT(PF, 5), iret_alone, SUPERVISOR
        mov zax, cr2
        shr eax, 12
        expect_value "the page of CR2", SUPERVISOR >> 12, eax
        ring_3 "far RET from the supervisor's stack", FAULT(PF, 5), ret_alone, SUPERVISOR
        ring_3 "far CALL with the supervisor's stack", FAULT(PF, 7), calls, SUPERVISOR + 0x100
        mov zax, cr2
        shr eax, 12
        expect_value "its page", SUPERVISOR >> 12, eax
        ring_3 "IRET from nowhere", FAULT(PF, 4), iret_alone, UNMAPPED
        mov dword [SUPERVISOR + 0x10], 1        ; the supervisor's own translation is cached now
        ring_3 "far RET from there again", FAULT(PF, 5), ret_alone, SUPERVISOR
%if HOST != 64
        mov dword [V86_CODE], 0x0000059a        ; CALL 800:5, where UD2 stands
        mov dword [V86_CODE + 4], 0x000b0f08
        call map_low_memory
        mov dword [v86_stack], V86_STACK >> 4
        expect "far CALL in virtual-8086 mode", UD, jmp virtual_8086
        mov dword [v86_stack], 0x7000 >> 4
        expect "far CALL there with the supervisor's stack", FAULT(PF, 7), jmp virtual_8086
        mov zax, cr2
        shr eax, 12
        expect_value "the page of CR2", 7, eax
%endif
        ret

%if HOST != 64
%if HOST = 32
  ENTRY         equ 4
  DIRECTORY     equ TABLES
%else
  ENTRY         equ 8
  DIRECTORY     equ TABLES + 0x1000
%endif
V86_CODE        equ 0x8000
V86_STACK       equ 0x9000
LOW_TABLE       equ 0x370000            ; maps low memory by 4 KBytes: the two pages above are ring 3's
map_low_memory:
        mov edi, LOW_TABLE
        mov eax, 3
        mov ecx, 0x1000 / ENTRY
.page:  mov [edi], eax
        mov dword [edi + 4], 0
        add edi, ENTRY
        add eax, 0x1000
        loop .page
        or byte [LOW_TABLE + (V86_CODE >> 12) * ENTRY], 4
        or byte [LOW_TABLE + (V86_STACK >> 12) * ENTRY], 4
        mov dword [DIRECTORY], LOW_TABLE + 7
        mov eax, cr3
        mov cr3, eax
        ret
virtual_8086:
        push 0
        push 0
        push 0
        push 0
        push dword [v86_stack]
        push 0x100
        push 0x20002
        push V86_CODE >> 4
        push 0
        iretd
v86_stack: dd 0
%endif

; Copied to USER.
user_code:
pushes: push zax
        pop zax
        ud2
returns:
%if HOST = 64
        mov rax, rsp
        push USER_DATA
        push rax
        push 2
        push USER_CODE
        push USER + (returned - user_code)
iret_alone:
        iretq
%else
        push 2
        push USER_CODE
        push USER + (returned - user_code)
iret_alone:
        iretd
%endif
returned:
        ud2
calls:
%if HOST = 64
        call far dword [abs USER + (far_pointer - user_code)]
%else
        call USER_CODE:USER + (called - user_code)
%endif
        ud2
called:
%if HOST = 64
ret_alone:
        retfq
far_pointer:
        dd USER + (called_32 - user_code)
        dw USER_CODE
called_32:
        db 0xcb                         ; RETF of 32 bits: what the CALL has pushed
%else
ret_alone:
        retf
%endif
calls_to_iret:
%if HOST = 64
        mov rax, rsp
        push USER_DATA
        push rax
        push 0x202
        call far dword [abs USER + (far_pointer - user_code)]
        add rsp, 24
        ud2
%else
        push 0x202
        call USER_CODE:USER + (called_to_iret - user_code)
        ud2
called_to_iret:
        iretd
%endif
user_end:
