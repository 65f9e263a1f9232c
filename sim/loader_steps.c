/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a scenario: stimuli and expectations in order. */
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/checks.h"
#include "../vmx-model/names.h"
#include "../vmx-model/reasons.h"
#include "loader.h"
#include "loader_reason.h"

void load_pack_step(struct loader *loader, const struct packed_step *step, const void *extra, size_t size)
{
    pack_record(&loader->pack, PACKED_STEP);
    pack_u32(&loader->pack, step->kind);
    pack_u32(&loader->pack, step->line);
    pack_u32(&loader->pack, loader->step_vcpu);
    pack_u32(&loader->pack, step->a);
    pack_u64(&loader->pack, step->b);
    pack_u64(&loader->pack, step->c);
    pack_u32(&loader->pack, (uint32_t)size);
    pack_u32(&loader->pack, 0);
    pack_bytes(&loader->pack, extra, size);
}

static void pack_expectation(struct loader *loader, struct packed_step *step, const struct packed_match *matches, size_t count)
{
    load_pack_step(loader, step, NULL, 0);
    /* The matches follow the head; their size stands in it. */
    struct pack *pack = &loader->pack;
    const size_t at = pack->size - 8;
    const uint32_t size = (uint32_t)(count * sizeof *matches);
    for (unsigned i = 0; i < 4; i++)
        pack->bytes[at + i] = (uint8_t)(size >> (8 * i));
    for (size_t i = 0; i < count; i++) {
        pack_u32(pack, matches[i].item);
        pack_u32(pack, matches[i].line);
        pack_u64(pack, matches[i].value);
        pack_u64(pack, matches[i].mask);
    }
}

static bool load_expect(struct loader *loader, const struct script_table *table)
{
    static const char *const other_keys[] = {"vcpu", NULL};
    const struct script_value *reason = script_get(table, "reason"), *match = script_get(table, "match");
    const struct vmx_reason_row *row = load_reason(loader, table->line, reason->string);
    struct packed_match *matches;
    size_t count;
    if (row != NULL && row->number == VMX_EXIT_INIT_SIGNAL)
        load_only_simulator(loader, "it expects an INIT signal, which causes no VM exit on Bochs");
    if (row == NULL || !load_matches(loader, table->line, match->table, row->number, other_keys, &matches, &count))
        return false;
    struct packed_step step = {.kind = STEP_EXPECT, .line = table->line, .a = row->number};
    pack_expectation(loader, &step, matches, count);
    free(matches);
    return true;
}

static const char *check_id_at(size_t index, const void *context)
{
    (void)context;
    return vmx_check_rows[index].id;
}

/* The outcome of a rule of VM entry, by its id: "GUEST.CR0.FIXED0". */
static bool outcome_of_check(struct loader *loader, unsigned line, const struct script_value *value, struct packed_step *step,
                             struct packed_match *qualification)
{
    const struct vmx_check_row *row = NULL;
    if (value->type != SCRIPT_STRING)
        return load_fail(loader, line, "check", "check wants the id of a rule: \"GUEST.CR0.FIXED0\"");
    for (unsigned i = 1; i < VMX_CHECK_COUNT && row == NULL; i++)
        if (vmx_name_equal(vmx_check_rows[i].id, value->string))
            row = &vmx_check_rows[i];
    if (row == NULL) {
        const char *near = load_nearest(value->string, check_id_at, VMX_CHECK_COUNT, NULL);
        return load_fail(loader, line, value->string, "no such check of VM entry '%s'%s%s%s", value->string, near != NULL ? ", did you mean '" : "",
                         near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    *qualification = (struct packed_match){.item = TRACE_QUALIFICATION, .line = line, .value = row->number, .mask = UINT64_MAX};
    step->b = row->number;
    step->c = (uint64_t)(row - vmx_check_rows);
    switch (row->outcome) {
    case VMX_CHECK_UD:
    case VMX_CHECK_GP:
        step->a = ENTRY_FAIL_FAULT;
        break;
    case VMX_CHECK_FAIL_INVALID:
        step->a = ENTRY_FAIL_INVALID;
        break;
    case VMX_CHECK_FAIL_VALID:
        step->a = ENTRY_FAIL_VALID;
        break;
    case VMX_CHECK_ENTRY_FAILURE_33:
        step->a = ENTRY_FAIL_EXIT;
        step->b = VMX_EXIT_INVALID_STATE;
        break;
    case VMX_CHECK_ENTRY_FAILURE_34:
        step->a = ENTRY_FAIL_EXIT;
        step->b = VMX_EXIT_MSR_LOAD_FAIL;
        qualification->mask = 0; /* the number of the list's entry: the scenario's own */
        break;
    case VMX_CHECK_ENTRY_FAILURE_41:
        step->a = ENTRY_FAIL_EXIT;
        step->b = VMX_EXIT_MCE_DURING_VMENTRY;
        break;
    case VMX_CHECK_EXIT:
        return load_fail(loader, line, value->string, "the check %s is not of a VM entry from root operation", row->id);
    }
    return true;
}

/* { check = "..." }, { error = 7 }, { reason = "INVALID_STATE", qualification = 0 }, { invalid = true } */
static bool failure_outcome(struct loader *loader, unsigned line, const struct script_table *match, struct packed_step *step,
                            struct packed_match *qualification)
{
    const struct script_value *check = script_get(match, "check"), *error = script_get(match, "error"), *reason = script_get(match, "reason"),
                              *invalid = script_get(match, "invalid");
    *qualification = (struct packed_match){0};
    if ((check != NULL) + (error != NULL) + (reason != NULL) + (invalid != NULL) > 1)
        return load_fail(loader, line, NULL, "expect_entry_failure wants one of check, error, reason and invalid");
    if (check != NULL)
        return outcome_of_check(loader, line, check, step, qualification);
    step->a = error != NULL ? ENTRY_FAIL_VALID : reason != NULL ? ENTRY_FAIL_EXIT : invalid != NULL ? ENTRY_FAIL_INVALID : ENTRY_FAIL_ANY;
    if (error != NULL)
        return load_number_to(loader, line, error, "error", 28, &step->b);
    if (reason == NULL)
        return true;
    if (reason->type != SCRIPT_STRING)
        return load_fail(loader, line, "reason", "reason wants the name of an exit reason");
    const struct vmx_reason_row *row = load_reason(loader, line, reason->string);
    step->b = row != NULL ? row->number : 0;
    return row != NULL;
}

static bool load_expect_entry_failure(struct loader *loader, const struct script_table *table)
{
    static const char *const keys[] = {"check", "error", "reason", "invalid", "vcpu", NULL};
    const struct script_table *match = script_get(table, "match")->table;
    struct packed_step step = {.kind = STEP_EXPECT_ENTRY_FAILURE, .line = table->line};
    struct packed_match qualification, *matches;
    size_t count;
    if (!failure_outcome(loader, table->line, match, &step, &qualification) ||
        !load_matches(loader, table->line, match, VMX_EXIT_INVALID_STATE, keys, &matches, &count))
        return false;
    if (step.a != ENTRY_FAIL_EXIT && count != 0) {
        free(matches);
        return load_fail(loader, table->line, NULL, "VMfail gives no exit information to expect");
    }
    if (step.a == ENTRY_FAIL_EXIT && qualification.mask != 0 && script_get(match, "qualification") == NULL)
        matches[count++] = qualification;
    pack_expectation(loader, &step, matches, count);
    free(matches);
    return true;
}

/* An event at the physical CPU. */
static bool load_arrival(struct loader *loader, const struct script_table *table, enum packed_step_kind kind)
{
    const struct script_value *vector = script_get(table, "vector"), *after = script_get(table, "after");
    uint64_t number = 0, count = 0;
    if ((vector != NULL && !load_number_to(loader, table->line, vector, "vector", 255, &number)) ||
        (after != NULL && !load_number(loader, table->line, after, "after", &count)))
        return false;
    if ((kind == STEP_INTERRUPT || kind == STEP_QUEUE_INTERRUPT) && number < 16)
        return load_fail(loader, table->line, NULL, "an interrupt's vector is 16 to 255");
    if (count != 0)
        load_only_simulator(loader, "it counts instructions (after)");
    if (kind == STEP_MACHINE_CHECK_AT_ENTRY)
        load_only_simulator(loader, "it makes a machine check");
    if (kind == STEP_INIT)
        load_only_simulator(loader, "it sends an INIT signal, which causes no VM exit on Bochs");
    if (kind == STEP_SIPI && loader->out->vcpus == 1)
        load_only_simulator(loader, "it sends a SIPI, which wants a second processor");
    load_pack_step(loader, &(struct packed_step){.kind = kind, .line = table->line, .a = (uint32_t)number, .b = count}, NULL, 0);
    return true;
}

static bool load_write_memory(struct loader *loader, const struct script_table *table)
{
    uint64_t address;
    uint8_t *bytes;
    size_t size;
    const struct script_value *given = script_get(table, "bytes");
    static const struct script_value nothing = {0};
    if (!load_number(loader, table->line, script_get(table, "address"), "write.memory", &address) ||
        !load_bytes(loader, table->line, given != NULL ? given : &nothing, "write.memory", &bytes, &size))
        return false;
    load_pack_step(loader, &(struct packed_step){.kind = STEP_WRITE_MEMORY, .line = table->line, .b = address}, bytes, size);
    free(bytes);
    return true;
}

static bool load_write_register(struct loader *loader, const struct script_table *table)
{
    unsigned gpr;
    uint64_t value;
    if (!load_register(loader, table->line, script_get(table, "name")->string, &gpr) ||
        !load_number(loader, table->line, script_get(table, "value"), "write.register", &value))
        return false;
    load_pack_step(loader, &(struct packed_step){.kind = STEP_WRITE_REGISTER, .line = table->line, .a = gpr, .b = value}, NULL, 0);
    return true;
}

static bool load_write_field(struct loader *loader, const struct script_table *table)
{
    enum vmcs_field field;
    uint64_t value;
    if (!load_field(loader, table->line, script_get(table, "name")->string, &field) ||
        !load_number(loader, table->line, script_get(table, "value"), "write.field", &value))
        return false;
    loader->timer_counts |= field == VMCS_VMX_PREEMPTION_TIMER_VALUE && value != 0;
    load_pack_step(loader, &(struct packed_step){.kind = STEP_WRITE_FIELD, .line = table->line, .a = vmcs_fields[field].encoding, .b = value}, NULL,
                   0);
    return true;
}

static bool load_control(struct loader *loader, const struct script_table *table)
{
    uint64_t set[VMX_WORD_CONTROLS], clear[VMX_WORD_CONTROLS];
    if (!load_control_words(loader, table->line, script_get(table, "words"), set, clear))
        return false;
    if ((set[VMX_WORD_PIN] & VMX_PIN_VMX_PREEMPTION_TIMER) != 0)
        load_only_simulator(loader, "it starts the VMX-preemption timer on the way");
    for (unsigned w = 0; w < VMX_WORD_CONTROLS; w++)
        if (set[w] != 0 || clear[w] != 0)
            load_pack_step(loader, &(struct packed_step){.kind = STEP_CONTROL, .line = table->line, .a = w, .b = set[w], .c = clear[w]}, NULL, 0);
    return true;
}

static bool load_step_over(struct loader *loader, const struct script_table *table)
{
    enum { MONITOR_TRAP_FLAG = 27 };
    uint64_t count;
    if (!load_offers_control(loader, VMX_WORD_PRIMARY, MONITOR_TRAP_FLAG))
        return load_fail(loader, table->line, NULL, "step_over wants the monitor trap flag, which the processor %s does not offer",
                         loader->caps->name);
    if (!load_number_to(loader, table->line, script_get(table, "count"), "step_over", UINT32_MAX, &count))
        return false;
    load_pack_step(loader, &(struct packed_step){.kind = STEP_MTF, .line = table->line, .a = (uint32_t)count}, NULL, 0);
    return true;
}

static bool is_expectation(const struct script_value *value)
{
    return script_is_kind(value, "expect") || script_is_kind(value, "expect_entry_failure");
}

/* vcpu = 1 stands among the expected values, or in the stimulus, where on() puts it. */
static bool load_step_vcpu(struct loader *loader, const struct script_value *value)
{
    loader->step_vcpu = 0;
    if (value->type != SCRIPT_TABLE)
        return true;
    const struct script_table *table = is_expectation(value) ? script_get(value->table, "match")->table : value->table;
    return load_vcpu(loader, value->table->line, table, &loader->step_vcpu);
}

static bool load_step(struct loader *loader, const struct script_value *value)
{
    static const struct {
        const char *kind;
        enum packed_step_kind step;
    } arrivals[] = {{"interrupt", STEP_INTERRUPT}, {"nmi", STEP_NMI},   {"queue_interrupt", STEP_QUEUE_INTERRUPT},    {"queue_nmi", STEP_QUEUE_NMI},
                    {"init", STEP_INIT},           {"sipi", STEP_SIPI}, {"mce_at_entry", STEP_MACHINE_CHECK_AT_ENTRY}};
    static const struct {
        const char *kind;
        bool (*load)(struct loader *, const struct script_table *);
    } others[] = {{"expect", load_expect},
                  {"expect_entry_failure", load_expect_entry_failure},
                  {"write_memory", load_write_memory},
                  {"write_register", load_write_register},
                  {"write_field", load_write_field},
                  {"control", load_control},
                  {"step_over", load_step_over},
                  {"move", load_move},
                  {"invept", load_invept},
                  {"invvpid", load_invvpid}};
    if (!load_step_vcpu(loader, value))
        return false;
    for (size_t i = 0; i < sizeof arrivals / sizeof arrivals[0]; i++)
        if (script_is_kind(value, arrivals[i].kind))
            return load_arrival(loader, value->table, arrivals[i].step);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (script_is_kind(value, others[i].kind))
            return others[i].load(loader, value->table);
    if (script_is_kind(value, "ept"))
        return load_ept_change(loader, value);
    return load_fail(loader, value->type == SCRIPT_TABLE && value->table->line != 0 ? value->table->line : loader->table->line, "steps",
                     "steps wants expectations and stimuli: expect \"CPUID\" {}, inject.nmi(), ...");
}

/* Lists may stand in lists, so that functions can give several steps. `last` becomes the last step. */
static bool load_list(struct loader *loader, const struct script_value *value, const struct script_value **last)
{
    if (value->type != SCRIPT_TABLE)
        return load_fail(loader, loader->table->line, "steps", "steps wants a list of expectations and stimuli");
    if (value->table->kind != NULL) {
        *last = value;
        return load_step(loader, value);
    }
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        if (entry->key.type != SCRIPT_INTEGER)
            return load_fail(loader, loader->table->line, entry->key.string, "steps: a step stands under the name '%s'; steps have no names",
                             entry->key.string);
        if (!load_list(loader, &entry->value, last))
            return false;
    }
    return true;
}

bool load_steps(struct loader *loader, const struct script_value *value)
{
    const struct script_value *last = NULL, *rest = script_get(loader->table, "rest");
    if (!load_list(loader, value, &last))
        return false;
    if (last != NULL && !is_expectation(last) && rest == NULL)
        return load_fail(loader, last->table->line, NULL, "nothing runs after this stimulus: end with an expectation, or say rest = \"any\"");
    return true;
}

bool load_expects_entry_failure(const struct script_value *value)
{
    if (value == NULL || value->type != SCRIPT_TABLE)
        return false;
    if (value->table->kind != NULL)
        return script_is_kind(value, "expect_entry_failure");
    for (size_t i = 0; i < value->table->count; i++)
        if (load_expects_entry_failure(&value->table->entries[i].value))
            return true;
    return false;
}
