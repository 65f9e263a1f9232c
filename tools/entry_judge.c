/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judges a VM entry by all rules, and tries changes until a violated one holds. */
#include "entry_judge.h"

#include <stdio.h>
#include <string.h>

#include "../vmx-model/controls.h"
#include "../vmx-model/registers.h"

enum { CANDIDATES_MAX = 64 * 65 / 2 + 64, FIELD_NAME = 64 };

void judge_fields(enum vmx_check check, void (*each)(void *context, enum vmcs_field field), void *context)
{
    for (const char *at = vmx_check_rows[check].fields; *at != '\0'; at += strspn(at, " ")) {
        char name[FIELD_NAME];
        const size_t length = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        const enum vmcs_field field = vmcs_field_of_name(name);
        if (field != VMCS_NO_FIELD)
            each(context, field);
        at += length;
    }
}

struct knowledge {
    const bool *known;
    bool all;
};

static void note_unknown(void *context, enum vmcs_field field)
{
    struct knowledge *k = context;
    k->all &= k->known == NULL || k->known[field];
}

static bool holds(const struct judged_entry *entry, enum vmx_check check, bool *read_unknown)
{
    if (entry->read_unknown != NULL)
        *entry->read_unknown = false;
    const bool good = vmx_check_holds(entry->cpu, entry->resume, check);
    *read_unknown = entry->read_unknown != NULL && *entry->read_unknown;
    return good;
}

void judge_entry(const struct judged_entry *entry, struct judgement *out)
{
    *out = (struct judgement){.count = 0};
    for (unsigned c = VMX_CHECK_NONE + 1; c < VMX_CHECK_COUNT; c++) {
        const enum vmx_check check = (enum vmx_check)c;
        struct knowledge knowledge = {entry->known, true};
        bool read_unknown;
        if (holds(entry, check, &read_unknown))
            continue;
        judge_fields(check, note_unknown, &knowledge);
        if (knowledge.all && !read_unknown)
            out->violated[out->count++] = check;
        else
            out->open[out->open_count++] = check;
    }
}

/* ---- changes ---- */
struct search {
    const struct judged_entry *entry;
    const struct judgement *judgement;
    enum vmx_check check;
    struct entry_fix *fixes;
    unsigned count;
    struct vmx_cpu cpu; /* with a VMCS of its own, which is changed */
    struct vmcs vmcs;
};

static bool was_violated(const struct judgement *judgement, enum vmx_check check)
{
    for (unsigned i = 0; i < judgement->count; i++)
        if (judgement->violated[i] == check)
            return true;
    for (unsigned i = 0; i < judgement->open_count; i++)
        if (judgement->open[i] == check)
            return true;
    return false;
}

static bool mends(struct search *s, enum vmcs_field field, uint64_t value)
{
    enum vmx_check violated[VMX_CHECK_COUNT];
    const uint64_t before = vmcs_get(&s->vmcs, field);
    vmcs_set(&s->vmcs, field, value);
    bool good = vmcs_get(&s->vmcs, field) != before && vmx_check_holds(&s->cpu, s->entry->resume, s->check);
    const unsigned count = good ? vmx_check_all(&s->cpu, s->entry->resume, violated, VMX_CHECK_COUNT) : 0;
    for (unsigned i = 0; i < count; i++)
        good &= was_violated(s->judgement, violated[i]);
    vmcs_set(&s->vmcs, field, before);
    return good;
}

static unsigned bits_of(enum vmcs_field field)
{
    static const unsigned bits[] = {[VMCS_16] = 16, [VMCS_64] = 64, [VMCS_32] = 32, [VMCS_NATURAL] = 64};
    return bits[vmcs_width(field)];
}

static enum vmx_control_word control_word(enum vmcs_field field)
{
    for (unsigned w = 0; w < VMX_WORD_CONTROLS; w++)
        if (vmx_control_field((enum vmx_control_word)w) == field)
            return (enum vmx_control_word)w;
    return VMX_WORD_COUNT;
}

/* Values that stand for whole fields: what the processor forces and allows, addresses that are canonical, aligned, within the width, and what presets hold. */
static unsigned usual_values(const struct vmx_caps *caps, enum vmcs_field field, uint64_t now, uint64_t *values)
{
    static const uint64_t presets[] = {0,
                                       UINT64_MAX,
                                       VMX_RFLAGS_FIXED_1,
                                       UINT64_C(0x0007040600070406),
                                       0x93,
                                       0x9b,
                                       0xc093,
                                       0xc09b,
                                       0xa09b,
                                       0xf3,
                                       0x8b,
                                       0x67,
                                       0xffff,
                                       UINT32_MAX,
                                       VMX_AR_UNUSABLE,
                                       1};
    const enum vmx_control_word word = control_word(field);
    const unsigned sign = caps->linear_bits - 1;
    unsigned count = 0;
    if (word != VMX_WORD_COUNT) {
        uint64_t must, may;
        vmx_control_allowed(caps, word, &must, &may);
        values[count++] = now | must;
        values[count++] = now & may;
        values[count++] = (now | must) & may;
        return count;
    }
    if (field == VMCS_GUEST_CR0 || field == VMCS_HOST_CR0) {
        values[count++] = (now | caps->cr0_fixed0) & caps->cr0_fixed1;
    } else if (field == VMCS_GUEST_CR4 || field == VMCS_HOST_CR4) {
        values[count++] = (now | caps->cr4_fixed0) & caps->cr4_fixed1;
    }
    values[count++] = now & ~UINT64_C(0xfff);
    values[count++] = now & ((UINT64_C(1) << caps->physical_bits) - 1);
    values[count++] = (uint64_t)((int64_t)(now << (63 - sign)) >> (63 - sign));
    for (unsigned i = 0; i < sizeof presets / sizeof presets[0]; i++)
        values[count++] = presets[i];
    return count;
}

/* One bit, two bits, a value of the usual ones. */
static bool find_value(struct search *s, enum vmcs_field field, uint64_t *value)
{
    const uint64_t now = vmcs_get(&s->vmcs, field);
    const unsigned bits = bits_of(field);
    uint64_t usual[32];
    for (unsigned i = 0; i < bits; i++)
        if (mends(s, field, *value = now ^ UINT64_C(1) << i))
            return true;
    const unsigned count = usual_values(s->cpu.caps, field, now, usual);
    for (unsigned i = 0; i < count; i++)
        if (mends(s, field, *value = usual[i]))
            return true;
    for (unsigned i = 0; i < bits; i++)
        for (unsigned k = 0; k < i; k++)
            if (mends(s, field, *value = now ^ UINT64_C(1) << i ^ UINT64_C(1) << k))
                return true;
    return false;
}

static void try_field(void *context, enum vmcs_field field)
{
    struct search *s = context;
    uint64_t value;
    if (s->count == JUDGE_FIXES || vmcs_type(field) == VMCS_EXIT_INFORMATION || (s->entry->known != NULL && !s->entry->known[field]))
        return;
    for (unsigned i = 0; i < s->count; i++)
        if (s->fixes[i].field == field)
            return;
    if (find_value(s, field, &value)) {
        vmcs_set(&s->vmcs, field, value); /* cut to its width */
        s->fixes[s->count++] = (struct entry_fix){field, vmcs_get(&s->vmcs, field)};
        vmcs_set(&s->vmcs, field, vmcs_get(s->entry->cpu->vmcs, field));
    }
}

unsigned judge_fixes(const struct judged_entry *entry, const struct judgement *judgement, enum vmx_check check, struct entry_fix fixes[JUDGE_FIXES])
{
    struct search s = {.entry = entry, .judgement = judgement, .check = check, .fixes = fixes, .cpu = *entry->cpu, .vmcs = *entry->cpu->vmcs};
    s.cpu.vmcs = &s.vmcs;
    judge_fields(check, try_field, &s);
    return s.count;
}
