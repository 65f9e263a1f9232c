; SPDX-License-Identifier: GPL-2.0-or-later
; What later processors added to VMX, as a hypervisor meets it: page-modification logging, #VE, EPTP switching, shadow VMCSs, TSC scaling; and NMIs.
; SDM 3C, "Page-Modification Logging", "Convertible EPT Violations", "VM Functions", "VMCS Shadowing", "Time-Stamp Counter Offset and Multiplier".
%include "kernel.inc"
%include "vmcs.inc"
SHADOW          equ 0x303000            ; VMCS region
OTHER_EPT       equ 0x324000            ; four levels; its PLACE is OTHER_PLACE
EPTP_LIST       equ 0x328000
PML_LOG         equ 0x329000
VE_AREA         equ 0x32a000
READ_BITMAP     equ 0x32b000
WRITE_BITMAP    equ 0x32c000
LIST            equ 0x330000
PLACE           equ 0x800000            ; a page of 2 MBytes that guests look at
OTHER_PLACE     equ 0xc00000
PLACE_ENTRY     equ EPT_TABLES + 0x2000 + 4 * 8
V_PML_INDEX     equ 0x812
V_EPTP_INDEX    equ 0x4
RIGHTS          equ 0xb7                ; write-back, 2 MBytes, all rights
DIRTY           equ 1 << 9

main:   call vmx_on
        call logging
        call exceptions
        call functions
        call shadowing
        call scaling
        call nmis
        ret

; A guest with EPT and these secondary controls.
%macro guest_with 1
        call plain
        call use_ept
        or dword [secondary], %1
        call new_guest
        call set_eptp
%endmacro
; The EPT entry of PLACE, low half and high half, without what is cached of it.
%macro place 2
        mov dword [PLACE_ENTRY], %1
        mov dword [PLACE_ENTRY + 4], %2
        mov zax, 2
        invept zax, [nothing]
%endmacro

guest_load:
        mov ebx, [PLACE + 0x10]
        vmcall
guest_store:
        mov dword [PLACE + 0x10], 0x99
        vmcall

; ---- page-modification logging ----
; The guest's own paging structures are read, which EPT with accessed and dirty flags takes for a write.
%if HOST = 36
  FIRST_TABLE   equ TABLES + 0x1000
%else
  FIRST_TABLE   equ TABLES
%endif

logging:
        needs 1 << 17, .done
        guest_with 1 << 17
        write V_EPTP, EPT_TABLES + 0x5e
        write 0x200e, PML_LOG
        write V_PML_INDEX, 511
        guest_at guest_load
        expect_entry "PML, a load", EXIT(18)
        expect_field "the index behind a load", V_PML_INDEX, 510
        expect_value "the guest's paging structure is logged", FIRST_TABLE, [PML_LOG + 511 * 8]
        guest_at guest_store
        expect_entry "PML, a store", EXIT(18)
        expect_field "the index behind a store", V_PML_INDEX, 509
        expect_value "the page is logged", PLACE, [PML_LOG + 510 * 8]
        expect_value "its high half", 0, [PML_LOG + 510 * 8 + 4]
        mov eax, [PLACE_ENTRY]
        and eax, DIRTY
        expect_value "the EPT entry is dirty", DIRTY, eax
        guest_at guest_store
        expect_entry "PML, another store", EXIT(18)
        expect_field "a page is logged once", V_PML_INDEX, 509
        mov dword [PLACE_ENTRY], PLACE + RIGHTS
        guest_at guest_store
        expect_entry "PML, the EPT entry made clean again", EXIT(18)
        expect_field "the page is logged again", V_PML_INDEX, 508
        write V_PML_INDEX, 0
        place PLACE + RIGHTS, 0
        guest_at guest_store
        expect_entry "PML, the last entry", EXIT(18)
        expect_field "the index is past the end", V_PML_INDEX, 0xffff
        expect_value "the last entry is used", PLACE, [PML_LOG]
        place PLACE + RIGHTS, 0
        mov dword [PLACE + 0x10], 0
        guest_at guest_store
        expect_entry "PML, the log is full", EXIT(62)
        expect_field "its qualification", V_QUALIFICATION, 0
        expect_field "its guest RIP", V_RIP, guest_store
        expect_value "the store did not happen", 0, [PLACE + 0x10]
        mov eax, [PLACE_ENTRY]
        and eax, DIRTY
        expect_value "the EPT entry stays clean", 0, eax
        write V_PML_INDEX, 511
        expect_entry "PML, the log is emptied", EXIT(18)
        expect_value "the store happens", 0x99, [PLACE + 0x10]
        write V_PML_INDEX, 512
        place PLACE + RIGHTS, 0
        guest_at guest_store
        expect_entry "PML, an index beyond 511", EXIT(62)
        guest_with 1 << 17
        guest_at guest_load
        expect_entry "PML without accessed and dirty flags", EXIT(18)
        write 0x200e, PML_LOG + 8
        expect_entry "PML address not on a page", FAIL_VALID(7)
        call plain
        or dword [primary], 0x80000000
        or dword [secondary], 1 << 17
        call new_guest
        expect_entry "PML without EPT", FAIL_VALID(7)
.done:  ret

; ---- #VE ----
guest_caught:
        vmcall

exceptions:
        needs 1 << 18, .done
        guest_with 1 << 18
        write 0x202a, VE_AREA
        write V_EPTP_INDEX, 7
        resume guest_caught
        mov dword [VE_AREA + 4], 0
        place 0, 0
        guest_at guest_load
        expect_entry "#VE in the guest", EXIT(18)
        expect_field "its handler exits", V_RIP, guest_caught
        expect_value "vector", 20, [caught_vector]
        expect_value "#VE information: reason", 48, [VE_AREA]
        expect_value "#VE information: it is in use", -1, [VE_AREA + 4]
        mov eax, [VE_AREA + 8]
        and eax, 0x1ff
        expect_value "#VE information: qualification", 0x181, eax
        expect_value "#VE information: linear address", PLACE + 0x10, [VE_AREA + 16]
        expect_value "#VE information: physical address", PLACE + 0x10, [VE_AREA + 24]
        movzx eax, word [VE_AREA + 32]
        expect_value "#VE information: EPTP index", 7, eax
        guest_at guest_load
        expect_entry "the area is still in use: EPT violation", EXIT(48)
        mov dword [VE_AREA + 4], 0
        place 0, 0x80000000
        guest_at guest_load
        expect_entry "suppressed: EPT violation", EXIT(48)
        expect_value "nothing in the area", 0, [VE_AREA + 4]
        place 2, 0
        guest_at guest_load
        expect_entry "no #VE for an EPT misconfiguration", EXIT(49)
        place PLACE + 0xb1, 0x80000000
        guest_at guest_store
        expect_entry "suppressed in an entry that lacks a right", EXIT(48)
        place PLACE + 0xb1, 0
        guest_at guest_store
        expect_entry "#VE of a store", EXIT(18)
        mov eax, [VE_AREA + 8]
        and eax, 0x1ff
        expect_value "its qualification", 0x18a, eax
        mov dword [VE_AREA + 4], 0
        write 0x4004, 1 << 20
        guest_at guest_store
        expect_entry "#VE exits", EXIT(0)
        expect_field "interruption information", V_EVENT, 0x80000314
        expect_field "guest RIP", V_RIP, guest_store
        expect_field "its qualification is 0", V_QUALIFICATION, 0
        expect_value "the area is filled all the same", 48, [VE_AREA]
        write 0x4004, 0
        mov dword [VE_AREA + 4], 0
        place 0, 0
        write V_ENTRY_EVENT, 0x80000306         ; #UD, delivered through an IDT that EPT does not map
        write 0x6818, PLACE
        guest_at guest_load
        expect_entry "no #VE during event delivery", EXIT(48)
        expect_field "IDT-vectoring information", V_IDT_VECTORING, 0x80000306
        write 0x202a, VE_AREA + 16
        expect_entry "#VE information not on a page", FAIL_VALID(7)
.done:  resume 0
        ret

; ---- EPTP switching ----
guest_switch:
        mov eax, [function]
        mov ecx, [function + 4]
guest_vmfunc:
        vmfunc
        mov ebx, [PLACE + 0x10]
        vmcall

; switch NAME, EAX, ECX, RESULT
%macro switch 4
        guest_at guest_switch
        mov dword [function], %2
        mov dword [function + 4], %3
        expect_entry %1, %4
%endmacro

functions:
        needs 1 << 13, .done
        mov dword [PLACE + 0x10], 0x08
        mov dword [OTHER_PLACE + 0x10], 0x0a
        guest_with 1 << 13
        write 0x2018, 1
        write 0x2024, EPTP_LIST
        mov zsi, EPT_TABLES
        mov zdi, OTHER_EPT
        mov ecx, 0x3000 / 4
        rep movsd
        mov dword [OTHER_EPT], OTHER_EPT + 0x1007
        mov dword [OTHER_EPT + 0x1000], OTHER_EPT + 0x2007
        mov dword [OTHER_EPT + 0x2000 + 4 * 8], OTHER_PLACE + RIGHTS
        mov zdi, EPTP_LIST
        xor eax, eax
        mov ecx, 0x1000 / 4
        rep stosd
        mov dword [EPTP_LIST], EPT_TABLES + 0x1e
        mov dword [EPTP_LIST + 8], OTHER_EPT + 0x1e
        mov dword [EPTP_LIST + 511 * 8], OTHER_EPT + 0x1e
        switch "VMFUNC to entry 1", 0, 1, EXIT(18)
        expect_value "the guest looks through the other EPTP", 0x0a, [guest_bx]
        expect_field "the EPTP is that of the entry", V_EPTP, OTHER_EPT + 0x1e
        needs 1 << 18, .no_index
        expect_field "EPTP index", V_EPTP_INDEX, 1
.no_index:
        switch "VMFUNC to entry 0", 0, 0, EXIT(18)
        expect_value "the guest looks through the first EPTP", 8, [guest_bx]
        switch "VMFUNC to entry 511", 0, 511, EXIT(18)
        expect_field "the EPTP of entry 511", V_EPTP, OTHER_EPT + 0x1e
        switch "VMFUNC to entry 512", 0, 512, EXIT(59)
        expect_field "guest RIP is that of VMFUNC", V_RIP, guest_vmfunc
        expect_field "its length", V_LENGTH, 3
        expect_field "its qualification", V_QUALIFICATION, 0
        switch "VMFUNC to an entry of 0", 0, 2, EXIT(59)
        expect_field "the EPTP stays", V_EPTP, OTHER_EPT + 0x1e
        switch "VM function 1", 1, 0, EXIT(59)
        switch "VM function 63", 63, 0, EXIT(59)
        resume guest_caught
        switch "VM function 64", 64, 0, EXIT(18)
        expect_value "is an invalid opcode", 6, [caught_vector]
        resume 0
        write 0x2018, 0
        switch "VM function 0, not enabled", 0, 0, EXIT(59)
        write 0x2024, EPTP_LIST + 8
        switch "EPTP list, not looked at without the function", 0, 0, EXIT(59)
        write 0x2018, 1
        switch "EPTP list not on a page", 0, 0, FAIL_VALID(7)
        write 0x2024, EPTP_LIST
        write 0x2018, 2
        switch "a VM function that the processor lacks", 0, 0, FAIL_VALID(7)
        guest_with 0
        resume guest_caught
        switch "VMFUNC without the control", 0, 0, EXIT(18)
        expect_value "is an invalid opcode", 6, [caught_vector]
        resume 0
.done:  ret

; ---- shadow VMCS ----
guest_read:
        mov zdx, V_RIP
        vmread zbx, zdx
guest_write:
        mov zdx, V_RSP
        mov zax, 0x4321
        vmwrite zdx, zax
%if HOST = 64
        pushfq
%else
        pushfd
%endif
        pop zcx
        vmcall
guest_wide:
        mov zdx, 0x8000 + V_RIP
guest_wide_read:
        vmread zbx, zdx
        vmcall
guest_field:
        mov zdx, 0x6c18                 ; of no field
        vmread zbx, zdx
%if HOST = 64
        pushfq
%else
        pushfd
%endif
        pop zcx
        mov zdx, 0x4400
        vmread zax, zdx
        vmcall

shadowing:
        needs 1 << 14, .none
        mov eax, [REGION]
        or eax, 0x80000000
        mov [SHADOW], eax
        mov dword [shadow_pointer], SHADOW
        expect "VMCLEAR of a shadow VMCS", SUCCEED, vmclear [shadow_pointer]
        expect "VMPTRLD of a shadow VMCS", SUCCEED, vmptrld [shadow_pointer]
        write V_RIP, 0x1234
        expect "VMLAUNCH of a shadow VMCS", FAIL_INVALID, vmlaunch
        expect "VMCLEAR of the current shadow VMCS", SUCCEED, vmclear [shadow_pointer]
        mov zdi, READ_BITMAP
        xor eax, eax
        mov ecx, 0x2000 / 4
        rep stosd
        call plain
        or dword [primary], 0x80000000
        or dword [secondary], 1 << 14
        call new_guest
        write 0x2026, READ_BITMAP
        write 0x2028, WRITE_BITMAP
        guest_at guest_read
        expect_entry "VMREAD in the guest, no shadow VMCS", EXIT(18)
        mov eax, [guest_cx]
        and eax, 0x8d5
        expect_value "both fail as without a VMCS", FAIL_INVALID, eax
        write V_LINK, SHADOW
        guest_at guest_read
        expect_entry "VMREAD and VMWRITE of the shadow VMCS", EXIT(18)
        expect_value "what the host wrote", 0x1234, [guest_bx]
        mov eax, [guest_cx]
        and eax, 0x8d5
        expect_value "both succeed", SUCCEED, eax
        expect_field "the host's own guest RSP", V_RSP, GUEST_STACK
        guest_at guest_field
        expect_entry "VMREAD of no field in the guest", EXIT(18)
        mov eax, [guest_cx]
        and eax, 0x8d5
        expect_value "it fails", 0x40, eax
        write 0x2026, WRITE_BITMAP      ; the upper half of the page is of clear bits too
        guest_at guest_wide
        expect_entry "an encoding with bit 15", EXIT(23)
        expect_field "guest RIP is that of VMREAD", V_RIP, guest_wide_read
        write 0x2026, READ_BITMAP
        or byte [READ_BITMAP + V_RIP / 8], 1 << (V_RIP % 8)
        guest_at guest_read
        expect_entry "VMREAD of a field with its bit set", EXIT(23)
        and byte [READ_BITMAP + V_RIP / 8], ~(1 << (V_RIP % 8)) & 0xff
        or byte [WRITE_BITMAP + V_RSP / 8], 1 << (V_RSP % 8)
        guest_at guest_read
        expect_entry "VMWRITE of a field with its bit set", EXIT(25)
        expect "VMPTRLD of the shadow VMCS again", SUCCEED, vmptrld [shadow_pointer]
        expect_field "what the guest wrote", V_RSP, 0x4321
        expect "VMCLEAR of it", SUCCEED, vmclear [shadow_pointer]
        expect "VMPTRLD of the host's", SUCCEED, vmptrld [vmcs_pointer]
        mov eax, [REGION]
        mov [SHADOW], eax
        expect_entry "the link pointer to a VMCS that is no shadow", ENTRY_FAILED(33)
        expect_field "its qualification", V_QUALIFICATION, 4
        write V_LINK, VMCS_A
        expect_entry "the link pointer to the current VMCS", ENTRY_FAILED(33)
        write V_LINK, SHADOW
        mov eax, [REGION]
        or eax, 0x80000000
        mov [SHADOW], eax
        call plain
        call new_guest
        write V_LINK, SHADOW
%if HOST != 64
        write V_LINK + 1, 0
%endif
        guest_at guest_read
        expect_entry "a shadow VMCS without the control", ENTRY_FAILED(33)
        expect_field "its qualification", V_QUALIFICATION, 4
        mov eax, [REGION]
        mov [SHADOW], eax
        expect_entry "a VMCS that is no shadow without the control", EXIT(23)
        ret
.none:  mov eax, [REGION]
        or eax, 0x80000000
        mov [SHADOW], eax
        mov dword [shadow_pointer], SHADOW
        expect "VMCLEAR", SUCCEED, vmclear [vmcs_pointer]
        expect "VMPTRLD of a shadow VMCS, not offered", FAIL_INVALID, vmptrld [shadow_pointer]
        ret

; ---- TSC offset and multiplier ----
guest_time:
        rdtsc
        vmcall
guest_time_msr:
        mov ecx, 0x10
        rdmsr
        vmcall

%macro write_offset 2   ; low half, high half
        write 0x2010, %1
        write 0x2011, %2
%endmacro

scaling:
        needs 1 << 25, .done
        call plain
        or dword [primary], 1 << 31 | 1 << 28 | 1 << 3
        or dword [secondary], 1 << 25
        call new_guest
        write 0x2004, 0x350000          ; MSR bitmaps: none exits
        write_offset 0x1234567, 0x89
        write 0x2032, 0
        guest_at guest_time
        expect_entry "multiplier 0", FAIL_VALID(7)
        write 0x2032, 1                 ; of 2 to the power of 48
        expect_entry "RDTSC, multiplier 1", EXIT(18)
        expect_value "the offset, low half", 0x1234567, [guest_ax]
        expect_value "the offset, high half", 0x89, [guest_dx]
        guest_at guest_time_msr
        expect_entry "RDMSR, multiplier 1", EXIT(18)
        expect_value "the offset again", 0x1234567, [guest_ax]
        write 0x2032, 0
        write 0x2033, 0x80000000
        write_offset 0, 0
        rdtsc
        mov [before], eax
        mov [before + 4], edx
        guest_at guest_time
        expect_entry "RDTSC, multiplier 32768", EXIT(18)
        rdtsc
        shld edx, eax, 15               ; times 32768 without the lowest 32 bits: between before and behind
        mov ecx, [before + 4]
        mov eax, [before]
        shld ecx, eax, 15
        xor ebx, ebx
        cmp [guest_dx], ecx
        adc ebx, ebx
        cmp edx, [guest_dx]
        adc ebx, ebx
        expect_value "it is between the host's", 0, ebx
        mov eax, [guest_ax]
        and eax, 0x7fff
        expect_value "its low bits", 0, eax
        call plain
        or dword [primary], 1 << 31
        or dword [secondary], 1 << 25
        call new_guest
        write 0x2032, 1
        guest_at guest_time
        expect_entry "RDTSC, a multiplier without offsetting", EXIT(18)
        mov eax, [guest_dx]
        or eax, [guest_ax]
        neg eax
        sbb eax, eax
        expect_value "is the host's", -1, eax
.done:  ret

; ---- NMIs from the processor's own local APIC ----
guest_nmi:
        mov edi, LOCAL_APIC
        mov dword [zdi + 0x310], 0
        mov dword [zdi + 0x300], 0x400
        nop
        nop
        vmcall

nmis:   call plain
        or dword [pin], 1 << 3
        call new_guest
        guest_at guest_nmi
        expect_entry "an NMI exits", EXIT(0)
        expect_field "interruption information", V_EVENT, 0x80000202
        expect_field "NMIs were not blocked", V_BLOCKING, 0
        write V_BLOCKING, 0
        call unblock
        guest_at guest_call
        expect_entry "the guest goes on", EXIT(18)
        call plain
        call new_guest
        resume guest_caught
        guest_at guest_nmi
        expect_entry "an NMI reaches the guest", EXIT(18)
        expect_field "its handler", V_RIP, guest_caught
        expect_value "vector", 2, [caught_vector]
        expect_field "NMIs are blocked", V_BLOCKING, 8
        call unblock
        call plain
        or dword [pin], 1 << 3 | 1 << 5
        call new_guest
        resume guest_nmi
        mov dword [caught_vector], 0
        guest_at guest_call
        write V_ENTRY_EVENT, 0x80000202
        expect_entry "an NMI exits under virtual-NMI blocking", EXIT(0)
        expect_value "an injected one came first", 2, [caught_vector]
        expect_field "virtual NMIs are blocked", V_BLOCKING, 8
        expect_field "nothing is injected again", V_ENTRY_EVENT, 0x202
        call unblock
        resume 0
        ; Blocking and injection exclude each other.
        call plain
        call new_guest
        guest_at guest_call
        write V_RFLAGS, 0x202
        write V_BLOCKING, 1
        write V_ENTRY_EVENT, 0x80000202
        resume guest_caught
        call enter                      ; some processors refuse it
        cmp eax, EXIT(18)
        je .taken
        expect_value "an NMI behind STI is refused", ENTRY_FAILED(33), eax
        expect_field "qualification of an NMI behind STI", V_QUALIFICATION, 3
        jmp .judged
.taken: expect_field "an NMI behind STI is taken", V_RIP, guest_caught
.judged:
        guest_at guest_call
        write V_RFLAGS, 0x202
        write V_ENTRY_EVENT, 0x80000202
        write V_BLOCKING, 2
        expect_entry "an NMI behind MOV SS", ENTRY_FAILED(33)
        expect_field "its qualification", V_QUALIFICATION, 0
        write V_BLOCKING, 0
        write V_ACTIVITY, 3
        expect_entry "an NMI into wait-for-SIPI", ENTRY_FAILED(33)
        write V_ACTIVITY, 2
        resume guest_caught
        expect_entry "an NMI into shutdown", EXIT(18)
        expect_field "its handler runs", V_RIP, guest_caught
        expect_field "in the active state", V_ACTIVITY, 0
        resume 0
        ret

guest_call:
        vmcall
        jmp guest_call

align 16
nothing:        dq 0, 0
shadow_pointer: dq 0
function:       dq 0
before:         dq 0
