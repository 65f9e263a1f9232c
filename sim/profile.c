/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads CPU profiles that the hardware image has measured. */
#define _GNU_SOURCE
#include "profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../handlers/bench/packed.h"
#include "../vmx-model/registers.h"

enum { LEAVES_MAX = 512, NAME_BYTES = 32 };
enum { LEAF_EXTENDED = 0x80000000u, LEAF_ADDRESS_SIZES = 0x80000008u, ECX_OSXSAVE = 1u << 27, ECX_OSPKE = 1u << 4, EBX_APIC_ID = 0xff000000u };
/* What checks cannot do without: up to the VMCS enumeration. */
enum { MSRS_ALWAYS = 0x7ff };

struct measured {
    struct measured *next;
    char *path;
    char name[NAME_BYTES];
    struct vmx_caps caps;
    struct vmx_cpuid_entry cpuid[LEAVES_MAX];
    uint32_t msrs; /* a bit for each capability MSR that was read */
    uint32_t sum;  /* of the lines so far */
    bool ended;    /* by their sum */
};

static struct measured *all;

const struct vmx_caps *sim_profile(const char *name)
{
    for (const struct measured *m = all; m != NULL; m = m->next)
        if (strcmp(m->name, name) == 0 || strcmp(m->path, name) == 0)
            return &m->caps;
    return vmx_profile(name);
}

static bool fail(struct sim_error *error, unsigned line, const char *what)
{
    error->line = line;
    snprintf(error->message, sizeof error->message, "%s", what);
    return false;
}

/* The processor as it is after reset, and its APIC identifier 0, whatever the image had set when it read. */
static struct vmx_cpuid_entry after_reset(struct vmx_cpuid_entry e)
{
    enum { XSAVE_BYTES = 576 };
    if (e.leaf == 1) {
        e.ecx &= ~(uint32_t)ECX_OSXSAVE;
        e.ebx &= ~(uint32_t)EBX_APIC_ID;
    }
    if (e.leaf == 7 && e.subleaf == 0)
        e.ecx &= ~(uint32_t)ECX_OSPKE;
    if (e.leaf == 0xb || e.leaf == 0x1f)
        e.edx = 0;
    if (e.leaf == 0xd && e.subleaf == 0 && e.eax != 0)
        e.ebx = XSAVE_BYTES;
    return e;
}

static void add(struct measured *m, const uint32_t *words, size_t count)
{
    m->sum = bench_crc32(m->sum, words, count * sizeof *words);
    m->ended = false;
}

static bool take_msr(struct measured *m, uint32_t index, uint64_t value)
{
    if (!vmx_set_capability_msr(&m->caps, index, value))
        return false;
    m->msrs |= 1u << (index - VMX_MSR_CAPABILITY_FIRST);
    add(m, (uint32_t[]){index, (uint32_t)value, (uint32_t)(value >> 32)}, 3);
    return true;
}

static bool take_leaf(struct measured *m, const struct vmx_cpuid_entry *e, unsigned line, struct sim_error *error)
{
    if (m->caps.cpuid_count == LEAVES_MAX)
        return fail(error, line, "more than 512 CPUID leaves");
    m->cpuid[m->caps.cpuid_count++] = after_reset(*e);
    add(m, (uint32_t[]){e->leaf, e->subleaf, e->eax, e->ebx, e->ecx, e->edx}, 6);
    return true;
}

/* "profile msr 00000480 00d8100000000004", "profile cpuid 00000000 00000000 00000016 756e6547 6c65746e 49656e69", and behind them "profile sum 1a2b3c4d", the
   CRC-32 of their numbers; other lines are others'. */
static bool take_line(struct measured *m, const char *text, unsigned line, struct sim_error *error)
{
    struct vmx_cpuid_entry e;
    unsigned index, sum;
    unsigned long long value;
    if (strncmp(text, "profile ", strlen("profile ")) != 0)
        return true;
    if (sscanf(text, "profile msr %8x %16llx", &index, &value) == 2 && take_msr(m, index, value))
        return true;
    if (sscanf(text, "profile cpuid %8x %8x %8x %8x %8x %8x", &e.leaf, &e.subleaf, &e.eax, &e.ebx, &e.ecx, &e.edx) == 6)
        return take_leaf(m, &e, line, error);
    if (sscanf(text, "profile sum %8x", &sum) != 1)
        return fail(
            error, line,
            "a line of a profile is \"profile msr INDEX VALUE\", \"profile cpuid LEAF SUBLEAF EAX EBX ECX EDX\" or \"profile sum CRC\", hexadecimal");
    if (sum != m->sum)
        return fail(error, line, "the lines of the profile before this one do not add up to it: one was damaged or is missing");
    m->sum = 0;
    m->ended = true;
    return true;
}

static bool has_leaf(const struct measured *m, uint32_t leaf)
{
    for (unsigned i = 0; i < m->caps.cpuid_count; i++)
        if (m->cpuid[i].leaf == leaf)
            return true;
    return false;
}

static bool is_whole(const struct measured *m, struct sim_error *error)
{
    if (m->msrs == 0 && m->caps.cpuid_count == 0)
        return fail(error, 0, "no profile: it has no lines \"profile msr\" and \"profile cpuid\", as the hardware image writes them");
    if (!m->ended)
        return fail(error, 0, "the profile is not whole: it ends with the line \"profile sum\"");
    if ((m->msrs & MSRS_ALWAYS) != MSRS_ALWAYS)
        return fail(error, 0, "the profile is not whole: capability MSRs 480H to 48AH are wanted");
    if (!has_leaf(m, 0) || !has_leaf(m, 1) || !has_leaf(m, LEAF_EXTENDED) || !has_leaf(m, LEAF_ADDRESS_SIZES))
        return fail(error, 0, "the profile is not whole: CPUID leaves 0, 1, 80000000H and 80000008H are wanted");
    return true;
}

static bool read_lines(struct measured *m, FILE *file, struct sim_error *error)
{
    char *text = NULL;
    size_t size = 0;
    bool good = true;
    for (unsigned line = 1; good && getline(&text, &size, file) > 0; line++)
        good = take_line(m, text, line, error);
    free(text);
    return good && is_whole(m, error);
}

bool sim_profile_read(const char *path, struct sim_error *error)
{
    *error = (struct sim_error){.line = 0};
    snprintf(error->file, sizeof error->file, "%s", path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return fail(error, 0, strerror(errno));
    struct measured *m = calloc(1, sizeof *m);
    if (m == NULL)
        abort();
    m->caps.name = m->name;
    m->caps.description = "measured";
    m->caps.cpuid = m->cpuid;
    const bool good = read_lines(m, file, error);
    fclose(file);
    if (!good) {
        free(m);
        return false;
    }
    vmx_complete_caps(&m->caps);
    m->path = strdup(path);
    snprintf(m->name, sizeof m->name, "%s", basename(path));
    m->next = all;
    all = m;
    return true;
}
