/* SPDX-License-Identifier: MIT */
/* Other processors: from a SIPI to 64-bit C, and the host's hop from one processor to another. */

.set CR0_PE_MP_NE_PG, 0x80000033
.set CR4_PAE_OSFXSR_OSXMMEXCPT, 0x620
.set MSR_EFER, 0xc0000080
.set EFER_LME, 0x100
.set CPUS, 8
.set STACK_BYTES, 16384

.section .rodata
/* Copied below 1 MByte, where a SIPI can start it: straight from real mode to compatibility mode to 64-bit mode. */
.code16
.globl hw_trampoline
hw_trampoline:
        cli
        mov %cs, %ax
        mov %ax, %ds
        mov $page_root, %eax
        mov %eax, %cr3
        mov $CR4_PAE_OSFXSR_OSXMMEXCPT, %eax
        mov %eax, %cr4
        mov $MSR_EFER, %ecx
        rdmsr
        or $EFER_LME, %eax
        wrmsr
        lgdtl gdt_here - hw_trampoline
        mov $CR0_PE_MP_NE_PG, %eax
        mov %eax, %cr0
        ljmpl $8, $in_long_mode
gdt_here:
        .word hw_gdt_bytes - 1
        .long hw_gdt
.globl hw_trampoline_end
hw_trampoline_end:

.text
.code64
in_long_mode:
        mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov %eax, %fs
        mov %eax, %gs
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
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, %rax
        mov 8(%rdi), %rsp
        mov %rax, 0(%rsi)
/* void hw_parked(struct hw_cpu *cpu): waits for the host. */
.globl hw_parked
hw_parked:
        and $-16, %rsp
        call hw_wait_turn
        mov %rax, %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        ret

.bss
.align 16
.globl hw_stacks
hw_stacks:
        .skip CPUS * STACK_BYTES
.globl hw_started
hw_started:
        .skip 4

.section .note.GNU-stack, "", @progbits
