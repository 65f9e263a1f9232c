/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explains a dumped VMCS: builds the processor that met it, and judges. */
#include "explain_dump.h"

#include <inttypes.h>
#include <string.h>

#include "../vmx-model/controls.h"
#include "../vmx-model/reasons.h"
#include "../vmx-model/registers.h"
#include "explain.h"

enum { REASON_FAILED = UINT32_C(1) << 31, REASON_MASK = 0xffff };

static bool read_nothing(void *context, hpa_t address, void *buffer, uint32_t size)
{
    bool *asked = context;
    (void)address;
    memset(buffer, 0xff, size);
    *asked = true;
    return false;
}

static bool write_nothing(void *context, hpa_t address, const void *buffer, uint32_t size)
{
    (void)context;
    (void)address;
    (void)buffer;
    (void)size;
    return false;
}

/* A host in 64-bit mode, unless its exits lead to 32-bit code. */
static void make_processor(struct vmx_cpu *cpu, const struct vmx_caps *caps, struct vmcs *v, bool *asked)
{
    const bool wide = (vmcs_get(v, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_HOST_ADDR_SPACE_SIZE) != 0;
    memset(cpu, 0, sizeof *cpu);
    cpu->caps = caps;
    cpu->memory = (struct vmx_memory){.context = asked, .read = read_nothing, .write = write_nothing};
    cpu->operation = VMX_OPERATION_ROOT;
    cpu->vmcs = v;
    cpu->current_vmcs = 0x1000;
    cpu->vmxon_region = 0x2000;
    cpu->feature_control = 5;
    cpu->state.cr0 = caps->cr0_fixed0 | VMX_CR0_PE | VMX_CR0_ET | VMX_CR0_NE | VMX_CR0_WP | VMX_CR0_PG;
    cpu->state.cr4 = caps->cr4_fixed0 | VMX_CR4_PAE;
    cpu->state.efer = wide ? VMX_EFER_LME | VMX_EFER_LMA : 0;
    cpu->state.rflags = VMX_RFLAGS_FIXED_1;
    cpu->state.seg[VMX_CS] = (struct vmx_segment){.limit = UINT32_MAX, .access_rights = wide ? 0xa09b : 0xc09b, .selector = 0x08};
    cpu->state.seg[VMX_SS] = (struct vmx_segment){.limit = UINT32_MAX, .access_rights = 0xc093, .selector = 0x10};
}

static void fill(struct vmcs *v, const struct vmx_caps *caps, const struct vmcs_dump *dump)
{
    memset(v, 0, sizeof *v);
    v->revision = (uint32_t)caps->basic & UINT32_C(0x7fffffff);
    vmcs_set(v, VMCS_VMCS_LINK_POINTER, UINT64_MAX);
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++)
        if (dump->known[f])
            vmcs_set(v, (enum vmcs_field)f, dump->value[f]);
}

static enum vmx_check_stage reached_stage(uint64_t reason)
{
    switch (reason & REASON_MASK) {
    case VMX_EXIT_INVALID_STATE:
        return VMX_STAGE_GUEST;
    case VMX_EXIT_MSR_LOAD_FAIL:
        return VMX_STAGE_MSR_LOAD;
    default:
        return VMX_STAGE_BASIC;
    }
}

/* What the processor said of it. Returns the stage of checks that it must have reached. */
static enum vmx_check_stage print_report(FILE *to, const struct vmcs_dump *dump)
{
    const bool has_reason = dump->known[VMCS_VM_EXIT_REASON] && (dump->value[VMCS_VM_EXIT_REASON] & REASON_FAILED) != 0;
    const uint64_t reason = has_reason ? dump->value[VMCS_VM_EXIT_REASON] : dump->error;
    if (!has_reason && dump->has_error && (reason & REASON_FAILED) == 0) {
        fprintf(to, "the processor reported VM-instruction error %" PRIu64 "\n", reason);
        return VMX_STAGE_BASIC;
    }
    if ((reason & REASON_FAILED) == 0)
        return VMX_STAGE_BASIC;
    const char *name = vmx_reason_name((unsigned)(reason & REASON_MASK));
    fprintf(to, "the processor reported a failed VM entry, exit reason %" PRIu64 " (%s)", reason & REASON_MASK, name != NULL ? name : "unknown");
    if (has_reason && dump->known[VMCS_EXIT_QUALIFICATION])
        fprintf(to, ", exit qualification %" PRIu64, dump->value[VMCS_EXIT_QUALIFICATION]);
    fputs("\n", to);
    return reached_stage(reason);
}

/* A processor that came as far as guest state found nothing wrong before: there the host offers other capabilities than the profile. */
static void drop_earlier(FILE *to, struct judgement *judgement, enum vmx_check_stage reached, const char *profile)
{
    unsigned kept = 0, dropped = 0;
    for (unsigned i = 0; i < judgement->count; i++) {
        const enum vmx_check check = judgement->violated[i];
        if (vmx_check_rows[check].stage >= reached) {
            judgement->violated[kept++] = check;
            continue;
        }
        fprintf(to, "%s %s", dropped++ == 0 ? "held on that processor, whose capabilities are not those of the profile:" : ",",
                vmx_check_rows[check].id);
    }
    judgement->count = kept;
    if (dropped != 0)
        fprintf(to, " (%s)\n", profile);
}

static unsigned explain_loads(FILE *to, const struct vmcs_dump *dump, struct vmx_cpu *cpu)
{
    unsigned count = 0;
    cpu->state.efer = vmcs_get(cpu->vmcs, VMCS_GUEST_IA32_EFER);
    for (unsigned i = 0; i < dump->loads; i++) {
        char title[64];
        const enum vmx_check check = vmx_check_msr_load(cpu, dump->load[i].msr, 0, dump->load[i].value);
        if (check == VMX_CHECK_NONE)
            continue;
        snprintf(title, sizeof title, "entry %u of the MSR-load list: ", i + 1);
        explain_rule(to, title, check, NULL, NULL);
        fprintf(to, "   MSR %08" PRIX32 "H, value %016" PRIX64 "H\n", dump->load[i].msr, dump->load[i].value);
        count++;
    }
    return count;
}

unsigned explain_dump(FILE *to, const struct vmcs_dump *dump, const struct vmx_caps *caps)
{
    static struct vmcs v;
    static struct vmx_cpu cpu;
    struct judgement judgement;
    bool asked = false;
    fill(&v, caps, dump);
    make_processor(&cpu, caps, &v, &asked);
    fprintf(to, "line %u: %s: %u fields, judged by the capabilities of %s\n", dump->line, dump->title[0] != '\0' ? dump->title : "VMCS",
            dump->known_count, caps->name);
    const enum vmx_check_stage reached = print_report(to, dump);
    const struct judged_entry entry = {&cpu, false, dump->known, &asked};
    judge_entry(&entry, &judgement);
    drop_earlier(to, &judgement, reached, caps->name);
    explain_judgement(to, &entry, &judgement);
    return judgement.count + explain_loads(to, dump, &cpu);
}
