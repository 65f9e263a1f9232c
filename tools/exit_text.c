/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One VM exit in words. */
#include "exit_text.h"

#include <stdio.h>

#include "../vmx-model/exit_info.h"
#include "../vmx-model/reasons.h"

static const char *const gpr_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
    return value >> low & (UINT64_MAX >> (63 - (high - low)));
}

static const char *exception_name(unsigned vector)
{
    static const char *const names[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL,  "#TS",
                                        "#NP", "#SS", "#GP", "#PF", NULL,  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP"};
    return vector < sizeof names / sizeof names[0] ? names[vector] : NULL;
}

void event_text(uint64_t info, uint64_t error_code, char *text, size_t size)
{
    const unsigned vector = (unsigned)bits(info, 7, 0);
    const char *const name = exception_name(vector);
    char error[32] = "";
    text[0] = '\0';
    if (bits(info, 31, 31) == 0)
        return;
    if (bits(info, 11, 11) != 0)
        snprintf(error, sizeof error, " error 0x%llx", (unsigned long long)error_code);
    switch ((enum vmx_event_type)bits(info, 10, 8)) {
    case VMX_EVENT_EXTERNAL_INTERRUPT:
        snprintf(text, size, "interrupt 0x%02x", vector);
        return;
    case VMX_EVENT_NMI:
        snprintf(text, size, "NMI");
        return;
    case VMX_EVENT_SOFTWARE_INTERRUPT:
        snprintf(text, size, "int 0x%02x", vector);
        return;
    case VMX_EVENT_OTHER:
        snprintf(text, size, "other event %u", vector);
        return;
    case VMX_EVENT_HARDWARE_EXCEPTION:
    case VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION:
    case VMX_EVENT_SOFTWARE_EXCEPTION:
        break;
    }
    if (name != NULL)
        snprintf(text, size, "%s%s", name, error);
    else
        snprintf(text, size, "exception %u%s", vector, error);
}

static void cr_text(const struct trace_record *exit, char *text, size_t size)
{
    const uint64_t q = exit->item[TRACE_QUALIFICATION];
    const unsigned cr = (unsigned)bits(q, 3, 0), gpr = (unsigned)bits(q, 11, 8);
    switch (bits(q, 5, 4)) {
    case 0:
        snprintf(text, size, "mov cr%u, %s = 0x%llx", cr, gpr_names[gpr], (unsigned long long)(gpr == 4 ? exit->item[TRACE_RSP] : exit->gpr[gpr]));
        break;
    case 1:
        snprintf(text, size, "mov %s, cr%u", gpr_names[gpr], cr);
        break;
    case 2:
        snprintf(text, size, "clts");
        break;
    default:
        snprintf(text, size, "lmsw 0x%llx", (unsigned long long)bits(q, 31, 16));
        break;
    }
}

static void dr_text(const struct trace_record *exit, char *text, size_t size)
{
    const uint64_t q = exit->item[TRACE_QUALIFICATION];
    const unsigned dr = (unsigned)bits(q, 2, 0);
    const char *const gpr = gpr_names[bits(q, 11, 8)];
    if (bits(q, 4, 4) != 0)
        snprintf(text, size, "mov %s, dr%u", gpr, dr);
    else
        snprintf(text, size, "mov dr%u, %s", dr, gpr);
}

static void io_text(const struct trace_record *exit, char *text, size_t size)
{
    const uint64_t q = exit->item[TRACE_QUALIFICATION];
    const unsigned bytes = (unsigned)bits(q, 2, 0) + 1, port = (unsigned)bits(q, 31, 16);
    const bool in = bits(q, 3, 3) != 0, string = bits(q, 4, 4) != 0, rep = bits(q, 5, 5) != 0;
    char value[32] = "";
    if (!in && !string)
        snprintf(value, sizeof value, " = 0x%llx", (unsigned long long)(exit->gpr[VMX_RAX] & (UINT64_MAX >> (64 - 8 * bytes))));
    snprintf(text, size, "%s%s%s port 0x%x, size %u%s", rep ? "rep " : "", in ? "in" : "out", string ? "s" : "", port, bytes, value);
}

static void ept_text(const struct trace_record *exit, char *text, size_t size)
{
    const uint64_t q = exit->item[TRACE_QUALIFICATION];
    const char *const kind = bits(q, 2, 2) != 0 ? "fetch" : bits(q, 1, 1) != 0 ? "write" : "read";
    char linear[40] = "";
    if (bits(q, 7, 7) != 0)
        snprintf(linear, sizeof linear, ", linear 0x%llx", (unsigned long long)exit->item[TRACE_GUEST_LINEAR]);
    snprintf(text, size, "%s of 0x%llx%s", kind, (unsigned long long)exit->item[TRACE_GUEST_PHYSICAL], linear);
}

static void task_text(const struct trace_record *exit, char *text, size_t size)
{
    static const char *const sources[] = {"call", "iret", "jmp", "task gate"};
    const uint64_t q = exit->item[TRACE_QUALIFICATION];
    snprintf(text, size, "%s to selector 0x%llx", sources[bits(q, 31, 30)], (unsigned long long)bits(q, 15, 0));
}

static void apic_text(const struct trace_record *exit, char *text, size_t size)
{
    static const char *const types[] = {"read", "write", "fetch", "event delivery"};
    const uint64_t q = exit->item[TRACE_QUALIFICATION], type = bits(q, 15, 12);
    snprintf(text, size, "%s at offset 0x%llx", type < 4 ? types[type] : "guest-physical access", (unsigned long long)bits(q, 11, 0));
}

static void exception_text(const struct trace_record *exit, char *text, size_t size)
{
    const uint64_t info = exit->item[TRACE_INTERRUPTION_INFO];
    event_text(info, exit->item[TRACE_INTERRUPTION_ERROR], text, size);
    if (bits(info, 10, 8) == VMX_EVENT_HARDWARE_EXCEPTION && bits(info, 7, 0) == VMX_PF) {
        char event[48];
        snprintf(event, sizeof event, "%s", text);
        snprintf(text, size, "%s at 0x%llx", event, (unsigned long long)exit->item[TRACE_QUALIFICATION]);
    }
}

static uint64_t edx_eax(const struct trace_record *exit)
{
    return (exit->gpr[VMX_RDX] & UINT32_MAX) << 32 | (exit->gpr[VMX_RAX] & UINT32_MAX);
}

void exit_text(const struct trace_record *exit, char *text, size_t size)
{
    const uint64_t q = exit->item[TRACE_QUALIFICATION];
    text[0] = '\0';
    switch (vmx_basic_reason((uint32_t)exit->item[TRACE_REASON])) {
    case VMX_EXIT_EXCEPTION_NMI:
        exception_text(exit, text, size);
        break;
    case VMX_EXIT_EXTERNAL_INTERRUPT:
        event_text(exit->item[TRACE_INTERRUPTION_INFO], 0, text, size);
        break;
    case VMX_EXIT_SIPI_SIGNAL:
    case VMX_EXIT_EOI_INDUCED:
        snprintf(text, size, "vector 0x%02llx", (unsigned long long)bits(q, 7, 0));
        break;
    case VMX_EXIT_TASK_SWITCH:
        task_text(exit, text, size);
        break;
    case VMX_EXIT_CPUID:
        snprintf(text, size, "leaf 0x%llx, subleaf 0x%llx", (unsigned long long)(exit->gpr[VMX_RAX] & UINT32_MAX),
                 (unsigned long long)(exit->gpr[VMX_RCX] & UINT32_MAX));
        break;
    case VMX_EXIT_INVLPG:
        snprintf(text, size, "linear 0x%llx", (unsigned long long)q);
        break;
    case VMX_EXIT_VMCALL:
        snprintf(text, size, "rax = 0x%llx", (unsigned long long)exit->gpr[VMX_RAX]);
        break;
    case VMX_EXIT_CR_ACCESS:
        cr_text(exit, text, size);
        break;
    case VMX_EXIT_DR_ACCESS:
        dr_text(exit, text, size);
        break;
    case VMX_EXIT_IO_INSTRUCTION:
        io_text(exit, text, size);
        break;
    case VMX_EXIT_MSR_READ:
        snprintf(text, size, "MSR 0x%llx", (unsigned long long)(exit->gpr[VMX_RCX] & UINT32_MAX));
        break;
    case VMX_EXIT_MSR_WRITE:
    case VMX_EXIT_XSETBV:
        snprintf(text, size, "%s 0x%llx = 0x%llx", vmx_basic_reason((uint32_t)exit->item[TRACE_REASON]) == VMX_EXIT_XSETBV ? "XCR" : "MSR",
                 (unsigned long long)(exit->gpr[VMX_RCX] & UINT32_MAX), (unsigned long long)edx_eax(exit));
        break;
    case VMX_EXIT_APIC_ACCESS:
        apic_text(exit, text, size);
        break;
    case VMX_EXIT_APIC_WRITE:
        snprintf(text, size, "offset 0x%llx", (unsigned long long)bits(q, 11, 0));
        break;
    case VMX_EXIT_EPT_VIOLATION:
        ept_text(exit, text, size);
        break;
    case VMX_EXIT_EPT_MISCONFIG:
        snprintf(text, size, "at 0x%llx", (unsigned long long)exit->item[TRACE_GUEST_PHYSICAL]);
        break;
    default:
        if (q != 0)
            snprintf(text, size, "qualification 0x%llx", (unsigned long long)q);
        break;
    }
}
