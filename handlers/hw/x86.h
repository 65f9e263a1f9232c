/* SPDX-License-Identifier: MIT */
/* The processor's instructions that C cannot say. Those that may fault report it: the trap handler finds them in the fixup table, sets CF and goes on. */
#ifndef HW_X86_H
#define HW_X86_H

#include <stdbool.h>
#include <stdint.h>

#include "../../vmx-model/registers.h"

/* "1:" stands at the instruction that may fault, "2:" where it goes on. */
#define X86_FIXUP "\n2:\n.pushsection .fixups, \"a\"\n.quad 1b, 2b\n.popsection"

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline uint8_t inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline bool rdmsr(uint32_t msr, uint64_t *value)
{
    uint32_t low = 0, high = 0;
    bool done;
    __asm__ volatile("clc\n1: rdmsr" X86_FIXUP : "+a"(low), "+d"(high), "=@ccnc"(done) : "c"(msr));
    *value = low | (uint64_t)high << 32;
    return done;
}
#define X86_WRITE(name)                                                                                                                              \
    static inline bool name(uint32_t number, uint64_t value)                                                                                         \
    {                                                                                                                                                \
        bool done;                                                                                                                                   \
        const uint32_t low = (uint32_t)value, high = (uint32_t)(value >> 32);                                                                        \
        __asm__ volatile("clc\n1: " #name X86_FIXUP : "=@ccnc"(done) : "c"(number), "a"(low), "d"(high) : "memory");                                 \
        return done;                                                                                                                                 \
    }
X86_WRITE(wrmsr)
X86_WRITE(xsetbv)
#undef X86_WRITE
/* 0 where the processor has no such MSR. */
static inline uint64_t msr_or_0(uint32_t msr)
{
    uint64_t value;
    return rdmsr(msr, &value) ? value : 0;
}
static inline uint64_t xgetbv(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low | (uint64_t)high << 32;
}
static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return low | (uint64_t)high << 32;
}
static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(subleaf));
}
static inline void halt(void)
{
    __asm__ volatile("cli; hlt");
}

#define X86_REGISTER(name)                                                                                                                           \
    static inline uint64_t read_##name(void)                                                                                                         \
    {                                                                                                                                                \
        uint64_t value;                                                                                                                              \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                                                                       \
        return value;                                                                                                                                \
    }                                                                                                                                                \
    static inline void write_##name(uint64_t value)                                                                                                  \
    {                                                                                                                                                \
        __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                                                                              \
    }
X86_REGISTER(cr0)
X86_REGISTER(cr2)
X86_REGISTER(cr3)
X86_REGISTER(cr4)
X86_REGISTER(dr0)
X86_REGISTER(dr1)
X86_REGISTER(dr2)
X86_REGISTER(dr3)
X86_REGISTER(dr6)
#undef X86_REGISTER

/* VMX instructions: true for VMsucceed (CF = ZF = 0). */
#define X86_VMX_REGION(name)                                                                                                                         \
    static inline bool name(uint64_t region)                                                                                                         \
    {                                                                                                                                                \
        bool done;                                                                                                                                   \
        __asm__ volatile(#name " %1" : "=@cca"(done) : "m"(region) : "memory");                                                                      \
        return done;                                                                                                                                 \
    }
X86_VMX_REGION(vmxon)
X86_VMX_REGION(vmclear)
X86_VMX_REGION(vmptrld)
#undef X86_VMX_REGION
static inline void vmxoff(void)
{
    __asm__ volatile("vmxoff" : : : "cc", "memory");
}
static inline bool vmread(uint64_t encoding, uint64_t *value)
{
    bool done;
    uint64_t read = 0;
    __asm__ volatile("vmread %2, %1" : "=@cca"(done), "+r"(read) : "r"(encoding));
    *value = read;
    return done;
}
static inline bool vmwrite(uint64_t encoding, uint64_t value)
{
    bool done;
    __asm__ volatile("vmwrite %2, %1" : "=@cca"(done) : "r"(encoding), "r"(value) : "memory");
    return done;
}
struct invalidation {
    uint64_t first, second;
};
#define X86_INVALIDATE(name)                                                                                                                         \
    static inline bool name(uint64_t type, struct invalidation descriptor)                                                                           \
    {                                                                                                                                                \
        bool done;                                                                                                                                   \
        __asm__ volatile(#name " %1, %2" : "=@cca"(done) : "m"(descriptor), "r"(type) : "memory");                                                   \
        return done;                                                                                                                                 \
    }
X86_INVALIDATE(invept)
X86_INVALIDATE(invvpid)
#undef X86_INVALIDATE

#endif
