; SPDX-License-Identifier: GPL-2.0-or-later
; APIC virtualization and posted interrupts beside the processor's own local APIC.
; SDM 3C, "APIC Virtualization and Virtual Interrupts".
%include "kernel.inc"
%include "vmcs.inc"
VAPIC           equ 0x360000            ; virtual-APIC page
ACCESS_PAGE     equ 0x361000            ; APIC-access page
DESCRIPTOR      equ 0x362000            ; of posted interrupts
ACCESS_TABLE    equ 0x363000            ; maps ACCESS to ACCESS_PAGE by 4 KBytes
MSR_BITMAPS     equ 0x350000
ACCESS          equ 0x1400000
TPR             equ 0x80
PPR             equ 0xa0
EOI             equ 0xb0
SVR             equ 0xf0
ISR             equ 0x100
IRR             equ 0x200
ICR             equ 0x300
NOTIFY          equ 0xf2
LOW             equ 0x41                ; vectors with handlers of their own in the guest
HIGH            equ 0x91
%define V_STATUS        0x810
%define V_THRESHOLD     0x401c
%define V_EOI_EXITS     0x201c          ; of vectors 63:0; 201EH of 127:64, 2020H of 191:128
%define BIT_OF(base, vector) base + (vector) / 32 * 16
%define MASK_OF(vector) 1 << (vector) % 32
TPR_SHADOW      equ 1 << 21
APIC_ACCESSES   equ 1 << 0
X2APIC_MODE     equ 1 << 4
REGISTERS       equ 1 << 8
DELIVERY        equ 1 << 9

main:   call vmx_on
        call prepare
        call task_priority
        call accesses
        call registers
        call messages
        call delivery
        call external
        call posted
        ret

prepare:
        mov edi, VAPIC
        mov ecx, 0x4000 / 4
        xor eax, eax
        rep stosd
        mov dword [ACCESS_TABLE], ACCESS_PAGE + 7
%if HOST = 32
        mov dword [TABLES + (ACCESS >> 22) * 4], ACCESS_TABLE + 7
%else
        mov dword [TABLES + 0x1000 + (ACCESS >> 21) * 8], ACCESS_TABLE + 7
%endif
        mov zax, cr3
        mov cr3, zax
        mov edi, idt + LOW * 2 * Z
        mov esi, guest_low
        call gate
        mov edi, idt + HIGH * 2 * Z
        mov esi, guest_high
        call gate
        mov edi, LOCAL_APIC
        mov dword [zdi + SVR], 0x1ff
        ret
gate:   mov [zdi], si
        mov word [zdi + 2], CODE
        mov dword [zdi + 4], 0x8e00
        shr esi, 16
        mov [zdi + 6], si
        ret

; apic NAME, OFFSET, WANTED: a register of the processor's own local APIC.
%macro apic 3
        mov edi, LOCAL_APIC
        mov eax, [zdi + %2]
        mov [value], eax
        expect_value %1, %3, [value]
%endmacro
%macro virtual 3        ; a register of the virtual-APIC page
        mov eax, [VAPIC + %2]
        mov [value], eax
        expect_value %1, %3, [value]
%endmacro
; guest_with PRIMARY, SECONDARY: and external-interrupt exiting where virtual interrupts are delivered.
%macro guest_with 2
        call plain
        or dword [primary], %1 | 1 << 28 | 1 << 31
        or dword [secondary], %2
  %if (%2) & DELIVERY
        or dword [pin], 1
  %endif
        call new_guest
        write 0x2004, MSR_BITMAPS
        write 0x2012, VAPIC
        write 0x2014, ACCESS_PAGE
        write V_THRESHOLD, 0
  %if (%2) & DELIVERY
        write V_STATUS, 0
  %endif
%endmacro
%macro clear_vapic 0
        mov edi, VAPIC
        mov ecx, 0x1000 / 4
        xor eax, eax
        rep stosd
%endmacro

%macro write_primary 0
        control 0x4002, 0x48e, primary
%endmacro

; ---- CR8 and the TPR ----
task_priority:
%if HOST = 64
        guest_with 0, 0
        guest_at guest_cr8
        expect_entry "CR8 without TPR shadow", EXIT(18)
        expect_value "what the guest reads", 9, [guest_bx]
        apic "is the processor's own TPR", TPR, 0x90
        xor eax, eax
        mov cr8, rax
        apic "which the host's CR8 clears", TPR, 0
        guest_with TPR_SHADOW, 0
        mov dword [VAPIC + TPR], 0x30
        guest_at guest_cr8
        expect_entry "CR8 with TPR shadow", EXIT(18)
        expect_value "what the guest reads", 9, [guest_bx]
        virtual "is the virtual TPR", TPR, 0x90
        apic "and not the processor's", TPR, 0
        write V_THRESHOLD, 10
        guest_at guest_cr8
        expect_entry "TPR threshold above the virtual TPR", FAIL_VALID(7)
        mov dword [VAPIC + TPR], 0xf0
        expect_entry "MOV to CR8 below the threshold", EXIT(43)
        expect_field "behind MOV to CR8", V_RIP, guest_cr8_behind
        virtual "the virtual TPR is written", TPR, 0x90
        write V_THRESHOLD, 9
        guest_at guest_cr8
        expect_entry "MOV to CR8 at the threshold", EXIT(18)
        write V_THRESHOLD, 0x19
        expect_entry "TPR threshold with reserved bits", FAIL_VALID(7)
        write V_THRESHOLD, 0
        write 0x2012, VAPIC + 8
        expect_entry "virtual-APIC page not on a page", FAIL_VALID(7)
%endif
        guest_with 0, X2APIC_MODE
        guest_at guest_end
        expect_entry "x2APIC mode without TPR shadow", FAIL_VALID(7)
        guest_with 0, 0
        write 0x2014, 8
        guest_at guest_end
        expect_entry "an APIC-access address that nobody uses", EXIT(18)
        ret
%if HOST = 64
guest_cr8:
        mov rax, 9
        mov cr8, rax
guest_cr8_behind:
        mov rbx, cr8
%endif
guest_end:
        vmcall

; ---- the APIC-access page ----
guest_read:
        mov edi, ACCESS
        mov ecx, [offset]
guest_read_it:
        mov ebx, [zdi + zcx]
        vmcall
guest_write:
        mov edi, ACCESS
        mov ecx, [offset]
        mov eax, [word_to_write]
guest_write_it:
        mov [zdi + zcx], eax
guest_write_behind:
        vmcall

; reads NAME, OFFSET, RESULT; writes NAME, OFFSET, VALUE, RESULT
%macro reads 3
        mov dword [offset], %2
        guest_at guest_read
        expect_entry %1, %3
%endmacro
%macro writes 4
        mov dword [offset], %2
        mov dword [word_to_write], %3
        guest_at guest_write
        expect_entry %1, %4
%endmacro

accesses:
        clear_vapic
        guest_with 0, APIC_ACCESSES
        reads "a read of the APIC-access page", 0x20, EXIT(44)
        expect_field "its qualification", V_QUALIFICATION, 0x20
        expect_field "its guest RIP", V_RIP, guest_read_it
        writes "a write of the APIC-access page", TPR, 0x70, EXIT(44)
        expect_field "its qualification", V_QUALIFICATION, 0x1080
        expect_field "its guest RIP", V_RIP, guest_write_it
        guest_with TPR_SHADOW, APIC_ACCESSES
        mov dword [VAPIC + TPR], 0x50
        reads "a read of the TPR with TPR shadow", TPR, EXIT(18)
        expect_value "comes from the virtual-APIC page", 0x50, [guest_bx]
        reads "a read of another register with TPR shadow", 0x20, EXIT(44)
        reads "a read across the TPR's end", TPR + 1, EXIT(44)
        writes "a write of the TPR with TPR shadow", TPR, 0xabcdef70, EXIT(18)
        virtual "goes to the virtual-APIC page, bits 7:0", TPR, 0x70
        expect_value "and not to the page", 0, [ACCESS_PAGE + TPR]
        apic "and not to the processor's", TPR, 0
        writes "a write of another register", EOI, 0, EXIT(44)
        write V_THRESHOLD, 5
        writes "a TPR below the threshold", TPR, 0x40, EXIT(43)
        expect_field "behind the write", V_RIP, guest_write_behind
        guest_at guest_end
        expect_entry "an entry with the TPR below the threshold", EXIT(43)
        expect_field "before the first instruction", V_RIP, guest_end
        write V_THRESHOLD, 4
        expect_entry "an entry with the TPR at the threshold", EXIT(18)
        write 0x2014, ACCESS_PAGE + 8
        expect_entry "APIC-access page not on a page", FAIL_VALID(7)
        ret

; ---- APIC-register virtualization ----
registers:
        needs REGISTERS, .done
        guest_with TPR_SHADOW, APIC_ACCESSES | REGISTERS
        mov dword [VAPIC + 0x20], 0x12000000
        mov dword [VAPIC + 0x30], 0x50014
        mov dword [VAPIC + 0x300], 0x4500
        reads "a read of the identifier", 0x20, EXIT(18)
        expect_value "comes from the virtual-APIC page", 0x12000000, [guest_bx]
        reads "a read of the version", 0x30, EXIT(18)
        expect_value "comes from the virtual-APIC page", 0x50014, [guest_bx]
        reads "a read of the interrupt command", ICR, EXIT(18)
        expect_value "comes from the virtual-APIC page", 0x4500, [guest_bx]
        reads "a read of the processor priority", PPR, EXIT(44)
        reads "a read of the timer's current count", 0x390, EXIT(44)
        writes "a write of SVR", SVR, 0x1ff, EXIT(56)
        expect_field "its qualification", V_QUALIFICATION, SVR
        expect_field "behind the write", V_RIP, guest_write_behind
        virtual "the virtual-APIC page has it", SVR, 0x1ff
        writes "a write of EOI without delivery", EOI, 0, EXIT(56)
        writes "a write of the identifier", 0x20, 0x34000000, EXIT(56)
        writes "a write of the version", 0x30, 1, EXIT(44)
        writes "a write of the interrupt command's high half", 0x310, 0x89abcdef, EXIT(18)
        virtual "bits 31:24 of it", 0x310, 0x89000000
        writes "an interrupt command", ICR, 0x40041, EXIT(56)
        expect_field "its qualification", V_QUALIFICATION, ICR
.done:  ret

; ---- MSRs 800H to 8FFH ----
guest_rdmsr:
        mov ecx, [offset]
        rdmsr
        mov ebx, eax
        vmcall
guest_wrmsr:
        mov ecx, [offset]
        mov eax, [word_to_write]
        xor edx, edx
        wrmsr
guest_wrmsr_behind:
        vmcall
%macro read_msr 3
        mov dword [offset], %2
        guest_at guest_rdmsr
        expect_entry %1, %3
%endmacro
%macro write_msr 4
        mov dword [offset], %2
        mov dword [word_to_write], %3
        guest_at guest_wrmsr
        expect_entry %1, %4
%endmacro

messages:
        clear_vapic
        guest_with TPR_SHADOW, X2APIC_MODE
        resume guest_end
        mov dword [VAPIC + TPR], 0x60
        read_msr "RDMSR of the TPR", 0x808, EXIT(18)
        expect_value "comes from the virtual-APIC page", 0x60, [guest_bx]
        write_msr "WRMSR of the TPR", 0x808, 0x20, EXIT(18)
        virtual "goes to the virtual-APIC page", TPR, 0x20
        apic "and not to the processor's", TPR, 0
        mov dword [caught_vector], -1
        write_msr "WRMSR of the TPR, bit 8", 0x808, 0x100, EXIT(18)
        expect_value "#GP", 13, [caught_vector]
        mov dword [caught_vector], -1
        read_msr "RDMSR of the identifier, the APIC is not in x2APIC mode", 0x802, EXIT(18)
        expect_value "#GP", 13, [caught_vector]
        write V_THRESHOLD, 2
        write_msr "WRMSR of the TPR below the threshold", 0x808, 0x10, EXIT(43)
        expect_field "behind WRMSR", V_RIP, guest_wrmsr_behind
        mov dword [VAPIC + TPR], 0x20
        or byte [MSR_BITMAPS + 0x808 / 8], 1
        read_msr "RDMSR of the TPR, its bit in the bitmap set", 0x808, EXIT(31)
        and byte [MSR_BITMAPS + 0x808 / 8], 0xfe
        needs REGISTERS, .done
        guest_with TPR_SHADOW, X2APIC_MODE | REGISTERS
        resume guest_end
        mov dword [VAPIC + 0x20], 0x1234567
        read_msr "RDMSR of the identifier", 0x802, EXIT(18)
        expect_value "comes from the virtual-APIC page", 0x1234567, [guest_bx]
        mov dword [VAPIC + ICR], 0x4500
        mov dword [VAPIC + ICR + 4], 0x55
        read_msr "RDMSR of the interrupt command", 0x830, EXIT(18)
        expect_value "its low half", 0x4500, [guest_bx]
        expect_value "its high half", 0x55, [guest_dx]
        guest_with TPR_SHADOW, X2APIC_MODE | APIC_ACCESSES
        guest_at guest_end
        expect_entry "x2APIC mode beside APIC accesses", FAIL_VALID(7)
.done:  resume 0
        ret

; ---- virtual interrupts ----
guest_low:
        mov eax, LOW
        vmcall
guest_high:
        mov eax, HIGH
        vmcall
guest_sti:
        sti
        nop
        nop
        vmcall
guest_self:
        sti
        mov edi, ACCESS
        mov dword [zdi + ICR], 0x40000 + HIGH
        nop
        vmcall
guest_eoi:
        mov edi, ACCESS
        mov dword [zdi + EOI], 0
guest_eoi_behind:
        vmcall
guest_halt:
        sti
        hlt
        vmcall
guest_x2apic_self:
        sti
        mov ecx, 0x83f
        mov eax, HIGH
        xor edx, edx
        wrmsr
        nop
        vmcall
guest_x2apic_eoi:
        mov ecx, 0x80b
        xor eax, eax
        xor edx, edx
        wrmsr
guest_x2apic_eoi_behind:
        vmcall

; takes NAME, LABEL, VECTOR: an entry there ends in the handler of the vector.
%macro takes 3
        guest_at %2
        expect_entry %1, EXIT(18)
        expect_value "the handler's EAX", %3, [guest_ax]
%endmacro

no_eoi_exits:
        write V_EOI_EXITS, 0
        write V_EOI_EXITS + 2, 0
        write V_EOI_EXITS + 4, 0
        write V_EOI_EXITS + 6, 0
        ret

delivery:
        needs DELIVERY, .done
        clear_vapic
        guest_with TPR_SHADOW, APIC_ACCESSES | DELIVERY
        call no_eoi_exits
        mov dword [VAPIC + BIT_OF(IRR, LOW)], MASK_OF(LOW)
        write V_STATUS, LOW
        guest_at guest_end
        expect_entry "IF = 0: the interrupt waits", EXIT(18)
        takes "STI: it is delivered", guest_sti, LOW
        expect_field "RVI and SVI", V_STATUS, LOW << 8
        virtual "IRR", BIT_OF(IRR, LOW), 0
        virtual "ISR", BIT_OF(ISR, LOW), MASK_OF(LOW)
        virtual "PPR", PPR, LOW & 0xf0
        writes "a self-IPI of a higher priority", ICR, 0x40000 + HIGH, EXIT(18)
        expect_field "RVI and SVI", V_STATUS, LOW << 8 | HIGH
        virtual "IRR", BIT_OF(IRR, HIGH), MASK_OF(HIGH)
        takes "it is delivered above the other", guest_sti, HIGH
        expect_field "RVI and SVI", V_STATUS, HIGH << 8
        virtual "PPR", PPR, HIGH & 0xf0
        guest_at guest_eoi
        expect_entry "EOI", EXIT(18)
        expect_field "RVI and SVI", V_STATUS, LOW << 8
        virtual "ISR", BIT_OF(ISR, HIGH), 0
        virtual "PPR", PPR, LOW & 0xf0
        write V_EOI_EXITS + 2, 1 << (LOW - 64)
        guest_at guest_eoi
        expect_entry "EOI of a vector that exits", EXIT(45)
        expect_field "its qualification", V_QUALIFICATION, LOW
        expect_field "behind the write", V_RIP, guest_eoi_behind
        expect_field "RVI and SVI", V_STATUS, 0
        virtual "PPR", PPR, 0
        write V_EOI_EXITS + 2, 0
        takes "a self-IPI is delivered at once", guest_self, HIGH
        guest_at guest_eoi
        expect_entry "EOI", EXIT(18)
        writes "a self-IPI with reserved bits", ICR, 0x42000 + HIGH, EXIT(56)
        writes "a self-IPI of vector 15", ICR, 0x4000f, EXIT(56)
        writes "an IPI to others", ICR, 0xc0000 + HIGH, EXIT(56)
        writes "a level-triggered self-IPI", ICR, 0x48000 + HIGH, EXIT(56)
        mov dword [VAPIC + TPR], 0x90
        mov dword [VAPIC + BIT_OF(IRR, HIGH)], MASK_OF(HIGH)
        write V_STATUS, HIGH
        guest_at guest_sti
        expect_entry "the virtual TPR holds it back", EXIT(18)
        virtual "PPR is the TPR", PPR, 0x90
        writes "the TPR becomes lower", TPR, 0x80, EXIT(18)
        takes "and it is delivered", guest_sti, HIGH
        guest_at guest_eoi
        expect_entry "EOI", EXIT(18)
        mov dword [VAPIC + TPR], 0
        or dword [primary], 1 << 2
        write_primary
        mov dword [VAPIC + BIT_OF(IRR, LOW)], MASK_OF(LOW)
        write V_STATUS, LOW
        guest_at guest_sti
        expect_entry "interrupt-window exiting comes first", EXIT(7)
        expect_field "RVI stays", V_STATUS, LOW
        and dword [primary], ~(1 << 2)
        write_primary
        takes "without it the interrupt comes", guest_sti, LOW
        guest_at guest_eoi
        expect_entry "EOI", EXIT(18)
        apic "the processor's own APIC has seen no EOI of all this", TPR, 0
        guest_with TPR_SHADOW, X2APIC_MODE | REGISTERS | DELIVERY
        takes "WRMSR of the self-IPI", guest_x2apic_self, HIGH
        expect_field "RVI and SVI", V_STATUS, HIGH << 8
        guest_at guest_x2apic_eoi
        expect_entry "WRMSR of EOI", EXIT(18)
        expect_field "RVI and SVI", V_STATUS, 0
        write V_EOI_EXITS + 4, 1 << (HIGH - 128)
        takes "WRMSR of the self-IPI again", guest_x2apic_self, HIGH
        guest_at guest_x2apic_eoi
        expect_entry "WRMSR of EOI exits", EXIT(45)
        expect_field "behind WRMSR", V_RIP, guest_x2apic_eoi_behind
        call plain
        or dword [primary], TPR_SHADOW | 1 << 31
        or dword [secondary], DELIVERY
        call new_guest
        write 0x2012, VAPIC
        guest_at guest_end
        expect_entry "delivery without external-interrupt exiting", FAIL_VALID(7)
.done:  ret

; ---- external interrupts: the guest sends one to its own processor ----
guest_ipi:
        sti
guest_ipi_off:
        mov edi, LOCAL_APIC
        mov dword [zdi + ICR], 0x40000 + LOW
        nop
        vmcall
guest_notify:
        sti
        mov edi, LOCAL_APIC
        mov dword [zdi + ICR], 0x40000 + NOTIFY
        nop
        vmcall

%macro end_of_interrupt 0
        mov edi, LOCAL_APIC
        mov dword [zdi + EOI], 0
%endmacro

external:
        guest_with 0, 0
        guest_at guest_ipi
        expect_entry "without external-interrupt exiting the guest takes it", EXIT(18)
        expect_value "the handler's EAX", LOW, [guest_ax]
        apic "ISR", BIT_OF(ISR, LOW), MASK_OF(LOW)
        end_of_interrupt
        apic "ISR behind EOI", BIT_OF(ISR, LOW), 0
        guest_with 0, 0
        or dword [pin], 1
        control 0x4000, 0x48d, pin
        guest_at guest_ipi_off
        expect_entry "an external interrupt exits, IF = 0", EXIT(1)
        expect_field "no interruption information", V_EVENT, 0
        apic "it waits: IRR", BIT_OF(IRR, LOW), MASK_OF(LOW)
        apic "it waits: ISR", BIT_OF(ISR, LOW), 0
        guest_at guest_end
        write V_RFLAGS, 0x202
        expect_entry "it exits again before the guest's first instruction", EXIT(1)
        expect_field "where the guest is", V_RIP, guest_end
        or dword [exit], 1 << 15
        control 0x400c, 0x48f, exit
        guest_at guest_end
        write V_RFLAGS, 0x202
        expect_entry "with acknowledgement", EXIT(1)
        mov zdx, V_EVENT
        vmread zax, zdx
        and eax, 0x800007ff
        mov [value], eax
        expect_value "interruption information", 0x80000000 + LOW, [value]
        apic "it is in service: IRR", BIT_OF(IRR, LOW), 0
        apic "it is in service: ISR", BIT_OF(ISR, LOW), MASK_OF(LOW)
        expect_entry "the guest goes on", EXIT(18)
        end_of_interrupt
        ret

; ---- posted interrupts ----
posted: mov ecx, 0x48d
        rdmsr
        test edx, 1 << 7
        jz .done
        clear_vapic
        call plain
        mov dword [pin], 1 | 1 << 7
        or dword [primary], TPR_SHADOW | 1 << 31 | 1 << 28
        or dword [secondary], DELIVERY | APIC_ACCESSES
        mov dword [exit], 1 << 15
        call new_guest
        write 0x2004, MSR_BITMAPS
        write 0x2012, VAPIC
        write 0x2014, ACCESS_PAGE
        write 2, NOTIFY
        write 0x2016, DESCRIPTOR
        mov dword [DESCRIPTOR + LOW / 32 * 4], MASK_OF(LOW)
        mov dword [DESCRIPTOR + HIGH / 32 * 4], MASK_OF(HIGH)
        mov dword [DESCRIPTOR + 32], 0xff01
        call no_eoi_exits
        takes "a notification: the guest takes the highest", guest_notify, HIGH
        expect_field "RVI and SVI", V_STATUS, HIGH << 8 | LOW
        expect_value "the requests are taken", 0, [DESCRIPTOR + LOW / 32 * 4]
        expect_value "all of them", 0, [DESCRIPTOR + HIGH / 32 * 4]
        expect_value "the notification is no longer outstanding", 0xff00, [DESCRIPTOR + 32]
        virtual "IRR", BIT_OF(IRR, LOW), MASK_OF(LOW)
        apic "the processor's own APIC: ISR", BIT_OF(ISR, NOTIFY), 0
        apic "the processor's own APIC: IRR", BIT_OF(IRR, NOTIFY), 0
        guest_at guest_eoi
        expect_entry "EOI", EXIT(18)
        takes "the other one", guest_sti, LOW
        guest_at guest_eoi
        expect_entry "EOI", EXIT(18)
        guest_at guest_notify
        expect_entry "a notification of nothing", EXIT(18)
        expect_field "RVI and SVI", V_STATUS, 0
        guest_at guest_ipi_off
        expect_entry "another vector exits", EXIT(1)
        mov zdx, V_EVENT
        vmread zax, zdx
        and eax, 0x800007ff
        mov [value], eax
        expect_value "interruption information", 0x80000000 + LOW, [value]
        end_of_interrupt
        write 2, 0x1f2
        expect_entry "a notification vector above 255", FAIL_VALID(7)
        write 2, NOTIFY
        write 0x2016, DESCRIPTOR + 32
        expect_entry "a descriptor not on 64 bytes", FAIL_VALID(7)
        write 0x2016, DESCRIPTOR
        mov dword [exit], 0
        control 0x400c, 0x48f, exit
        expect_entry "posted interrupts without acknowledgement", FAIL_VALID(7)
.done:  ret

align 8
offset:         dd 0
word_to_write:  dd 0
value:          dd 0
