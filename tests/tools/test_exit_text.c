/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits in words: the qualification layouts of the manual. */
#include "tools/exit_text.h"

#include "tests/support/suite.h"
#include "vmx-model/reasons.h"

struct sample {
    uint64_t reason, qualification, rax, rcx, rdx, guest_linear, guest_physical, interruption, error;
    const char *text;
};

static void every_layout_reads_as_the_manual_has_it(void)
{
    static const struct sample samples[] = {
        {.reason = VMX_EXIT_EXCEPTION_NMI, .qualification = 0x1234, .interruption = 0x80000b0e, .error = 2, .text = "#PF error 0x2 at 0x1234"},
        {.reason = VMX_EXIT_EXCEPTION_NMI, .interruption = 0x80000b0d, .error = 0x18, .text = "#GP error 0x18"},
        {.reason = VMX_EXIT_EXCEPTION_NMI, .interruption = 0x80000603, .text = "#BP"},
        {.reason = VMX_EXIT_EXCEPTION_NMI, .interruption = 0x80000202, .text = "NMI"},
        {.reason = VMX_EXIT_EXCEPTION_NMI, .interruption = 0x8000031f, .text = "exception 31"},
        {.reason = VMX_EXIT_EXTERNAL_INTERRUPT, .interruption = 0x80000031, .text = "interrupt 0x31"},
        {.reason = VMX_EXIT_EXTERNAL_INTERRUPT, .text = ""},
        {.reason = VMX_EXIT_SIPI_SIGNAL, .qualification = 0x9f, .text = "vector 0x9f"},
        {.reason = VMX_EXIT_TASK_SWITCH, .qualification = 0xc0000028, .text = "task gate to selector 0x28"},
        {.reason = VMX_EXIT_TASK_SWITCH, .qualification = 0x40000030, .text = "iret to selector 0x30"},
        {.reason = VMX_EXIT_CPUID, .rax = 0xffffffff00000007, .rcx = 1, .text = "leaf 0x7, subleaf 0x1"},
        {.reason = VMX_EXIT_INVLPG, .qualification = 0x7000, .text = "linear 0x7000"},
        {.reason = VMX_EXIT_VMCALL, .rax = 5, .text = "rax = 0x5"},
        {.reason = VMX_EXIT_CR_ACCESS, .qualification = 0x003, .rax = 0x1000, .text = "mov cr3, rax = 0x1000"},
        {.reason = VMX_EXIT_CR_ACCESS, .qualification = 0x118, .text = "mov rcx, cr8"},
        {.reason = VMX_EXIT_CR_ACCESS, .qualification = 0x020, .text = "clts"},
        {.reason = VMX_EXIT_CR_ACCESS, .qualification = 0xfff10030, .text = "lmsw 0xfff1"},
        {.reason = VMX_EXIT_DR_ACCESS, .qualification = 0x0017, .text = "mov rax, dr7"},
        {.reason = VMX_EXIT_DR_ACCESS, .qualification = 0x0200, .text = "mov dr0, rdx"},
        {.reason = VMX_EXIT_IO_INSTRUCTION, .qualification = 0x03f80000, .rax = 0x1ff, .text = "out port 0x3f8, size 1 = 0xff"},
        {.reason = VMX_EXIT_IO_INSTRUCTION, .qualification = 0x0cfc000b, .text = "in port 0xcfc, size 4"},
        {.reason = VMX_EXIT_IO_INSTRUCTION, .qualification = 0x01f00039, .text = "rep ins port 0x1f0, size 2"},
        {.reason = VMX_EXIT_MSR_READ, .rcx = 0xc0000080, .text = "MSR 0xc0000080"},
        {.reason = VMX_EXIT_MSR_WRITE, .rcx = 0x10, .rdx = 1, .rax = 2, .text = "MSR 0x10 = 0x100000002"},
        {.reason = VMX_EXIT_XSETBV, .rax = 3, .text = "XCR 0x0 = 0x3"},
        {.reason = VMX_EXIT_APIC_ACCESS, .qualification = 0x10b0, .text = "write at offset 0xb0"},
        {.reason = VMX_EXIT_APIC_ACCESS, .qualification = 0xf020, .text = "guest-physical access at offset 0x20"},
        {.reason = VMX_EXIT_APIC_WRITE, .qualification = 0x300, .text = "offset 0x300"},
        {.reason = VMX_EXIT_EPT_VIOLATION,
         .qualification = 0x182,
         .guest_linear = 0x10,
         .guest_physical = 0x20,
         .text = "write of 0x20, linear 0x10"},
        {.reason = VMX_EXIT_EPT_VIOLATION, .qualification = 0x004, .guest_physical = 0x20, .text = "fetch of 0x20"},
        {.reason = VMX_EXIT_EPT_MISCONFIG, .guest_physical = 0x20, .text = "at 0x20"},
        {.reason = VMX_EXIT_HLT, .text = ""},
        {.reason = VMX_REASON_FAILED_VMENTRY | VMX_EXIT_INVALID_STATE, .qualification = 3, .text = "qualification 0x3"},
        {.reason = 99, .text = ""},
    };
    for (unsigned i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct sample *s = &samples[i];
        struct trace_record record = {.kind = TRACE_EXIT, .gpr = {s->rax, s->rcx, s->rdx}};
        char text[160];
        record.item[TRACE_REASON] = s->reason;
        record.item[TRACE_QUALIFICATION] = s->qualification;
        record.item[TRACE_GUEST_LINEAR] = s->guest_linear;
        record.item[TRACE_GUEST_PHYSICAL] = s->guest_physical;
        record.item[TRACE_INTERRUPTION_INFO] = s->interruption;
        record.item[TRACE_INTERRUPTION_ERROR] = s->error;
        exit_text(&record, text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, s->text);
    }
}

static void rsp_as_a_source_is_the_item(void)
{
    struct trace_record record = {.kind = TRACE_EXIT, .gpr = {[4] = 1}};
    char text[160];
    record.item[TRACE_REASON] = VMX_EXIT_CR_ACCESS;
    record.item[TRACE_QUALIFICATION] = 0x404;
    record.item[TRACE_RSP] = 0x7000;
    exit_text(&record, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "mov cr4, rsp = 0x7000");
}

SUITE("tools/exit_text", {"every_layout_reads_as_the_manual_has_it", every_layout_reads_as_the_manual_has_it},
      {"rsp_as_a_source_is_the_item", rsp_as_a_source_is_the_item})
