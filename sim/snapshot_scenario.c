/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A loaded scenario, field by field, so that a snapshot's file stands alone. */
#include "profile.h"
#include "snapshot_file.h"

#include <stdio.h>
#include <stdlib.h>

SNAPSHOT_COVERS(struct sim_final, 40);
SNAPSHOT_COVERS(struct sim_symbol, 16);
SNAPSHOT_COVERS(struct vmx_caps, 240);
SNAPSHOT_COVERS(struct sim_scenario, 472);

void *snapshot_block(struct archive *a, void *bytes, size_t *size)
{
    uint64_t length = *size;
    archive_u64(a, &length);
    if (a->reading) {
        *size = 0;
        if (a->wrong != NULL || length > a->size - a->at) {
            archive_fail(a, "the data end too early");
            return NULL;
        }
        bytes = malloc((size_t)length + 1);
        if (bytes == NULL) {
            archive_fail(a, "out of memory");
            return NULL;
        }
        ((uint8_t *)bytes)[length] = 0;
        *size = (size_t)length;
    }
    if (length != 0)
        archive_bytes(a, bytes, (size_t)length);
    return bytes;
}

static void text(struct archive *a, char **string)
{
    size_t size = a->reading || *string == NULL ? 0 : strlen(*string);
    *string = snapshot_block(a, *string, &size);
}

/* Room for as many elements as the file says, none of which is smaller than a byte of it. */
static void *elements(struct archive *a, void *array, size_t *count, size_t size)
{
    uint64_t number = *count;
    archive_u64(a, &number);
    if (!a->reading)
        return array;
    if (number > a->size - a->at)
        archive_fail(a, "the data end too early");
    *count = a->wrong == NULL ? (size_t)number : 0;
    void *room = calloc(*count + 1, size);
    if (room == NULL) {
        *count = 0;
        archive_fail(a, "out of memory");
    }
    return room;
}

#define GUEST_RAM_MAX (UINT64_C(2) << 30) /* as for scripts */

static void final(struct archive *a, struct sim_final *f)
{
    ARCHIVE(a, f->line);
    ARCHIVE_BELOW(a, f->kind, SIM_FINAL_KINDS);
    ARCHIVE_BELOW(a, f->index, 22);
    ARCHIVE(a, f->value);
    f->bytes = snapshot_block(a, f->bytes, &f->size);
}

static void allowed(struct archive *a, struct vmx_allowed *word)
{
    ARCHIVE(a, word->must_be_1);
    ARCHIVE(a, word->may_be_1);
}

/* Names and CPUID are those of the profile; the rest may be changed by the scenario. */
static void capabilities(struct archive *a, struct vmx_caps *c)
{
    char *name = a->reading ? NULL : (char *)(uintptr_t)c->name;
    struct vmx_allowed *const words[] = {&c->pin,         &c->primary,         &c->secondary,    &c->exit,         &c->entry,
                                         &c->pin_default, &c->primary_default, &c->exit_default, &c->entry_default};
    uint64_t *const numbers[] = {
        &c->basic,  &c->misc,     &c->cr0_fixed0, &c->cr0_fixed1, &c->cr4_fixed0,     &c->cr4_fixed1,        &c->vmcs_enum,      &c->ept_vpid,
        &c->vmfunc, &c->tertiary, &c->exit2,      &c->efer_valid, &c->debugctl_valid, &c->perf_global_valid, &c->spec_ctrl_valid};
    text(a, &name);
    if (a->reading) {
        const struct vmx_caps *profile = name != NULL ? sim_profile(name) : NULL;
        if (profile == NULL)
            archive_fail(a, "its CPU profile is not known here");
        *c = profile != NULL ? *profile : *vmx_default_profile();
        free(name);
    }
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        archive_u64(a, numbers[i]);
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        allowed(a, words[i]);
    ARCHIVE(a, c->physical_bits);
    ARCHIVE(a, c->linear_bits);
    ARCHIVE(a, c->sgx);
    ARCHIVE(a, c->rtm);
    ARCHIVE(a, c->bus_lock_db);
    ARCHIVE(a, c->nmi_sti_blocks);
}

static void fixed_text(struct archive *a, char *string, size_t size)
{
    archive_bytes(a, string, size);
    string[size - 1] = '\0';
}

void snapshot_scenario(struct archive *a, struct sim_scenario *s)
{
    archive_mark(a, "scen");
    text(a, &s->name);
    text(a, &s->file);
    ARCHIVE(a, s->line);
    s->packed = snapshot_block(a, s->packed, &s->packed_size);
    s->symbols = elements(a, s->symbols, &s->symbol_count, sizeof *s->symbols);
    for (size_t i = 0; i < s->symbol_count; i++) {
        text(a, &s->symbols[i].name);
        ARCHIVE(a, s->symbols[i].address);
    }
    s->finals = elements(a, s->finals, &s->final_count, sizeof *s->finals);
    for (size_t i = 0; i < s->final_count; i++)
        final(a, &s->finals[i]);
    ARCHIVE_BELOW(a, s->guest_bytes, GUEST_RAM_MAX + 1);
    fixed_text(a, s->profile, sizeof s->profile);
    capabilities(a, &s->caps);
    ARCHIVE(a, s->vcpus);
    ARCHIVE(a, s->code_bits);
    ARCHIVE(a, s->code_address);
    ARCHIVE(a, s->portable);
    fixed_text(a, s->not_portable_because, sizeof s->not_portable_because);
}
