/* SPDX-License-Identifier: MIT */
/* The way into the guest and back. */

.set VMCS_HOST_RSP, 0x6c14

/* Offsets of the general registers in struct bk_vcpu, in the order of instruction encodings. RSP is a VMCS field. */
.macro each_register operation
        \operation %rcx, 8
        \operation %rdx, 16
        \operation %rbx, 24
        \operation %rbp, 40
        \operation %rsi, 48
        .irp number, 8, 9, 10, 11, 12, 13, 14, 15
        \operation %r\number, 8*\number
        .endr
.endm
.macro load register, offset
        mov \offset(%rdi), \register
.endm
.macro store register, offset
        mov \register, \offset(%rdi)
.endm

.text
/* unsigned hw_enter(uint64_t *registers, bool launched): VMLAUNCH, or VMRESUME when launched. Returns 0 after a VM exit, 1 after VMfailInvalid,
   2 after VMfailValid. */
.globl hw_enter
hw_enter:
        .irp register, rbx, rbp, r12, r13, r14, r15, rdi
        push %\register
        .endr
        mov $VMCS_HOST_RSP, %eax
        vmwrite %rsp, %rax
        test %sil, %sil
        each_register load
        mov 0(%rdi), %rax
        mov 56(%rdi), %rdi              /* MOV leaves ZF as TEST set it */
        jnz 1f
        vmlaunch
        jmp 2f
1:      vmresume
        /* The entry did not begin: CF for VMfailInvalid, ZF for VMfailValid. The host's registers come back from the stack. */
2:      setz %al
        movzbl %al, %eax
        inc %eax
        pop %rdi
        jmp 3f

.globl hw_exit
hw_exit:
        push %rdi
        mov 8(%rsp), %rdi
        mov %rax, 0(%rdi)
        each_register store
        pop %rax
        mov %rax, 56(%rdi)
        pop %rdi
        xor %eax, %eax
3:      .irp register, r15, r14, r13, r12, rbp, rbx
        pop %\register
        .endr
        ret

.section .note.GNU-stack, "", @progbits
