; SPDX-License-Identifier: GPL-2.0-or-later
; Event delivery through the IDT in every host mode: gates, privilege levels, stacks of the TSS, frames, error codes, faults on the way, double faults.
; SDM 3A, "Interrupt and Exception Handling".
%include "kernel.inc"
%include "gates.inc"

main:   call prepare
%if HOST = 64
        mov esi, compatible
%else
        mov esi, low_code
%endif
        mov edi, LOW_CODE
        mov ecx, 0x100
        rep movsb
        call same_privilege
        call bad_gates
        call inner_privilege
        call stacks
        call nested
        call local
%if HOST = 64
        call interrupt_stacks
        call from_compatible
%else
        call sixteen_bits
        call virtual_8086
        call tasks
%endif
        call external
        ret

; ---- same privilege level ----
same_privilege:
        through "INT n, interrupt gate", LANDED, CODE, landing, INTERRUPT, int VECTOR
        met_masked "returns behind it", got_at, 0xffff, 0x40cd
        met "CS", frame + Z, CODE
        met_masked "RFLAGS", frame + 2 * Z, 0x3fcfff, 0x8d7
        met "in the handler CS", got_cs, CODE
        met "in the handler SS", got_ss, DATA
%if HOST = 64
        met "SS", frame + 4 * Z, DATA
        met "RSP", frame + 3 * Z, [resume_stack]
        went_down "bytes pushed", [resume_stack], 40
%else
        went_down "bytes pushed", [resume_stack], 12
%endif
        through "INT n, IF = 1, interrupt gate", LANDED, CODE, landing, INTERRUPT, call interruptible
        met_masked "IF, TF, NT, RF in the handler", got_flags, 0x14300, 0
        met_masked "IF, TF, NT, RF in the frame", frame + 2 * Z, 0x14300, 0x200
        through "INT n, IF = 1, trap gate", LANDED, CODE, landing, TRAP, call interruptible
        met_masked "IF, TF, NT, RF in the handler", got_flags, 0x14300, 0x200
        through "INT n, NT = 1", LANDED, CODE, landing, INTERRUPT, call nested_task
        met_masked "IF, TF, NT, RF in the handler", got_flags, 0x14300, 0
        met_masked "IF, TF, NT, RF in the frame", frame + 2 * Z, 0x14300, 0x4000
        gate 3, CODE, landing, INTERRUPT
        expect "INT3", LANDED, int3
        met_masked "returns behind it", got_at, 0xff00, 0xcc00
        gate 3, CODE, stubs + 3 * 16, INTERRUPT
        gate 1, CODE, landing, INTERRUPT
        expect "INT1", LANDED, db 0xf1
        met_masked "returns behind it", got_at, 0xff00, 0xf100
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        gate 4, CODE, landing, INTERRUPT
%if HOST = 64
        expect "INTO", UD, db 0xce
%else
        expect "INTO", LANDED, into
        met_masked "returns behind it", got_at, 0xff00, 0xce00
%endif
        gate 4, CODE, stubs + 4 * 16, INTERRUPT
        undefined "#UD", LANDED, CODE, landing, INTERRUPT
        met_masked "returns to it", got_at, 0xffff0000, 0x0b0f0000
        met_masked "a fault's RF", frame + 2 * Z, 0x10000, 0x10000
        gate 13, CODE, landing, INTERRUPT
        mov eax, 0xff00
        expect "#GP", LANDED, mov ds, ax
        met "its error code", frame, 0xff00
        met_masked "a fault's RF", frame + 3 * Z, 0x10000, 0x10000
        met "CS behind the error code", frame + 2 * Z, CODE
        gate 13, CODE, stubs + 13 * 16, INTERRUPT
        gate 1, CODE, landing, TRAP
        expect "single step", LANDED, call stepped
        met_masked "the instruction stepped over", got_at, 0xff00, 0x9000
        met_masked "TF and RF in the frame", frame + 2 * Z, 0x10100, 0x100
        met_masked "TF in the handler", got_flags, 0x100, 0
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        ret
interruptible:
        sti
        int VECTOR
        hlt
stepped:
%if HOST = 64
        push 0x102
        popfq
%else
        push 0x102
        popfd
%endif
        nop
        hlt
nested_task:
%if HOST = 64
        push 0x4002
        popfq
%else
        push 0x4002
        popfd
%endif
        int VECTOR

; ---- gates and code segments that are not as they should be ----
bad_gates:
        through "INT n, gate absent", NP(GATE_ERROR(VECTOR)), CODE, landing, 0x0e, int VECTOR
        through "INT n, no gate at all", GP_OF(GATE_ERROR(VECTOR)), CODE, landing, 0, int VECTOR
        through "INT n, a call gate", GP_OF(GATE_ERROR(VECTOR)), CODE, landing, 0x8c, int VECTOR
        through "INT n, a data descriptor", GP_OF(GATE_ERROR(VECTOR)), CODE, landing, 0x93, int VECTOR
        through "INT n, no gate and absent", GP_OF(GATE_ERROR(VECTOR)), CODE, landing, 0x0c, int VECTOR
        expect "INT n beyond the IDT", GP_OF(GATE_ERROR(0x60)), call beyond
        through "INT n, null selector", GP_OF(0), 0, landing, INTERRUPT, int VECTOR
        through "INT n, null selector with RPL 3", GP_OF(0), 3, landing, INTERRUPT, int VECTOR
        through "INT n, selector beyond the GDT", GP_OF(0x100), 0x100, landing, INTERRUPT, int VECTOR
        through "INT n, selector in no LDT", GP_OF(4), 7, landing, INTERRUPT, int VECTOR
        through "INT n, data segment", GP_OF(DATA), DATA, landing, INTERRUPT, int VECTOR
        through "INT n, TSS", GP_OF(TASK), TASK, landing, INTERRUPT, int VECTOR
        through "INT n, code absent", NP(CODE_ABSENT), CODE_ABSENT + 3, landing, INTERRUPT, int VECTOR
        through "INT n, code of ring 3", GP_OF(CODE_OUTER), CODE_OUTER, landing, INTERRUPT, int VECTOR
        undefined "#UD, gate absent", NP(GATE_ERROR(6) + 1), CODE, landing, 0x0e
        undefined "#UD, a call gate", GP_OF(GATE_ERROR(6) + 1), CODE, landing, 0x8c
        undefined "#UD, null selector", GP_OF(1), 0, landing, INTERRUPT
        undefined "#UD, data segment", GP_OF(DATA + 1), DATA, landing, INTERRUPT
        undefined "#UD, code absent", NP(CODE_ABSENT + 1), CODE_ABSENT, landing, INTERRUPT
        undefined "#UD, code of ring 3", GP_OF(CODE_OUTER + 1), CODE_OUTER, landing, INTERRUPT
        through "INT n, conforming code", LANDED, CODE_CONFORMING + 3, landing, INTERRUPT, int VECTOR
        met "RPL becomes CPL", got_cs, CODE_CONFORMING
        mov eax, [descriptors + CODE_CONFORMING + 4]
        and eax, 0x100
        expect_value "the code segment was accessed", 0x100, eax
%if HOST = 64
        gate VECTOR, CODE, landing, INTERRUPT
        mov dword [zidt(VECTOR) + 8], 0x8000
        expect "INT n, entry not canonical", GP_OF(0), int VECTOR
        through "INT n, 16-bit gate", GP_OF(GATE_ERROR(VECTOR)), CODE, landing, 0x86, int VECTOR
        through "INT n, task gate", GP_OF(GATE_ERROR(VECTOR)), OTHER_TASK, landing, 0x85, int VECTOR
        through "INT n, code of 32 bits", GP_OF(COMPATIBLE), COMPATIBLE, landing, INTERRUPT, int VECTOR
        through "INT n, code of 32 bits, absent gate", NP(GATE_ERROR(VECTOR)), COMPATIBLE, landing, 0x0e, int VECTOR
%else
        through "INT n, entry beyond the code segment", GP_OF(0), CODE_SHORT, 0x1000, INTERRUPT, int VECTOR
        undefined "#UD, entry beyond the code segment", GP_OF(1), CODE_SHORT, 0x1000, INTERRUPT
        gate 4, 0, landing, INTERRUPT
        expect "INTO, null selector", GP_OF(0), into
        gate 4, CODE, stubs + 4 * 16, INTERRUPT
%endif
        gate 3, 0, landing, INTERRUPT
        expect "INT3, null selector", GP_OF(0), int3
        gate 3, CODE, stubs + 3 * 16, INTERRUPT
        gate 1, 0, landing, INTERRUPT
        expect "INT1, null selector", GP_OF(1), db 0xf1
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        ret
beyond: mov word [idt_pointer], 0x60 * 2 * Z + 2 * Z - 2
        lidt [idt_pointer]
        mov word [idt_pointer], 256 * Z * 2 - 1
        int 0x60

; ---- to an inner privilege level ----
inner_privilege:
        lidt [idt_pointer]
        through_user "ring 3: INT n", LANDED, CODE, landing, INTERRUPT + USER, int VECTOR
        met_masked "returns behind it", got_at, 0xffff, 0x40cd
        met "CS", frame + Z, USER_CODE
        met "SP", frame + 3 * Z, STACK - 0x2000
        met "SS", frame + 4 * Z, USER_DATA
        met "in the handler CS", got_cs, CODE
        went_down "bytes pushed", INNER_STACK, 5 * Z
%if HOST = 64
        met "in the handler SS is null", got_ss, 0
%else
        met "in the handler SS", got_ss, DATA
%endif
        met "in the handler DS is the user's", got_ds, USER_DATA
        through_user "ring 3: INT n, gate of ring 0", GP_OF(GATE_ERROR(VECTOR)), CODE, landing, INTERRUPT, int VECTOR
        through_user "ring 3: INT n, gate of ring 0, absent", GP_OF(GATE_ERROR(VECTOR)), CODE, landing, 0x0e, int VECTOR
        through_user "ring 3: INT n, gate absent", NP(GATE_ERROR(VECTOR)), CODE, landing, 0x6e, int VECTOR
        expect_user "ring 3: INT3, gate of ring 0", GP_OF(GATE_ERROR(3)), int3
%if HOST != 64
        expect_user "ring 3: INTO, gate of ring 0", GP_OF(GATE_ERROR(4)), call overflow
%endif
        gate 1, CODE, landing, INTERRUPT
        expect_user "ring 3: INT1, gate of ring 0", LANDED, db 0xf1
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        gate 6, CODE, landing, INTERRUPT
        expect_user "ring 3: #UD, gate of ring 0", LANDED, ud2
        met_masked "returns to it", got_at, 0xffff0000, 0x0b0f0000
        gate 6, CODE, stubs + 6 * 16, INTERRUPT
        through_user "ring 3: INT n, conforming code", LANDED, CODE_CONFORMING, landing, INTERRUPT + USER, int VECTOR
        met "RPL becomes CPL", got_cs, CODE_CONFORMING + 3
        met "the stack stays", got_ss, USER_DATA
%if HOST = 64
        went_down "bytes pushed", STACK - 0x2000, 40
%else
        went_down "bytes pushed", STACK - 0x2000, 12
%endif
        through_user "ring 3: INT n, code of ring 3", LANDED, CODE_OUTER, landing, INTERRUPT + USER, int VECTOR
        met "CS", got_cs, CODE_OUTER + 3
        ret
%if HOST != 64
overflow:
        mov eax, 0x7fffffff
        inc eax
        into
%endif

; ---- stacks of the TSS ----
%macro task_register 1
        and byte [descriptors + %1 + 5], ~2
        mov ax, %1
        ltr ax
%endmacro
; The faults need a stack too: one of the interrupt stack table; or their handlers are conforming and mend the TSS in ring 3.
stacks:
%if HOST = 64
        mov byte [zidt(12) + 4], 2
        mov dword [task_state + 28 + 2 * 8], STACK - 0x3100
        mov dword [task_state + 8], 0x8000
        through_user "RSP0 not canonical", SS_OF(0), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 8], 0
        mov dword [task_state + 4], UNMAPPED + 0x20
        gate 14, CODE, landing, INTERRUPT
        mov byte [zidt(14) + 4], 1      ; the fault comes at the end of the stack that is not there
        mov dword [task_state + 36], STACK - 0x3000
        through_user "RSP0 beyond memory", LANDED, CODE, landing, INTERRUPT + USER, int VECTOR
        met "the fault's error code", frame, 2
        met "CS of ring 3", frame + 2 * Z, USER_CODE
        gate 14, CODE, stubs + 14 * 16, INTERRUPT
        mov dword [task_state + 4], STACK - 0x1000 + 9
        through_user "RSP0 not aligned", LANDED, CODE, landing, INTERRUPT + USER, int VECTOR
        went_down "bytes pushed", INNER_STACK, 40
        mov dword [task_state + 4], STACK - 0x1000
        mov byte [zidt(12) + 4], 0
%else
        gate 10, CODE_CONFORMING, outer_10, INTERRUPT
        gate 12, CODE_CONFORMING, outer_12, INTERRUPT
        gate 0x82, CODE, noted, INTERRUPT + USER
        mov dword [task_state + 8], 0
        through_user "SS0 null", TS(0), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 8], DATA + 1
        through_user "SS0 with RPL 1", TS(DATA), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 8], USER_DATA - 3
        through_user "SS0 with DPL 3", TS(USER_DATA - 3), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 8], DATA_READ
        through_user "SS0 read-only", TS(DATA_READ), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 8], CODE
        through_user "SS0 of code", TS(CODE), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 8], 0x100
        through_user "SS0 beyond the GDT", TS(0x100), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 8], DATA_ABSENT
        through_user "SS0 absent", SS_OF(DATA_ABSENT), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 8], STACK_SHORT
        through_user "SS0 without room", SS_OF(STACK_SHORT), CODE, landing, INTERRUPT + USER, int VECTOR
        mov dword [task_state + 4], 0x1000
        mov dword [task_state + 8], STACK_SHORT
        through_user "SS0 with just enough room", LANDED, CODE, landing, INTERRUPT + USER, int VECTOR
        met "SS", got_ss, STACK_SHORT
        mov dword [task_state + 4], 16
        mov dword [task_state + 8], STACK_SHORT
        through_user "SS0 without room for a word", SS_OF(STACK_SHORT), CODE, landing, INTERRUPT + USER, int VECTOR
        gate 10, CODE, stubs + 10 * 16, INTERRUPT
        gate 12, CODE, stubs + 12 * 16, INTERRUPT
%endif
        ret
%if HOST != 64
outer_10:
        mov ebx, 10
        jmp outer
outer_12:
        mov ebx, 12
outer:  mov eax, USER_DATA
        mov ds, ax
        pop eax
        mov [got_flags], eax
        mov [got_at], ebx
        mov dword [task_state + 4], STACK - 0x1000
        mov dword [task_state + 8], DATA
        int 0x82
noted:  mov eax, [got_at]
        mov [caught_vector], eax
        mov eax, [got_flags]
        mov [caught_error], eax
        jmp resume
%endif

; ---- faults on the way ----
nested:
%macro divide 2 ; NAME, RESULT
        xor ecx, ecx
        expect %1, %2, div ecx
%endmacro
        gate 0, CODE, landing, 0x0e
        divide "#DE, gate absent", DF
        gate 0, 0, landing, INTERRUPT
        divide "#DE, null selector", DF
        gate 0, CODE, stubs, INTERRUPT
        gate 13, CODE, landing, 0x0e
        mov eax, 0xff00
        expect "#GP, gate absent", DF, mov ds, ax
        gate 13, CODE, stubs + 13 * 16, INTERRUPT
        gate 14, CODE, landing, 0x0e
        expect "#PF, gate absent", DF, mov eax, [UNMAPPED]
        mov zax, cr2
        expect_value "CR2", UNMAPPED, eax
        gate 14, CODE, stubs + 14 * 16, INTERRUPT
        gate 6, CODE, landing, 0x0e
        gate 11, CODE, landing, INTERRUPT
        expect "#UD, gate absent, then #NP", LANDED, ud2
        met "its error code", frame, GATE_ERROR(6) + 1
        gate 11, CODE, stubs + 11 * 16, INTERRUPT
        gate 6, CODE, stubs + 6 * 16, INTERRUPT
        gate 8, CODE, landing, INTERRUPT
        gate 0, CODE, landing, 0x0e
        divide "the frame of #DF", LANDED
        met "its error code", frame, 0
        met "CS", frame + 2 * Z, CODE
        gate 0, CODE, stubs, INTERRUPT
        gate 8, CODE, stubs + 8 * 16, INTERRUPT
        ret

; ---- a handler in the LDT ----
local:  mov ax, LDT_DESCRIPTOR
        lldt ax
        through "handler in the LDT", LANDED, LDT_CODE, landing, INTERRUPT, int VECTOR
        met "CS", got_cs, LDT_CODE
        through "selector beyond the LDT", GP_OF(0xc), 0xc, landing, INTERRUPT, int VECTOR
        undefined "#UD, selector beyond the LDT", GP_OF(0xd), 0xc, landing, INTERRUPT
        xor eax, eax
        lldt ax
        ret

; ---- an interrupt of the local APIC ----
APIC_SPURIOUS   equ 0xf0
APIC_ICR        equ 0x300
APIC_EOI        equ 0xb0
SELF_FIXED      equ 0x44000 + VECTOR
%macro end_of_interrupt 0
        mov edi, LOCAL_APIC
        mov dword [zdi + APIC_EOI], 0
%endmacro

external:
        mov edi, LOCAL_APIC
        mov dword [zdi + APIC_SPURIOUS], 0x1ff
        through "interrupt", LANDED, CODE, landing, INTERRUPT, call interrupted
        met_masked "no RF", frame + 2 * Z, 0x10000, 0
        met_masked "it comes behind the shadow of STI", got_at, 0xff00, 0x9000
        end_of_interrupt
        through "interrupt, gate absent", NP(GATE_ERROR(VECTOR) + 1), CODE, landing, 0x0e, call interrupted
        end_of_interrupt
        through "interrupt, null selector", GP_OF(1), 0, landing, INTERRUPT, call interrupted
        end_of_interrupt
        through "interrupt, data segment", GP_OF(DATA + 1), DATA, landing, INTERRUPT, call interrupted
        end_of_interrupt
        ret
interrupted:
        mov edi, LOCAL_APIC
        mov dword [zdi + APIC_ICR], SELF_FIXED
.wait:  mov eax, [zdi + APIC_ICR]
        test eax, 0x1000
        jnz .wait
        sti
        nop
        nop
        nop
        hlt

%if HOST = 64
; ---- the interrupt stack table ----
interrupt_stacks:
%assign ist_ 1
%rep 7
        mov dword [task_state + 28 + ist_ * 8], STACK - 0x4000 - ist_ * 0x100 + 8
        gate VECTOR, CODE, landing, INTERRUPT
        mov byte [zidt(VECTOR) + 4], ist_
        expect "interrupt stack", LANDED, int VECTOR
        went_down "bytes pushed", STACK - 0x4000 - ist_ * 0x100 + 8, 40
        met "SS stays at the same level", got_ss, DATA
  %assign ist_ ist_ + 1
%endrep
        gate VECTOR, CODE, landing, INTERRUPT + USER
        mov byte [zidt(VECTOR) + 4], 3
        expect_user "interrupt stack from ring 3", LANDED, int VECTOR
        went_down "bytes pushed", STACK - 0x4300 + 8, 40
        met "SS is null", got_ss, 0
        mov dword [task_state + 28 + 3 * 8 + 4], 0x8000
        expect "interrupt stack not canonical", SS_OF(0), int VECTOR
        mov dword [task_state + 28 + 3 * 8 + 4], 0
        gate VECTOR, CODE_CONFORMING, landing, INTERRUPT + USER
        mov byte [zidt(VECTOR) + 4], 2
        expect "interrupt stack for conforming code", LANDED, int VECTOR
        went_down "bytes pushed", STACK - 0x4200 + 8, 40
        task_register TASK_SHORT
        expect "TSS too short for an interrupt stack", TS(TASK_SHORT), int VECTOR
        task_register TASK
        ret

; ---- compatibility mode ----
from_compatible:
        gate VECTOR, CODE, landing, INTERRUPT + USER
        expect "compatibility mode: INT n", LANDED, jmp far dword [.entry]
        met "CS", frame + Z, COMPATIBLE
        met "RIP", frame, LOW_CODE + 2
        met "SS", frame + 4 * Z, DATA
        met "in the handler CS", got_cs, CODE
        gate 4, CODE, landing, INTERRUPT
        expect "compatibility mode: INTO", LANDED, jmp far dword [.into]
        met "RIP", frame, LOW_CODE + (compatible.into - compatible) + 9
        gate 4, CODE, stubs + 4 * 16, INTERRUPT
        gate 6, CODE, landing, INTERRUPT
        expect "compatibility mode: #UD", LANDED, jmp far dword [.undefined]
        met "RIP", frame, LOW_CODE + (compatible.undefined - compatible)
        gate 6, CODE, stubs + 6 * 16, INTERRUPT
        ret
.entry: dd LOW_CODE
        dw COMPATIBLE
.into:  dd LOW_CODE + (compatible.into - compatible)
        dw COMPATIBLE
.undefined:
        dd LOW_CODE + (compatible.undefined - compatible)
        dw COMPATIBLE
bits 32
compatible:
        int VECTOR
        hlt
.into:  mov eax, 0x7fffffff
        add eax, 1
        into
        hlt
.undefined:
        ud2
bits 64
%else

; ---- 16-bit gates and 16-bit code ----
sixteen_bits:
        through "16-bit interrupt gate", LANDED, CODE_16, LOW_CODE + (low_code.landing - low_code), 0x86, call interruptible
        met_masked "IF in the handler", got_flags, 0x200, 0
        met_masked "IP", frame, 0xffff, interruptible + 3 - LOAD
        met_masked "CS", frame + 2, 0xffff, CODE
        met_masked "FLAGS", frame + 4, 0x200, 0x200
        mov eax, [resume_stack]
        sub eax, [got_sp]
        expect_value "bytes pushed", 10, eax
        through "16-bit trap gate", LANDED, CODE_16, LOW_CODE + (low_code.landing - low_code), 0x87, call interruptible
        met_masked "IF in the handler", got_flags, 0x200, 0x200
        through "32-bit gate to 16-bit code", LANDED, CODE_16, LOW_CODE + (low_code.landing - low_code), INTERRUPT, int VECTOR
        met "CS", frame + 4, CODE
        through_user "ring 3: 16-bit gate", LANDED, CODE_16, LOW_CODE + (low_code.landing - low_code), 0xe6, int VECTOR
        met_masked "SP", frame + 6, 0xffff, (STACK - 0x2000) & 0xffff
        met_masked "SS", frame + 8, 0xffff, USER_DATA
        went_down "bytes pushed", INNER_STACK, 10
        ret

; ---- virtual-8086 mode ----
; An IRET to 800H:AX with EFLAGS EDX.
enter_8086:
        push 0x4000                     ; GS, FS, DS, ES
        push 0x3000
        push 0x2000
        push 0x1000
        push 0x900
        push 0xff0
        push edx
        push LOW_CODE >> 4
        push eax
        iretd
%macro virtual 4        ; NAME, RESULT, EFLAGS, ENTRY
        mov edx, %3
        mov eax, %4 - low_code
        expect %1, %2, jmp enter_8086
%endmacro
IOPL_3          equ 0x23202
IOPL_0          equ 0x20202

virtual_8086:
        gate VECTOR, CODE, landing, INTERRUPT + USER
        virtual "virtual-8086 mode: INT n, IOPL 3", LANDED, IOPL_3, low_code.software
        met "IP", frame, low_code.software - low_code + 2
        met "CS", frame + 4, LOW_CODE >> 4
        met "EFLAGS", frame + 8, IOPL_3
        met "SP", frame + 12, 0xff0
        met "SS", frame + 16, 0x900
        met "ES", frame + 20, 0x1000
        met "DS", frame + 24, 0x2000
        met "FS", frame + 28, 0x3000
        met "GS", frame + 32, 0x4000
        met "in the handler DS is null", got_ds, 0
        met "in the handler FS is null", got_fs, 0
        met_masked "in the handler VM, IF and IOPL", got_flags, 0x23200, 0x3000
        went_down "bytes pushed", INNER_STACK, 36
        virtual "virtual-8086 mode: INT n, IOPL 0", GP_OF(0), IOPL_0, low_code.software
        gate VECTOR, CODE, landing, INTERRUPT
        virtual "virtual-8086 mode: INT n, gate of ring 0", GP_OF(GATE_ERROR(VECTOR)), IOPL_3, low_code.software
        gate VECTOR, CODE_CONFORMING, landing, INTERRUPT + USER
        virtual "virtual-8086 mode: INT n, conforming code", GP_OF(CODE_CONFORMING), IOPL_3, low_code.software
        gate VECTOR, CODE_OUTER, landing, INTERRUPT + USER
        virtual "virtual-8086 mode: INT n, code of ring 3", GP_OF(CODE_OUTER), IOPL_3, low_code.software
        gate 3, CODE, landing, INTERRUPT + USER
        virtual "virtual-8086 mode: INT3, IOPL 0", LANDED, IOPL_0, low_code.breakpoint
        met "IP", frame, low_code.breakpoint - low_code + 1
        gate 3, CODE, stubs + 3 * 16, INTERRUPT
        gate 6, CODE, landing, INTERRUPT
        virtual "virtual-8086 mode: #UD", LANDED, IOPL_0, low_code.undefined
        met "IP", frame, low_code.undefined - low_code
        met_masked "RF in the frame", frame + 8, 0x10000, 0x10000
        gate 6, CODE_CONFORMING, landing, INTERRUPT
        virtual "virtual-8086 mode: #UD, conforming code", GP_OF(CODE_CONFORMING + 1), IOPL_0, low_code.undefined
        gate 6, CODE, stubs + 6 * 16, INTERRUPT
        virtual "virtual-8086 mode: CLI, IOPL 0", GP_OF(0), IOPL_0, low_code.clear
        virtual "virtual-8086 mode: STI, IOPL 0", GP_OF(0), IOPL_0, low_code.set
        virtual "virtual-8086 mode: PUSHF, IOPL 0", GP_OF(0), IOPL_0, low_code.pushf
        virtual "virtual-8086 mode: POPF, IOPL 0", GP_OF(0), IOPL_0, low_code.popf
        virtual "virtual-8086 mode: IRET, IOPL 0", GP_OF(0), IOPL_0, low_code.iret
        virtual "virtual-8086 mode: HLT", GP_OF(0), IOPL_3, low_code.halt
        virtual "virtual-8086 mode: LLDT", UD, IOPL_3, low_code.lldt
        call virtual_interrupts
        gate VECTOR, CODE_16, LOW_CODE + (low_code.landing - low_code), 0xe6
        virtual "virtual-8086 mode: 16-bit gate", LANDED, IOPL_3, low_code.software
        met_masked "IP", frame, 0xffff, low_code.software - low_code + 2
        met_masked "ES", frame + 10, 0xffff, 0x1000
        met_masked "GS", frame + 16, 0xffff, 0x4000
        went_down "bytes pushed", INNER_STACK, 18
        ret

; ---- CR4.VME and CR4.PVI ----
VIF             equ 0x80000
VIP             equ 0x100000
; A TSS whose redirection bitmap has a 1 for VECTOR: INT VECTOR is not redirected, INT 41H is. Its handler is an INT VECTOR too.
redirecting:
        mov edi, TSS_VIRTUAL
        mov ecx, 0x400 / 4
        xor eax, eax
        rep stosd
        mov esi, task_state
        mov edi, TSS_VIRTUAL
        mov ecx, 0x68
        rep movsb
        mov word [TSS_VIRTUAL + 102], 0x88
        mov byte [TSS_VIRTUAL + 0x68 + VECTOR / 8], 1
        mov word [descriptors + FREE], 0x90
        mov eax, TSS_VIRTUAL
        mov [descriptors + FREE + 2], ax
        shr eax, 16
        mov [descriptors + FREE + 4], al
        mov byte [descriptors + FREE + 5], 0x89
        mov eax, FREE
        ltr ax
        mov dword [0x41 * 4], (LOW_CODE >> 4) << 16 | (low_code.handler - low_code)
        ret
TSS_VIRTUAL     equ 0x440000

virtual_interrupts:
        mov eax, 1
        cpuid
        test edx, 2
        jnz .has
        mov eax, cr4
        or eax, 1
        expect "CR4.VME, not offered", GP, mov cr4, eax
        ret
.has:   call redirecting
        gate VECTOR, CODE, landing, INTERRUPT + USER
        gate 3, CODE, landing, INTERRUPT + USER
        mov eax, cr4
        or eax, 3
        expect "CR4.VME and CR4.PVI", 0x8d5, mov cr4, eax
        virtual "VME: CLI", LANDED, IOPL_0 + VIF, low_code.clear_and_on
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, 0x200
        virtual "VME: STI", LANDED, IOPL_0, low_code.set_and_on
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, VIF + 0x200
        virtual "VME: STI, VIP = 1", GP_OF(0), IOPL_0 + VIP, low_code.set_and_on
        virtual "VME: CLI, VIP = 1", LANDED, IOPL_0 + VIP, low_code.clear_and_on
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, VIP + 0x200
        virtual "VME: CLI, IOPL 3", LANDED, IOPL_3 + VIF, low_code.clear_and_on
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, VIF + 0x3000
        virtual "VME: PUSHF, VIF = 0", LANDED, IOPL_0, low_code.pushf_and_on
        met_masked "SP", frame + 12, 0xffff, 0xfee
        movzx eax, word [0x9000 + 0xfee]
        expect_value "the image", 0x3002, eax
        virtual "VME: PUSHF, VIF = 1", LANDED, IOPL_0 + VIF, low_code.pushf_and_on
        movzx eax, word [0x9000 + 0xfee]
        expect_value "the image", 0x3202, eax
        virtual "VME: PUSHFD", GP_OF(0), IOPL_0, low_code.pushfd
        mov word [0x9000 + 0xff0], 0x4ed7
        virtual "VME: POPF", LANDED, IOPL_0, low_code.popf_and_on
        met_masked "flags", frame + 8, 0x1bffff, VIF + 0x24ed7
        mov word [0x9000 + 0xff0], 0x3002
        virtual "VME: POPF, IF = 0", LANDED, IOPL_0 + VIF, low_code.popf_and_on
        met_masked "flags", frame + 8, 0x1bffff, 0x20202
        mov word [0x9000 + 0xff0], 0x202
        virtual "VME: POPF of IF, VIP = 1", GP_OF(0), IOPL_0 + VIP, low_code.popf
        mov word [0x9000 + 0xff0], 0x102
        virtual "VME: POPF of TF", GP_OF(0), IOPL_0, low_code.popf
        virtual "VME: POPFD", GP_OF(0), IOPL_0, low_code.popfd
        mov word [0x9000 + 0xff0], low_code.breakpoint - low_code
        mov word [0x9000 + 0xff2], LOW_CODE >> 4
        mov word [0x9000 + 0xff4], 0x0202
        virtual "VME: IRET", LANDED, IOPL_0, low_code.iret
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, VIF + 0x200
        met_masked "SP", frame + 12, 0xffff, 0xff6
        virtual "VME: IRET of IF, VIP = 1", GP_OF(0), IOPL_0 + VIP, low_code.iret
        virtual "VME: IRETD", GP_OF(0), IOPL_0, low_code.iretd
        virtual "VME: INT n, not redirected, IOPL 0", GP_OF(0), IOPL_0, low_code.software
        virtual "VME: INT n, redirected", LANDED, IOPL_0 + VIF, low_code.redirected
        met_masked "IP", frame, 0xffff, low_code.handler - low_code + 1
        met_masked "SP", frame + 12, 0xffff, 0xfea
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, 0x200
        movzx eax, word [0x9000 + 0xfea]
        expect_value "IP in the program's frame", low_code.redirected - low_code + 2, eax
        movzx eax, word [0x9000 + 0xfec]
        expect_value "CS in the program's frame", LOW_CODE >> 4, eax
        movzx eax, word [0x9000 + 0xfee]
        expect_value "FLAGS in the program's frame", 0x3202, eax
        virtual "VME: INT n, redirected, IOPL 3", LANDED, IOPL_3 + VIF, low_code.redirected
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, VIF + 0x3000
        movzx eax, word [0x9000 + 0xfee]
        expect_value "FLAGS in the program's frame", 0x3202, eax
        mov byte [descriptors + FREE], 0x60
        mov byte [descriptors + FREE + 5], 0x89
        mov eax, FREE
        ltr ax
        virtual "VME: INT n, no redirection bitmap", GP_OF(0), IOPL_3, low_code.redirected
        mov dword [user_flags], VIF + 2
        call .protected
        gate 3, CODE, stubs + 3 * 16, INTERRUPT
        mov eax, cr4
        and eax, ~3
        mov cr4, eax
        and byte [descriptors + TASK + 5], ~2
        mov eax, TASK
        ltr ax
        ret
.protected:
        push .clear
        pop dword [user_entry]
        expect "PVI: CLI", LANDED, call to_user
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, 0
        push .set
        pop dword [user_entry]
        expect "PVI: STI", LANDED, call to_user
        met_masked "VIF, VIP, IOPL and IF", frame + 8, 0x183200, VIF
        mov dword [user_flags], VIP + 2
        expect "PVI: STI, VIP = 1", GP_OF(0), call to_user
        push .push
        pop dword [user_entry]
        mov dword [user_flags], VIF + 2
        expect "PVI: PUSHF is as ever", LANDED, call to_user
        mov eax, [STACK - 0x2004]
        expect_value "the image", VIF + 2, eax
        ret
.clear: cli
        int VECTOR
.set:   sti
        int VECTOR
.push:  pushfd
        int VECTOR

; ---- task gates ----
tasks:  mov word [descriptors + OTHER_TASK], 0x67
        mov eax, other_state
        mov [descriptors + OTHER_TASK + 2], ax
        shr eax, 16
        mov [descriptors + OTHER_TASK + 4], al
        mov byte [descriptors + OTHER_TASK + 5], 0x89
        mov byte [descriptors + OTHER_TASK + 6], 0
        mov eax, cr3
        mov [other_state + 28], eax
        mov [task_state + 28], eax
        mov dword [other_state + 32], .other
        mov dword [other_state + 36], 2
        mov dword [other_state + 56], STACK - 0x5000
        mov dword [other_state + 72], DATA
        mov dword [other_state + 76], CODE
        mov dword [other_state + 80], DATA
        mov dword [other_state + 84], DATA
        through "INT n, task gate, IRET", 0x8d5, OTHER_TASK, 0, 0x85, int VECTOR
        met "NT in the task", got_flags, 0x4002
        met "its back link", got_ds, TASK
        met "its task register", got_ss, OTHER_TASK
        met_masked "CR0.TS", got_cs, 8, 8
        clts
        mov al, [descriptors + OTHER_TASK + 5]
        movzx eax, al
        expect_value "available again", 0x89, eax
        mov byte [descriptors + OTHER_TASK + 5], 0x8b
        expect "INT n, task gate, busy", GP_OF(OTHER_TASK), int VECTOR
        mov byte [descriptors + OTHER_TASK + 5], 0x09
        expect "INT n, task gate, TSS absent", NP(OTHER_TASK), int VECTOR
        mov byte [descriptors + OTHER_TASK + 5], 0x89
        mov byte [descriptors + OTHER_TASK], 0x66
        expect "INT n, task gate, TSS too short", TS(OTHER_TASK), int VECTOR
        mov byte [descriptors + OTHER_TASK], 0x67
        through "INT n, task gate absent", NP(GATE_ERROR(VECTOR)), OTHER_TASK, 0, 5, int VECTOR
        through "INT n, task gate to code", GP_OF(CODE), CODE, 0, 0x85, int VECTOR
        through "INT n, task gate to the LDT", GP_OF(4), 4, 0, 0x85, int VECTOR
        through_user "ring 3: INT n, task gate of ring 0", GP_OF(GATE_ERROR(VECTOR)), OTHER_TASK, 0, 0x85, int VECTOR
        mov dword [other_state + 32], .fault
        mov dword [other_state + 56], STACK - 0x5000
        gate 13, OTHER_TASK, 0, 0x85
        mov eax, 0xff00
        expect "#GP, task gate", 0x8d5, mov ds, ax
        clts
        met "its error code on the task's stack", frame, 0xff00
        went_down "bytes pushed", STACK - 0x5000, 4
        gate 13, CODE, stubs + 13 * 16, INTERRUPT
; A task whose T flag is set: #DB before its first instruction.
        mov dword [other_state + 32], .other
        mov dword [other_state + 56], STACK - 0x5000
        mov byte [other_state + 100], 1
        gate 1, CODE, .trap, INTERRUPT
        xor eax, eax
        mov dr6, eax
        mov [got_at], eax
        through "INT n, task gate, T flag", 0x8d5, OTHER_TASK, 0, 0x85, int VECTOR
        clts
        met "where the trap came", got_at, .other
        mov eax, dr6
        and eax, 0xe00f
        expect_value "DR6.BT", 0x8000, eax
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        ret
.trap:  push eax
        mov eax, [esp + 4]
        mov [got_at], eax
        pop eax
        iretd
.other: pushfd
        pop dword [got_flags]
        mov eax, [other_state]
        mov [got_ds], eax
        str eax
        mov [got_ss], eax
        mov eax, cr0
        mov [got_cs], eax
        iretd
.fault: mov [got_sp], esp
        pop dword [frame]
        mov eax, [task_state + 32]      ; the other task goes on behind its MOV
        add dword [task_state + 32], 2
        iretd

; 16-bit code at LOW_CODE
bits 16
low_code:
        hlt
.landing:
        o32 pushad                      ; room below the frame
        mov ax, DATA
        mov ds, ax
        mov [dword got_sp], esp
        add dword [dword got_sp], 32
        o32 pushfd
        o32 pop dword [dword got_flags]
        mov esi, [dword got_sp]
        mov edi, frame
        mov ecx, 12
.copy:  mov eax, [ss:esi]
        mov [edi], eax
        add esi, 4
        add edi, 4
        dec ecx
        jnz .copy
        jmp dword CODE:landed
.software:
        int VECTOR
        hlt
.breakpoint:
        int3
.undefined:
        ud2
.clear: cli
.set:   sti
.pushf: pushf
.popf:  popf
.iret:  iret
.halt:  hlt
.lldt:  lldt ax
.clear_and_on:
        cli
        int3
.set_and_on:
        sti
        int3
.pushf_and_on:
        pushf
        int3
.pushfd:
        pushfd
.popf_and_on:
        popf
        int3
.popfd: popfd
.iretd: iretd
.redirected:
        int 0x41
.handler:
        int3
bits 32
align 16
other_state:
        times 0x68 db 0
%endif
