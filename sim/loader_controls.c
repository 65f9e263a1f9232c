/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control bits of a scenario: by name over the least valid set of the mode, checked against the processor and against each other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/names.h"
#include "loader.h"

static const char *control_name_at(size_t index, const void *context)
{
    const enum vmx_control_word word = *(const enum vmx_control_word *)context;
    return vmx_controls[index].word == word ? vmx_controls[index].name : NULL;
}

static const struct vmx_control_row *find_control(const struct loader *loader, unsigned line, enum vmx_control_word word, const char *name)
{
    const struct vmx_control_row *row = vmx_control_of_name(word, name);
    if (row != NULL && row->high == row->low)
        return row;
    for (unsigned other = 0; other < VMX_WORD_CONTROLS; other++)
        if (vmx_control_of_name((enum vmx_control_word)other, name) != NULL) {
            (void)load_fail(loader, line, name, "'%s' is not a %s control but a %s control", name, vmx_control_word_name(word),
                            vmx_control_word_name((enum vmx_control_word)other));
            return NULL;
        }
    const char *near = load_nearest(name, control_name_at, vmx_control_count, &word);
    if (near != NULL) {
        (void)load_fail(loader, line, name, "no such %s control '%s', did you mean '%s'?", vmx_control_word_name(word), name, near);
        return NULL;
    }
    (void)load_fail(loader, line, name, "no such %s control '%s'", vmx_control_word_name(word), name);
    return NULL;
}

static const char *word_name_at(size_t index, const void *context)
{
    (void)context;
    return vmx_control_word_name((enum vmx_control_word)index);
}

static bool find_word(const struct loader *loader, unsigned line, const char *name, enum vmx_control_word *word)
{
    *word = vmx_control_word_of_name(name);
    if (*word < VMX_WORD_CONTROLS)
        return true;
    const char *near = load_nearest(name, word_name_at, VMX_WORD_CONTROLS, NULL);
    return load_fail(loader, line, name,
                     "no such word of controls '%s'%s%s%s (there are pin, primary, secondary, tertiary, exit, exit2, entry, vmfunc)", name,
                     near != NULL ? ", did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
}

/* { "use_io_bitmaps", hlt_exiting = true, enable_ept = false } */
static bool load_word(const struct loader *loader, unsigned line, enum vmx_control_word word, const struct script_value *value, uint64_t *set,
                      uint64_t *clear)
{
    if (!load_is_plain(loader, line, value, vmx_control_word_name(word)))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        const bool listed = entry->key.type == SCRIPT_INTEGER;
        if (listed ? entry->value.type != SCRIPT_STRING : entry->value.type != SCRIPT_BOOLEAN)
            return load_fail(loader, line, vmx_control_word_name(word), "%s wants names of controls, or name = true or false",
                             vmx_control_word_name(word));
        const struct vmx_control_row *row = find_control(loader, line, word, listed ? entry->value.string : entry->key.string);
        if (row == NULL)
            return false;
        const uint64_t mask = UINT64_C(1) << row->low;
        const bool on = listed || entry->value.boolean;
        if (((on ? *clear : *set) & mask) != 0)
            return load_fail(loader, line, row->name, "the control '%s' is both set and cleared", row->name);
        *(on ? set : clear) |= mask;
    }
    return true;
}

bool load_control_words(const struct loader *loader, unsigned line, const struct script_value *value, uint64_t set[VMX_WORD_CONTROLS],
                        uint64_t clear[VMX_WORD_CONTROLS])
{
    memset(set, 0, VMX_WORD_CONTROLS * sizeof *set);
    memset(clear, 0, VMX_WORD_CONTROLS * sizeof *clear);
    if (!load_is_plain(loader, line, value, "controls"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        enum vmx_control_word word;
        if (entry->key.type != SCRIPT_STRING)
            return load_fail(loader, line, "controls", "controls are given by word: controls = { primary = { \"hlt_exiting\" } }");
        if (!find_word(loader, line, entry->key.string, &word) || !load_word(loader, line, word, &entry->value, &set[word], &clear[word]))
            return false;
    }
    return true;
}

static bool apply_overrides(struct loader *loader, uint64_t set[VMX_WORD_CONTROLS], uint64_t clear[VMX_WORD_CONTROLS])
{
    for (size_t i = 0; i < loader->override_count; i++) {
        const struct sim_override *override = &loader->overrides[i];
        enum vmx_control_word word;
        if (strcmp(override->word, SIM_OVERRIDE_PROFILE) == 0 || strcmp(override->word, SIM_OVERRIDE_AFFINITY) == 0 ||
            strcmp(override->word, SIM_OVERRIDE_PIN) == 0)
            continue;
        if (!find_word(loader, loader->table->line, override->word, &word))
            return false;
        const struct vmx_control_row *row = find_control(loader, loader->table->line, word, override->control);
        if (row == NULL)
            return false;
        const uint64_t mask = UINT64_C(1) << row->low;
        set[word] = override->value ? set[word] | mask : set[word] & ~mask;
        clear[word] = override->value ? clear[word] & ~mask : clear[word] | mask;
    }
    return true;
}

static uint64_t profile_capability(const void *context, uint32_t msr)
{
    uint64_t value;
    return vmx_capability_msr(context, msr, &value) ? value : 0;
}

/* The control that a word and bit of a dependency stand for: "use TPR shadow". */
static const struct vmx_control_row *row_of(enum vmx_control_word word, unsigned bit)
{
    for (unsigned i = 0; i < vmx_control_count; i++)
        if (vmx_controls[i].word == word && vmx_controls[i].low == bit)
            return &vmx_controls[i];
    return NULL;
}

/* One part of a dependency, "SECONDARY[4]=0"; parts in other words are conditions that only a run can judge. */
static bool dependency_holds(const struct loader *loader, const struct vmx_control_row *row, const char *part)
{
    char name[16];
    unsigned bit, value;
    if (sscanf(part, " %15[A-Z0-9] [%u]=%u", name, &bit, &value) != 3 && sscanf(part, " %15[A-Z0-9][%u]=%u", name, &bit, &value) != 3)
        return true;
    const enum vmx_control_word word = vmx_control_word_of_name(name);
    const struct vmx_control_row *other = word < VMX_WORD_CONTROLS && bit < 64 ? row_of(word, bit) : NULL;
    if (other == NULL || (loader->word[word] >> bit & 1) == value)
        return true;
    return load_fail(loader, loader->table->line, row->name, "contradictory controls: %s.%s wants %s.%s = %u", vmx_control_word_name(row->word),
                     row->name, vmx_control_word_name(word), other->name, value);
}

static bool dependencies_hold(const struct loader *loader, const struct vmx_control_row *row)
{
    char parts[160], *at = parts, *save = NULL;
    snprintf(parts, sizeof parts, "%s", row->depends);
    for (char *part = strtok_r(at, ";", &save); part != NULL; part = strtok_r(NULL, ";", &save))
        if (!dependency_holds(loader, row, part))
            return false;
    return true;
}

/* Which profiles offer a control, for the message. */
static void list_profiles(const struct vmx_control_row *row, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < vmx_profile_count && at < size; i++) {
        uint64_t must_be_1, may_be_1;
        bench_allowed_controls(profile_capability, &vmx_profiles[i], row->word, &must_be_1, &may_be_1);
        if ((may_be_1 >> row->low & 1) != 0)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at != 0 ? ", " : "", vmx_profiles[i].name);
    }
}

bool load_offers_control(struct loader *loader, enum vmx_control_word word, unsigned bit)
{
    uint64_t must_be_1, may_be_1;
    bench_allowed_controls(profile_capability, loader->caps, word, &must_be_1, &may_be_1);
    const bool offered = (may_be_1 >> bit & 1) != 0;
    loader->profile_lacks_control |= !offered && loader->profile_is_assumed;
    return offered;
}

/* A set of controls that VM entry would refuse is a mistake, unless the scenario is about refusals. */
static bool check_row(struct loader *loader, const struct vmx_control_row *row)
{
    uint64_t must_be_1, may_be_1;
    bench_allowed_controls(profile_capability, loader->caps, row->word, &must_be_1, &may_be_1);
    const bool on = (loader->word[row->word] >> row->low & 1) != 0;
    if (on && !load_offers_control(loader, row->word, row->low)) {
        char profiles[400];
        list_profiles(row, profiles, sizeof profiles);
        return load_fail(loader, loader->table->line, row->name, "the processor %s does not offer %s.%s%s%s", loader->caps->name,
                         vmx_control_word_name(row->word), row->name, profiles[0] != '\0' ? "; these do (profile = ...): " : "; no profile does",
                         profiles);
    }
    if (!on && (must_be_1 >> row->low & 1) != 0)
        return load_fail(loader, loader->table->line, row->name, "%s.%s is fixed to 1 on the processor %s", vmx_control_word_name(row->word),
                         row->name, loader->caps->name);
    return !on || dependencies_hold(loader, row);
}

static bool check_controls(struct loader *loader)
{
    for (unsigned i = 0; i < vmx_control_count && !loader->expects_entry_failure; i++)
        if (vmx_controls[i].word < VMX_WORD_CONTROLS && vmx_controls[i].high == vmx_controls[i].low && !check_row(loader, &vmx_controls[i]))
            return false;
    return true;
}

/* Words that another word has to activate are activated, unless the script says otherwise. */
static void activate(uint64_t set[VMX_WORD_CONTROLS], const uint64_t clear[VMX_WORD_CONTROLS])
{
    if (set[VMX_WORD_SECONDARY] != 0)
        set[VMX_WORD_PRIMARY] |= VMX_PRI_ACTIVATE_SECONDARY & ~clear[VMX_WORD_PRIMARY];
    if (set[VMX_WORD_TERTIARY] != 0)
        set[VMX_WORD_PRIMARY] |= VMX_PRI_ACTIVATE_TERTIARY & ~clear[VMX_WORD_PRIMARY];
    if (set[VMX_WORD_EXIT2] != 0)
        set[VMX_WORD_EXIT] |= VMX_EXITCTL_ACTIVATE_SECONDARY & ~clear[VMX_WORD_EXIT];
    if (set[VMX_WORD_VMFUNC] != 0)
        set[VMX_WORD_SECONDARY] |= VMX_SEC_ENABLE_VMFUNC & ~clear[VMX_WORD_SECONDARY];
}

bool load_controls(struct loader *loader, const struct script_value *value)
{
    uint64_t set[VMX_WORD_CONTROLS] = {0}, clear[VMX_WORD_CONTROLS] = {0};
    if (value != NULL && !load_control_words(loader, loader->table->line, value, set, clear))
        return false;
    activate(set, clear);
    if (!apply_overrides(loader, set, clear))
        return false;
    bench_least_controls(profile_capability, loader->caps, loader->mode, loader->word);
    for (unsigned w = 0; w < VMX_WORD_CONTROLS; w++) {
        loader->word[w] = (loader->word[w] | set[w]) & ~clear[w];
        if (set[w] == 0 && clear[w] == 0)
            continue;
        pack_record(&loader->pack, PACKED_CONTROL);
        pack_u32(&loader->pack, w);
        pack_u32(&loader->pack, 0);
        pack_u64(&loader->pack, set[w]);
        pack_u64(&loader->pack, clear[w]);
    }
    load_portable_controls(loader);
    return check_controls(loader);
}

static const char *feature_word_at(size_t index, const void *context)
{
    (void)context;
    return vmx_control_word_name((enum vmx_control_word)index);
}

/* "secondary.enable_pml", "ept_vpid_cap.2_mbyte_pages_supported" */
static bool take_away(struct loader *loader, const char *feature)
{
    const unsigned line = loader->table->line;
    const char *dot = strchr(feature, '.');
    char word_name[32];
    snprintf(word_name, sizeof word_name, "%.*s", (int)(dot != NULL ? dot - feature : 0), feature);
    const enum vmx_control_word word = vmx_control_word_of_name(word_name);
    if (dot == NULL || word == VMX_WORD_COUNT) {
        const char *near = load_nearest(word_name, feature_word_at, VMX_WORD_COUNT, NULL);
        return load_fail(loader, line, feature, "lacks wants features as WORD.NAME, for example \"secondary.enable_pml\", not '%s'%s%s%s", feature,
                         near != NULL ? ", did you mean the word '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    const struct vmx_control_row *row = vmx_control_of_name(word, dot + 1);
    if (row == NULL || row->high != row->low) {
        const char *near = load_nearest(dot + 1, control_name_at, vmx_control_count, &word);
        return load_fail(loader, line, feature, "no such feature '%s' in %s%s%s%s", dot + 1, word_name, near != NULL ? ", did you mean '" : "",
                         near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    if (!vmx_control_take_away(&loader->out->caps, word, row->low)) {
        loader->profile_lacks_control = loader->profile_is_assumed;
        return load_fail(loader, line, feature, "the processor %s does not offer %s, or cannot do without it", loader->caps->name, feature);
    }
    uint32_t msr;
    unsigned bit;
    vmx_control_capability(word, row->low, &msr, &bit);
    pack_record(&loader->pack, PACKED_LACKS);
    pack_u32(&loader->pack, msr);
    pack_u32(&loader->pack, bit);
    return true;
}

bool load_lacks(struct loader *loader, const struct script_value *value)
{
    if (!load_is_plain(loader, loader->table->line, value, "lacks"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        if (entry->key.type != SCRIPT_INTEGER || entry->value.type != SCRIPT_STRING)
            return load_fail(loader, loader->table->line, "lacks", "lacks wants a list of features, for example { \"secondary.enable_pml\" }");
        if (!take_away(loader, entry->value.string))
            return false;
    }
    loader->caps = &loader->out->caps;
    load_only_simulator(loader, "it takes features of the processor away");
    return true;
}
