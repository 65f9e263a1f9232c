/* SPDX-License-Identifier: MIT */
/* The table of exit reasons and the names under which its rows are found. */
#include "reasons.h"

#include <stddef.h>

#include "names.h"

#define VMX_REASON(number, symbol, sdm, seed, class_name, fault_or_trap, decided_by, priority, qualification, length, info, linear, physical,        \
                   interruption, vectoring, resolution, avoidance)                                                                                   \
    {number, #symbol, sdm,    seed,     class_name,   fault_or_trap, decided_by, priority, qualification,                                            \
     length, info,    linear, physical, interruption, vectoring,     resolution, avoidance},

const struct vmx_reason_row vmx_reasons[VMX_REASON_LIMIT] = {
#include "exit_reasons.def"
};

const struct vmx_reason_row vmx_reason_flags[] = {
#include "exit_reason_flags.def"
};
#undef VMX_REASON

const unsigned vmx_reason_flag_count = sizeof vmx_reason_flags / sizeof vmx_reason_flags[0];

const char *vmx_reason_name(uint32_t basic_reason)
{
    return basic_reason < VMX_REASON_LIMIT ? vmx_reasons[basic_reason].name : "UNKNOWN";
}

static bool row_has_name(const struct vmx_reason_row *row, const char *name)
{
    return vmx_name_equal(row->name, name) || vmx_name_equal(row->sdm_name, name) || (row->seed_name != NULL && vmx_name_equal(row->seed_name, name));
}

/* Decimal or 0x-hexadecimal text of a number below VMX_REASON_LIMIT; VMX_REASON_LIMIT for anything else. */
static unsigned number_of_text(const char *text)
{
    const char *digits = vmx_name_after_prefix(text, "0x");
    const unsigned base = digits == text ? 10 : 16;
    unsigned number = 0;
    if (*digits == '\0')
        return VMX_REASON_LIMIT;
    for (; *digits != '\0'; digits++) {
        unsigned digit = base;
        if (*digits >= '0' && *digits <= '9')
            digit = (unsigned)(*digits - '0');
        else if ((*digits | 0x20) >= 'a' && (*digits | 0x20) <= 'f')
            digit = (unsigned)((*digits | 0x20) - 'a' + 10);
        if (digit >= base)
            return VMX_REASON_LIMIT;
        number = number * base + digit;
        if (number >= VMX_REASON_LIMIT)
            return VMX_REASON_LIMIT;
    }
    return number;
}

const struct vmx_reason_row *vmx_reason_of_name(const char *name)
{
    static const char *const prefixes[] = {"EXIT_REASON_", "VMX_EXIT_REASONS_", "VMX_EXIT_"};
    const unsigned number = number_of_text(name);
    if (number < VMX_REASON_LIMIT)
        return &vmx_reasons[number];
    for (unsigned i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        name = vmx_name_after_prefix(name, prefixes[i]);
    if (vmx_name_equal(name, "reserved")) /* the SDM name of several rows, so it names none */
        return NULL;
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++)
        if (row_has_name(&vmx_reasons[i], name))
            return &vmx_reasons[i];
    for (unsigned i = 0; i < vmx_reason_flag_count; i++)
        if (row_has_name(&vmx_reason_flags[i], name))
            return &vmx_reason_flags[i];
    return NULL;
}
