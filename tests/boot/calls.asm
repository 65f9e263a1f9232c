; SPDX-License-Identifier: GPL-2.0-or-later
; Fast system calls and the younger system instructions in every host mode: SYSENTER, SYSEXIT, SYSCALL, SYSRET, SWAPGS, RDPID, RDTSCP, INVPCID; their
; faults, what they load, single steps and breakpoints at them. SDM 2, each instruction's own page.
%include "kernel.inc"
%include "gates.inc"
%include "debug.inc"

SYSENTER_CS     equ 0x174
SYSENTER_ESP    equ 0x175
SYSENTER_EIP    equ 0x176
STAR            equ 0xc0000081
LSTAR           equ 0xc0000082
FMASK           equ 0xc0000084
GS_BASE         equ 0xc0000101
KERNEL_GS_BASE  equ 0xc0000102
TSC_AUX         equ 0xc0000103
SCE             equ 1
ENTRY_STACK     equ STACK - 0x6000
USER_STACK      equ STACK - 0x2000
BUFFER          equ 0x430000

%macro set_msr 2-3 0    ; NUMBER, bits 31:0, bits 63:32
        mov ecx, %1
        mov eax, %2
        mov edx, %3
        wrmsr
%endmacro
%macro has 3            ; FEATURES, BIT, where it goes on without
        test dword [%1], 1 << %2
        jz %3
%endmacro

main:   call prepare
        mov eax, 1
        cpuid
        mov [features_1], ecx
        mov [features_1_d], edx
        mov eax, 7
        xor ecx, ecx
        cpuid
        mov [features_7], ebx
        mov [features_7_c], ecx
        mov eax, 0x80000001
        cpuid
        mov [features_extended], edx
        gate VECTOR, CODE, landing, INTERRUPT + USER
        call sysenter_
        call sysexit_
        call syscall_
%if HOST = 64
        call sysret_
        call swapgs_
%endif
        call processor_number
        call invpcid_
        call steps_of_them
        call breakpoints
        ret

; Where SYSENTER and SYSCALL lead: notes what it finds.
entered:
        mov eax, ds
%if HOST = 64
        mov [got_ds], eax
%else
        mov [ss:got_ds], eax
%endif
        mov ax, DATA
        mov ds, ax
        mov [got_sp], esp
        mov [got_cx], zcx
        mov eax, ss
        mov [got_ss], eax
        mov eax, cs
        mov [got_cs], eax
%if HOST = 64
        mov [got_r11], r11
        mov rsp, ENTRY_STACK - 0x100
        pushfq
        pop rax
        mov [got_flags], eax
%else
        mov esp, ENTRY_STACK - 0x100
        pushfd
        pop eax
        mov [got_flags], eax
%endif
        jmp landed

; ---- SYSENTER ----
sysenter_:
        set_msr SYSENTER_ESP, ENTRY_STACK
        set_msr SYSENTER_EIP, entered
        set_msr SYSENTER_CS, 0
        expect "SYSENTER, CS 0", GP, sysenter
        expect_user "SYSENTER in ring 3, CS 0", GP, sysenter
        set_msr SYSENTER_CS, 3
        expect "SYSENTER, CS null with RPL 3", GP, sysenter
        set_msr SYSENTER_CS, CODE + 3
        expect_user "SYSENTER", LANDED, sysenter
        met "CS", got_cs, CODE
        met "SS", got_ss, DATA
        met "ESP", got_sp, ENTRY_STACK
        met "DS stays", got_ds, USER_DATA
        mov dword [user_flags], 0x243ed7 & ~0x100
        expect_with_flags "SYSENTER with many flags", LANDED, .enter
        met_masked "all but IF", got_flags, 0x247fd7, 0x243cd7
        pushed_flags 0x8d5
        expect "SYSENTER in ring 0", LANDED, sysenter
        met "CS", got_cs, CODE
        set_msr SYSENTER_CS, 0x100
        expect "SYSENTER to a selector beyond the GDT", LANDED, sysenter
        met "CS", got_cs, 0x100
        met "SS", got_ss, 0x108
        set_msr SYSENTER_CS, CODE
        expect "SYSENTER with LOCK", UD, db 0xf0, 0x0f, 0x34
        gate 1, CODE, landing, INTERRUPT
        mov dword [user_flags], 0x102
        expect_with_flags "SYSENTER, TF = 1", LANDED, .enter
        met "the step ends at its entry", frame, entered
        met "in ring 0", frame + Z, CODE
        met_masked "TF in its frame", frame + 2 * Z, 0x10300, 0x100
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
%if HOST = 64
        mov rax, 1 << 62
        mov rdx, rax
        shr rdx, 32
        mov ecx, SYSENTER_EIP
        expect "WRMSR of an entry not canonical", GP, wrmsr
        mov ecx, SYSENTER_ESP
        expect "WRMSR of a stack not canonical", GP, wrmsr
        expect "SYSENTER in compatibility mode", LANDED, jmp far dword [.compatible]
        met "CS", got_cs, CODE
        ret
.compatible:
        dd .enter
        dw COMPATIBLE
%else
        mov esi, low_code
        mov edi, LOW_CODE
        mov ecx, 0x20
        rep movsb
        expect "SYSENTER in virtual-8086 mode", LANDED, jmp enter_8086
        met "CS", got_cs, CODE
        met "ESP", got_sp, ENTRY_STACK
        met_masked "VM, IF and IOPL", got_flags, 0x23200, 0x3000
        ret
%endif
.enter: sysenter
        ud2

%if HOST != 64
enter_8086:
        push 0
        push 0
        push 0
        push 0
        push 0x900
        push 0xff0
        push 0x23202
        push LOW_CODE >> 4
        push 0
        iretd
bits 16
low_code:
        sysenter
        hlt
bits 32
%endif

; ---- SYSEXIT ----
%macro leaves 2+        ; NAME, INSTRUCTION: to `user_lands`
        mov ecx, USER_STACK
        mov edx, user_lands
        expect %1, LANDED, %2
%endmacro
user_lands:
        int VECTOR
sysexit_:
        set_msr SYSENTER_CS, 0
        mov ecx, USER_STACK
        mov edx, user_lands
        expect "SYSEXIT, CS 0", GP, sysexit
        set_msr SYSENTER_CS, CODE
        leaves "SYSEXIT", sysexit
        met "CS", frame + Z, CODE + 16 + 3
        met "SS", frame + 4 * Z, CODE + 24 + 3
        met "SP", frame + 3 * Z, USER_STACK
        met "IP", frame, user_lands + 2
        expect_user "SYSEXIT in ring 3", GP, sysexit
        pushed_flags 0x3002
        mov ecx, USER_STACK
        mov edx, user_lands
        expect "SYSEXIT leaves flags", LANDED, jmp .flags
        met_masked "IOPL", frame + 2 * Z, 0x3200, 0x3000
        pushed_flags 2
        mov ecx, USER_STACK
        mov edx, UNMAPPED
        expect "SYSEXIT to nowhere", PF_OF(4), sysexit
%if HOST = 64
        mov rcx, USER_STACK
        mov rax, 0x123400000000
        or rcx, rax
        mov edx, user_lands
        or rdx, rax
        expect "SYSEXIT to compatibility mode", LANDED, sysexit
        met "bits 63:32 of SP are lost", frame + 3 * Z + 4, 0
        met "bits 63:32 of IP are lost", frame + 4, 0
        leaves "SYSEXIT to 64-bit mode", o64 sysexit
        met "CS", frame + Z, CODE + 32 + 3
        met "SS", frame + 4 * Z, CODE + 40 + 3
        met "SP", frame + 3 * Z, USER_STACK
        mov rdx, 1 << 62
        mov ecx, USER_STACK
        expect "SYSEXIT to an address not canonical", GP, o64 sysexit
        mov edx, user_lands
        mov rcx, 1 << 62
        expect "SYSEXIT with a stack not canonical", GP, o64 sysexit
        expect "SYSEXIT in compatibility mode", LANDED, jmp far dword [.compatible]
        met "CS", frame + Z, CODE + 16 + 3
        ret
.compatible:
        dd .leave
        dw COMPATIBLE
.leave:
bits 32
        mov ecx, USER_STACK
        mov edx, user_lands
        sysexit
bits 64
%else
        mov esi, CODE_SHORT
        set_msr SYSENTER_CS, 0x100
        leaves "SYSEXIT to selectors beyond the GDT", sysexit
        met "CS", frame + 4, 0x113
        ret
%endif
.flags: pushed_flags 0x3002
        sysexit

; ---- SYSCALL ----
syscall_:
        mov ecx, EFER
        rdmsr
        and eax, ~SCE
        wrmsr
        expect "SYSCALL, EFER.SCE = 0", UD, syscall
        expect_user "SYSCALL in ring 3, EFER.SCE = 0", UD, syscall
        expect "SYSRET, EFER.SCE = 0", UD, sysret
        mov ecx, EFER
        rdmsr
        or eax, SCE
        wrmsr
%if HOST = 64
        set_msr STAR, 0, (COMPATIBLE - 16) << 16 | CODE + 3
        set_msr LSTAR, entered
        set_msr FMASK, 0x300
        mov eax, 0x12345
        expect_user "SYSCALL", LANDED, syscall
        met "CS", got_cs, CODE
        met "SS", got_ss, DATA
        met "SP stays", got_sp, USER_STACK
        met_masked "it returns behind it", got_flags, 0x300, 0
        mov rax, [got_cx]
        mov ax, [rax - 2]
        movzx eax, ax
        expect_value "RCX is behind it", 0x050f, eax
        mov dword [user_flags], 0x243ed7 & ~0x100
        expect_with_flags "SYSCALL with many flags", LANDED, .call
        met "R11 has them", got_r11, 0x243ed7 & ~0x100
        met_masked "all but those of IA32_FMASK", got_flags, 0x247fd7, 0x243cd7
        pushed_flags 2
        expect "SYSCALL in ring 0", LANDED, syscall
        met "CS", got_cs, CODE
        expect "SYSCALL in compatibility mode", UD, jmp far dword [.compatible]
        mov dword [user_flags], 0x102
        expect_with_flags "SYSCALL, TF = 1 and masked", LANDED, .call
        met_masked "R11 has TF, which is masked", got_r11, 0x100, 0x100
        met_masked "no step", got_flags, 0x100, 0
        set_msr FMASK, 0x200
        gate 1, CODE, landing, INTERRUPT
        expect_with_flags "SYSCALL, TF = 1", LANDED, .call
        met "the step ends at its entry", frame, entered
        met "in ring 0", frame + Z, CODE
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        mov ecx, LSTAR
        mov eax, 0
        mov edx, 0x40000000
        expect "WRMSR of an entry not canonical", GP, wrmsr
        expect "SYSCALL with LOCK", UD, db 0xf0, 0x0f, 0x05
        ret
.call:  syscall
        ud2
.compatible:
        dd .call
        dw COMPATIBLE
%else
        expect "SYSCALL outside of 64-bit mode", UD, syscall
        expect "SYSRET outside of 64-bit mode", UD, sysret
        ret
%endif

%if HOST = 64
; ---- SYSRET ----
sysret_:
        mov ecx, user_lands
        mov r11d, 0x202
        expect "SYSRET to 64-bit mode", LANDED, o64 sysret
        met "CS", frame + Z, COMPATIBLE + 3
        met "SS", frame + 4 * Z, COMPATIBLE - 8 + 3
        met "IP", frame, user_lands + 2
        met_masked "RFLAGS", frame + 2 * Z, 0x3f7fff, 0x202
        mov r11, ~0x100
        mov ecx, user_lands
        expect "SYSRET with all flags but TF", LANDED, o64 sysret
        met "RFLAGS", frame + 2 * Z, 0x3c7ed7
        mov rcx, user_lands
        mov rax, 0x123400000000
        or rcx, rax
        mov r11d, 2
        expect "SYSRET to compatibility mode", LANDED, sysret
        met "CS", frame + Z, COMPATIBLE - 16 + 3
        met "SS", frame + 4 * Z, COMPATIBLE - 8 + 3
        met "bits 63:32 of IP are lost", frame + 4, 0
        mov rcx, 1 << 62
        expect "SYSRET to an address not canonical", GP, o64 sysret
        mov ecx, UNMAPPED
        mov r11d, 2
        expect "SYSRET to nowhere", PF_OF(4), o64 sysret
        expect_user "SYSRET in ring 3", GP, o64 sysret
        expect "SYSRET in compatibility mode", UD, jmp far dword [.compatible]
        gate 1, CODE, landing, INTERRUPT
        mov ecx, user_lands
        mov r11d, 0x102
        expect "SYSRET, TF = 1", LANDED, o64 sysret
        met "the step of SYSRET ends behind it", frame, user_lands
        met "in ring 3", frame + Z, COMPATIBLE + 3
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        ret
.compatible:
        dd .return
        dw COMPATIBLE
.return:
        sysret

; ---- SWAPGS ----
swapgs_:
        set_msr GS_BASE, 0x11111111, 0x1111
        set_msr KERNEL_GS_BASE, 0x22222222, 0x2222
        expect "SWAPGS", RAN, swapgs
        mov ecx, GS_BASE
        rdmsr
        expect_value "GS base, bits 31:0", 0x22222222, eax
        expect_value "GS base, bits 63:32", 0x2222, edx
        mov ecx, KERNEL_GS_BASE
        rdmsr
        expect_value "the other base, bits 31:0", 0x11111111, eax
        set_msr GS_BASE, BUFFER
        set_msr KERNEL_GS_BASE, BUFFER + 0x1000
        mov dword [BUFFER], 1
        mov dword [BUFFER + 0x1000], 2
        mov eax, [gs:0]
        expect_value "before", 1, eax
        swapgs
        mov eax, [gs:0]
        expect_value "behind it", 2, eax
        swapgs
        expect_user "SWAPGS in ring 3", GP, swapgs
        expect "SWAPGS in compatibility mode", UD, jmp far dword [.compatible]
        expect "SWAPGS with LOCK", UD, db 0xf0, 0x0f, 0x01, 0xf8
        mov ecx, KERNEL_GS_BASE
        mov eax, 0
        mov edx, 0x40000000
        expect "WRMSR of a base not canonical", GP, wrmsr
        ret
.compatible:
        dd .swap
        dw COMPATIBLE
.swap:  swapgs
%endif

; ---- RDPID and RDTSCP ----
; The instruction with a result that changes goes before the flags' own line.
processor_number:
        has features_extended, 27, .absent
        set_msr TSC_AUX, 0x5a5a1234
        expect "RDTSCP", RAN, rdtscp
        expect_value "ECX", 0x5a5a1234, ecx
        xor eax, eax
        xor edx, edx
        mov zbx, cr4
        or ebx, 4
        mov cr4, zbx
        expect_user "RDTSCP in ring 3, CR4.TSD", GP, rdtscp
        expect "RDTSCP in ring 0, CR4.TSD", RAN, rdtscp
        xor eax, eax
        xor edx, edx
        mov zbx, cr4
        and ebx, ~4
        mov cr4, zbx
        has features_7_c, 22, .absent
        mov zbx, -1
        expect "RDPID", RAN, rdpid zbx
        expect_value "its result", 0x5a5a1234, ebx
%if HOST = 64
        shr rbx, 32
        expect_value "bits 63:32", 0, ebx
%endif
        expect_user "RDPID in ring 3", UD, rdpid zbx
        expect "RDPID with LOCK", UD, db 0xf0, 0xf3, 0x0f, 0xc7, 0xf8
        mov ecx, TSC_AUX
        xor eax, eax
        mov edx, 1
        expect "WRMSR of IA32_TSC_AUX, bit 32", GP, wrmsr
        ret
.absent:
        expect "RDPID, not offered", UD, db 0xf3, 0x0f, 0xc7, 0xfb
        ret

; ---- INVPCID ----
; A page of ring 0 whose entry changes from one frame to another behind the processor's back: what it reads then tells what was cached.
WINDOW          equ 0xc00000
FRAME_1         equ 0x400000
FRAME_2         equ 0x800000
IS_GLOBAL       equ 0x100
%if HOST = 32
  WINDOW_ENTRY  equ TABLES + (WINDOW >> 22) * 4
%else
  WINDOW_ENTRY  equ TABLES + 0x1000 + (WINDOW >> 21) * 8
%endif
%macro describe 2       ; PCID, linear address
        mov dword [pcid_descriptor], %1
        mov dword [pcid_descriptor + 4], 0
        mov dword [pcid_descriptor + 8], %2
        mov dword [pcid_descriptor + 12], 0
%endmacro
; What is read behind an invalidation of TYPE: 2 when the old translation is gone. Bits of the entry are %3.
%macro invalidates 4      ; NAME, WANTED, bits, TYPE
        mov dword [WINDOW_ENTRY], FRAME_1 + 0x83 + %3
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov dword [WINDOW_ENTRY], FRAME_2 + 0x83 + %3
        mov eax, %4
        invpcid zax, [pcid_descriptor]
        mov eax, [WINDOW]
        mov dword [WINDOW_ENTRY], WINDOW + 0x87
        invlpg [WINDOW]
        expect_value %1, %2, eax
%endmacro
invpcid_:
        has features_7, 10, .absent
        describe 0, WINDOW
        xor eax, eax
        expect "INVPCID of an address", RAN, invpcid zax, [pcid_descriptor]
        mov eax, 1
        expect "INVPCID of a context", RAN, invpcid zax, [pcid_descriptor]
        mov eax, 2
        expect "INVPCID of all with globals", RAN, invpcid zax, [pcid_descriptor]
        mov eax, 3
        expect "INVPCID of all but globals", RAN, invpcid zax, [pcid_descriptor]
        mov eax, 4
        expect "INVPCID, type 4", GP, invpcid zax, [pcid_descriptor]
        mov eax, -1
        expect "INVPCID, type -1", GP, invpcid zax, [pcid_descriptor]
        expect_user "INVPCID in ring 3", GP, invpcid zax, [pcid_descriptor]
        expect "INVPCID of a register", UD, db 0x66, 0x0f, 0x38, 0x82, 0xc0
        expect "INVPCID without its prefix", UD, db 0x0f, 0x38, 0x82, 0x03
        xor eax, eax
        expect "INVPCID from nowhere", PF_OF(0), invpcid zax, [UNMAPPED]
        expect "INVPCID across the end of memory", PF_OF(0), invpcid zax, [UNMAPPED - 8]
        describe 1, WINDOW
        xor eax, eax
        expect "INVPCID of an address, a PCID and CR4.PCIDE = 0", GP, invpcid zax, [pcid_descriptor]
        mov eax, 1
        expect "INVPCID of a context, a PCID and CR4.PCIDE = 0", GP, invpcid zax, [pcid_descriptor]
        mov eax, 2
        expect "INVPCID of all with globals, a PCID", RAN, invpcid zax, [pcid_descriptor]
        describe 0x1000, WINDOW
        xor eax, eax
        expect "INVPCID of an address, bit 12", GP, invpcid zax, [pcid_descriptor]
        mov eax, 1
        expect "INVPCID of a context, bit 12", GP, invpcid zax, [pcid_descriptor]
        mov eax, 2
        expect "INVPCID of all with globals, bit 12", GP, invpcid zax, [pcid_descriptor]
        mov eax, 3
        expect "INVPCID of all but globals, bit 12", GP, invpcid zax, [pcid_descriptor]
        describe 0, WINDOW
        mov dword [pcid_descriptor + 4], 0x80000000
        mov eax, 3
        expect "INVPCID of all but globals, bit 63", GP, invpcid zax, [pcid_descriptor]
%if HOST = 64
        describe 0, WINDOW
        mov dword [pcid_descriptor + 12], 0x40000000
        xor eax, eax
        expect "INVPCID of an address not canonical", GP, invpcid rax, [pcid_descriptor]
        mov eax, 1
        expect "INVPCID of a context, an address not canonical", RAN, invpcid rax, [pcid_descriptor]
        mov rax, 1 << 32
        expect "INVPCID, a type of 64 bits", GP, invpcid rax, [pcid_descriptor]
        mov rbx, 1 << 62
        expect "INVPCID from an address not canonical", GP, invpcid rax, [rbx]
        mov rbp, rbx
        expect "INVPCID from a stack not canonical", SS_, invpcid rax, [rbp]
        expect "INVPCID in compatibility mode", GP, jmp far dword [.compatible]
%else
        mov ebx, STACK_SHORT
        mov fs, bx
        xor eax, eax
        expect "INVPCID beyond a limit", GP, invpcid eax, [fs:0xff8]
        mov ebx, DATA
        mov fs, bx
%endif
        mov dword [FRAME_1], 1
        mov dword [FRAME_2], 2
        describe 0, WINDOW
        invalidates "an address", 2, 0, 0
        invalidates "a context", 2, 0, 1
        invalidates "all with globals", 2, 0, 2
        invalidates "all but globals", 2, 0, 3
        mov zax, cr4
        or eax, 0x80
        mov cr4, zax
        describe 0, WINDOW
        invalidates "a global page: all with globals", 2, IS_GLOBAL, 2
        invalidates "a global page stays: a context", 1, IS_GLOBAL, 1
        invalidates "a global page stays: all but globals", 1, IS_GLOBAL, 3
        mov zax, cr4
        and eax, ~0x80
        mov cr4, zax
%if HOST = 64
        has features_1, 17, .no_pcids
        mov rax, cr4
        bts rax, 17
        mov cr4, rax
        describe 1, WINDOW
        invalidates "a context of another PCID, kept", 1, 0, 1
        invalidates "an address of another PCID, kept", 1, 0, 0
        mov eax, 1
        expect "INVPCID of a context, a PCID and CR4.PCIDE = 1", RAN, invpcid rax, [pcid_descriptor]
        mov rax, cr4
        btr rax, 17
        mov cr4, rax
.no_pcids:
%endif
        ret
.absent:
        expect "INVPCID, not offered", UD, db 0x66, 0x0f, 0x38, 0x82, 0x03
        ret
%if HOST = 64
.compatible:
        dd .invalidate
        dw COMPATIBLE
bits 32
.invalidate:
        mov eax, 4
        invpcid eax, [pcid_descriptor]
bits 64
%endif

; ---- single steps ----
steps_of_them:
        gate 1, CODE, step, INTERRUPT
        xor eax, eax
        mov dr6, zax
        has features_extended, 27, .no_rdtscp
        steps "RDTSCP", 1, rdtscp
        xor eax, eax
        xor edx, edx
.no_rdtscp:
        has features_7_c, 22, .no_rdpid
        steps "RDPID", 1, rdpid zbx
.no_rdpid:
        has features_7, 10, .no_invpcid
        describe 0, WINDOW
        mov eax, 2
        steps "INVPCID", 1, invpcid zax, [pcid_descriptor]
.no_invpcid:
%if HOST = 64
        steps "SWAPGS", 1, swapgs
        swapgs
%endif
        mov dword [step_causes], 0
        mov ecx, SYSENTER_CS
        steps "RDMSR of IA32_SYSENTER_CS", 1, rdmsr
        mov eax, [step_causes]
        and eax, 0xe00f
        expect_value "DR6.BS", 0x4000, eax
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
        ret

; ---- breakpoints ----
; An instruction breakpoint is met before the instruction, once: RF = 1 passes it.
%macro broken 2         ; NAME, LABEL in ring 3
        watch %2, EXECUTE_1
        gate 1, CODE, landing, INTERRUPT
        mov dword [user_flags], 2
        expect_with_flags %1, LANDED, %2
        met "RIP", frame, %2
        hit "DR6", 1
        watch %2, EXECUTE_1
        mov dword [user_flags], 0x10002
        expect_with_flags "it is passed with RF = 1", LANDED, %2
        met "CS of its entry", got_cs, CODE
        hit "DR6", 0
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
%endmacro
breakpoints:
        set_msr SYSENTER_CS, CODE
        broken "breakpoint on SYSENTER", .enter
        watch entered, EXECUTE_1
        mov dword [user_flags], 2
        gate 1, CODE, landing, INTERRUPT
        expect_with_flags "breakpoint on its entry", LANDED, .enter
        met "RIP", frame, entered
        hit "DR6", 1
        gate 1, CODE, stubs + 1 * 16, INTERRUPT
%if HOST = 64
        set_msr FMASK, 0x300
        broken "breakpoint on SYSCALL", .call
        set_msr FMASK, 0x10300
        mov dword [user_flags], 0x10002
        expect_with_flags "SYSCALL, RF = 1", LANDED, .call
        met_masked "RF is clear at its entry", got_flags, 0x10000, 0
%endif
        has features_7, 10, .no_invpcid
        describe 0, WINDOW
        watch pcid_descriptor, ANY_4
        mov eax, 2
        expect "breakpoint on the descriptor of INVPCID", DEBUG, invpcid zax, [pcid_descriptor]
        hit "DR6", 1
.no_invpcid:
        ret
.enter: sysenter
        ud2
%if HOST = 64
.call:  syscall
        ud2
%endif

align 16
pcid_descriptor:
        dq 0, 0
got_cx:         dq 0
got_r11:        dq 0
features_1:     dd 0
features_1_d:   dd 0
features_7:     dd 0
features_7_c:   dd 0
features_extended: dd 0
