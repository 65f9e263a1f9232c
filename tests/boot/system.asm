; SPDX-License-Identifier: GPL-2.0-or-later
; System instructions in every host mode: faults and their order, flags, single steps, breakpoints, ports. SDM 2, each instruction's own page;
; SDM 3B, "Debug Exceptions and Handling".
%include "kernel.inc"
%include "gates.inc"
%include "debug.inc"

NM              equ FAULT(7, 0)
AC              equ FAULT(17, 0)
WATCHED         equ 0x420000
BUFFER          equ 0x430000
EDGE            equ UNMAPPED - 2
TSS_IO          equ 0x440000            ; a TSS with an I/O permission bitmap
TSS_IO_SELECTOR equ FREE
PORT            equ 0x80                ; nobody listens there

main:   call prepare
        mov eax, 1
        cpuid
        mov [features_1], ecx
        mov eax, 7
        xor ecx, ecx
        cpuid
        mov [features_7], ebx
        mov [features_7_c], ecx
        mov zax, cr4
        or eax, 0x600
        mov cr4, zax
        call flags_of_popf
        call flags_of_iret
        call privileged
        call control_registers
        call debug_registers
        call tables
        call arithmetic
        call vectors
        call single_steps
        call breakpoints
        call port_permission
        call string_ports
        call promised
        ret

; Flags that the landing handler finds in its frame.
%macro flags_met 3
        met_masked %1, frame + 2 * Z, %2, %3
%endmacro

%macro behind 2
        %1
        %2
%endmacro
; The flags that a line wants behind an instruction that changes them.
%macro mov_flags 0
        pushed_flags 0x8d5
%endmacro

; ---- POPF and IRET ----
ALL_FLAGS       equ 0x257fd7            ; all but VM, VIF, VIP and RF
flags_of_popf:
        through "POPF in ring 0", LANDED, CODE, landing, INTERRUPT, call .all
        flags_met "flags", 0x3f7fff, 0x247ed7
        through "POPF in ring 0 of RF, VM, VIF, VIP", LANDED, CODE, landing, INTERRUPT, call .more
        flags_met "flags", 0x3f7fff, 0x2
        gate VECTOR, CODE, landing, INTERRUPT + USER
        expect_user "POPF in ring 3, IOPL 0", LANDED, jmp .all
        flags_met "flags", 0x3f7fff, 0x244cd7
        mov dword [user_flags], 0x3002
        expect_with_flags "POPF in ring 3, IOPL 3", LANDED, .all
        flags_met "flags", 0x3f7fff, 0x247ed7
        mov dword [user_flags], 0x3002
        expect_with_flags "CLI in ring 3, IOPL 3", LANDED, .clear
        flags_met "flags", 0x3200, 0x3000
        expect_with_flags "STI in ring 3, IOPL 3", LANDED, .set
        flags_met "flags", 0x3200, 0x3200
        expect_user "CLI in ring 3, IOPL 0", GP, cli
        expect_user "STI in ring 3, IOPL 0", GP, sti
        through "16-bit POPF", LANDED, CODE, landing, INTERRUPT, call .word
        flags_met "flags", 0x3f7fff, 0x244ed7
        ret
.all:   pushed_flags ALL_FLAGS & ~0x100
        int VECTOR
.more:  pushed_flags 0x1b0002
        int VECTOR
.clear: cli
        int VECTOR
.set:   sti
        int VECTOR
.word:  pushed_flags 0x240002
        push word 0x4ed7
        popfw
        int VECTOR

; An IRET whose frame is %3 (flags), %4 (CS), %5 (RIP).
%macro returns 5
        expect %1, %2, call %%go
        jmp %%over
%%go:
%if HOST = 64
        push DATA
        push STACK - 0x200
%endif
        push %3
        push %4
        push %5
%if HOST = 64
        iretq
%else
        iretd
%endif
%%over:
%endmacro
flags_of_iret:
        gate VECTOR, CODE, landing, INTERRUPT + USER
        returns "IRET", LANDED, 0x2, CODE, .again
        returns "IRET sets RF for one instruction", LANDED, 0x10002, CODE, .again
        flags_met "flags", 0x3f7fff, 0x2
        returns "IRET with CS null", GP_OF(0), 0x2, 0, .again
        returns "IRET with CS of data", GP_OF(DATA), 0x2, DATA, .again
        returns "IRET with CS beyond the GDT", GP_OF(0x100), 0x2, 0x100, .again
        returns "IRET with CS absent", NP(CODE_ABSENT), 0x2, CODE_ABSENT, .again
        returns "IRET with CS of DPL 3 and RPL 0", GP_OF(CODE_OUTER), 0x2, CODE_OUTER, .again
        returns "IRET to conforming code", LANDED, 0x2, CODE_CONFORMING, .again
%if HOST = 64
        returns "IRET with NT = 1 in long mode", GP_OF(0), 0x2, CODE, .nested
        mov zax, 0x8000000000000000
        returns "IRET to an address not canonical", GP_OF(0), 0x2, CODE, zax
%else
        returns "IRET beyond the code segment", GP_OF(0), 0x2, CODE_SHORT, 0x1000
%endif
        expect_user "IRET in ring 3 to ring 0", GP_OF(CODE), call .inwards
        mov dword [user_flags], 0x383ed7
        expect_with_flags "IRET to ring 3 loads all flags", LANDED, .again
        flags_met "flags", 0x3f7fff, 0x383ed7
        ret
.again: int VECTOR
.nested:
        pushed_flags 0x4002
%if HOST = 64
        iretq
%else
        int VECTOR
%endif
.inwards:
%if HOST = 64
        push DATA
        push STACK - 0x200
%endif
        push 2
        push CODE
        push .again
%if HOST = 64
        iretq
%else
        iretd
%endif

; ---- ring 3 ----
privileged:
        expect_user "HLT in ring 3", GP, hlt
        expect_user "CLTS in ring 3", GP, clts
        expect_user "INVD in ring 3", GP, invd
        expect_user "WBINVD in ring 3", GP, wbinvd
        expect_user "INVLPG in ring 3", GP, invlpg [BUFFER]
        expect_user "LGDT in ring 3", GP, lgdt [descriptors_pointer]
        expect_user "LIDT in ring 3", GP, lidt [idt_pointer]
        expect_user "LLDT in ring 3", GP, lldt ax
        expect_user "LTR in ring 3", GP, ltr ax
        expect_user "LMSW in ring 3", GP, lmsw ax
        expect_user "MOV from CR0 in ring 3", GP, mov zax, cr0
        expect_user "MOV to CR3 in ring 3", GP, mov cr3, zax
        expect_user "MOV from DR7 in ring 3", GP, mov zax, dr7
        expect_user "RDMSR in ring 3", GP, rdmsr
        expect_user "WRMSR in ring 3", GP, wrmsr
        expect_user "MONITOR in ring 3", UD, monitor
        expect_user "SYSEXIT in ring 3", GP, sysexit
        expect_user "RSM in ring 3", UD, rsm
        expect "RSM", UD, rsm
        expect "UD2", UD, ud2
        expect "UD0", UD, ud0 eax, [BUFFER]
        expect "UD1", UD, ud1 eax, ecx
        expect "LOCK without a memory operand", UD, db 0xf0, 0x01, 0xc0
        expect "LOCK MOV", UD, db 0xf0, 0x89, 0x03
        expect "far JMP through a register", UD, db 0xff, 0xe8
        expect "far CALL through a register", UD, db 0xff, 0xd8
        expect "LGDT of a register", UD, db 0x0f, 0x01, 0xd0
%if HOST != 64
        expect "INVLPG of a register", UD, db 0x0f, 0x01, 0xf8
%endif
        expect "MOV to CS", UD, db 0x8e, 0xc8
        expect "MOV to segment register 6", UD, db 0x8e, 0xf0
        expect "MOV to CR1", UD, db 0x0f, 0x22, 0xc8
        expect "MOV to CR5", UD, db 0x0f, 0x22, 0xe8
        expect "sixteen bytes", GP, times 15 db 0x2e
        ret

; ---- control registers ----
%macro with_cr 4        ; NAME, RESULT, REGISTER, bits to change
        mov zax, %3
        mov ecx, %4
        xor zax, zcx
        expect %1, %2, mov %3, zax
%endmacro
control_registers:
        with_cr "CR0.PG without PE", GP, cr0, 1
        with_cr "CR0.NW without CD", GP, cr0, 0x20000000
        with_cr "CR4, a reserved bit", GP, cr4, 1 << 15
        with_cr "CR4, another reserved bit", GP, cr4, 1 << 31
%if HOST = 64
        with_cr "CR4.PAE in long mode", GP, cr4, 0x20
        mov rax, cr0
        mov rcx, 0x100000000
        or rax, rcx
        expect "CR0, bit 32", GP, mov cr0, rax
        mov rax, cr4
        or rax, rcx
        expect "CR4, bit 32", GP, mov cr4, rax
        mov rax, 0x8000000000000000
        expect "CR3, bit 63", GP, mov cr3, rax
        mov eax, 16
        expect "CR8, bit 4", GP, mov cr8, rax
        mov eax, 5
        expect "CR8", RAN, mov cr8, rax
        mov rax, cr8
        expect_value "CR8", 5, eax
        xor eax, eax
        mov cr8, rax
%endif
        mov zax, cr0
        mov edi, eax
        smsw eax
        and eax, 0xffff
        and edi, 0xffff
        expect_value "SMSW", edi, eax
        mov eax, 0xe
        lmsw ax
        mov zax, cr0
        and eax, 0xf
        expect_value "LMSW keeps PE, sets MP, EM, TS", 0xf, eax
        expect "x87 with CR0.EM", NM, fld1
        mov eax, 1
        lmsw ax
        mov eax, 9
        lmsw ax
        expect "x87 with CR0.TS", NM, fld1
        expect "SSE with CR0.TS", NM, addps xmm0, xmm1
        expect "WAIT with CR0.TS, MP = 0", RAN, wait
        mov eax, 0xb
        lmsw ax
        expect "WAIT with CR0.TS and MP", NM, wait
        clts
        mov eax, 1
        lmsw ax
        ret

; ---- debug registers ----
debug_registers:
        mov zax, 0x12345678
        mov dr0, zax
        xor eax, eax
        mov zcx, dr0
        expect_value "DR0", 0x12345678, ecx
        mov dr0, zax
        mov zcx, dr6
        expect_value "DR4 is DR6, CR4.DE = 0", ecx, ecx
        expect "MOV from DR4, CR4.DE = 0", RAN, db 0x0f, 0x21, 0xe1
        mov zax, cr4
        or eax, 8
        mov cr4, zax
        expect "MOV from DR4, CR4.DE = 1", UD, db 0x0f, 0x21, 0xe1
        expect "MOV to DR5, CR4.DE = 1", UD, db 0x0f, 0x23, 0xe9
        mov zax, cr4
        and eax, ~8
        mov cr4, zax
        mov eax, 0
        mov dr6, zax
        mov zax, dr6
        expect_value "DR6, fixed bits", 0xffff0ff0, eax
        mov eax, -1
        expect "MOV to DR6 of all ones", RAN, mov dr6, zax
        mov zax, dr6
        and eax, 0x1ff0
        expect_value "DR6, bit 12", 0xff0, eax
        mov eax, 0xd000
        mov dr7, zax
        mov zax, dr7
        expect_value "DR7, fixed bits", 0x400, eax
%if HOST = 64
        mov rax, 0x100000000
        expect "DR7, bit 32", GP, mov dr7, rax
        mov rax, 0x100000000
        expect "DR6, bit 32", GP, mov dr6, rax
        mov rax, 0x100000000
        expect "DR0, bit 32", RAN, mov dr0, rax
%endif
        xor eax, eax
        mov dr6, zax
        mov eax, 0x2400
        mov dr7, zax
        expect "DR7.GD", DEBUG, mov zcx, dr0
        mov zax, dr6
        and eax, 0xe00f
        expect_value "DR6.BD", 0x2000, eax
        mov zax, dr7
        and eax, 0x2000
        expect_value "GD is clear again", 0, eax
        xor eax, eax
        mov dr6, zax
        mov eax, 0x2400
        mov dr7, zax
        expect_user "DR7.GD in ring 3", GP, mov zcx, dr0
        mov eax, 0x400
        mov zcx, DATA
        expect "DR7.GD is still set", DEBUG, mov dr7, zax
        mov eax, 0x400
        mov dr7, zax
        ret

; ---- LLDT, LTR, LAR, VERR, segments, UMIP ----
tables: mov ax, DATA
        expect "LLDT of data", GP_OF(DATA), lldt ax
        mov ax, 0x100
        expect "LLDT beyond the GDT", GP_OF(0x100), lldt ax
        mov ax, LDT_DESCRIPTOR + 4
        expect "LLDT of an LDT's selector", GP_OF(LDT_DESCRIPTOR + 4), lldt ax
        xor eax, eax
        expect "LLDT null", RAN, lldt ax
        expect "LTR null", GP_OF(0), ltr ax
        mov ax, DATA
        expect "LTR of data", GP_OF(DATA), ltr ax
        mov ax, TASK
        expect "LTR of a busy TSS", GP_OF(TASK), ltr ax
        and byte [descriptors + TASK_SHORT + 5], 0x7f
        mov ax, TASK_SHORT
        expect "LTR of an absent TSS", NP(TASK_SHORT), ltr ax
        or byte [descriptors + TASK_SHORT + 5], 0x80
        and byte [descriptors + LDT_DESCRIPTOR + 5], 0x7f
        mov ax, LDT_DESCRIPTOR
        expect "LLDT of an absent LDT", NP(LDT_DESCRIPTOR), lldt ax
        or byte [descriptors + LDT_DESCRIPTOR + 5], 0x80
%macro rights 3         ; LAR and LSL of a selector; ZF tells
        mov ecx, %2
        mov eax, -1
        lar eax, ecx
        jnz %%none
        and eax, 0xf0ff00               ; bits 19:16 are undefined
%%none:
        expect_value %1, %3, eax
%endmacro
        rights "LAR of code", CODE, (CODE_TYPE >> 32) & 0xf0ff00
        rights "LAR null", 0, -1
        rights "LAR beyond the GDT", 0x100, -1
        rights "LAR of the LDT", LDT_DESCRIPTOR, 0x8200
        rights "LAR of a busy TSS", TASK, 0x8b00
        rights "LAR of an absent segment", DATA_ABSENT, (0x00cf13000000ffff >> 32) & 0xf0ff00
        mov ecx, STACK_SHORT
        lsl eax, ecx
        expect_value "LSL of 4 KBytes", 0xfff, eax
        mov ecx, DATA
        lsl eax, ecx
        expect_value "LSL of 4 GBytes", -1, eax
%macro verified 3+
        xor eax, eax
        mov ecx, %2
        %3
        setz al
        movzx eax, al
        expect_value %1, 1, eax
%endmacro
        verified "VERR of code", CODE, verr cx
        verified "VERW of data", DATA, verw cx
%macro refuted 3+
        xor eax, eax
        mov ecx, %2
        %3
        setnz al
        movzx eax, al
        expect_value %1, 1, eax
%endmacro
        refuted "VERW of code", CODE, verw cx
        refuted "VERW of data that is read-only", DATA_READ, verw cx
        refuted "VERR of the TSS", TASK, verr cx
        mov eax, DATA_ABSENT
        expect "DS absent", NP(DATA_ABSENT), mov ds, ax
        mov eax, DATA_ABSENT
        expect "SS absent", SS_OF(DATA_ABSENT), mov ss, ax
        mov eax, DATA_READ
        expect "SS read-only", GP_OF(DATA_READ), mov ss, ax
        mov eax, DATA_READ
        expect "FS read-only", RAN, mov fs, ax
        mov eax, TASK
        expect "DS of a TSS", GP_OF(TASK), mov ds, ax
        mov eax, USER_DATA
        expect "SS of ring 3", GP_OF(USER_DATA & ~3), mov ss, ax
        xor eax, eax
        expect "FS null", RAN, mov fs, ax
        mov eax, 3
        expect "SS null with RPL 3", GP_OF(0), mov ss, ax
        xor eax, eax
%if HOST = 64
        expect "SS null in 64-bit mode", RAN, mov ss, ax
        mov eax, DATA
        mov ss, ax
        mov rax, 0x8000000000000000
        mov [scratch_10 + 2], rax
        mov word [scratch_10], 0xffff
        expect "LGDT of a base not canonical", GP, lgdt [scratch_10]
        lgdt [descriptors_pointer]
        expect "LIDT of a base not canonical", GP, lidt [scratch_10]
        lidt [idt_pointer]
        mov ecx, 0xc0000100
        mov edx, 0x80000000
        expect "WRMSR of an FS base not canonical", GP, wrmsr
        expect "SWAPGS", RAN, swapgs
        expect_user "SWAPGS in ring 3", GP, swapgs
        mov rax, cr4
        and eax, ~0x10000
        mov cr4, rax
        expect "WRFSBASE, CR4.FSGSBASE = 0", UD, wrfsbase rax
        test dword [features_7], 1
        jz .no_bases
        mov rax, cr4
        or eax, 0x10000
        mov cr4, rax
        mov rax, 0x123456789
        expect "WRFSBASE", RAN, wrfsbase rax
        expect "RDFSBASE", RAN, rdfsbase rcx
        expect_value "FS base", 0x23456789, ecx
        mov rax, 0x8000000000000000
        expect "WRGSBASE, not canonical", GP, wrgsbase rax
        xor eax, eax
        wrfsbase rax
.no_bases:
%else
        expect "SS null", GP_OF(0), mov ss, ax
        mov eax, STACK_SHORT
        mov fs, ax
        expect "up to the limit", RAN, mov eax, [fs:0xffc]
        expect "beyond the limit", GP, mov eax, [fs:0xffd]
        mov eax, DATA
        mov fs, ax
%endif
        test dword [features_7_c], 4
        jz .no_umip
        mov zax, cr4
        or eax, 1 << 11
        mov cr4, zax
        expect_user "UMIP: SGDT in ring 3", GP, sgdt [BUFFER]
        expect_user "UMIP: SIDT in ring 3", GP, sidt [BUFFER]
        expect_user "UMIP: SLDT in ring 3", GP, sldt ax
        expect_user "UMIP: STR in ring 3", GP, str ax
        expect_user "UMIP: SMSW in ring 3", GP, smsw ax
        expect_user "UMIP: SMSW to nowhere in ring 3", GP, smsw [UNMAPPED]
        expect "UMIP: SGDT in ring 0", RAN, sgdt [BUFFER]
        mov zax, cr4
        and eax, ~(1 << 11)
        mov cr4, zax
.no_umip:
        expect_user "SGDT in ring 3", UD, sgdt [BUFFER]
        expect_user "STR in ring 3", UD, str ax
        ret

; ---- arithmetic, alignment ----
arithmetic:
        xor ecx, ecx
        expect "DIV by 0", FAULT(0, 0), div ecx
        mov eax, 0x80000000
        mov edx, -1
        mov ecx, -1
        expect "IDIV overflows", FAULT(0, 0), idiv ecx
        mov ax, 0x1000
        mov cl, 1
        expect "DIV overflows", FAULT(0, 0), div cl
%if HOST != 64
        expect "AAM of 0", FAULT(0, 0), aam 0
        mov dword [BUFFER], 2
        mov dword [BUFFER + 4], 5
        mov eax, 5
        expect "BOUND", RAN, bound eax, [BUFFER]
        inc eax
        expect "BOUND exceeded", FAULT(5, 0), bound eax, [BUFFER]
%else
        expect "CMPXCHG16B not aligned", GP, cmpxchg16b [BUFFER + 8]
%endif
        mov dword [BUFFER], 0x10000
        expect "LDMXCSR of reserved bits", GP, ldmxcsr [BUFFER]
        expect "MOVAPS not aligned", GP, movaps xmm0, [BUFFER + 8]
        expect "MOVUPS not aligned", RAN, movups xmm0, [BUFFER + 8]
        expect "ADDPS not aligned", GP, addps xmm0, [BUFFER + 8]
        expect "FXSAVE not aligned", GP, fxsave [BUFFER + 8]
        mov zax, cr4
        and eax, ~0x200
        mov cr4, zax
        expect "SSE, CR4.OSFXSR = 0", UD, addps xmm0, xmm1
        mov zax, cr4
        or eax, 0x200
        mov cr4, zax
        ret

vectors:
        mov zax, cr0
        or eax, 1 << 18
        mov cr0, zax
        mov dword [user_flags], 0x40002
        expect_with_flags "alignment check", AC, .read
        expect_with_flags "alignment check of a word", AC, .word
        expect_with_flags "no alignment check of a byte", UD, .byte
        expect_with_flags "alignment check of a stack", AC, .stack
        mov dword [user_flags], 2
        expect_with_flags "RFLAGS.AC = 0", UD, .read
        pushed_flags 0x40002
        expect "no alignment check in ring 0", RAN, mov eax, [BUFFER + 1]
        pushed_flags 2
        mov zax, cr0
        and eax, ~(1 << 18)
        mov cr0, zax
        mov dword [user_flags], 0x40002
        expect_with_flags "CR0.AM = 0", UD, .read
        ret
.read:  mov eax, [BUFFER + 2]
        ud2
.word:  mov ax, [BUFFER + 1]
        ud2
.byte:  mov al, [BUFFER + 1]
        ud2
.stack: inc zsp
        push zax
        ud2

; ---- single steps ----
single_steps:
        gate 1, CODE, step, INTERRUPT
        gate VECTOR, CODE, back, INTERRUPT
        xor eax, eax
        mov dr6, zax
        mov [step_causes], eax
        steps "nothing", 0, db 0x2e
        steps "NOP", 1, nop
        mov eax, [step_causes]
        and eax, 0xe00f
        expect_value "DR6.BS", 0x4000, eax
        mov eax, DATA
        steps "MOV SS and what follows", 1, behind {mov ss, ax}, nop
        push zax
        steps "POP to SS and what follows", 1, behind {db 0x8e, 0xd0}, nop
        pop zax
        steps "STI and what follows", 2, behind sti, nop
        cli
        steps "INT n and what follows", 1, behind {int VECTOR}, nop
        steps "CPUID", 1, cpuid
        steps "RDTSC", 1, rdtsc
        steps "PAUSE", 1, pause
        steps "WBINVD", 1, wbinvd
        steps "MOV from CR0", 1, mov zax, cr0
        steps "MOV to CR0", 1, mov cr0, zax
        mov zax, cr3
        steps "MOV to CR3", 1, mov cr3, zax
        steps "MOV from DR7", 1, mov zax, dr7
        steps "MOV to DR7", 1, mov dr7, zax
        steps "CLTS", 1, clts
        steps "INVLPG", 1, invlpg [BUFFER]
        steps "SGDT", 1, sgdt [BUFFER]
        steps "LGDT", 1, lgdt [descriptors_pointer]
        steps "LIDT", 1, lidt [idt_pointer]
        steps "IN", 1, in al, PORT
        steps "OUT", 1, out PORT, al
        mov ecx, EFER
        steps "RDMSR", 1, rdmsr
        steps "WRMSR", 1, wrmsr
        steps "JMP", 1, jmp $ + 2
        steps "CALL", 2, call .ret
        mov esi, BUFFER
        mov edi, BUFFER + 16
        mov ecx, 3
        steps "REP MOVS, 3 iterations", 3, rep movsb
        mov ecx, 0
        steps "REP MOVS, none", 1, rep movsb
        mov edx, PORT
        mov ecx, 3
        steps "REP OUTS, 3 iterations", 3, rep outsb
        mov ecx, 2
        steps "REP INS, 2 iterations", 2, rep insb
        mov ecx, 0
        steps "REP INS, none", 1, rep insb
        steps "OUTS", 1, outsb
        mov ecx, 3
        mov edi, BUFFER
        mov eax, 1
        steps "REPNE SCAS", 3, repne scasb
        mov ecx, 3
        steps "LOOP", 3, loop $
        fninit
        steps "x87", 1, fld1
        mov eax, DATA
        steps "MOV DS", 1, mov ds, ax
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        gate 1, CODE, landing, INTERRUPT
        expect "a step of REP", LANDED, call .repeated
        flags_met "RF is set, since it goes on", 0x10000, 0x10000
        gate 6, CODE, landing, INTERRUPT
        expect "a fault under TF", LANDED, call .fault
        flags_met "TF and RF in its frame", 0x10100, 0x10100
        gate 6, CODE, stubs + 6 * 16, INTERRUPT
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        ret
.ret:   ret
.repeated:
        mov edi, BUFFER
        mov ecx, 3
        pushed_flags 0x102
        rep stosb
.fault: gate 1, CODE, step, INTERRUPT
        pushed_flags 0x102
        ud2

; ---- breakpoints ----
breakpoints:
        watch .here, EXECUTE_1
        expect "breakpoint on an instruction", DEBUG, jmp .here
        hit "DR6", 1
        watch .here, EXECUTE_1
        gate 1, CODE, landing, INTERRUPT
        gate VECTOR, CODE, landing, INTERRUPT
        returns "breakpoint on an instruction, RF = 1", LANDED, 0x10002, CODE, .here
        met_masked "it is passed", got_at, 0xffff, 0x40cd
        hit "DR6", 0
        watch .here, EXECUTE_1
        expect "the frame of a breakpoint on an instruction", LANDED, jmp .here
        flags_met "it has no RF, unlike other faults", 0x10000, 0
        mov eax, [frame]
        sub eax, .here
        expect_value "RIP", 0, eax
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        hit "DR6", 1
        watch WATCHED, WRITE_4
        expect "breakpoint on data, write", DEBUG, mov [WATCHED], eax
        hit "DR6", 1
        watch WATCHED, WRITE_4
        expect "breakpoint on data, read of what is watched for writes", RAN, mov eax, [WATCHED]
        hit "DR6", 0
        watch WATCHED, ANY_4
        expect "breakpoint on data, read", DEBUG, mov eax, [WATCHED]
        hit "DR6", 1
        watch WATCHED, ANY_4
        expect "the last byte", DEBUG, mov al, [WATCHED + 3]
        hit "DR6", 1
        watch WATCHED, ANY_4
        expect "the byte behind", RAN, mov al, [WATCHED + 4]
        hit "DR6", 0
        watch WATCHED, ANY_4
        expect "a word that reaches in", DEBUG, mov ax, [WATCHED - 1]
        hit "DR6", 1
        watch WATCHED, 0xf0400
        expect "no breakpoint is enabled", RAN, mov [WATCHED], eax
        xor eax, eax
        mov dr7, zax
        watch WATCHED + 1, WRITE_1
        mov esi, BUFFER
        mov edi, WATCHED
        mov ecx, 4
        expect "breakpoint in REP MOVS", DEBUG, rep movsb
        expect_value "iterations left", 2, ecx
        hit "DR6", 1
        mov dword [WATCHED], DATA
        watch WATCHED, ANY_4
        gate 1, CODE, landing, INTERRUPT
        expect "MOV SS from what is watched", LANDED, behind {mov ss, [WATCHED]}, nop
        met_masked "it waits for the next instruction", got_at, 0xff00, 0x9000
        hit "DR6", 1
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        watch STACK - 0x100 - Z, WRITE_4
        mov edi, 1
        expect "PUSH to what is watched", DEBUG, call .push
        hit "DR6", 1
        watch WATCHED, ANY_1
        expect "FXSAVE to what is watched", DEBUG, fxsave [WATCHED]
        hit "DR6", 1
        watch WATCHED, ANY_1
        mov edx, PORT
        mov edi, WATCHED
        expect "INS to what is watched", DEBUG, insb
        hit "DR6", 1
        watch WATCHED, ANY_1
        mov esi, WATCHED
        expect "OUTS from what is watched", DEBUG, outsb
        hit "DR6", 1
        watch WATCHED + 1, WRITE_1
        mov edi, WATCHED
        mov ecx, 3
        expect "breakpoint in REP INS", DEBUG, rep insb
        expect_value "iterations left", 1, ecx
        hit "DR6", 1
        watch INNER_STACK - 4, WRITE_1
        gate VECTOR, CODE, back, INTERRUPT + USER
        expect_user "the frame of an event is watched", DEBUG, int VECTOR
        hit "DR6", 1
        watch PORT, PORT_1
        expect "OUT to a watched port, CR4.DE = 0", RAN, out PORT, al
        xor eax, eax
        mov dr7, zax
        mov zax, cr4
        or eax, 8
        mov cr4, zax
        watch PORT, PORT_1
        expect "OUT to a watched port", DEBUG, out PORT, al
        hit "DR6", 1
        watch PORT, PORT_1
        expect "IN from a watched port", DEBUG, in al, PORT
        hit "DR6", 1
        watch PORT + 1, PORT_1
        expect "IN of a word that reaches a watched port", DEBUG, in ax, PORT
        hit "DR6", 1
        watch PORT, PORT_4
        expect "IN from the last of four ports", DEBUG, in al, PORT + 3
        hit "DR6", 1
        watch PORT, PORT_1
        mov edx, PORT
        mov esi, BUFFER
        mov ecx, 3
        expect "REP OUTS to a watched port", DEBUG, rep outsb
        expect_value "iterations left", 2, ecx
        hit "DR6", 1
        watch WATCHED, PORT_4
        expect "memory at the number of a watched port", RAN, mov [WATCHED], eax
        hit "DR6", 0
        mov zax, cr4
        and eax, ~8
        mov cr4, zax
        ret
.here:  int VECTOR
.push:  mov zsp, STACK - 0x100
        push zax
        hlt

; ---- what CPUID promises ----
; offered NAME, FEATURES, BIT, INSTRUCTION: #UD without the bit.
%macro offered 4+
        test dword [%2], 1 << %3
        jz %%absent
        expect %1, RAN, %4
        jmp %%done
%%absent:
        expect %1, UD, %4
%%done:
%endmacro
promised:
        mov esi, BUFFER
        offered "SSE3: HADDPS", features_1, 0, haddps xmm0, xmm1
        offered "PCLMULQDQ", features_1, 1, pclmulqdq xmm0, xmm1, 0
        offered "SSSE3: PABSB", features_1, 9, pabsb xmm0, xmm1
        offered "SSE4.1: PTEST", features_1, 19, behind {ptest xmm0, xmm0}, {mov_flags}
        offered "SSE4.2: PCMPGTQ", features_1, 20, pcmpgtq xmm0, xmm1
        offered "MOVBE", features_1, 22, movbe eax, [zsi]
        offered "POPCNT", features_1, 23, behind {popcnt eax, ecx}, {mov_flags}
        offered "AESENC", features_1, 25, aesenc xmm0, xmm1
        offered "BMI2: RORX", features_7, 8, rorx eax, ecx, 1
        offered "ADX: ADCX", features_7, 19, behind {adcx eax, ecx}, {mov_flags}
        offered "CLFLUSHOPT", features_7, 23, db 0x66, 0x0f, 0xae, 0x3e
        offered "CLWB", features_7, 24, db 0x66, 0x0f, 0xae, 0x36
        ret

; ---- IOPL and the I/O permission bitmap ----
port_permission:
        mov edi, TSS_IO
        mov ecx, 0x400 / 4
        xor eax, eax
        rep stosd
        mov esi, task_state
        mov edi, TSS_IO
        mov ecx, 0x68
        rep movsb
        mov word [TSS_IO + 102], 0x80
        mov byte [TSS_IO + 0x80 + PORT / 8], 2          ; the port behind
        mov word [descriptors + TSS_IO_SELECTOR], 0x80 + PORT / 8 + 1
        mov eax, TSS_IO
        mov [descriptors + TSS_IO_SELECTOR + 2], ax
        shr eax, 16
        mov [descriptors + TSS_IO_SELECTOR + 4], al
        mov byte [descriptors + TSS_IO_SELECTOR + 5], 0x89
        mov eax, TSS_IO_SELECTOR
        ltr ax
        expect_user "IN of an allowed port", UD, in al, PORT
        expect_user "IN of a word that reaches a denied port", GP, in ax, PORT
        expect_user "IN of a denied port", GP, in al, PORT + 1
        expect_user "OUT of a denied port", GP, out PORT + 1, al
        expect_user "IN of the last port that the TSS has", UD, in al, PORT + 7
        expect_user "IN whose second byte of the bitmap is within the limit", UD, in ax, PORT + 6
        expect_user "IN beyond the TSS", GP, in al, PORT + 8
        mov edx, PORT + 1
        mov edi, BUFFER
        expect_user "INS of a denied port", GP, insb
        mov ecx, 0
        expect_user "REP INS of a denied port, no iteration", UD, rep insb
        mov edi, UNMAPPED
        expect_user "INS of a denied port to nowhere", GP, insb
        mov dword [user_flags], 0x3002
        expect_with_flags "IOPL 3: a denied port", UD, .in
        and byte [descriptors + TASK + 5], ~2
        mov eax, TASK
        ltr ax
        mov word [task_state + 102], 0x68
        expect_user "no bitmap in the TSS", GP, in al, PORT
        ret
.in:    in al, PORT + 1
        ud2

; ---- INS and OUTS ----
string_ports:
        mov edx, PORT
        mov edi, EDGE
        mov ecx, 4
        expect "REP INS across the end of memory", FAULT(PF, 2), rep insb
        expect_value "iterations left", 2, ecx
        sub edi, UNMAPPED
        expect_value "RDI", 0, edi
        mov zax, cr2
        expect_value "CR2", UNMAPPED, eax
        mov esi, EDGE
        mov ecx, 4
        expect "REP OUTS across the end of memory", FAULT(PF, 0), rep outsb
        expect_value "iterations left", 2, ecx
        sub esi, UNMAPPED
        expect_value "RSI", 0, esi
        mov edi, EDGE - 1
        expect "INS of four bytes across the end of memory", FAULT(PF, 2), insd
        mov edi, BUFFER + 8
        mov ecx, 2
        expect "REP INS, DF = 1", RAN, call .backwards
        sub edi, BUFFER
        expect_value "RDI", 0, edi
        mov edi, BUFFER
        mov edx, 0x5000                 ; nor here
        mov dword [BUFFER], 0
        expect "INS of a word", RAN, insw
        mov eax, [BUFFER]
        expect_value "what it stored", 0xffff, eax
%if HOST != 64
        mov eax, STACK_SHORT
        mov es, ax
        mov edi, 0x1000
        expect "INS beyond the limit of ES", GP, insb
        mov eax, DATA_READ
        mov es, ax
        mov edi, BUFFER
        expect "INS to read-only data", GP, insb
        xor eax, eax
        mov es, ax
        expect "INS through a null selector", GP, insb
        mov eax, DATA
        mov es, ax
        mov fs, ax
%else
        mov zdi, 0x8000000000000000
        expect "INS to an address not canonical", GP, insb
        mov zsi, zdi
        expect "OUTS from an address not canonical", GP, outsb
%endif
        ret
.backwards:
        std
        rep insd
        cld
        ret

align 8
scratch_10:     dq 0, 0
features_1:     dd 0
features_7:     dd 0
features_7_c:   dd 0
