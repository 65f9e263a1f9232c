/* SPDX-License-Identifier: MIT */
/* Into 64-bit C: from a multiboot loader, and on other processors from a SIPI; descriptor tables, trap entries, and the host's hop between processors. */

.set HEADER_MAGIC, 0x1badb002
.set HEADER_FLAGS, 3                    /* modules on page boundaries, memory sizes wanted */

.set CR0_PE_MP_ET_NE_PG, 0x80000033
.set CR4_PAE_OSFXSR_OSXMMEXCPT, 0x620
.set MSR_EFER, 0xc0000080
.set EFER_LME, 0x100
.set CPUID_EXTENDED_HIGHEST, 0x80000000
.set CPUID_EXTENDED, 0x80000001
.set CPUID_EXTENDED_EDX_LM, 1 << 29
.set UART_DATA, 0x3f8
.set UART_LINE, 0x3fb
.set UART_LINE_8N1, 3
.set UART_STATUS, 0x3fd
.set UART_ALL_EMPTY, 0x40
.set BOCHS_SHUTDOWN_PORT, 0x8900
.set TEXT_MEMORY, 0xb8000
.set CPUS, 8
.set STACK_BYTES, 16384
.set HW_TSS_SELECTOR, 0x18
.set GDT_LIMIT, 5 * 8 - 1

/* Paging and IA-32e mode at once; a far jump to selector 8 is to follow. */
.macro enter_long_mode
        mov $page_root, %eax
        mov %eax, %cr3
        mov $CR4_PAE_OSFXSR_OSXMMEXCPT, %eax
        mov %eax, %cr4
        mov $MSR_EFER, %ecx
        rdmsr
        or $EFER_LME, %eax
        wrmsr
        mov $CR0_PE_MP_ET_NE_PG, %eax
        mov %eax, %cr0
.endm
.macro load_data_segments
        mov $16, %eax
        .irp segment, ds, es, ss, fs, gs
        mov %eax, %\segment
        .endr
.endm

.section .multiboot, "a"
.align 4
        .long HEADER_MAGIC, HEADER_FLAGS, -(HEADER_MAGIC + HEADER_FLAGS)

.text
.code32
.globl hw_start
hw_start:
        cli
        cld
        mov $stack_top, %esp
        mov %eax, %edi                  /* the arguments of hw_main() */
        mov %ebx, %esi
        mov $CPUID_EXTENDED_HIGHEST, %eax
        cpuid
        cmp $CPUID_EXTENDED, %eax
        jb no_long_mode
        mov $CPUID_EXTENDED, %eax
        cpuid
        test $CPUID_EXTENDED_EDX_LM, %edx
        jz no_long_mode
        lgdt gdt_pointer
        enter_long_mode
        ljmp $8, $long_mode

/* Without 64-bit mode there is no console.c either. */
no_long_mode:
        mov $UART_LINE, %dx
        mov $UART_LINE_8N1, %al
        out %al, %dx
        mov $no_long_mode_text, %esi
        mov $TEXT_MEMORY, %edi
        mov $no_long_mode_text_end - no_long_mode_text + 1, %ecx
        jmp 2f
1:      mov $UART_DATA, %dx
        mov (%esi), %al
        out %al, %dx
        movsb
        inc %edi                        /* over the attribute */
2:      mov $UART_STATUS, %dx
3:      in %dx, %al
        test $UART_ALL_EMPTY, %al
        jz 3b
        loop 1b
        mov $BOCHS_SHUTDOWN_PORT, %dx
        mov $8, %ecx
        rep outsb
4:      cli
        hlt
        jmp 4b

.code64
long_mode:
        load_data_segments
        mov $stack_top, %rsp
        mov $HW_TSS_SELECTOR, %eax
        ltr %ax
        mov %edi, %edi                  /* the change of mode leaves bits 63:32 undefined */
        mov %esi, %esi
        xor %ebp, %ebp
        call hw_main
1:      cli
        hlt
        jmp 1b

/* ---- other processors ---- */
/* Copied below 1 MByte, where a SIPI can start it. */
.section .rodata
.code16
.globl hw_trampoline, hw_trampoline_end
hw_trampoline:
        cli
        mov %cs, %ax
        mov %ax, %ds
        lgdtl gdt_here - hw_trampoline
        enter_long_mode
        ljmpl $8, $started
gdt_here:
        .word GDT_LIMIT
        .long hw_gdt
hw_trampoline_end:

.text
.code64
started:
        load_data_segments
        mov $1, %edi
        lock xadd %edi, hw_started
        inc %edi                        /* the first to come is number 1 */
        cmp $CPUS, %edi
        jae 1f
        mov %edi, %eax
        inc %eax
        imul $STACK_BYTES, %eax
        lea hw_stacks(%rax), %rsp
        call hw_cpu_main
1:      cli
        hlt
        jmp 1b

/* void hw_hop(struct hw_cpu *from, struct hw_cpu *to): returns on `to` with the caller's stack, while `from` waits on a stack of its own. An interrupt would
   find nothing on the caller's stack that it may use: interrupts are off, and NMIs come to the host's processor alone. */
.globl hw_hop
hw_hop:
        .irp register, rbx, rbp, r12, r13, r14, r15
        push %\register
        .endr
        mov %rsp, %rax
        mov 8(%rdi), %rsp
        mov %rax, 0(%rsi)
/* void hw_parked(struct hw_cpu *cpu): waits for the host. */
.globl hw_parked
hw_parked:
        and $-16, %rsp
        call hw_wait_turn
        mov %rax, %rsp
        .irp register, r15, r14, r13, r12, rbp, rbx
        pop %\register
        .endr
        ret

/* ---- traps ---- */
/* One entry for each vector, 16 bytes apart: error code (0 where the processor pushes none), vector. */
.align 16
.globl hw_trap_entries
hw_trap_entries:
.set vector, 0
.rept 256
        .align 16
        .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
        push $0
        .endif
        push $vector
        jmp trap
        .set vector, vector + 1
.endr

trap:
        .irp register, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
        push %\register
        .endr
        cld
        mov %rsp, %rdi
        call hw_trap                    /* 128 bytes below an aligned RSP: aligned */
        test %eax, %eax
        .irp register, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
        pop %\register
        .endr
        lea 16(%rsp), %rsp
        jnz 1f
        iretq
        /* Back without IRET, which leaves NMIs blocked. The interrupted code keeps nothing below its RSP. */
1:      push %rax
        push %rcx
        mov 16(%rsp), %rcx              /* RIP */
        mov 40(%rsp), %rax              /* RSP */
        pushq 32(%rsp)                  /* RFLAGS */
        popfq
        mov %rcx, -8(%rax)
        lea -8(%rax), %rax
        pop %rcx
        xchg %rax, (%rsp)
        mov (%rsp), %rsp
        ret

.section .rodata
no_long_mode_text:
        .ascii "vmxbench-hw: stopped: the processor has no 64-bit mode\n"
no_long_mode_text_end:
        .ascii "Shutdown"

/* The TSS has nothing but the stack of double faults, entry 1 of its interrupt stack table; its descriptor stands in image.ld. */
.align 8
.globl hw_tss
hw_tss: .fill 9, 4, 0
        .quad fault_stack_top
        .fill 15, 4, 0
gdt_pointer:
        .word GDT_LIMIT
        .quad hw_gdt

/* 2048 pages of 2 MBytes map the first 4 GBytes one to one: present, writable, page size. */
.data
.align 4096
page_directories:
.set page, 0x83
.rept 2048
        .quad page
        .set page, page + 0x200000
.endr
page_pointers:
        .quad page_directories + 0x0003, page_directories + 0x1003, page_directories + 0x2003, page_directories + 0x3003
        .fill 508, 8, 0
page_root:
        .quad page_pointers + 3
        .fill 511, 8, 0

.bss
.align 16
.globl hw_stacks, hw_started
hw_started:
        .skip 4
.align 16
        .skip 16384
fault_stack_top:
        .skip 65536
stack_top:
hw_stacks:
        .skip CPUS * STACK_BYTES

.section .note.GNU-stack, "", @progbits
