/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cases of entry checks: from a valid state, steps after which everything still holds, then steps after which one rule is violated. */
#ifndef TESTS_CHECK_CASES_H
#define TESTS_CHECK_CASES_H

#include <stddef.h>

#include "tests/support/valid_vmcs.h"
#include "vmx-model/checks.h"
#include "vmx-model/controls.h"
#include "vmx-model/registers.h"

enum step_kind { STEP_END, STEP_FIELD_SET, STEP_FIELD_OR, STEP_FIELD_CLEAR, STEP_MEMBER_SET, STEP_MEMBER_OR, STEP_MEMBER_CLEAR, STEP_MEMORY };

struct step {
    enum step_kind kind;
    uint32_t target; /* field, offset in struct valid_machine, or address */
    uint32_t size;   /* of a member, in bytes */
    uint64_t value;
};

enum { CASE_STEPS = 10 };
struct check_case {
    enum vmx_check check;
    enum valid_guest guest;
    bool resume;
    bool not_first; /* a rule before it is violated too */
    struct step holds[CASE_STEPS], fails[CASE_STEPS];
};

struct check_cases {
    const struct check_case *item;
    unsigned count;
};
extern const struct check_cases control_cases, host_cases, guest_control_cases, guest_segment_cases, guest_state_cases;
#define CASES(array)                                                                                                                                 \
    {                                                                                                                                                \
        (array), sizeof(array) / sizeof((array)[0])                                                                                                  \
    }

void take_steps(struct valid_machine *m, const struct step *steps);

#define SET(field, value)                                                                                                                            \
    {                                                                                                                                                \
        STEP_FIELD_SET, VMCS_##field, 0, (value)                                                                                                     \
    }
#define OR(field, bits)                                                                                                                              \
    {                                                                                                                                                \
        STEP_FIELD_OR, VMCS_##field, 0, (bits)                                                                                                       \
    }
#define CLEAR(field, bits)                                                                                                                           \
    {                                                                                                                                                \
        STEP_FIELD_CLEAR, VMCS_##field, 0, (bits)                                                                                                    \
    }
#define MEMBER_STEP(kind, member, value)                                                                                                             \
    {                                                                                                                                                \
        kind, offsetof(struct valid_machine, member), sizeof(((struct valid_machine *)0)->member), (value)                                           \
    }
#define MEMBER(member, value) MEMBER_STEP(STEP_MEMBER_SET, member, value)
#define MEMBER_OR(member, bits) MEMBER_STEP(STEP_MEMBER_OR, member, bits)
#define MEMBER_CLEAR(member, bits) MEMBER_STEP(STEP_MEMBER_CLEAR, member, bits)
#define MEMORY(address, value)                                                                                                                       \
    {                                                                                                                                                \
        STEP_MEMORY, (address), 8, (value)                                                                                                           \
    }

/* Controls that are 1. */
#define PIN(bits) OR(PIN_BASED_VM_EXEC_CONTROL, bits)
#define PRIMARY(bits) OR(CPU_BASED_VM_EXEC_CONTROL, bits)
#define SECONDARY(bits) PRIMARY(VMX_PRI_ACTIVATE_SECONDARY), OR(SECONDARY_VM_EXEC_CONTROL, bits)
#define TERTIARY(bits) PRIMARY(VMX_PRI_ACTIVATE_TERTIARY), OR(TERTIARY_VM_EXEC_CONTROL, bits)
#define EXIT(bits) OR(VM_EXIT_CONTROLS, bits)
#define EXIT2(bits) EXIT(VMX_EXITCTL_ACTIVATE_SECONDARY), OR(SECONDARY_VM_EXIT_CONTROLS, bits)
#define ENTRY(bits) OR(VM_ENTRY_CONTROLS, bits)
#define EPT SECONDARY(VMX_SEC_ENABLE_EPT)
#define NO_EPT CLEAR(SECONDARY_VM_EXEC_CONTROL, VMX_SEC_ENABLE_EPT)
#define VIRTUAL_DELIVERY PIN(VMX_PIN_EXT_INTR_EXITING), PRIMARY(VMX_PRI_USE_TPR_SHADOW), SECONDARY(VMX_SEC_VIRTUAL_INTR_DELIVERY)
#define IN_SMM MEMBER(cpu.smm, 1)

/* An event to inject, by type and vector. */
#define INJECT(type, vector) SET(VM_ENTRY_INTR_INFO_FIELD, UINT32_C(1) << 31 | (uint32_t)(type) << 8 | (vector))
#define INJECT_ERROR(type, vector) SET(VM_ENTRY_INTR_INFO_FIELD, UINT32_C(1) << 31 | 1u << 11 | (uint32_t)(type) << 8 | (vector))

#define STEPS(...)                                                                                                                                   \
    {                                                                                                                                                \
        __VA_ARGS__                                                                                                                                  \
    }
#define NOTHING                                                                                                                                      \
    {                                                                                                                                                \
        {                                                                                                                                            \
            STEP_END, 0, 0, 0                                                                                                                        \
        }                                                                                                                                            \
    }
#define CASE(row, guest, holds, fails)                                                                                                               \
    {                                                                                                                                                \
        VMX_CHECK_##row, VALID_##guest, false, false, holds, fails                                                                                   \
    }
#define CASE_NOT_FIRST(row, guest, holds, fails)                                                                                                     \
    {                                                                                                                                                \
        VMX_CHECK_##row, VALID_##guest, false, true, holds, fails                                                                                    \
    }
#define CASE_RESUME(row, guest, holds, fails)                                                                                                        \
    {                                                                                                                                                \
        VMX_CHECK_##row, VALID_##guest, true, false, holds, fails                                                                                    \
    }

/* valid_full_caps() has 46 bits of physical and 48 of linear address. */
#define LAST_PAGE UINT64_C(0x3ffffffff000)
#define TOO_WIDE (UINT64_C(1) << 46)
#define NOT_CANONICAL (UINT64_C(1) << 47)
#define CANONICAL_HIGH UINT64_C(0xffff800000000000)

#endif
