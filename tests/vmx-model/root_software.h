/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A processor whose root software is code that the model executes, for the tests of VMX instructions. */
#ifndef TESTS_ROOT_SOFTWARE_H
#define TESTS_ROOT_SOFTWARE_H

#include <string.h>

#include "tests/support/running_guest.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"
#include "vmx-model/transition.h"
#include "vmx-model/vmx_instructions.h"

/* Host-physical places beside those of valid_vmcs.h; linear addresses of the first GByte are the same, beyond nothing is mapped. */
enum {
    ROOT_PDPT = 0x2000,
    OPERAND = 0x9000, /* what RAX or RBX point to */
    OTHER_VMCS = 0xa000,
    OTHER_VMXON = 0xb000,
    READ_BITMAP = 0xc000,
    WRITE_BITMAP = 0xd000,
    EPTP_LIST = 0xe000,
    MSR_LIST = 0xf000,
    NOT_MAPPED = 1 << 30
};
#define NOT_CANONICAL UINT64_C(0x0800000000000000)
#define GOOD_EPTP (VALID_EPT | 3 << 3 | 6)

/* Memory operands are [rax], of VMREAD and VMWRITE [rbx] with the encoding in RAX; INVEPT and INVVPID take their type from RCX. */
#define VMXON "\xf3\x0f\xc7\x30"
#define VMXOFF "\x0f\x01\xc4"
#define VMCLEAR "\x66\x0f\xc7\x30"
#define VMPTRLD "\x0f\xc7\x30"
#define VMPTRST "\x0f\xc7\x38"
#define VMLAUNCH "\x0f\x01\xc2"
#define VMRESUME "\x0f\x01\xc3"
#define VMREAD "\x0f\x78\x03"
#define VMWRITE "\x0f\x79\x03"
#define VMREAD_RBX "\x0f\x78\xc3"
#define VMWRITE_RBX "\x0f\x79\xc3"
#define INVEPT "\x66\x0f\x38\x80\x08"
#define INVVPID "\x66\x0f\x38\x81\x08"
#define VMCALL "\x0f\x01\xc1"
#define VMFUNC "\x0f\x01\xd4"

static struct valid_machine m;

static inline void put64(hpa_t address, uint64_t value)
{
    memcpy(m.memory + address, &value, sizeof value);
}
static inline uint64_t get64(hpa_t address)
{
    uint64_t value;
    memcpy(&value, m.memory + address, sizeof value);
    return value;
}
static inline void put32(hpa_t address, uint32_t value)
{
    memcpy(m.memory + address, &value, sizeof value);
}
static inline uint32_t get32(hpa_t address)
{
    uint32_t value;
    memcpy(&value, m.memory + address, sizeof value);
    return value;
}

static inline uint32_t revision(void)
{
    return (uint32_t)m.caps.basic & INT32_MAX;
}

/* Root operation in 64-bit code at CPL 0 with a clear current VMCS, whose guest runs in 64-bit mode; the arithmetic flags are 1. */
static inline void root_software(void)
{
    const struct vmx_caps caps = valid_full_caps();
    valid_machine(&m, &caps, VALID_LONG);
    m.cpu.vmcs_cache = &m.vmcs;
    memcpy(m.memory + VALID_VMCS, &m.vmcs, sizeof m.vmcs);
    put64(0x1000, ROOT_PDPT | 7);
    put64(VALID_GUEST_CR3, ROOT_PDPT | 7);
    put64(ROOT_PDPT, 0x87);
    put32(OTHER_VMCS, revision());
    put32(OTHER_VMXON, revision());
    m.cpu.state.rip = 0x1234;
    m.cpu.state.rflags |= VMX_RFLAGS_ARITHMETIC;
    m.cpu.state.gpr[VMX_RAX] = OPERAND;
    m.cpu.state.gpr[VMX_RBX] = OPERAND;
}

static inline void enter_guest(uint32_t secondary)
{
    vmcs_set(&m.vmcs, VMCS_CPU_BASED_VM_EXEC_CONTROL, vmcs_get(&m.vmcs, VMCS_CPU_BASED_VM_EXEC_CONTROL) | VMX_PRI_ACTIVATE_SECONDARY);
    vmcs_set(&m.vmcs, VMCS_SECONDARY_VM_EXEC_CONTROL, secondary);
    (void)vmx_enter(&m.cpu, m.vmcs.launched != 0 ? VMX_ENTRY_RESUME : VMX_ENTRY_LAUNCH);
}

static inline bool flags_are(uint64_t arithmetic)
{
    return (m.cpu.state.rflags & VMX_RFLAGS_ARITHMETIC) == arithmetic;
}
static inline bool succeeds(const struct vmx_outcome *o)
{
    return is_done(o) && flags_are(0);
}
static inline bool fails_invalid(const struct vmx_outcome *o)
{
    return is_done(o) && flags_are(VMX_RFLAGS_CF);
}
static inline bool fails_valid(const struct vmx_outcome *o, uint32_t error)
{
    return is_done(o) && flags_are(VMX_RFLAGS_ZF) && vmcs_get(&m.vmcs, VMCS_VM_INSTRUCTION_ERROR) == error;
}

#endif
