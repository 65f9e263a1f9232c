; SPDX-License-Identifier: GPL-2.0-or-later
; VM entries and VM exits as a hypervisor meets them: checks, host state, MSR lists, events, timers, EPT, cached translations.
; SDM 3C, "VM Entries" and "VM Exits".
%include "kernel.inc"
%include "vmcs.inc"
LIST            equ 0x330000            ; MSR lists
PLACE           equ 0x800000            ; a page of 2 MBytes that guests look at
OTHER_PLACE     equ 0xc00000
GUEST_TABLES    equ 0x340000

main:   call vmx_on
        call host_state
        call failed_controls
        call failed_state
        call msr_lists
        call events
        call windows
        call timers
        call ept
        call cached
        ret

; expect_masked NAME, FIELD, MASK, WANTED
%macro expect_masked 4
        mov zdx, %2
        xor eax, eax
        vmread zax, zdx
        and eax, %3
        expect_value %1, %4, eax
%endmacro

; ---- what an exit leaves in the host ----
guest_call:
        mov eax, 0x1234
        vmcall
        vmcall
        jmp guest_call

host_state:
        call plain
        call new_guest
        guest_at guest_call
        expect_entry "VMCALL exits", EXIT(18)
        expect_value "RFLAGS behind the exit", 2, [exit_flags]
        expect_value "the guest's EAX", 0x1234, [guest_ax]
        expect_field "instruction length", V_LENGTH, 3
        expect_field "guest RIP", V_RIP, guest_call + 5
        expect_field "guest RSP", V_RSP, GUEST_STACK
        mov zax, cr3
        expect_value "CR3", TABLES, eax
        mov zax, dr7
        expect_value "DR7", 0x400, eax
        mov eax, cs
        expect_value "CS", CODE, eax
        mov eax, ss
        expect_value "SS", DATA, eax
        str eax
        expect_value "TR", TASK, eax
        sldt eax
        expect_value "LDTR", 0, eax
        sgdt [scratch]
        movzx eax, word [scratch]
        expect_value "GDTR's limit", 0xffff, eax
        expect_value "GDTR's base", gdt, [scratch + 2]
        sidt [scratch]
        movzx eax, word [scratch]
        expect_value "IDTR's limit", 0xffff, eax
        lsl eax, [selector_data]
        expect_value "data reach everywhere", -1, eax
        mov ecx, 0x174
        rdmsr
        expect_value "IA32_SYSENTER_CS", 0x99, eax
        mov ecx, 0x175
        rdmsr
        expect_value "IA32_SYSENTER_ESP", 0x7777, eax
        mov ecx, EFER
        rdmsr
        and eax, 0x500
%if HOST = 64
        expect_value "EFER.LMA and LME", 0x500, eax
%else
        expect_value "EFER.LMA and LME", 0, eax
%endif
        expect "the host's IDT serves", UD, ud2
        mov byte [launched], 0
        expect_entry "VMLAUNCH of a launched VMCS", FAIL_VALID(4)
        mov byte [launched], 1
        call skip
        expect_entry "VMRESUME", EXIT(18)
        expect_field "the second VMCALL", V_RIP, guest_call + 8
        ret

; ---- VM entries that fail ----
; broken NAME, RESULT, FIELD, VALUE: a plain guest with one wrong field.
%macro broken 4
        call new_guest
        guest_at guest_call
        write %3, %4
        expect_entry %1, %2
%endmacro

failed_controls:
        call plain
        broken "pin controls that must be 1", FAIL_VALID(7), 0x4000, 0
        broken "CR3-target count of 5", FAIL_VALID(7), 0x400a, 5
        broken "exception injected without a type", FAIL_VALID(7), V_ENTRY_EVENT, 0x80000106
        ret

failed_state:
        broken "host CR0 without PE", FAIL_VALID(8), 0x6c00, 0x80000020
        broken "host CS null", FAIL_VALID(8), 0xc02, 0
        broken "host TR null", FAIL_VALID(8), 0xc0c, 0
        broken "host SS with RPL 3", FAIL_VALID(8), 0xc04, DATA + 3
%if HOST = 64
        broken "host RIP not canonical", FAIL_VALID(8), 0x6c16, 0x8000000000000000
        broken "host CR4 without PAE", FAIL_VALID(8), 0x6c04, 0x2000
%else
        broken "host SS null", FAIL_VALID(8), 0xc04, 0
        broken "IA-32e mode guest of a 32-bit host", FAIL_VALID(8), 0x4012, 0x13fb
%endif
        broken "guest RFLAGS without bit 1", ENTRY_FAILED(33), V_RFLAGS, 0
        expect_field "its qualification", V_QUALIFICATION, 0
        expect_value "RFLAGS in the host", 2, [exit_flags]
        expect_field "guest RIP is not saved anew", V_RIP, guest_call
        broken "guest CR0 without PE", ENTRY_FAILED(33), V_CR0, 0x80000020
        broken "guest TR not busy", ENTRY_FAILED(33), 0x4822, 0x89
        broken "guest activity state 4", ENTRY_FAILED(33), V_ACTIVITY, 4
        call new_guest
        guest_at guest_call
        write V_LINK, 0x301010
%if HOST != 64
        write V_LINK + 1, 0
%endif
        expect_entry "VMCS link pointer not on a page", ENTRY_FAILED(33)
        expect_field "its qualification", V_QUALIFICATION, 4
%if HOST = 36
        mov dword [GUEST_TABLES], 0x21
        mov dword [GUEST_TABLES + 4], 0
        broken "PDPTE with a reserved bit", ENTRY_FAILED(33), V_CR3, GUEST_TABLES
        expect_field "its qualification", V_QUALIFICATION, 2
        write V_CR3, TABLES
%endif
        ; A failed entry leaves the launch state clear.
        guest_at guest_call
        write V_LINK, -1
%if HOST != 64
        write V_LINK + 1, -1
%endif
        expect_entry "VMLAUNCH after the failure", EXIT(18)
        ret

; ---- MSR lists ----
guest_msr:
        mov ecx, 0x175
        rdmsr
        vmcall
        mov ecx, 0x175
        mov eax, 0x66
        xor edx, edx
        wrmsr
        vmcall

%macro entry_of 3       ; number, MSR, low half
        mov dword [LIST + %1 * 16], %2
        mov dword [LIST + %1 * 16 + 4], 0
        mov dword [LIST + %1 * 16 + 8], %3
        mov dword [LIST + %1 * 16 + 12], 0
%endmacro

msr_lists:
        or dword [primary], 1 << 28     ; MSR bitmaps: none exits
        call new_guest
        write 0x2004, 0x350000
%if HOST != 64
        write 0x2005, 0
%endif
        entry_of 0, 0x174, 0x11
        entry_of 1, 0x175, 0x55
        entry_of 2, 0x175, 0
        entry_of 3, 0x176, 0x4444
        write 0x200a, LIST
        write 0x4014, 2
        write 0x2006, LIST + 32
        write 0x400e, 1
        write 0x2008, LIST + 48
        write 0x4010, 1
        guest_at guest_msr
        expect_entry "MSRs are loaded at entry", EXIT(18)
        expect_value "IA32_SYSENTER_ESP in the guest", 0x55, [guest_ax]
        expect_value "IA32_SYSENTER_ESP stored at exit", 0x55, [LIST + 40]
        mov ecx, 0x176
        rdmsr
        expect_value "IA32_SYSENTER_EIP loaded at exit", 0x4444, eax
        write 0x4014, 0
        call skip
        expect_entry "the guest writes an MSR", EXIT(18)
        expect_value "what it wrote is stored", 0x66, [LIST + 40]
        expect_field "and saved", 0x6824, 0x66
        entry_of 1, 0xc0000100, 0       ; FS.base may not be loaded
        write 0x4014, 2
        expect_entry "an MSR that may not be loaded", ENTRY_FAILED(34)
        expect_field "qualification: the second entry", V_QUALIFICATION, 2
        mov ecx, 0x176
        rdmsr
        expect_value "the exit list is loaded then too", 0x4444, eax
        and dword [primary], ~(1 << 28)
        ret

; ---- events ----
guest_ud:
        ud2
guest_gate:
        vmcall
guest_soft:
        int 0x20

events: call plain
        call new_guest
        guest_at guest_ud
        write 0x4004, 1 << 6
        expect_entry "#UD exits", EXIT(0)
        expect_field "interruption information", V_EVENT, 0x80000306
        write 0x4004, 0
        write V_ENTRY_EVENT, 0x80000b0e ; #PF with an error code, through an IDT without that gate
        write V_ENTRY_ERROR, 2
        write 0x6818, UNMAPPED
        write 0x4006, 0
        expect_entry "the delivery of #PF meets #PF", EXIT(2)
        call new_guest
        guest_at guest_ud
        write 0x4004, 1 << 14
        write V_ENTRY_EVENT, 0x80000b0d ; #GP
        write V_ENTRY_ERROR, 0x18
        write 0x6818, UNMAPPED
        expect_entry "the delivery of #GP meets #PF", EXIT(0)
        expect_field "interruption information", V_EVENT, 0x80000b0e
        expect_field "error code", V_EVENT_ERROR, 0
        expect_field "IDT-vectoring information", V_IDT_VECTORING, 0x80000b0d
        expect_field "IDT-vectoring error code", 0x440a, 0x18
        expect_field "qualification is the address", V_QUALIFICATION, UNMAPPED + 13 * 2 * Z
        expect_field "the injection is over", V_ENTRY_EVENT, 0xb0d
        ret

; ---- windows, virtual NMIs ----
guest_nop:
        nop
        nop
        vmcall
guest_return:
%if HOST = 64
        iretq
%else
        iretd
%endif

windows:
        call plain
        or dword [primary], 1 << 2
        call new_guest
        guest_at guest_nop
        expect_entry "no interrupt window with IF = 0", EXIT(18)
        guest_at guest_nop
        write V_RFLAGS, 0x202
        expect_entry "interrupt window", EXIT(7)
        expect_field "before the first instruction", V_RIP, guest_nop
        write V_BLOCKING, 1
        expect_entry "interrupt window behind STI", EXIT(7)
        expect_field "one instruction later", V_RIP, guest_nop + 1
        call plain
        or dword [pin], 1 << 3 | 1 << 5
        or dword [primary], 1 << 22
        call new_guest
        guest_at guest_nop
        expect_entry "NMI window", EXIT(8)
        write V_BLOCKING, 8
        expect_entry "virtual NMIs are blocked", EXIT(18)
        write V_BLOCKING, 0
        guest_at guest_return
        write V_RSP, frame
        mov dword [frame + Z], CODE
        mov dword [frame], guest_nop
        mov dword [frame + 2 * Z], 2
%if HOST = 64
        mov qword [frame + 24], GUEST_STACK
        mov dword [frame + 32], DATA
%endif
        write V_BLOCKING, 8
        expect_entry "IRET opens the window", EXIT(8)
        expect_field "behind it", V_RIP, guest_nop
        expect_field "nothing is blocked", V_BLOCKING, 0
        ret

; ---- preemption timer, MTF, TSC ----
guest_loop:
        jmp guest_loop
guest_time:
        rdtsc
        vmcall

timers: call plain
        or dword [pin], 1 << 6
        call new_guest
        guest_at guest_loop
        write 0x482e, 0
        expect_entry "preemption timer of 0", EXIT(52)
        expect_field "before the first instruction", V_RIP, guest_loop
        write 0x482e, 100
        expect_entry "preemption timer", EXIT(52)
        mov ecx, 0x48e
        rdmsr
        test edx, 1 << 27
        jz .no_mtf
        call plain
        or dword [primary], 1 << 27
        call new_guest
        guest_at guest_nop
        expect_entry "monitor trap flag", EXIT(37)
        expect_field "behind one instruction", V_RIP, guest_nop + 1
        expect_entry "monitor trap flag again", EXIT(37)
        expect_field "behind the next", V_RIP, guest_nop + 2
.no_mtf:
        call plain
        or dword [primary], 1 << 3
        call new_guest
        guest_at guest_time
%if HOST = 64
        write 0x2010, 0x500000000000
%else
        write 0x2010, 0
        write 0x2011, 0x5000
%endif
        expect_entry "RDTSC with an offset", EXIT(18)
        mov eax, [guest_dx]
        and eax, 0xff00
        expect_value "the offset", 0x5000, eax
        ret

; ---- EPT ----
guest_look:
        mov ebx, [PLACE + 0x10]
        vmcall
        jmp guest_look
guest_store:
        mov dword [PLACE + 0x10], 0x99
        vmcall

ept:    call plain
        call use_ept
        call new_guest
        call set_eptp
        mov dword [PLACE + 0x10], 0x8888
        mov dword [EPT_TABLES + 0x2000 + 4 * 8], 0
        guest_at guest_look
        expect_entry "EPT violation", EXIT(48)
        expect_masked "a read of what is not mapped", V_QUALIFICATION, 0x1ff, 0x181
        expect_field "guest-physical address", V_PHYSICAL, PLACE + 0x10
        expect_field "guest-linear address", V_LINEAR, PLACE + 0x10
        mov dword [EPT_TABLES + 0x2000 + 4 * 8], PLACE + 0xb5
        expect_entry "mapped on demand", EXIT(18)
        expect_value "what the guest read", 0x8888, [guest_bx]
        guest_at guest_store
        expect_entry "EPT violation of a write", EXIT(48)
        expect_masked "qualification of the write", V_QUALIFICATION, 0x1ff, 0x1aa
        mov dword [EPT_TABLES + 0x2000 + 4 * 8], PLACE + 0xb2
        mov zax, 2
        invept zax, [nothing]
        expect_entry "EPT misconfiguration", EXIT(49)
        expect_field "its address", V_PHYSICAL, PLACE + 0x10
        mov dword [EPT_TABLES + 0x2000 + 4 * 8], PLACE + 0xb7
        expect_entry "the write", EXIT(18)
        expect_value "it is done", 0x99, [PLACE + 0x10]
        ret

; ---- cached translations ----
; The guest's own tables map PLACE, by turns to itself and to OTHER_PLACE; only the host changes them.
%if HOST = 32
GUEST_ENTRY     equ GUEST_TABLES + 2 * 4
%else
GUEST_ENTRY     equ GUEST_TABLES + 0x1000 + 4 * 8
%endif
%macro show 3           ; name, page, which value the guest sees
        mov dword [GUEST_ENTRY], %2 + 0x87
        guest_at guest_look
        call enter
        cmp eax, EXIT(18)
        je %%saw
        mov [guest_bx], eax
%%saw:  expect_value %1, %3, [guest_bx]
%endmacro
%macro drop 2           ; INVVPID or INVEPT, type
        mov zax, %2
        %1 zax, [vpid_descriptor]
        jbe write_failed
%endmacro

cached: mov dword [OTHER_PLACE + 0x10], 0x0a
        mov dword [PLACE + 0x10], 0x08
        mov zsi, TABLES
        mov zdi, GUEST_TABLES
        mov ecx, 0x4000 / 4
        rep movsd
%if HOST = 36
        mov dword [GUEST_TABLES], GUEST_TABLES + 0x1001
%elif HOST = 64
        mov dword [GUEST_TABLES], GUEST_TABLES + 0x3007
        mov dword [GUEST_TABLES + 0x3000], GUEST_TABLES + 0x1007
%endif
        call plain
        call new_guest
        write V_CR3, GUEST_TABLES
        show "without VPID", PLACE, 8
        show "without VPID nothing is kept", OTHER_PLACE, 0x0a
        or dword [primary], 0x80000000
        or dword [secondary], 1 << 5
        call new_guest
        write V_CR3, GUEST_TABLES
        write V_VPID, 5
        show "with a VPID", PLACE, 8
        show "with a VPID, kept", OTHER_PLACE, 8
        mov dword [vpid_descriptor], 6
        drop invvpid, 1
        show "INVVPID of another VPID, kept", OTHER_PLACE, 8
        mov dword [vpid_descriptor], 5
        drop invvpid, 1
        show "INVVPID of this VPID", OTHER_PLACE, 0x0a
        show "its translation, kept", PLACE, 0x0a
        drop invvpid, 2
        show "INVVPID of all VPIDs", PLACE, 8
        show "all VPIDs', kept", OTHER_PLACE, 8
        drop invvpid, 3
        show "INVVPID but for global pages", OTHER_PLACE, 0x0a
        mov dword [vpid_descriptor + 8], PLACE + 0x400000
        drop invvpid, 0
        show "INVVPID of another address, kept", PLACE, 0x0a
        mov dword [vpid_descriptor + 8], PLACE
        drop invvpid, 0
        show "INVVPID of the address", PLACE, 8
        write V_VPID, 6
        show "another VPID", OTHER_PLACE, 0x0a
        write V_VPID, 5
        show "the first VPID again, kept", OTHER_PLACE, 8
        call use_ept
        call new_guest
        call set_eptp
%if HOST = 36
        write 0x280a, GUEST_TABLES + 0x1001
%endif
        write V_CR3, GUEST_TABLES
        write V_VPID, 7
        show "VPID and EPT", PLACE, 8
        show "VPID and EPT, kept", OTHER_PLACE, 8
        mov dword [vpid_descriptor], EPT_TABLES + 0x1e
        drop invept, 1
        show "INVEPT of this EPTP", OTHER_PLACE, 0x0a
        show "the EPTP's, kept", PLACE, 0x0a
        drop invept, 2
        show "INVEPT of all", PLACE, 8
        mov dword [vpid_descriptor], 7
        show "INVVPID under EPT comes, kept", OTHER_PLACE, 8
        drop invvpid, 1
        show "INVVPID under EPT", OTHER_PLACE, 0x0a
        ret

align 16
scratch:        dq 0, 0
nothing:        dq 0, 0
vpid_descriptor: dq 0, 0
selector_data:  dd DATA
frame:          dq 0, 0, 0, 0, 0
