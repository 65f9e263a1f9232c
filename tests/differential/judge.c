/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judges one case by both traces. */
#define _DEFAULT_SOURCE
#include "judge.h"

#include <stdlib.h>
#include <string.h>

#include "generate.h"
#include "handlers/bench/bench.h"
#include "handlers/bench/trace.h"
#include "known.h"
#include "sim/compare.h"
#include "sim/machine.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/vmcs.h"

/* ---- what may go to Bochs ---- */
/* Host state that an exit may load without harm to the image. */
static bool harmless_host_field(unsigned field)
{
    switch (field) {
    case VMCS_HOST_IA32_SYSENTER_CS:
    case VMCS_HOST_IA32_SYSENTER_ESP:
    case VMCS_HOST_IA32_SYSENTER_EIP:
    case VMCS_HOST_IA32_PAT:
    case VMCS_HOST_FS_BASE:
    case VMCS_HOST_GS_BASE:
    case VMCS_HOST_FS_SELECTOR:
    case VMCS_HOST_GS_SELECTOR:
    case VMCS_HOST_IA32_PERF_GLOBAL_CTRL:
        return true;
    default:
        return false;
    }
}

static bool is_harmful(const struct part *part)
{
    enum { MSRS_RECOMMENDED = 512 };
    if (part->kind != PART_FIELD)
        return false;
    if (part->a == VMCS_VM_EXIT_MSR_LOAD_COUNT || part->a == VMCS_VM_EXIT_MSR_LOAD_ADDR || part->a == VMCS_VM_EXIT_MSR_STORE_ADDR)
        return true;
    if (part->a == VMCS_VM_EXIT_MSR_STORE_COUNT)
        return part->c > MSRS_RECOMMENDED; /* the exit writes so much of the host's memory */
    return vmcs_type((enum vmcs_field)part->a) == VMCS_HOST && !harmless_host_field(part->a);
}

static bool harms_host(const struct dif_case *c)
{
    bool harms = false;
    for (unsigned i = 0; i < c->parts; i++)
        harms |= is_harmful(&c->part[i]);
    return harms;
}

/* Without EPT the guest's physical addresses are the machine's: only the preset's page tables keep it in its RAM. */
static bool leaves_guest_ram(const struct dif_case *c)
{
    bool ept = true, moved = false;
    for (unsigned i = 0; i < c->parts; i++) {
        const struct part *part = &c->part[i];
        if (part->kind == PART_CONTROL && part->a == VMX_WORD_SECONDARY)
            ept = (ept || (part->c & VMX_SEC_ENABLE_EPT) != 0) && (part->d & VMX_SEC_ENABLE_EPT) == 0;
        if (part->kind == PART_CONTROL && part->a == VMX_WORD_PRIMARY && (part->d & VMX_PRI_ACTIVATE_SECONDARY) != 0)
            ept = false;
        moved |= part->kind == PART_FIELD && (part->a == VMCS_GUEST_CR0 || part->a == VMCS_GUEST_CR3 || part->a == VMCS_GUEST_CR4);
    }
    return !ept && (moved || c->mode == PACKED_MODE_REAL);
}

/* What another EPTP names are whatever pages the host has there. */
static bool uses_other_ept(const struct dif_case *c)
{
    enum { PAGE_SHIFT = 12 };
    const uint64_t root = base_fields(c->caps, BASE_LONG)[VMCS_EPT_POINTER] >> PAGE_SHIFT;
    bool moved = false;
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == PART_FIELD && c->part[i].a == VMCS_EPT_POINTER)
            moved = c->part[i].c >> PAGE_SHIFT != root;
    return moved;
}

static bool waits_for_sipi(const struct dif_case *c)
{
    bool waits = false;
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == PART_FIELD && c->part[i].a == VMCS_GUEST_ACTIVITY_STATE)
            waits = c->part[i].c == VMX_WAIT_FOR_SIPI;
    return waits;
}

static bool has_reserved_sleep(const struct outcome *sim)
{
    return sim->kind == OUTCOME_NOTHING && sim->stop != TRACE_STOP_LIMIT;
}

/* ---- the set of violated rules ---- */
static void leave_out_omitted(struct disagreement *d)
{
    d->judged.count = 0;
    for (unsigned i = 0; i < d->violated.count; i++) {
        bool omitted = false;
        for (unsigned k = 0; k < known_count; k++)
            if (known_list[k].omitted == d->violated.check[i] && (known_list[k].applies == NULL || known_list[k].applies(d))) {
                omitted = true;
                d->omission = k;
            }
        if (!omitted)
            d->judged.check[d->judged.count++] = d->violated.check[i];
    }
}

/* All rules that the first entry violates, as the model sees the prepared machine, and its fields. */
static void look_at_entry(const struct sim_scenario *scenario, struct disagreement *d)
{
    static struct hv_vm vm;
    struct bench_result result;
    const char *message;
    const struct sim_machine_options options = {.caps = &scenario->caps, .guest_bytes = scenario->guest_bytes, .vcpus = 1};
    struct bk_machine *machine = sim_machine_new(&options, &message);
    memset(&vm, 0, sizeof vm);
    if (machine != NULL && bench_prepare(machine, scenario->packed, scenario->packed_size, &vm, &result)) {
        hv_prepare_entry(&vm.vcpu[0]);
        struct vmx_cpu *cpu = sim_machine_cpu(bk_vcpu(machine, 0));
        const unsigned count = vmx_check_all(cpu, false, d->violated.check, VIOLATED_MAX);
        d->violated.count = count < VIOLATED_MAX ? count : VIOLATED_MAX;
        memcpy(d->field, cpu->vmcs->field, sizeof d->field);
    }
    sim_machine_free(machine);
    leave_out_omitted(d);
}

/* Rules on controls and host state may be judged in any order, and those on guest state behind them. SDM 3C, "VM Entries". */
static unsigned phase(enum vmx_check check)
{
    switch (vmx_check_rows[check].stage) {
    case VMX_STAGE_BASIC:
        return 0;
    case VMX_STAGE_CONTROLS:
    case VMX_STAGE_SMM:
    case VMX_STAGE_HOST:
        return 1;
    case VMX_STAGE_GUEST:
        return 2;
    case VMX_STAGE_MSR_LOAD:
    case VMX_STAGE_MACHINE_CHECK:
    case VMX_STAGE_COUNT:
        break;
    }
    return 3;
}

static bool gives(enum vmx_check check, const struct outcome *outcome)
{
    const struct vmx_check_row *row = &vmx_check_rows[check];
    switch (row->outcome) {
    case VMX_CHECK_FAIL_VALID:
        return outcome->kind == OUTCOME_FAIL_VALID && outcome->number == row->number;
    case VMX_CHECK_FAIL_INVALID:
        return outcome->kind == OUTCOME_FAIL_INVALID;
    case VMX_CHECK_ENTRY_FAILURE_33:
        return outcome->kind == OUTCOME_FAILED_ENTRY && outcome->number == 33 && outcome->qualification == row->number;
    case VMX_CHECK_ENTRY_FAILURE_34:
        return outcome->kind == OUTCOME_FAILED_ENTRY && outcome->number == 34;
    case VMX_CHECK_ENTRY_FAILURE_41:
        return outcome->kind == OUTCOME_FAILED_ENTRY && outcome->number == 41;
    case VMX_CHECK_UD:
    case VMX_CHECK_GP:
        return outcome->kind == OUTCOME_FAULT;
    case VMX_CHECK_EXIT:
        break;
    }
    return false;
}

static unsigned first_phase(const struct violated *all)
{
    unsigned first = UINT32_MAX;
    for (unsigned i = 0; i < all->count; i++)
        first = phase(all->check[i]) < first ? phase(all->check[i]) : first;
    return first;
}

/* Is Bochs' outcome that of a violated rule of the first phase with one? */
static bool in_set(const struct violated *all, const struct outcome *bochs)
{
    const unsigned first = first_phase(all);
    for (unsigned i = 0; i < all->count; i++)
        if (phase(all->check[i]) == first && gives(all->check[i], bochs))
            return true;
    return false;
}

/* ---- the first records that differ ---- */
static bool numbers_differ(const struct trace_record *a, const struct trace_record *b, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (a->number[i] != b->number[i])
            return true;
    return false;
}

static bool texts_differ(const struct trace_record *a, const struct trace_record *b)
{
    return a->text_length != b->text_length || (a->text_length != 0 && memcmp(a->text, b->text, a->text_length) != 0);
}

/* Of kinds beside VM exits: what sim_compare() looks at. */
static bool others_differ(const struct trace_record *a, const struct trace_record *b)
{
    switch (a->kind) {
    case TRACE_ENTRY_FAIL:
        return numbers_differ(a, b, 2);
    case TRACE_INJECT:
    case TRACE_STIMULUS:
        return numbers_differ(a, b, 3);
    case TRACE_MEMORY:
        return numbers_differ(a, b, 1) || texts_differ(a, b);
    case TRACE_REPORT:
        return texts_differ(a, b);
    default:
        return false;
    }
}

/* `exits` VM exits agree. */
static void find_records(const struct sim_trace *sim, const struct sim_trace *bochs, uint64_t exits, struct disagreement *d)
{
    struct trace_reader left, right;
    if (bochs->size == 0 || trace_open(&left, sim->bytes, sim->size) != NULL || trace_open(&right, bochs->bytes, bochs->size) != NULL)
        return;
    while (trace_next(&left, &d->sim) == 1 && trace_next(&right, &d->bochs) == 1) {
        if (d->sim.kind != d->bochs.kind || (d->sim.kind == TRACE_EXIT && exits == 0) || others_differ(&d->sim, &d->bochs))
            return;
        if (d->sim.kind == TRACE_EXIT) {
            d->before = d->sim;
            exits--;
        }
    }
}

/* ---- listed deviations ---- */
/* Where Bochs does what the rules say that it judges. */
static bool explained_by_omission(const struct disagreement *d)
{
    if (d->judged.count == d->violated.count)
        return false;
    if (d->judged.count == 0)
        return outcome_enters(&d->result->bochs) || d->result->bochs.number == VMX_EXIT_MSR_LOAD_FAIL;
    return in_set(&d->judged, &d->result->bochs);
}

static bool listed(struct disagreement *d, unsigned *which)
{
    for (unsigned k = 0; k < known_count; k++)
        if (known_list[k].omitted == VMX_CHECK_NONE && known_list[k].applies(d)) {
            *which = k;
            return true;
        }
    *which = d->omission;
    return explained_by_omission(d);
}

/* ---- what Bochs may load ---- */
/* Without the rules that Bochs does not judge the entry gets as far as the guest state, and comes back by the host state. */
static bool loads_host(const struct dif_case *c, const struct sim_scenario *scenario)
{
    struct disagreement d = {.c = c};
    look_at_entry(scenario, &d);
    return d.judged.count != d.violated.count && first_phase(&d.judged) >= phase(VMX_CHECK_GUEST_RFLAGS_VM_REAL);
}

const char *judge_keeps_from_bochs(const struct dif_case *c, const struct sim_scenario *scenario, const struct outcome *sim)
{
    if (sim->stop == TRACE_STOP_HOST_ERROR)
        return "the simulator gives up";
    if (waits_for_sipi(c))
        return "the image does not enter the wait-for-SIPI state";
    const bool fails = sim->kind == OUTCOME_FAIL_VALID || sim->kind == OUTCOME_FAIL_INVALID;
    if (harms_host(c) && (!fails || loads_host(c, scenario)))
        return "the exit would load the change into the host";
    if (fails)
        return NULL;
    if (sim->kind != OUTCOME_FAILED_ENTRY && leaves_guest_ram(c))
        return "without EPT the guest would leave its RAM";
    if (sim->kind != OUTCOME_FAILED_ENTRY && uses_other_ept(c))
        return "the EPT would be what the host has there";
    if (has_reserved_sleep(sim))
        return "the guest sleeps for good";
    return NULL;
}

/* ---- the verdict ---- */
/* The run ends where a handler has just answered with the time, before the program takes it out of its registers. */
static bool ends_with_the_time(const struct disagreement *d, const char *compared)
{
    const uint32_t reason = d->before.kind == TRACE_EXIT ? vmx_basic_reason((uint32_t)d->before.item[TRACE_REASON]) : UINT32_MAX;
    return (reason == VMX_EXIT_RDTSC || reason == VMX_EXIT_RDTSCP) && compared != NULL && strstr(compared, "agree: the final state") != NULL;
}

/* Copies what is no digit of up to a line, from behind `from`. */
static void add_words(char *to, size_t size, const char *from)
{
    size_t used = strlen(to);
    for (; *from != '\0' && *from != '\n' && used + 1 < size; from++)
        to[used++] = *from;
    to[used] = '\0';
}

/* The record that differs, without its address, and the first item that does, with its differing bits. */
static void sign(struct result *result, const char *compared)
{
    char *to = result->signature;
    const size_t size = sizeof result->signature;
    snprintf(to, size, "%s %u/%u ", vmx_check_rows[result->sim.rule].id, (unsigned)result->sim.kind, (unsigned)result->bochs.kind);
    const char *what = compared != NULL ? strstr(compared, "agree: ") : NULL;
    if (what == NULL)
        return;
    add_words(to, size, what + strlen("agree: "));
    char *address = strstr(to, " at 0x");
    if (address != NULL)
        *address = '\0';
    const char *line = strchr(what, '\n');
    if (line == NULL)
        return;
    add_words(to, size, " ");
    const size_t used = strlen(to);
    add_words(to, size, line + strspn(line + 1, " ") + 1);
    if (to[used] != 'A' && to[used] != '\0')
        to[used + strcspn(to + used, " ")] = '\0';
    const char *bits = strstr(line, "(differing bits");
    if (bits != NULL && strstr(to, " rip") == NULL && strstr(to, " rsp") == NULL)
        add_words(to, size, bits);
}

static void say(struct result *result, const struct violated *all, const char *bochs_text, const char *compared)
{
    char sim[160], bochs[160];
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        abort();
    outcome_text(&result->sim, sim, sizeof sim);
    outcome_text(&result->bochs, bochs, sizeof bochs);
    fprintf(to, "simulator: %s\nBochs: %s%s%s\n", sim, bochs, bochs_text[0] != '\0' ? "; " : "", bochs_text);
    for (unsigned i = 0; i < all->count; i++)
        fprintf(to, "violated: %s\n", vmx_check_rows[all->check[i]].id);
    if (compared != NULL)
        fputs(compared, to);
    fclose(to);
    free(result->text);
    result->text = text;
}

void judge(const struct dif_case *c, const struct sim_scenario *scenario, const struct sim_trace *sim, const struct sim_trace *bochs,
           const struct bochs_outcome *outcome, struct result *result)
{
    const struct sim_compare_options options = {.known = bochs_known_differences, .known_count = bochs_known_difference_count};
    struct sim_compared compared = {0};
    if (outcome->ran && sim_compare(sim->bytes, sim->size, bochs->bytes, bochs->size, &options, &compared) == SIM_SAME) {
        result->verdict = VERDICT_AGREE;
        free(compared.text);
        return;
    }
    struct disagreement d = {.c = c, .result = result, .known_items = compared.known, .bochs_text = outcome->text};
    look_at_entry(scenario, &d);
    find_records(sim, bochs, compared.exits, &d);
    if (outcome->ran && in_set(&d.violated, &result->bochs)) {
        result->verdict = VERDICT_ORDER;
    } else if (outcome->ran && ends_with_the_time(&d, compared.text)) {
        result->verdict = VERDICT_ONLY_SIM;
    } else if (listed(&d, &result->deviation)) {
        result->verdict = VERDICT_KNOWN;
    } else {
        result->verdict = VERDICT_DISAGREE;
        say(result, &d.violated, outcome->text, compared.text);
        sign(result, compared.text);
    }
    free(compared.text);
}
