; SPDX-License-Identifier: GPL-2.0-or-later
; The VMX instructions in every host mode: operands, faults, flags, VM-instruction errors and their order.
; SDM 3C, "VMX Instruction Reference".
%include "kernel.inc"
REGION          equ 0x300000            ; VMXON region
VMCS_A          equ 0x301000
VMCS_B          equ 0x302000
SCRATCH         equ 0x310000
HOST_RIP        equ 0x6c16
GUEST_CR3       equ 0x6802
GUEST_ES        equ 0x0800
REASON          equ 0x4402
RFLAGS_FIELD    equ 0x6820

; An instruction behind MOV SS, which blocks events for it.
%macro shadowed 1+
        mov ss, ax
        %1
%endmacro
; An instruction with another selector in FS; an exception leaves DATA there.
%macro through 2+
        push %1
        pop fs
        %2
%endmacro
; The pointer in memory that a VMX instruction reads: its high half is 0.
%macro pointer 1
        mov dword [SCRATCH], %1
        mov dword [SCRATCH + 4], 0
%endmacro

main:   mov ecx, 0x480
        rdmsr
        mov [revision], eax
        mov [basic_high], edx
        mov ecx, 0x485
        rdmsr
        mov [misc], eax
        mov ecx, 0x48c
        rdmsr
        mov [ept_vpid], eax
        mov [ept_vpid + 4], edx
        mov eax, [revision]
        mov [REGION], eax
        mov [VMCS_A], eax
        mov [VMCS_B], eax
        call outside
        call entering
        call pointers
        call fields
        call addressing
        call invalidation
        call privilege
        call no_vmcs
        expect "VMXOFF", SUCCEED, vmxoff
        expect "VMXOFF outside VMX operation", UD, vmxoff
        ret

; ---- not in VMX operation ----
outside:
        pointer REGION
        expect "VMXON, CR4.VMXE = 0", UD, vmxon [SCRATCH]
        expect "VMCLEAR outside VMX operation", UD, vmclear [SCRATCH]
        expect "VMPTRLD outside VMX operation", UD, vmptrld [SCRATCH]
        expect "VMPTRST outside VMX operation", UD, vmptrst [SCRATCH]
        expect "VMLAUNCH outside VMX operation", UD, vmlaunch
        expect "VMRESUME outside VMX operation", UD, vmresume
        expect "VMREAD outside VMX operation", UD, vmread zax, zbx
        expect "VMWRITE outside VMX operation", UD, vmwrite zax, zbx
        expect "INVEPT outside VMX operation", UD, invept zax, [SCRATCH]
        expect "INVVPID outside VMX operation", UD, invvpid zax, [SCRATCH]
        expect "VMCALL outside VMX operation", UD, vmcall
        expect "VMFUNC outside VMX operation", UD, vmfunc
        ret

; ---- VMXON ----
entering:
        mov zax, cr4
        or eax, 0x2000
        expect "CR4.VMXE is set", 0x8d5, mov cr4, zax
        mov ecx, 0x3a                   ; IA32_FEATURE_CONTROL; firmware locks it
        rdmsr
        test al, 1
        jnz .locked
        mov byte [cold], 1
        expect "VMXON, IA32_FEATURE_CONTROL as reset leaves it", GP, vmxon [SCRATCH]
        mov eax, 4
        xor edx, edx
        wrmsr
        expect "VMXON, IA32_FEATURE_CONTROL not locked", GP, vmxon [SCRATCH]
        mov ecx, 0x3a
        mov eax, 5
        wrmsr
.locked:
        expect "WRMSR of a locked IA32_FEATURE_CONTROL", GP, wrmsr
        mov zax, cr0
        and eax, ~0x20
        mov cr0, zax
        expect "VMXON, CR0.NE = 0", GP, vmxon [SCRATCH]
        mov zax, cr0
        or eax, 0x20
        mov cr0, zax
        expect_user "VMXON in ring 3", GP, vmxon [SCRATCH]
        mov zdi, UNMAPPED
        expect "VMXON, operand without a translation", FAULT(PF, 0), vmxon [zdi]
        pointer REGION + 0x800
        expect "VMXON, region not on a page", FAIL_INVALID, vmxon [SCRATCH]
        mov dword [SCRATCH], 0
        mov dword [SCRATCH + 4], 0x80000000
        expect "VMXON, region beyond the physical-address width", FAIL_INVALID, vmxon [SCRATCH]
        pointer REGION
        inc dword [REGION]
        expect "VMXON, another revision", FAIL_INVALID, vmxon [SCRATCH]
        dec dword [REGION]
        or byte [REGION + 3], 0x80
        expect "VMXON, bit 31 of the revision", FAIL_INVALID, vmxon [SCRATCH]
        and byte [REGION + 3], 0x7f
        expect "VMXON", SUCCEED, vmxon [SCRATCH]
        expect "VMXON in VMX root operation without a VMCS", FAIL_INVALID, vmxon [SCRATCH]
        mov zax, cr4
        and eax, ~0x2000
        expect "CR4.VMXE stays in VMX operation", GP, mov cr4, zax
        mov zax, cr0
        and eax, ~0x20
        expect "CR0.NE stays in VMX operation", GP, mov cr0, zax
        mov zax, cr0
        and eax, 0x7fffffff
        expect "CR0.PG stays in VMX operation", GP, mov cr0, zax
        ret

; ---- VMCLEAR, VMPTRLD, VMPTRST ----
pointers:
        pointer VMCS_A + 1
        expect "VMCLEAR, not on a page, no VMCS", FAIL_INVALID, vmclear [SCRATCH]
        pointer VMCS_A
        expect "VMCLEAR", SUCCEED, vmclear [SCRATCH]
        expect "VMPTRLD", SUCCEED, vmptrld [SCRATCH]
        pointer VMCS_A + 1
        expect "VMCLEAR, not on a page", FAIL_VALID(2), vmclear [SCRATCH]
        expect "VMPTRLD, not on a page", FAIL_VALID(9), vmptrld [SCRATCH]
        mov dword [SCRATCH + 4], 0x80000000
        expect "VMCLEAR beyond the physical-address width", FAIL_VALID(2), vmclear [SCRATCH]
        expect "VMPTRLD beyond the physical-address width", FAIL_VALID(9), vmptrld [SCRATCH]
        pointer REGION
        expect "VMCLEAR of the VMXON region", FAIL_VALID(3), vmclear [SCRATCH]
        expect "VMPTRLD of the VMXON region", FAIL_VALID(10), vmptrld [SCRATCH]
        expect "VMXON in VMX root operation", FAIL_VALID(15), vmxon [SCRATCH]
        expect_user "VMXON in VMX root operation in ring 3", GP, vmxon [SCRATCH]
        pointer VMCS_B
        inc dword [VMCS_B]
        expect "VMPTRLD, another revision", FAIL_VALID(11), vmptrld [SCRATCH]
        dec dword [VMCS_B]
        mov zdi, UNMAPPED
        expect "VMCLEAR, operand without a translation", FAULT(PF, 0), vmclear [zdi]
        expect "VMPTRLD, operand without a translation", FAULT(PF, 0), vmptrld [zdi]
        expect "VMPTRST, operand without a translation", FAULT(PF, 2), vmptrst [zdi]
        mov zax, cr2
        expect_value "CR2", UNMAPPED, eax
        mov zdi, UNMAPPED - 4
        expect "VMPTRST across the end of memory", FAULT(PF, 2), vmptrst [zdi]
        mov zax, cr2
        expect_value "CR2 of the second page", UNMAPPED, eax
        expect "VMPTRST", SUCCEED, vmptrst [SCRATCH + 16]
        expect_value "VMPTRST's value", VMCS_A, [SCRATCH + 16]
        expect_value "VMPTRST's high half", 0, [SCRATCH + 20]
        ret

; ---- VMREAD, VMWRITE ----
fields: mov zdx, HOST_RIP
        mov zax, 0x12345678
        expect "VMWRITE", SUCCEED, vmwrite zdx, zax
        xor eax, eax
        expect "VMREAD", SUCCEED, vmread zax, zdx
        expect_value "the field", 0x12345678, eax
        mov zdx, GUEST_ES
        mov zax, 0x7fff1234
        expect "VMWRITE of 16 bits", SUCCEED, vmwrite zdx, zax
        mov zax, -1
        expect "VMREAD of 16 bits", SUCCEED, vmread zax, zdx
        expect_value "it is zero-extended", 0x1234, eax
        mov zdx, 0x2000                 ; address of I/O bitmap A, and its high half
        mov zax, 0x55667000
        expect "VMWRITE of a 64-bit field", SUCCEED, vmwrite zdx, zax
        mov zdx, 0x2001
        mov zax, 0x9
        expect "VMWRITE of its high half", SUCCEED, vmwrite zdx, zax
        xor eax, eax
        expect "VMREAD of its high half", SUCCEED, vmread zax, zdx
        expect_value "the high half", 9, eax
        mov zdx, 0x2000
        expect "VMREAD of the whole field", SUCCEED, vmread zax, zdx
        expect_value "the low half", 0x55667000, eax
%if HOST = 64
        shr rax, 32
        expect_value "and the high one", 9, eax
        mov rdx, 0x100000000 + HOST_RIP
        expect "VMREAD, bits 63:32 of the encoding", FAIL_VALID(12), vmread rax, rdx
        expect "VMWRITE, bits 63:32 of the encoding", FAIL_VALID(12), vmwrite rdx, rax
%endif
        mov zdx, 0x6c18
        expect "VMREAD of no field", FAIL_VALID(12), vmread zax, zdx
        expect "VMWRITE of no field", FAIL_VALID(12), vmwrite zdx, zax
        mov zdi, UNMAPPED
        expect "VMREAD of no field to nowhere", FAIL_VALID(12), vmread [zdi], zdx
        expect "VMWRITE of no field from nowhere", FAULT(PF, 0), vmwrite zdx, [zdi]
        mov zdx, HOST_RIP
        expect "VMREAD to nowhere", FAULT(PF, 2), vmread [zdi], zdx
        expect "VMWRITE from nowhere", FAULT(PF, 0), vmwrite zdx, [zdi]
        mov zdx, REASON
        mov zax, 0x77
        test byte [misc + 3], 0x20
        jz .read_only
        expect "VMWRITE of the exit reason", SUCCEED, vmwrite zdx, zax
        expect "VMREAD of the exit reason", SUCCEED, vmread zax, zdx
        expect_value "the exit reason", 0x77, eax
        ret
.read_only:
        expect "VMWRITE of the exit reason", FAIL_VALID(13), vmwrite zdx, zax
        ret

; ---- every form of a memory operand; each VMREAD meets memory of its own value ----
%macro form 3+          ; name, address where it must arrive, operand
        mov zword [%2], 0
  %if HOST = 64
        mov rdx, HOST_RIP
        expect %1, SUCCEED, vmread [%3], rdx
  %else
        mov edx, HOST_RIP
        expect %1, SUCCEED, vmread [%3], edx
  %endif
        expect_value %1, 0x12345678, [%2]
%endmacro

addressing:
        mov zdx, HOST_RIP
        mov dword [SCRATCH], 0x12345678
        mov dword [SCRATCH + 4], 0
        expect "VMWRITE from memory", SUCCEED, vmwrite zdx, [SCRATCH]
        mov zbx, SCRATCH
        mov zsi, 0x10
        mov zcx, SCRATCH
        mov zdi, SCRATCH
        mov zbp, SCRATCH
        form "[disp32]", SCRATCH, SCRATCH
        form "[base]", SCRATCH, zbx
        form "[base + disp8]", SCRATCH - 0x80, zbx - 0x80
        form "[base + disp32]", SCRATCH + 0x1000, zbx + 0x1000
        form "[base + index]", SCRATCH + 0x10, zbx + zsi
        form "[base + index * 2 + disp8]", SCRATCH + 0x21, zcx + zsi * 2 + 1
        form "[base + index * 4 + disp32]", SCRATCH + 0x440, zdi + zsi * 4 + 0x400
        form "[index * 8 + disp32]", SCRATCH + 0x80, zsi * 8 + SCRATCH
        form "[BP]", SCRATCH, zbp
        form "[BP + index * 8]", SCRATCH + 0x80, zbp + zsi * 8
        mov dword [STACK - 0x100 + 8], 0
        form "[FS: base]", SCRATCH, fs:zbx
%if HOST = 64
        mov r8, SCRATCH
        mov r13, SCRATCH
        mov r12, SCRATCH
        mov r15, 0x10
        form "[R8]", SCRATCH, r8
        form "[R12]", SCRATCH, r12
        form "[R13]", SCRATCH, r13
        form "[R13 + R15 * 4]", SCRATCH + 0x40, r13 + r15 * 4
        form "[RIP + disp32]", relative, rel relative
        mov rax, 0x5500000000 + SCRATCH
        form "[EAX], 32-bit address", SCRATCH, eax
        mov ecx, 0xc0000100             ; IA32_FS_BASE
        mov eax, SCRATCH
        xor edx, edx
        wrmsr
        mov zsi, 0x40
        form "[FS: RSI] with a base", SCRATCH + 0x40, fs:rsi
        xor eax, eax
        wrmsr
        mov rdi, 0x8000000000000000
        mov rdx, HOST_RIP
        expect "VMREAD, not canonical", GP, vmread [rdi], rdx
        expect "VMPTRST, not canonical", GP, vmptrst [rdi]
        mov rbp, rdi
        expect "VMPTRST, not canonical through the stack", SS_, vmptrst [rbp]
        mov r9, HOST_RIP
        xor r14, r14
        expect "VMREAD of R9 to R14", SUCCEED, vmread r14, r9
        expect_value "R14", 0x12345678, r14d
%else
        mov edx, HOST_RIP
        mov ebx, 0x9000
        mov esi, 0x100
        mov ebp, 0x9200
        mov dword [0x9110], 0
        expect "VMREAD [BX + SI + disp8], 16-bit address", SUCCEED, vmread [bx + si + 0x10], edx
        expect_value "the field there", 0x12345678, [0x9110]
        mov dword [0x9300], 0
        expect "VMREAD [BP + disp16], 16-bit address", SUCCEED, vmread [bp + 0x100], edx
        expect_value "the field there", 0x12345678, [0x9300]
        mov edi, 0xffd
        expect "VMREAD beyond a segment's limit", GP, through SMALL, vmread [fs:edi], edx
        mov edi, 0xffc
        expect "VMREAD up to a segment's limit", SUCCEED, through SMALL, vmread [fs:edi], edx
        mov edi, 0xff9
        expect "VMPTRST beyond a segment's limit", GP, through SMALL, vmptrst [fs:edi]
        mov edi, 0xff8
        expect "VMPTRST up to a segment's limit", SUCCEED, through SMALL, vmptrst [fs:edi]
        expect "VMREAD into code", GP, through CODE, vmread [fs:ebx], edx
        expect "VMREAD through a null selector", GP, through 0, vmread [fs:ebx], edx
        expect "VMPTRLD from code that may be read", FAIL_VALID(11), through CODE, vmptrld [fs:ebx]
        expect "all segments again", 0x8d5, through DATA, nop
%endif
        ret

; ---- INVEPT, INVVPID ----
%macro descriptor 3     ; low dword of the first quadword, its high dword, high dword of the second
        mov dword [SCRATCH], %1
        mov dword [SCRATCH + 4], %2
        mov dword [SCRATCH + 8], 0
        mov dword [SCRATCH + 12], %3
%endmacro

invalidation:
        descriptor 0x30001e, 0, 0
        mov zdi, UNMAPPED
        mov zax, 0
        test dword [ept_vpid], 1 << 20
        jz .no_invept
        expect "INVEPT, type 0", FAIL_VALID(28), invept zax, [SCRATCH]
        expect "INVEPT, type 0 from nowhere", FAIL_VALID(28), invept zax, [zdi]
        mov zax, 3
        expect "INVEPT, type 3", FAIL_VALID(28), invept zax, [SCRATCH]
        mov zax, 1
        expect "INVEPT, type 1", SUCCEED, invept zax, [SCRATCH]
        expect "INVEPT from nowhere", FAULT(PF, 0), invept zax, [zdi]
        mov zax, 2
        expect "INVEPT, type 2", SUCCEED, invept zax, [SCRATCH]
        mov dword [SCRATCH], 0x300005
        expect "INVEPT, type 2 looks at no EPTP", SUCCEED, invept zax, [SCRATCH]
        mov zax, 1
        expect "INVEPT, wrong EPTP", FAIL_VALID(28), invept zax, [SCRATCH]
.vpid:  test byte [ept_vpid + 4], 1
        jz .no_invvpid
        mov zax, 4
        expect "INVVPID, type 4", FAIL_VALID(28), invvpid zax, [SCRATCH]
        expect "INVVPID, type 4 from nowhere", FAIL_VALID(28), invvpid zax, [zdi]
        descriptor 5, 0, 0
        mov zax, 0
        expect "INVVPID, type 0", SUCCEED, invvpid zax, [SCRATCH]
        expect "INVVPID from nowhere", FAULT(PF, 0), invvpid zax, [zdi]
        mov zax, 1
        expect "INVVPID, type 1", SUCCEED, invvpid zax, [SCRATCH]
        mov zax, 2
        expect "INVVPID, type 2", SUCCEED, invvpid zax, [SCRATCH]
        mov zax, 3
        expect "INVVPID, type 3", SUCCEED, invvpid zax, [SCRATCH]
        descriptor 0x10005, 0, 0
        expect "INVVPID, reserved bits of the descriptor", FAIL_VALID(28), invvpid zax, [SCRATCH]
        descriptor 0, 0, 0
        expect "INVVPID, type 3, VPID 0", FAIL_VALID(28), invvpid zax, [SCRATCH]
        mov zax, 2
        expect "INVVPID, type 2, VPID 0", SUCCEED, invvpid zax, [SCRATCH]
        mov zax, 1
        expect "INVVPID, type 1, VPID 0", FAIL_VALID(28), invvpid zax, [SCRATCH]
        mov zax, 0
        expect "INVVPID, type 0, VPID 0", FAIL_VALID(28), invvpid zax, [SCRATCH]
        descriptor 5, 0, 0x80000000
        expect "INVVPID, type 0, address not canonical", FAIL_VALID(28), invvpid zax, [SCRATCH]
%if HOST = 64
        mov rax, 0x100000001
        expect "INVVPID, a type of 64 bits", FAIL_VALID(28), invvpid rax, [SCRATCH]
%endif
        ret
.no_invept:
        expect "INVEPT, not offered", UD, invept zax, [SCRATCH]
        jmp .vpid
.no_invvpid:
        expect "INVVPID, not offered", UD, invvpid zax, [SCRATCH]
        ret

; ---- ring 3, and code that is not 64-bit in long mode ----
privilege:
        pointer VMCS_A
        expect_user "VMCLEAR in ring 3", GP, vmclear [SCRATCH]
        expect_user "VMPTRLD in ring 3", GP, vmptrld [SCRATCH]
        expect_user "VMPTRST in ring 3", GP, vmptrst [SCRATCH]
        expect_user "VMREAD in ring 3", GP, vmread zax, zdx
        expect_user "VMWRITE in ring 3", GP, vmwrite zdx, zax
        expect_user "VMLAUNCH in ring 3", GP, vmlaunch
        expect_user "VMRESUME in ring 3", GP, vmresume
        expect_user "VMCALL in ring 3", GP, vmcall
        expect_user "VMXOFF in ring 3", GP, vmxoff
        expect_user "VMFUNC in ring 3", UD, vmfunc
        expect_user "INVEPT in ring 3", GP, invept zax, [SCRATCH]
        expect_user "INVVPID in ring 3", GP, invvpid zax, [SCRATCH]
        cmp byte [cold], 0              ; Bochs, which starts cold, gives up at a VMCALL in root operation
        jne .no_vmcall
        expect "VMCALL in root operation", FAIL_VALID(1), vmcall
.no_vmcall:
        expect "VMFUNC in root operation", UD, vmfunc
        expect "VMRESUME of a VMCS that is clear", FAIL_VALID(5), vmresume
        expect "VMLAUNCH without controls", FAIL_VALID(7), vmlaunch
        mov ax, DATA
        expect "VMLAUNCH behind MOV SS", FAIL_VALID(26), shadowed vmlaunch
%if HOST = 64
        expect "VMPTRST in compatibility mode", UD, jmp far dword [.compatible]
        expect "VMCALL in compatibility mode", UD, jmp far dword [.compatible_call]
%else
        expect "VMPTRST in virtual-8086 mode", UD, call virtual_8086
%endif
        ret
%if HOST = 64
.compatible:
        dd .code
        dw COMPATIBLE
.compatible_call:
        dd .call
        dw COMPATIBLE
bits 32
.code:  vmptrst [SCRATCH]
        hlt
.call:  vmcall
        hlt
bits 64
%else
virtual_8086:
        mov dword [0x9000], 0x00c70f90  ; nop; the rest follows
        mov byte [0x9001], 0x0f         ; VMPTRST [BX]: 0F C7 /7
        mov byte [0x9002], 0xc7
        mov byte [0x9003], 0x3f
        mov byte [0x9004], 0xf4
        push 0
        push 0
        push 0
        push 0
        push 0
        push 0x8000
        push 0x20002
        push 0x900
        push 0
        iretd
%endif

; ---- no current VMCS ----
no_vmcs:
        pointer VMCS_A
        expect "VMCLEAR of the current VMCS", SUCCEED, vmclear [SCRATCH]
        expect "VMPTRST without a VMCS", SUCCEED, vmptrst [SCRATCH]
        expect_value "all ones", -1, [SCRATCH]
        expect_value "all ones in the high half", -1, [SCRATCH + 4]
        mov zdx, HOST_RIP
        mov zdi, UNMAPPED
        expect "VMREAD without a VMCS", FAIL_INVALID, vmread zax, zdx
        expect "VMREAD without a VMCS to nowhere", FAIL_INVALID, vmread [zdi], zdx
        expect "VMWRITE without a VMCS", FAIL_INVALID, vmwrite zdx, zax
        expect "VMWRITE without a VMCS from nowhere", FAIL_INVALID, vmwrite zdx, [zdi]
        expect "VMLAUNCH without a VMCS", FAIL_INVALID, vmlaunch
        expect "VMRESUME without a VMCS", FAIL_INVALID, vmresume
        cmp byte [cold], 0
        jne .no_vmcall
        expect "VMCALL without a VMCS", FAIL_INVALID, vmcall
.no_vmcall:
        mov ax, DATA
        expect "VMLAUNCH without a VMCS behind MOV SS", FAIL_INVALID, shadowed vmlaunch
        ret

align 8
revision:       dd 0
basic_high:     dd 0
misc:           dd 0
ept_vpid:       dq 0
relative:       dq 0
cold:           dd 0
