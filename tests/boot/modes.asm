; SPDX-License-Identifier: GPL-2.0-or-later
; Guests in every mode under hosts of every mode: entry, the exit of an instruction, an injected interrupt and the way back; and a guest that climbs
; from real-address mode to 64-bit mode by itself. SDM 3C, "Loading Guest State", "Saving Guest State", "Unrestricted Guests".
%include "kernel.inc"
%include "vmcs.inc"
GUEST_TABLES    equ 0x340000            ; 32-bit paging; PAE's at + 1000H; a directory of both others at + 2000H; 4 levels at + 3000H
MSR_BITMAPS     equ 0x350000
PROBE           equ 0x8000              ; guest code, copied here
HANDLER         equ 0x9000
CLIMB           equ 0xa000
IDT_32          equ 0xb000
IDT_64          equ 0xc000
VECTOR          equ 0x21
G_CODE32        equ 0x08
G_DATA          equ 0x10
G_CODE64        equ 0x18
G_CODE16        equ 0x20
G_USER32        equ 0x2b
G_USER_DATA     equ 0x33
G_USER64        equ 0x3b
G_TASK          equ 0x40
RING_0_STACK    equ 0x7800
V_EFER          equ 0x2806
V_PDPTE         equ 0x280a
PAGED           equ 0x80000021
PROTECTED       equ 0x21
REAL            equ 0x20
PSE             equ 0x10
PAE             equ 0x20
IVT             equ 0
%define FRAME_64(sp)    (((sp) & ~15) - 40)
; What a row needs.
UNRESTRICTED    equ 1
IA32E           equ 2

; row NAME, needs, CR0, CR4, CR3, RFLAGS, RIP, RSP, EAX, IDT, task; handler's CS, RIP, RSP; CS: selector, base, limit, rights; the others' the same
struc r
.name:          resb 32
.needs:         resd 1
.cr0:           resd 1
.cr4:           resd 1
.cr3:           resd 1
.rflags:        resd 1
.rip:           resd 1
.rsp:           resd 1
.eax:           resd 1
.idt:           resd 1
.task:          resd 1
.handler_cs:    resd 1
.handler:       resd 1
.handler_rsp:   resd 1
.code:          resd 4
.data:          resd 4
endstruc
%macro row 22
%%name: db %1
        times 32 - ($ - %%name) db 0
  %rotate 1
  %rep 21
        dd %1
    %rotate 1
  %endrep
%endmacro
%define FLAT_CODE(s)    s, 0, 0xffffffff, 0xc09b
%define FLAT_DATA       G_DATA, 0, 0xffffffff, 0xc093
%define USER_DATA_FLAT  G_USER_DATA, 0, 0xffffffff, 0xc0f3

rows:
        row "real", UNRESTRICTED, REAL, 0, 0, 0x202, 0x1000, 0x1000, 0x1114, IVT, 0, 0x900, 0, 0xffa, \
                0x700, 0x7000, 0xffff, 0x9b, 0x600, 0x6000, 0xffff, 0x93
        row "real with 4-GByte limits", UNRESTRICTED, REAL, 0, 0, 0x202, 0x1000, 0x1000, 0x1114, IVT, 0, 0x900, 0, 0xffa, \
                0x700, 0x7000, 0xffff, 0x9b, 0x600, 0x6000, 0xffffffff, 0x8093
        row "protected without paging", UNRESTRICTED, PROTECTED, 0, 0, 0x202, PROBE, 0x7000, 0x40401112, IDT_32, task_32, G_CODE32, HANDLER, 0x6ff4, \
                FLAT_CODE(G_CODE32), FLAT_DATA
        row "16-bit without paging", UNRESTRICTED, PROTECTED, 0, 0, 0x202, PROBE, 0x7000, 0x1114, IDT_32, task_32, G_CODE32, HANDLER, 0x6ff4, \
                G_CODE16, 0, 0xffff, 0x9b, FLAT_DATA
        row "virtual-8086", 0, PAGED, PSE, GUEST_TABLES, 0x20202, 0x1000, 0x1000, 0x1114, IDT_32, task_32, G_CODE32, HANDLER, RING_0_STACK - 36, \
                0x700, 0x7000, 0xffff, 0xf3, 0x600, 0x6000, 0xffff, 0xf3
        row "virtual-8086 with PAE", 0, PAGED, PAE, GUEST_TABLES + 0x1000, 0x20202, 0x1000, 0x1000, 0x1114, IDT_32, task_32, G_CODE32, HANDLER, \
                RING_0_STACK - 36, 0x700, 0x7000, 0xffff, 0xf3, 0x600, 0x6000, 0xffff, 0xf3
        row "32-bit paging", 0, PAGED, PSE, GUEST_TABLES, 0x202, PROBE, 0x7000, 0x40401112, IDT_32, task_32, G_CODE32, HANDLER, 0x6ff4, \
                FLAT_CODE(G_CODE32), FLAT_DATA
        row "16-bit code, 32-bit paging", 0, PAGED, PSE, GUEST_TABLES, 0x202, PROBE, 0x7000, 0x1114, IDT_32, task_32, G_CODE32, HANDLER, 0x6ff4, \
                G_CODE16, 0, 0xffff, 0x9b, FLAT_DATA
        row "ring 3, 32-bit paging", 0, PAGED, PSE, GUEST_TABLES, 0x202, PROBE, 0x7000, 0x40401112, IDT_32, task_32, G_CODE32, HANDLER, \
                RING_0_STACK - 20, G_USER32, 0, 0xffffffff, 0xc0fb, USER_DATA_FLAT
        row "PAE paging", 0, PAGED, PAE, GUEST_TABLES + 0x1000, 0x202, PROBE, 0x7000, 0x40401112, IDT_32, task_32, G_CODE32, HANDLER, 0x6ff4, \
                FLAT_CODE(G_CODE32), FLAT_DATA
        row "ring 3, PAE paging", 0, PAGED, PAE, GUEST_TABLES + 0x1000, 0x202, PROBE, 0x7000, 0x40401112, IDT_32, task_32, G_CODE32, HANDLER, \
                RING_0_STACK - 20, G_USER32, 0, 0xffffffff, 0xc0fb, USER_DATA_FLAT
        row "compatibility", IA32E, PAGED, PAE, GUEST_TABLES + 0x3000, 0x202, PROBE, 0x7008, 0x40401112, IDT_64, task_64, G_CODE64, HANDLER + 16, \
                FRAME_64(0x7008), FLAT_CODE(G_CODE32), FLAT_DATA
        row "16-bit compatibility", IA32E, PAGED, PAE, GUEST_TABLES + 0x3000, 0x202, PROBE, 0x7000, 0x1114, IDT_64, task_64, G_CODE64, HANDLER + 16, \
                FRAME_64(0x7000), G_CODE16, 0, 0xffff, 0x9b, FLAT_DATA
        row "ring 3, compatibility", IA32E, PAGED, PAE, GUEST_TABLES + 0x3000, 0x202, PROBE, 0x7000, 0x40401112, IDT_64, task_64, G_CODE64, \
                HANDLER + 16, FRAME_64(RING_0_STACK), G_USER32, 0, 0xffffffff, 0xc0fb, USER_DATA_FLAT
        row "64-bit", IA32E, PAGED, PAE, GUEST_TABLES + 0x3000, 0x202, PROBE, 0x7004, 0x40401111, IDT_64, task_64, G_CODE64, HANDLER + 16, \
                FRAME_64(0x7004), G_CODE64, 0, 0xffffffff, 0xa09b, FLAT_DATA
        row "ring 3, 64-bit", IA32E, PAGED, PAE, GUEST_TABLES + 0x3000, 0x202, PROBE, 0x7000, 0x40401111, IDT_64, task_64, G_CODE64, HANDLER + 16, \
                FRAME_64(RING_0_STACK), G_USER64, 0, 0xffffffff, 0xa0fb, USER_DATA_FLAT
rows_end:

main:   call vmx_on
        call prepare
        mov dword [passes], 0
        call every_row
        mov dword [passes], 1
        call every_row
        call climbing
        ret

every_row:
        mov dword [row_at], rows
.next:  mov eax, [row_at]
        cmp eax, rows_end
        jae .done
        call runs
        jne .skip
        call one_row
.skip:  add dword [row_at], r_size
        jmp .next
.done:  ret

; ZF: the row at EAX runs in this pass.
runs:   mov ecx, [zax + r.needs]
%if HOST != 64
        test ecx, IA32E
        jnz .done
%endif
        cmp dword [passes], 0
        jne .ept
        test ecx, UNRESTRICTED          ; without EPT
        ret
.ept:   mov esi, eax
        and ecx, UNRESTRICTED
        shl ecx, 7
        or ecx, 2
        mov edi, ecx
        mov ecx, 0x48b
        rdmsr
        and edx, edi
        cmp edx, edi
        mov eax, esi
.done:  ret

; judge NAME, WANTED, OPERAND: a line that begins with pass and row; both operands are registers but for AX, memory through DX, or numbers.
%macro judge 3
        mov eax, %3
        mov edx, %2
        mov esi, %%name
        call row_verdict
        jmp %%over
%%name: db %1, 0
%%over:
%endmacro
; judge_field NAME, FIELD, MASK, WANTED
%macro judge_field 4
        mov zdx, %2
        xor eax, eax
        vmread zax, zdx
        and eax, %3
        mov [value], eax
        mov edx, [row_at]
        judge %1, %4, [value]
%endmacro
; judge_entry NAME, RESULT
%macro judge_entry 2
        call enter
        mov [value], eax
        judge %1, %2, [value]
%endmacro

row_verdict:
        push zsi
        cmp dword [passes], 0
        je .name
        mov esi, .ept
        call say
.name:  mov esi, [row_at]
        call say
        mov esi, .comma
        call say
        pop zsi
        jmp verdict
.ept:   db "EPT, ", 0
.comma: db ", ", 0

; write_row FIELD, OFFSET of the row
%macro write_row 2
        mov ecx, [row_at]
        mov eax, [zcx + %2]
        mov zdx, %1
        vmwrite zdx, zax
        jbe write_failed
%endmacro
; A segment register: number, offset of its four words.
%macro write_segment 2
        write_row 0x800 + 2 * %1, %2
        write_row 0x6806 + 2 * %1, %2 + 4
        write_row 0x4800 + 2 * %1, %2 + 8
        write_row 0x4814 + 2 * %1, %2 + 12
%endmacro

set_up: call plain
        or dword [primary], 1 << 28
        mov dword [exit], 1 << 20       ; save IA32_EFER
        cmp dword [passes], 0
        je .no_ept
        call use_ept
        or dword [secondary], 1 << 7
.no_ept:
        call new_guest
        write 0x2004, MSR_BITMAPS
        mov eax, [row_at]
        test dword [zax + r.needs], IA32E
        jnz .ia32e
        mov zdx, 0x4012
        vmread zax, zdx
        and eax, ~0x200
        vmwrite zdx, zax
.ia32e: cmp dword [passes], 0
        je .registers
        write V_EPTP, EPT_TABLES + 0x1e
%if HOST != 64
        write V_EPTP + 1, 0
%endif
        write V_PDPTE, GUEST_TABLES + 0x2001
        write V_PDPTE + 2, 0
        write V_PDPTE + 4, 0
        write V_PDPTE + 6, 0
.registers:
        write_row V_CR0, r.cr0
        mov ecx, [row_at]
        mov eax, [zcx + r.cr4]
        or eax, 0x2000
        mov zdx, V_CR4
        vmwrite zdx, zax
        write_row V_CR3, r.cr3
        write_row V_RFLAGS, r.rflags
        write_row V_RIP, r.rip
        write_row V_RSP, r.rsp
        write_row 0x6818, r.idt
        write_row 0x6814, r.task
        write_segment 0, r.data
        write_segment 1, r.code
        write_segment 2, r.data
        write_segment 3, r.data
        write_segment 4, r.data
        write_segment 5, r.data
        write 0x6816, guest_gdt
        write 0x4810, guest_gdt_end - guest_gdt - 1
        write 0x80e, G_TASK
        ret

one_row:
        call set_up
        judge_entry "CPUID exits", EXIT(10)
        mov edx, [row_at]
        mov eax, [guest_ax]
        cmp dword [zdx + r.eax], 0x10000
        jae .wide
        and eax, 0xffff
.wide:  mov [value], eax
        judge "EAX", [zdx + r.eax], [value]
        mov ecx, [row_at]
        mov ecx, [zcx + r.rip]
        add ecx, 7
        judge_field "RIP", V_RIP, -1, ecx
        judge_field "length", V_LENGTH, -1, 2
        judge_field "RFLAGS", V_RFLAGS, ~0x8d5, [zdx + r.rflags]
        judge_field "RSP", V_RSP, -1, [zdx + r.rsp]
        judge_field "CS", 0x802, -1, [zdx + r.code]
        judge_field "base of CS", 0x6808, -1, [zdx + r.code + 4]
        judge_field "limit of CS", 0x4802, -1, [zdx + r.code + 8]
        judge_field "rights of CS", 0x4816, -1, [zdx + r.code + 12]
        judge_field "rights of SS", 0x4818, -1, [zdx + r.data + 12]
        judge_field "CR0", V_CR0, 0x80000021, [zdx + r.cr0]
        judge_field "CR3", V_CR3, -1, [zdx + r.cr3]
        judge_field "CR4", V_CR4, PSE | PAE, [zdx + r.cr4]
        call host_state
        mov [value], eax
        judge "host state that is not the host's", 0, [value]
        call mode_fields
        call skip
        write V_ENTRY_EVENT, 0x80000000 + VECTOR
        judge_entry "an interrupt is injected", EXIT(18)
        judge_field "RIP of its handler", V_RIP, -1, [zdx + r.handler]
        judge_field "CS of its handler", 0x802, -1, [zdx + r.handler_cs]
        judge_field "RSP of its handler", V_RSP, -1, [zdx + r.handler_rsp]
        judge_field "RFLAGS of its handler", V_RFLAGS, ~0x8d5, 2
        call skip
        judge_entry "IRET, and CPUID exits", EXIT(10)
        mov ecx, [row_at]
        mov ecx, [zcx + r.rip]
        add ecx, 9
        judge_field "RIP behind IRET", V_RIP, -1, ecx
        judge_field "CS behind IRET", 0x802, -1, [zdx + r.code]
        judge_field "RSP behind IRET", V_RSP, -1, [zdx + r.rsp]
        judge_field "RFLAGS behind IRET", V_RFLAGS, ~0x8d5, [zdx + r.rflags]
        ret

; IA32_EFER and "IA-32e mode guest" tell of the guest's mode; the PDPTEs of its CR3 are in the VMCS under EPT with PAE paging.
mode_fields:
        xor edi, edi
        mov ecx, [row_at]
%if HOST = 64                           ; an entry with CR0.PG = 0 leaves LME
        test byte [zcx + r.cr0 + 3], 0x80
        jnz .paged
        mov edi, 0x100
.paged:
%endif
        test dword [zcx + r.needs], IA32E
        jz .entry
        mov edi, 0x500
.entry: mov [efer], edi
        mov ecx, 0x48f                  ; "save IA32_EFER"
        rdmsr
        test edx, 1 << 20
        jz .no_efer
        judge_field "IA32_EFER", V_EFER, 0x500, [efer]
.no_efer:
        and dword [efer], 0x400
        shr dword [efer], 1
        judge_field "IA-32e mode guest", 0x4012, 0x200, [efer]
        cmp dword [passes], 0
        je .done
        mov ecx, [row_at]
        cmp dword [zcx + r.cr4], PAE
        jne .done
        cmp dword [zcx + r.cr3], GUEST_TABLES + 0x1000
        jne .done
        judge_field "PDPTE 0", V_PDPTE, -1, GUEST_TABLES + 0x2001
.done:  ret

; EAX: a bit for each part of the host's state that is not as the kernel set it up.
host_state:
        xor edi, edi
        mov zax, cr0
        and eax, PAGED
        cmp eax, PAGED
        setne al
        movzx eax, al
        or edi, eax
        mov zax, cr3
        cmp eax, TABLES
        setne al
        movzx eax, al
        lea edi, [zdi + zax * 2]
        mov zax, cr4
        and eax, 0x2030
%if HOST = 32
        cmp eax, 0x2010
%else
        cmp eax, 0x2020
%endif
        setne al
        movzx eax, al
        lea edi, [zdi + zax * 4]
        mov ecx, EFER
        rdmsr
        and eax, 0x500
%if HOST = 64
        cmp eax, 0x500
%else
        cmp eax, 0
%endif
        setne al
        movzx eax, al
        lea edi, [zdi + zax * 8]
        str ax
        cmp ax, TASK
        setne al
        movzx eax, al
        shl eax, 4
        or edi, eax
%if HOST = 64
        pushfq
%else
        pushfd
%endif
        pop zax
        and eax, 0x20200                ; VM, IF
        or eax, edi
        ret

; ---- a guest that changes its mode ----
climbing:
        mov dword [row_at], rows        ; real
        mov eax, rows
        call runs
        jne .done
        call set_up
        mov zdx, 0x4012                 ; "load IA32_EFER": what the guest makes of LME stays
        vmread zax, zdx
        or eax, 1 << 15
        vmwrite zdx, zax
        write V_EFER, 0
        write 0x802, CLIMB >> 4
        write 0x6808, CLIMB
        write V_RIP, 0
        mov dword [row_at], climb_name
        judge_entry "real", EXIT(18)
        call skip
        judge_entry "protected", EXIT(18)
        judge_field "CR0 of protected", V_CR0, PAGED, PROTECTED
        judge_field "CS of protected", 0x802, -1, G_CODE32
        judge_field "rights of its CS", 0x4816, -1, 0xc09b
        call skip
        judge_entry "PAE", EXIT(18)
        judge_field "CR0 of PAE", V_CR0, PAGED, PAGED
        judge_field "CR4 of PAE", V_CR4, PAE, PAE
        judge_field "PDPTE 0 of its own MOV to CR3", V_PDPTE, -1, GUEST_TABLES + 0x2201
        judge_field "PDPTE 1 of its own MOV to CR3", V_PDPTE + 2, -1, 0
        call skip
%if HOST = 64
        judge_entry "compatibility", EXIT(18)
        judge_field "IA-32e mode guest of compatibility", 0x4012, 0x200, 0x200
        judge_field "rights of CS of compatibility", 0x4816, -1, 0xc09b
        call skip
        judge_entry "64-bit", EXIT(18)
        judge_field "rights of CS of 64-bit", 0x4816, -1, 0xa09b
        judge_field "RSP of 64-bit", V_RSP, -1, 0x12345678
        call skip
        judge_entry "compatibility again", EXIT(18)
        judge_field "rights of CS of compatibility again", 0x4816, -1, 0xc09b
        call skip
        judge_entry "paging off", EXIT(18)
        judge_field "CR0 of paging off", V_CR0, PAGED, PROTECTED
        judge_field "IA-32e mode guest of paging off", 0x4012, 0x200, 0
        call skip
        judge_entry "real again", EXIT(18)
        judge_field "CR0 of real again", V_CR0, PAGED, REAL
        judge_field "CS of real again", 0x6808, -1, CLIMB
%endif
.done:  ret

bits 16
climb:  vmcall
        lgdt [cs:.gdt - climb]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword G_CODE32:CLIMB + (.protected - climb)
.gdt:   dw guest_gdt_end - guest_gdt - 1
        dd guest_gdt
bits 32
.protected:
        mov ax, G_DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        vmcall
        mov dword [GUEST_TABLES + 0x1000], GUEST_TABLES + 0x2201
        mov eax, cr4
        or al, PAE
        mov cr4, eax
        mov eax, GUEST_TABLES + 0x1000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp $ + 2
        vmcall
        mov dword [GUEST_TABLES + 0x1000], GUEST_TABLES + 0x2001
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov ecx, EFER
        xor edx, edx
        mov eax, 0x100
        wrmsr
        mov eax, GUEST_TABLES + 0x3000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp $ + 2
        vmcall
        jmp G_CODE64:CLIMB + (.long - climb)
%if HOST = 64
bits 64
.long:  mov rsp, 0x12345678
        vmcall
        jmp far dword [rel .back]
.back:  dd CLIMB + (.compatible - climb)
        dw G_CODE32
bits 32
.compatible:
        vmcall
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov ecx, EFER
        xor edx, edx
        xor eax, eax
        wrmsr
        vmcall
        jmp G_CODE16:.sixteen - climb + CLIMB
bits 16
.sixteen:
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp (CLIMB >> 4):.real - climb
.real:  vmcall
%else
.long:
%endif
climb_end:

%if HOST = 64
bits 64
%else
bits 32
%endif
probe:  db 0xb8, 0x11, 0x11, 0x40, 0x40, 0x40, 0x90     ; EAX tells how wide this code is
        cpuid
        cpuid
probe_end:
handler:
        vmcall
        db 0xcf                         ; IRET
        times 16 - ($ - handler) db 0x90
        vmcall
        db 0x48, 0xcf                   ; IRETQ
handler_end:

; copy TO, FROM, END
%macro copy 3
        mov edi, %1
        mov esi, %2
        mov ecx, %3 - %2
        rep movsb
%endmacro
prepare:
        copy PROBE, probe, probe_end
        copy HANDLER, handler, handler_end
        copy CLIMB, climb, climb_end
        mov edi, IDT_32
        mov ecx, 0x2000 / 4
        xor eax, eax
        rep stosd
        mov dword [VECTOR * 4], 0x9000000
        mov dword [IDT_32 + VECTOR * 8], G_CODE32 << 16 | HANDLER
        mov dword [IDT_32 + VECTOR * 8 + 4], 0x8e00
        mov dword [IDT_64 + VECTOR * 16], G_CODE64 << 16 | (HANDLER + 16)
        mov dword [IDT_64 + VECTOR * 16 + 4], 0x8e00
        mov edi, GUEST_TABLES
        mov ecx, 0x11000 / 4
        rep stosd
        mov eax, 0x87
        mov edi, GUEST_TABLES
.large: mov [zdi], eax
        add edi, 4
        add eax, 0x400000
        cmp eax, MAPPED
        jb .large
        mov eax, 0x87
        mov edi, GUEST_TABLES + 0x2000
.small: mov [zdi], eax
        add edi, 8
        add eax, 0x200000
        cmp eax, MAPPED
        jb .small
        mov dword [GUEST_TABLES + 0x1000], GUEST_TABLES + 0x2001
        mov dword [GUEST_TABLES + 0x3000], GUEST_TABLES + 0x4007
        mov dword [GUEST_TABLES + 0x4000], GUEST_TABLES + 0x2007
        ret

align 8
guest_gdt:
        dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff, 0x00009b000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
guest_gdt_end:
task_32:
        dd 0, RING_0_STACK, G_DATA
        times 0x68 - ($ - task_32) db 0
task_64:
        dd 0
        dq RING_0_STACK
        times 0x68 - ($ - task_64) db 0
climb_name:
        db "climbing", 0
align 4
row_at:         dd 0
passes:         dd 0
value:          dd 0
efer:           dd 0
