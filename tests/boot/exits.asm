; SPDX-License-Identifier: GPL-2.0-or-later
; Instructions that exit by a control or by their nature, one guest each: reason, exit qualification, instruction length, instruction information.
; SDM 3C, "Instructions That Cause VM Exits", "Basic VM-Exit Information", "Information for VM Exits Due to Instruction Execution"; SDM 3A, "Task Management".
%include "kernel.inc"
%include "vmcs.inc"
AREA            equ 0x340000
OTHER_GDT       equ 0x341000
OTHER_TASK      equ 0x342000
MSR_BITMAPS     equ 0x350000
IO_BITMAPS      equ 0x352000
SPP_TABLES      equ 0x356000            ; four levels
FINE            equ 0x360000            ; the last level of EPT of FINE_PLACE
FINE_PLACE      equ 0x800000
V_INFO          equ 0x440e
V_RCX           equ 0x6402              ; I/O RCX, RSI, RDI, RIP
XSS             equ 0xda0
THERE           equ gdt_end - gdt       ; selector of another task in OTHER_GDT
%if HOST = 64
  ADDRESS_SIZE  equ 2 << 7
%else
  ADDRESS_SIZE  equ 1 << 7
%endif
; An operand in memory that is [zsi + displacement]: address size, DS, no index, RSI. Bits that the manual leaves undefined are not compared.
MEMORY_INFO     equ ADDRESS_SIZE | 3 << 15 | 1 << 22 | 6 << 23
MEMORY_BITS     equ 7 << 7 | 1 << 10 | 7 << 15 | 1 << 22 | 31 << 23
TABLE_BITS      equ MEMORY_BITS | 3 << 28
REGISTER_BITS   equ 15 << 3 | 1 << 10 | 3 << 28
SECOND          equ 28                  ; where the other operand's register is

main:   call vmx_on
        call features
        call everything
        call exit_free
        call plain_ones
        call operands
        call vmx_instructions
        call registers
        call ports
        call newer
        call tasks
        call sub_pages
        ret

; What CR4 is to have, in host and guest.
features:
        mov eax, 1
        cpuid
        mov [cpuid_1], ecx
        test ecx, 1 << 26
        jz .done
        mov zax, cr4
        or eax, 1 << 18                 ; OSXSAVE
        mov cr4, zax
.done:  ret

; Everything exits that a control can make exit.
everything:
        call plain
        mov dword [primary], 1 << 7 | 15 << 9 | 3 << 15 | 3 << 19 | 1 << 23 | 1 << 24 | 3 << 29 | 1 << 31
        mov dword [secondary], 1 << 2 | 1 << 3 | 1 << 6 | 1 << 11 | 1 << 12 | 1 << 16 | 1 << 20 | 1 << 26
        jmp new_guest

; raises NAME, REASON, QUALIFICATION, ECX, INFORMATION, ITS BITS (0: not there), INSTRUCTION
%macro raises 7+
        jmp %%host
%%guest:
        mov ecx, %4
        mov eax, [guest_eax]
        mov edx, [guest_edx]
        mov esi, AREA
        mov edi, AREA
%%at:   %7
%%behind:
        vmcall
%%host: guest_at %%guest
        expect_entry %1, EXIT(%2)
  %strcat AT_RIP %1, ", RIP"
  %strcat QUALIFIED %1, ", qualification"
  %strcat OF_LENGTH %1, ", length"
  %strcat INFORMED %1, ", information"
        expect_field AT_RIP, V_RIP, %%at
        expect_field QUALIFIED, V_QUALIFICATION, %3
        expect_field OF_LENGTH, V_LENGTH, %%behind - %%at
  %if %6 != 0
        mov zdx, V_INFO
        xor eax, eax
        vmread zax, zdx
        and eax, %6
        mov [value], eax
        expect_value INFORMED, (%5), [value]
  %endif
%endmacro
; The same guest where nothing exits: it comes to the VMCALL behind.
%macro passes 2+
        jmp %%host
%%guest:
        xor ecx, ecx
        xor edx, edx
        mov esi, AREA
        %2
%%behind:
        vmcall
%%host: guest_at %%guest
        expect_entry %1, EXIT(18)
  %strcat AT_RIP %1, ", RIP"
        expect_field AT_RIP, V_RIP, %%behind
%endmacro

; ---- without their controls ----
exit_free:
        call plain
        mov dword [primary], 1 << 28 | 1 << 25 | 1 << 31        ; bitmaps for ports and MSRs, all 0
        mov dword [secondary], 1 << 3
        call new_guest
        write 0x2004, MSR_BITMAPS
        write 0x2000, IO_BITMAPS
        write 0x2002, IO_BITMAPS + 0x1000
        passes "no exit: INVLPG", invlpg [zsi]
        passes "no exit: RDTSC", rdtsc
        passes "no exit: RDTSCP", rdtscp
        passes "no exit: PAUSE", pause
        passes "no exit: WBINVD", wbinvd
        passes "no exit: SGDT", sgdt [zsi + 0x80]
        passes "no exit: SLDT", sldt [zsi + 0x80]
        passes "no exit: MOV from CR3", mov zbx, cr3
        passes "no exit: MOV from DR6", mov zbx, dr6
        passes "no exit: IN", in al, 0x80
        mov byte [IO_BITMAPS + 0x80 / 8], 1
        raises "I/O bitmap A: IN", 30, 0x800048, 0, 0, 0, in al, 0x80
        mov byte [IO_BITMAPS + 0x80 / 8], 0
        mov byte [MSR_BITMAPS + 0x174 / 8], 1 << 4
        raises "MSR bitmap: RDMSR", 31, 0, 0x174, 0, 0, rdmsr
        mov byte [MSR_BITMAPS + 0x174 / 8], 0
        mov byte [MSR_BITMAPS + 0x800 + 0x174 / 8], 1 << 4
        raises "MSR bitmap: WRMSR", 32, 0, 0x174, 0, 0, wrmsr
        mov byte [MSR_BITMAPS + 0x800 + 0x174 / 8], 0
        jmp everything

; ---- without operands ----
plain_ones:
        raises "CPUID", 10, 0, 0, 0, 0, cpuid
        raises "HLT", 12, 0, 0, 0, 0, hlt
        raises "INVD", 13, 0, 0, 0, 0, invd
        raises "RDPMC", 15, 0, 0, 0, 0, rdpmc
        raises "RDTSC", 16, 0, 0, 0, 0, rdtsc
        raises "VMCALL", 18, 0, 0, 0, 0, vmcall
        raises "VMLAUNCH", 20, 0, 0, 0, 0, vmlaunch
        raises "VMRESUME", 24, 0, 0, 0, 0, vmresume
        raises "VMXOFF", 26, 0, 0, 0, 0, vmxoff
        raises "RDMSR", 31, 0, 0x174, 0, 0, rdmsr
        raises "WRMSR", 32, 0, 0x174, 0, 0, wrmsr
        raises "MONITOR", 39, 0, 0, 0, 0, monitor
        raises "MWAIT", 36, 0, 0, 0, 0, mwait
        raises "PAUSE", 40, 0, 0, 0, 0, pause
        test dword [cpuid_1], 1 << 26
        jz .no_xsave
        raises "XSETBV", 55, 0, 0, 0, 0, xsetbv
.no_xsave:
        test dword [cpuid_1], 1 << 6
        jz .no_smx
        mov zax, cr4
        or eax, 1 << 14
        write V_CR4, zax
        raises "GETSEC", 11, 0, 0, 0, 0, getsec
        mov zax, cr4
        write V_CR4, zax
.no_smx:
        needs 1 << 3, .no_rdtscp
        raises "RDTSCP", 51, 0, 0, 0, 0, rdtscp
.no_rdtscp:
        raises "WBINVD", 54, 0, 0, 0, 0, wbinvd
        ret

; ---- descriptor tables, INVLPG ----
operands:
        raises "INVLPG", 14, AREA + 0x30, 0, 0, 0, invlpg [zsi + 0x30]
        raises "SGDT", 46, 0x10, 0, MEMORY_INFO | 0 << 28, TABLE_BITS, sgdt [zsi + 0x10]
        raises "SIDT", 46, 0x10, 0, MEMORY_INFO | 1 << 28, TABLE_BITS, sidt [zsi + 0x10]
        raises "LGDT", 46, 0x10, 0, MEMORY_INFO | 2 << 28, TABLE_BITS, lgdt [zsi + 0x10]
        raises "LIDT", 46, -16, 0, MEMORY_INFO | 3 << 28, TABLE_BITS, lidt [zsi - 0x10]
        raises "SLDT", 47, 0x10, 0, MEMORY_INFO | 0 << 28, TABLE_BITS, sldt [zsi + 0x10]
        raises "STR", 47, 0x10, 0, MEMORY_INFO | 1 << 28, TABLE_BITS, str [zsi + 0x10]
        raises "LLDT of a register", 47, 0, 0, 1 << 10 | 6 << 3 | 2 << 28, REGISTER_BITS, lldt si
        raises "LTR of a register", 47, 0, 0, 1 << 10 | 3 << 3 | 3 << 28, REGISTER_BITS, ltr bx
        ret

; ---- VMX ----
vmx_instructions:
        raises "VMCLEAR", 19, 0x10, 0, MEMORY_INFO, MEMORY_BITS, vmclear [zsi + 0x10]
        raises "VMPTRLD", 21, 0x10, 0, MEMORY_INFO, MEMORY_BITS, vmptrld [zsi + 0x10]
        raises "VMPTRST", 22, 0x10, 0, MEMORY_INFO, MEMORY_BITS, vmptrst [zsi + 0x10]
        raises "VMXON", 27, 0x10, 0, MEMORY_INFO, MEMORY_BITS, vmxon [zsi + 0x10]
        raises "VMREAD to memory", 23, 0x10, 0, MEMORY_INFO | 1 << SECOND, MEMORY_BITS | 15 << SECOND, vmread [zsi + 0x10], zcx
        raises "VMREAD to a register", 23, 0, 0, 1 << 10 | 3 << 3 | 1 << SECOND, 15 << 3 | 1 << 10 | 15 << SECOND, vmread zbx, zcx
        raises "VMWRITE", 25, 0x10, 0, MEMORY_INFO | 2 << SECOND, MEMORY_BITS | 15 << SECOND, vmwrite zdx, [zsi + 0x10]
        raises "INVEPT", 50, 0x10, 0, MEMORY_INFO | 2 << SECOND, MEMORY_BITS | 15 << SECOND, invept zdx, [zsi + 0x10]
        raises "INVVPID", 53, 0x10, 0, MEMORY_INFO | 7 << SECOND, MEMORY_BITS | 15 << SECOND, invvpid zdi, [zsi + 0x10]
        ret

; ---- control and debug registers ----
registers:
        raises "MOV to CR3", 28, 3 | 3 << 8, 0, 0, 0, mov cr3, zbx
        raises "MOV from CR3", 28, 3 | 1 << 4 | 7 << 8, 0, 0, 0, mov zdi, cr3
%if HOST = 64
        raises "MOV to CR8", 28, 8 | 9 << 8, 0, 0, 0, mov cr8, r9
        raises "MOV from CR8", 28, 8 | 1 << 4 | 2 << 8, 0, 0, 0, mov rdx, cr8
%endif
        raises "MOV to DR7", 29, 7 | 1 << 8, 0, 0, 0, mov dr7, zcx
        raises "MOV from DR6", 29, 6 | 1 << 4 | 5 << 8, 0, 0, 0, mov zbp, dr6
        write 0x6000, 0x0a              ; mask: TS, MP
        write 0x6004, 0x08              ; and the guest reads TS = 1
        raises "CLTS", 28, 2 << 4, 0, 0, 0, clts
        raises "LMSW of a register", 28, 3 << 4 | 1 << 16, 0, 0, 0, lmsw ax
        raises "LMSW of memory", 28, 3 << 4 | 1 << 6, 0, 0, 0, lmsw [zdi]
        mov zax, cr0
        or eax, 2
        raises "MOV to CR0", 28, 7 << 8, 0, 0, 0, mov cr0, zdi
        write 0x6000, 0
        write 0x6002, -1
        write 0x6006, 0
        raises "MOV to CR4", 28, 4 | 7 << 8, 0, 0, 0, mov cr4, zdi
        write 0x6002, 0
        ret

; ---- ports ----
ports:  raises "IN", 30, 0x800048, 0, 0, 0, in al, 0x80
        raises "OUT of a word", 30, 0x800041, 0, 0, 0, out 0x80, ax
        mov dword [guest_edx], 0x3f8
        raises "IN of a doubleword by DX", 30, 0x3f8000b, 0, 0, 0, in eax, dx
        raises "OUT by DX", 30, 0x3f80000, 0, 0, 0, out dx, al
        raises "OUTS", 30, 0x3f80011, 0, ADDRESS_SIZE | 4 << 15, 7 << 7 | 7 << 15, fs outsw
        expect_field "the address that OUTS reads", V_LINEAR, AREA
        raises "REP INS", 30, 0x3f80038, 9, ADDRESS_SIZE, 7 << 7, rep insb
        expect_field "the address that INS writes", V_LINEAR, AREA
        mov dword [guest_edx], 0
        ret

; ---- later processors ----
newer:  needs 1 << 11, .no_rdrand
        raises "RDRAND", 57, 0, 0, 3 << 3 | 1 << 11, 15 << 3 | 3 << 11, rdrand ebx
.no_rdrand:
        needs 1 << 16, .no_rdseed
        raises "RDSEED", 61, 0, 0, 7 << 3 | 0 << 11, 15 << 3 | 3 << 11, rdseed di
.no_rdseed:
        needs 1 << 12, .no_invpcid
        raises "INVPCID", 58, 0x10, 0, MEMORY_INFO | 2 << SECOND, MEMORY_BITS | 15 << SECOND, invpcid zdx, [zsi + 0x10]
.no_invpcid:
        needs 1 << 26, .no_wait
        raises "TPAUSE", 68, 0, 0, 3 << 3, 15 << 3, tpause ebx
        raises "UMWAIT", 67, 0, 0, 6 << 3, 15 << 3, umwait esi
.no_wait:
        needs 1 << 20, .done
        mov eax, 13
        mov ecx, 1
        cpuid
        bsf ecx, ecx
        jz .done
        mov eax, 1
        shl eax, cl
        mov [component], eax
        write 0x202c, zax
        mov eax, [component]
        mov [guest_eax], eax
        xor edx, edx
        mov ecx, XSS
        wrmsr
        raises "XSAVES", 63, 0, 0, 0, 0, xsaves [zsi]
        raises "XRSTORS", 64, 0, 0, 0, 0, xrstors [zsi]
        mov dword [guest_eax], 1
        xor eax, eax
        xor edx, edx
        mov ecx, XSS
        wrmsr
.done:  ret

; ---- task switches ----
tasks:
%if HOST != 64
        mov esi, gdt
        mov edi, OTHER_GDT
        mov ecx, gdt_end - gdt
        rep movsb
        mov dword [OTHER_GDT + THERE], (OTHER_TASK & 0xffff) << 16 | 0x67
        mov dword [OTHER_GDT + THERE + 4], 0x8900 | OTHER_TASK >> 16
        write 0x6816, OTHER_GDT
        write 0x4810, THERE + 7
        raises "a task switch by JMP", 9, 2 << 30 | THERE, 0, 0, 0, jmp THERE:0
        raises "a task switch by CALL", 9, THERE, 0, 0, 0, call THERE:0
        mov dword [idt + 0x30 * 8], THERE << 16
        mov dword [idt + 0x30 * 8 + 4], 0x8500
        raises "a task switch by INT", 9, 3 << 30 | THERE, 0, 0, 0, int 0x30
        expect_field "INT, IDT vectoring", V_IDT_VECTORING, 0x80000430
        mov dword [OTHER_GDT + THERE + 4], 0x8b00 | OTHER_TASK >> 16
        mov word [task_state], THERE
        guest_at returning
        expect_entry "a task switch by IRET", EXIT(9)
        expect_field "IRET, qualification", V_QUALIFICATION, 1 << 30 | THERE
        expect_field "IRET, length", V_LENGTH, 1
        mov word [task_state], 0
        ret
returning:
        pushfd
        or dword [esp], 1 << 14         ; NT
        popfd
        iretd
%else
        ret
%endif

; ---- sub-page write permissions ----
guest_stores:
        mov dword [FINE_PLACE + 0x80], 1
        vmcall
sub_pages:
        needs 1 << 23, .done
        mov edi, SPP_TABLES
        mov ecx, 0x4000 / 4
        xor eax, eax
        rep stosd
        mov edi, FINE
        mov ecx, 512
        mov eax, FINE_PLACE + 0x37
.map:   mov [zdi], eax
        mov dword [zdi + 4], 0
        add eax, 0x1000
        add edi, 8
        dec ecx
        jnz .map
        mov dword [FINE], FINE_PLACE + 0x31
        mov dword [FINE + 4], 1 << 29   ; bit 61: by sub-pages
        call plain
        call use_ept
        mov dword [EPT_TABLES + 0x2000 + FINE_PLACE / 0x200000 * 8], FINE + 7
        or dword [secondary], 1 << 23
        call new_guest
        call set_eptp
        write 0x2030, SPP_TABLES
%if HOST != 64
        write 0x2031, 0
%endif
        guest_at guest_stores
        expect_entry "sub-pages, a missing entry", EXIT(66)
        expect_field "a missing entry, qualification", V_QUALIFICATION, 0x800
        expect_field "a missing entry, RIP", V_RIP, guest_stores
        mov dword [SPP_TABLES], SPP_TABLES + 0x1001
        mov dword [SPP_TABLES + 0x1000], SPP_TABLES + 0x2001
        mov dword [SPP_TABLES + 0x2000 + FINE_PLACE / 0x200000 * 8], SPP_TABLES + 0x3001
        expect_entry "sub-pages, a store that is not allowed", EXIT(48)
        expect_value "it did not happen", 0, [FINE_PLACE + 0x80]
        mov dword [SPP_TABLES + 0x3000], 1 << 2
        expect_entry "sub-pages, one that is", EXIT(18)
        expect_value "it happened", 1, [FINE_PLACE + 0x80]
.done:  ret

align 8
cpuid_1:        dd 0
component:      dd 0
guest_eax:      dd 1
guest_edx:      dd 0
value:          dd 0
