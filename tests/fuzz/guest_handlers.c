/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt handlers of random guests, in machine code. A fault goes on with the next block of 64 bytes, or with the first when RIP has left
   0x8000 to 0x8FFF; a debug exception goes on where it was, without TF; an interrupt changes nothing but a counter. Each entry of 16 bytes
   pushes its vector. */
#include "guest_handlers.h"

#define ENTRIES(bits, push_zero, jump)                                                                                                               \
    ".set vector, 0\n"                                                                                                                               \
    ".rept 32\n"                                                                                                                                     \
    ".balign 16\n"                                                                                                                                   \
    ".if !((1 << vector) & 0x227d00)\n" push_zero ".endif\n"                                                                                         \
    "push $vector\n" jump "\n"                                                                                                                       \
    ".set vector, vector + 1\n"                                                                                                                      \
    ".endr\n"                                                                                                                                        \
    ".balign 16\n"

#define BLOB(name, text)                                                                                                                             \
    extern const uint8_t name##_begin[] __attribute__((visibility("hidden"))), name##_end[] __attribute__((visibility("hidden")));                   \
    __asm__(".pushsection .rodata\n.balign 16\n" #name "_begin:\n" text #name "_end:\n.code64\n.popsection\n");                                      \
    const uint8_t *name(void)                                                                                                                        \
    {                                                                                                                                                \
        return name##_begin;                                                                                                                         \
    }                                                                                                                                                \
    uint32_t name##_size(void)                                                                                                                       \
    {                                                                                                                                                \
        return (uint32_t)(name##_end - name##_begin);                                                                                                \
    }

/* Real mode has no error codes. The entry for interrupts is the 33rd. */
BLOB(handlers_16, ".code16\n"
                  ".set vector, 0\n"
                  ".rept 32\n"
                  ".balign 16\n"
                  "push $vector\n jmp 1f\n"
                  ".set vector, vector + 1\n"
                  ".endr\n"
                  ".balign 16\n"
                  "incw %cs:0xb000\n iret\n"
                  "1: push %ax\n push %bp\n mov %sp, %bp\n"
                  "   cmpw $1, 4(%bp)\n je 4f\n"
                  "   mov 6(%bp), %ax\n and $0xffc0, %ax\n add $64, %ax\n"
                  "   cmp $0x9000, %ax\n jae 3f\n cmp $0x8000, %ax\n jb 3f\n"
                  "2: mov %ax, 6(%bp)\n orw $0x200, 10(%bp)\n pop %bp\n pop %ax\n add $2, %sp\n iret\n"
                  "3: movw $0, 8(%bp)\n mov $0x8000, %ax\n jmp 2b\n"
                  "4: andw $0xfeff, 10(%bp)\n pop %bp\n pop %ax\n add $2, %sp\n iret\n")

/* The selector of the code stands at 0x9ff0. Virtual-8086 code gets segment 0. */
BLOB(handlers_32,
     ".code32\n" ENTRIES(32, "push $0\n",
                         "jmp 1f") "incl %ss:0xb000\n iret\n"
                                   "1: push %eax\n"
                                   "   cmpl $1, 4(%esp)\n je 4f\n"
                                   "   mov 12(%esp), %eax\n and $-64, %eax\n add $64, %eax\n"
                                   "   cmp $0x9000, %eax\n jae 3f\n cmp $0x8000, %eax\n jb 3f\n"
                                   "2: mov %eax, 12(%esp)\n orl $0x200, 20(%esp)\n andl $~0x44000, 20(%esp)\n pop %eax\n add $8, %esp\n iret\n"
                                   "3: mov %cs:0x9ff0, %eax\n testl $0x20000, 20(%esp)\n jz 5f\n xor %eax, %eax\n"
                                   "5: mov %eax, 16(%esp)\n mov $0x8000, %eax\n jmp 2b\n"
                                   "4: andl $~0x100, 20(%esp)\n orl $0x10000, 20(%esp)\n pop %eax\n add $8, %esp\n iret\n")

BLOB(handlers_64,
     ".code64\n" ENTRIES(64, "push $0\n",
                         "jmp 1f") "incl 0xb000\n iretq\n"
                                   "1: push %rax\n"
                                   "   cmpq $1, 8(%rsp)\n je 4f\n"
                                   "   mov 24(%rsp), %rax\n and $-64, %rax\n add $64, %rax\n"
                                   "   cmp $0x9000, %rax\n jae 3f\n cmp $0x8000, %rax\n jb 3f\n"
                                   "2: mov %rax, 24(%rsp)\n orl $0x200, 40(%rsp)\n andl $~0x44000, 40(%rsp)\n pop %rax\n add $16, %rsp\n iretq\n"
                                   "3: mov 0x9ff0, %eax\n mov %rax, 32(%rsp)\n mov $0x8000, %eax\n jmp 2b\n"
                                   "4: andl $~0x100, 40(%rsp)\n orl $0x10000, 40(%rsp)\n pop %rax\n add $16, %rsp\n iretq\n")
