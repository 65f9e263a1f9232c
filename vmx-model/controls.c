/* SPDX-License-Identifier: MIT */
/* The table of controls and capability bits, its names, and what a processor allows of it. */
#include "controls.h"

#include "names.h"
#include "registers.h"

const struct vmx_control_row vmx_controls[] = {
#define VMX_CONTROL(word, high, low, symbol, name, sdm, qemu, default1, depends, notes)                                                              \
    {VMX_WORD_##word, high, low, name, sdm, qemu, default1, depends, notes},
#include "controls.def"
#undef VMX_CONTROL
};
const unsigned vmx_control_count = sizeof vmx_controls / sizeof vmx_controls[0];

struct word_row {
    const char *name;
    enum vmcs_field field;
};

static const struct word_row words[VMX_WORD_COUNT] = {
    [VMX_WORD_PIN] = {"pin", VMCS_PIN_BASED_VM_EXEC_CONTROL},
    [VMX_WORD_PRIMARY] = {"primary", VMCS_CPU_BASED_VM_EXEC_CONTROL},
    [VMX_WORD_SECONDARY] = {"secondary", VMCS_SECONDARY_VM_EXEC_CONTROL},
    [VMX_WORD_TERTIARY] = {"tertiary", VMCS_TERTIARY_VM_EXEC_CONTROL},
    [VMX_WORD_EXIT] = {"exit", VMCS_VM_EXIT_CONTROLS},
    [VMX_WORD_EXIT2] = {"exit2", VMCS_SECONDARY_VM_EXIT_CONTROLS},
    [VMX_WORD_ENTRY] = {"entry", VMCS_VM_ENTRY_CONTROLS},
    [VMX_WORD_VMFUNC] = {"vmfunc", VMCS_VM_FUNCTION_CONTROL},
    [VMX_WORD_EPT_VPID_CAP] = {"ept_vpid_cap", VMCS_NO_FIELD},
    [VMX_WORD_MISC] = {"misc", VMCS_NO_FIELD},
    [VMX_WORD_BASIC] = {"basic", VMCS_NO_FIELD},
};

const struct vmx_control_row *vmx_control_of_name(enum vmx_control_word word, const char *name)
{
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        if (row->word != word)
            continue;
        /* SDM names of reserved bits are the same for many rows, so they name none. */
        const bool sdm_name_is_own = vmx_name_after_prefix(row->sdm_name, "reserved") == row->sdm_name;
        if (vmx_name_equal(row->name, name) || (sdm_name_is_own && vmx_name_equal(row->sdm_name, name)) ||
            (row->qemu_name != NULL && vmx_name_equal(row->qemu_name, name)))
            return row;
    }
    return NULL;
}

const struct vmx_control_row *vmx_control_of_bit(enum vmx_control_word word, unsigned bit)
{
    for (unsigned i = 0; i < vmx_control_count; i++)
        if (vmx_controls[i].word == word && vmx_controls[i].low <= bit && bit <= vmx_controls[i].high)
            return &vmx_controls[i];
    return NULL;
}

enum vmx_control_word vmx_control_word_of_name(const char *name)
{
    unsigned word = 0;
    while (word < VMX_WORD_COUNT && !vmx_name_equal(words[word].name, name))
        word++;
    return (enum vmx_control_word)word;
}

const char *vmx_control_word_name(enum vmx_control_word word)
{
    return word < VMX_WORD_COUNT ? words[word].name : "unknown";
}

enum vmcs_field vmx_control_field(enum vmx_control_word word)
{
    return word < VMX_WORD_COUNT ? words[word].field : VMCS_NO_FIELD;
}

static unsigned parse_number(const char **text)
{
    unsigned number = 0;
    for (; **text >= '0' && **text <= '9' && number < 1000; (*text)++)
        number = number * 10 + (unsigned)(**text - '0');
    return number;
}

/* "WORD[high:low]" or "WORD[bit]" exactly at `text`; the end of it, or NULL. */
static const char *parse_reference(const char *text, struct vmx_control_reference *reference)
{
    char word[16];
    unsigned length = 0;
    while (((*text >= 'A' && *text <= 'Z') || *text == '_' || (*text >= '0' && *text <= '9')) && length < sizeof word - 1)
        word[length++] = *text++;
    word[length] = '\0';
    reference->word = vmx_control_word_of_name(word);
    if (*text != '[' || reference->word == VMX_WORD_COUNT)
        return NULL;
    text++;
    reference->high = reference->low = parse_number(&text);
    if (*text == ':') {
        text++;
        reference->low = parse_number(&text);
    }
    return *text == ']' ? text + 1 : NULL;
}

const char *vmx_next_control_reference(const char *text, struct vmx_control_reference *reference)
{
    bool at_start_of_word = true;
    for (; *text != '\0'; text++) {
        const char *end = at_start_of_word ? parse_reference(text, reference) : NULL;
        if (end != NULL)
            return end;
        at_start_of_word = *text == ' ' || *text == '(' || *text == ',' || *text == ';';
    }
    return NULL;
}

void vmx_control_allowed(const struct vmx_caps *caps, enum vmx_control_word word, uint64_t *must_be_1, uint64_t *may_be_1)
{
    const struct vmx_allowed *pair = NULL;
    uint64_t value = 0;
    bool capability = false;
    switch (word) {
    case VMX_WORD_PIN:
        pair = &caps->pin;
        break;
    case VMX_WORD_PRIMARY:
        pair = &caps->primary;
        break;
    case VMX_WORD_SECONDARY:
        pair = &caps->secondary;
        break;
    case VMX_WORD_EXIT:
        pair = &caps->exit;
        break;
    case VMX_WORD_ENTRY:
        pair = &caps->entry;
        break;
    case VMX_WORD_TERTIARY:
        value = caps->tertiary;
        break;
    case VMX_WORD_EXIT2:
        value = caps->exit2;
        break;
    case VMX_WORD_VMFUNC:
        value = caps->vmfunc;
        break;
    case VMX_WORD_EPT_VPID_CAP:
        value = caps->ept_vpid;
        capability = true;
        break;
    case VMX_WORD_MISC:
        value = caps->misc;
        capability = true;
        break;
    case VMX_WORD_BASIC:
        value = caps->basic;
        capability = true;
        break;
    case VMX_WORD_COUNT:
        break;
    }
    *must_be_1 = pair != NULL ? pair->must_be_1 : capability ? value : 0;
    *may_be_1 = pair != NULL ? pair->may_be_1 : value;
}

bool vmx_control_may_be_1(const struct vmx_caps *caps, enum vmx_control_word word, unsigned bit)
{
    uint64_t must_be_1, may_be_1;
    vmx_control_allowed(caps, word, &must_be_1, &may_be_1);
    return bit < 64 && (may_be_1 >> bit & 1) != 0;
}

bool vmx_control_take_away(struct vmx_caps *caps, enum vmx_control_word word, unsigned bit)
{
    uint64_t must_be_1 = 0, may_be_1 = 0;
    vmx_control_allowed(caps, word, &must_be_1, &may_be_1);
    const bool control = word < VMX_WORD_CONTROLS;
    if (bit > 63 || (may_be_1 >> bit & 1) == 0 || (control && (must_be_1 >> bit & 1) != 0))
        return false;
    struct vmx_allowed *const allowed[VMX_WORD_COUNT][2] = {
        [VMX_WORD_PIN] = {&caps->pin, &caps->pin_default},       [VMX_WORD_PRIMARY] = {&caps->primary, &caps->primary_default},
        [VMX_WORD_SECONDARY] = {&caps->secondary, NULL},         [VMX_WORD_EXIT] = {&caps->exit, &caps->exit_default},
        [VMX_WORD_ENTRY] = {&caps->entry, &caps->entry_default},
    };
    uint64_t *const whole[VMX_WORD_COUNT] = {
        [VMX_WORD_TERTIARY] = &caps->tertiary,     [VMX_WORD_EXIT2] = &caps->exit2, [VMX_WORD_VMFUNC] = &caps->vmfunc,
        [VMX_WORD_EPT_VPID_CAP] = &caps->ept_vpid, [VMX_WORD_MISC] = &caps->misc,   [VMX_WORD_BASIC] = &caps->basic,
    };
    for (unsigned i = 0; i < 2; i++)
        if (allowed[word][i] != NULL)
            allowed[word][i]->may_be_1 &= ~(UINT32_C(1) << (bit & 31));
    if (whole[word] != NULL)
        *whole[word] &= ~(UINT64_C(1) << bit);
    return true;
}

void vmx_control_capability(enum vmx_control_word word, unsigned bit, uint32_t *msr, unsigned *msr_bit)
{
    /* The high half of the first group of MSRs holds the allowed 1-settings. */
    static const struct {
        uint32_t msr;
        unsigned shift;
    } where[VMX_WORD_COUNT] = {
        [VMX_WORD_PIN] = {VMX_MSR_VMX_PINBASED, 32},
        [VMX_WORD_PRIMARY] = {VMX_MSR_VMX_PROCBASED, 32},
        [VMX_WORD_SECONDARY] = {VMX_MSR_VMX_PROCBASED2, 32},
        [VMX_WORD_TERTIARY] = {VMX_MSR_VMX_PROCBASED3, 0},
        [VMX_WORD_EXIT] = {VMX_MSR_VMX_EXIT, 32},
        [VMX_WORD_EXIT2] = {VMX_MSR_VMX_EXIT2, 0},
        [VMX_WORD_ENTRY] = {VMX_MSR_VMX_ENTRY, 32},
        [VMX_WORD_VMFUNC] = {VMX_MSR_VMX_VMFUNC, 0},
        [VMX_WORD_EPT_VPID_CAP] = {VMX_MSR_VMX_EPT_VPID, 0},
        [VMX_WORD_MISC] = {VMX_MSR_VMX_MISC, 0},
        [VMX_WORD_BASIC] = {VMX_MSR_VMX_BASIC, 0},
    };
    *msr = where[word].msr;
    *msr_bit = bit + where[word].shift;
}
