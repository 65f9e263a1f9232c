/* SPDX-License-Identifier: MIT */
/* The table of VMCS fields and the access rules of VMREAD and VMWRITE. */
#include "vmcs.h"

#include "caps.h"
#include "controls.h"
#include "errors.h"
#include "names.h"

const struct vmcs_field_row vmcs_fields[VMCS_FIELD_COUNT] = {
#define VMCS_FIELD(encoding, symbol, sdm, group, exists) {encoding, #symbol, sdm, VMCS_GROUP_##group, exists},
#include "vmcs_fields.def"
#undef VMCS_FIELD
};

static const uint64_t width_mask[] = {
    [VMCS_16] = UINT16_MAX,
    [VMCS_64] = UINT64_MAX,
    [VMCS_32] = UINT32_MAX,
    [VMCS_NATURAL] = UINT64_MAX,
};

void vmcs_set(struct vmcs *v, enum vmcs_field f, uint64_t value)
{
    v->field[f] = value & width_mask[vmcs_width(f)];
    v->unchecked |= vmcs_fields[f].group;
    v->unloaded |= vmcs_fields[f].group;
}

static bool is_high_access(uint64_t encoding)
{
    return (encoding & 1) != 0;
}

/* Where a field stands in a table of all encodings that may be: width and type in 4 bits, then the index. */
#define PLACE_INDEX_BITS 6
#define PLACE(encoding) (((encoding) >> 13 & 3) << (2 + PLACE_INDEX_BITS) | ((encoding) >> 10 & 3) << PLACE_INDEX_BITS | ((encoding) >> 1 & 63))

/* The field's number plus 1; 0: none. */
static const uint16_t field_at[1 << (4 + PLACE_INDEX_BITS)] = {
#define VMCS_FIELD(encoding, symbol, sdm, group, exists) [PLACE(encoding)] = VMCS_##symbol + 1,
#include "vmcs_fields.def"
#undef VMCS_FIELD
};

enum vmcs_field vmcs_field_of_encoding(uint64_t encoding)
{
    const unsigned number = field_at[PLACE(encoding)];
    if (number == 0 || vmcs_fields[number - 1].encoding != (encoding & ~UINT64_C(1)))
        return VMCS_NO_FIELD;
    if (is_high_access(encoding) && vmcs_width((enum vmcs_field)(number - 1)) != VMCS_64)
        return VMCS_NO_FIELD;
    return (enum vmcs_field)(number - 1);
}

enum vmcs_field vmcs_field_of_name(const char *name)
{
    const char *const rest = vmx_name_after_prefix(name, "VMCS_");
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++)
        if (vmx_name_equal(vmcs_fields[f].name, rest) || vmx_name_equal(vmcs_fields[f].name, name) || vmx_name_equal(vmcs_fields[f].sdm_name, name))
            return (enum vmcs_field)f;
    return VMCS_NO_FIELD;
}

/* One alternative of "exists": a control bit that may be 1, or "MISC[24:16] > n". */
static bool alternative_holds(const struct vmx_caps *caps, const struct vmx_control_reference *reference, const char *rest)
{
    uint64_t must_be_1, value;
    vmx_control_allowed(caps, reference->word, &must_be_1, &value);
    value = value >> reference->low & (UINT64_MAX >> (63 - (reference->high - reference->low)));
    if (rest[0] == ' ' && rest[1] == '>' && rest[2] == ' ')
        return value > (uint64_t)(rest[3] - '0');
    return value != 0;
}

bool vmcs_field_exists(const struct vmx_caps *caps, enum vmcs_field f)
{
    struct vmx_control_reference reference;
    const char *text = vmcs_fields[f].exists;
    if (text[0] == 'a') /* always */
        return true;
    while ((text = vmx_next_control_reference(text, &reference)) != NULL)
        if (alternative_holds(caps, &reference, text))
            return true;
    return false;
}

/* The field that an operand of VMREAD or VMWRITE names on this processor. */
static enum vmcs_field field_of_operand(const struct vmx_caps *caps, uint64_t operand, bool mode64)
{
    const enum vmcs_field f = vmcs_field_of_encoding(mode64 ? operand : (uint32_t)operand);
    return f != VMCS_NO_FIELD && vmcs_field_exists(caps, f) ? f : VMCS_NO_FIELD;
}

unsigned vmcs_read(const struct vmcs *v, const struct vmx_caps *caps, uint64_t encoding, bool mode64, uint64_t *value)
{
    const enum vmcs_field f = field_of_operand(caps, encoding, mode64);
    if (f == VMCS_NO_FIELD)
        return VMX_ERROR_UNSUPPORTED_VMCS_COMPONENT;
    *value = is_high_access(encoding) ? vmcs_get(v, f) >> 32 : vmcs_get(v, f);
    if (!mode64)
        *value = (uint32_t)*value;
    return VMX_ERROR_NONE;
}

unsigned vmcs_write(struct vmcs *v, const struct vmx_caps *caps, uint64_t encoding, bool mode64, uint64_t value)
{
    const enum vmcs_field f = field_of_operand(caps, encoding, mode64);
    if (f == VMCS_NO_FIELD)
        return VMX_ERROR_UNSUPPORTED_VMCS_COMPONENT;
    if (vmcs_type(f) == VMCS_EXIT_INFORMATION && (caps->misc & VMX_MISC_VMWRITE_ANY) == 0)
        return VMX_ERROR_VMWRITE_READ_ONLY_VMCS_COMPONENT;
    if (is_high_access(encoding))
        value = value << 32 | (uint32_t)vmcs_get(v, f);
    else if (!mode64)
        value = (uint32_t)value;
    vmcs_set(v, f, value);
    return VMX_ERROR_NONE;
}
