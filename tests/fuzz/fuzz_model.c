/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random VMCS states and random bytes through vmx-model: entry, decisions, walks, delivery, exit. The model has to answer every one of them within
   its contract, and (under sanitizers) without a step outside of what it was handed. README.md tells how to run it for long. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz_machine.h"
#include "vmx-model/decide.h"
#include "vmx-model/deliver.h"
#include "vmx-model/reasons.h"
#include "vmx-model/transition.h"
#include "vmx-model/walk.h"

#ifdef __SANITIZE_ADDRESS__
/* A report ends in SIGABRT, so that the state is named. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}
#endif

enum { STEPS = 12, SECONDS_PER_STATE = 60 };

static struct {
    uint64_t states, entered, refused, failed, instructions, decided, exits, faults, deliveries, walks, translated, aborts,
        by_reason[VMX_REASON_LIMIT];
    uint64_t checksum;
} seen;
static uint64_t current_seed;

/* Called by signal handlers too, so nothing is formatted by the library. */
static void say_where(void)
{
    char text[] = "fuzz_model: this state is repeated by `fuzz_model 1 00000000000000000000`\n";
    char *digit = text + sizeof text - 4;
    for (uint64_t rest = current_seed; rest != 0; rest /= 10)
        *digit-- = (char)('0' + rest % 10);
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(3);
}

static void on_signal(int number)
{
    say_where();
    _exit(128 + number);
}

static void wanted(bool holds, const char *rule)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", rule);
    say_where();
    exit(1);
}

static void mix(uint64_t value)
{
    seen.checksum = (seen.checksum ^ value) * UINT64_C(0x100000001b3);
}

static void mix_state(const struct fuzz_machine *m)
{
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        mix(m->cpu->state.gpr[i]);
    mix(m->cpu->state.rip);
    mix(m->cpu->state.rflags);
    mix(m->cpu->state.cr0 ^ m->cpu->state.cr4 << 1);
    mix((uint64_t)m->cpu->operation);
    for (unsigned field = 0; field < VMCS_FIELD_COUNT; field++)
        mix(m->vmcs->field[field]);
}

/* ---- outcomes ---- */
static void leave(struct fuzz_machine *m, const struct vmx_exit_info *exit)
{
    wanted(m->cpu->operation == VMX_OPERATION_NON_ROOT, "exits come from non-root operation only");
    wanted(vmx_basic_reason(exit->reason) < VMX_REASON_LIMIT, "an exit has a reason that the manual knows");
    seen.exits++;
    seen.by_reason[vmx_basic_reason(exit->reason)]++;
    const uint32_t changed = fuzz_chance(m, 2) ? VMX_GROUP_ALL : (uint32_t)random_next(&m->random) & VMX_GROUP_ALL;
    const uint32_t abort_indicator = vmx_exit(m->cpu, exit, changed);
    seen.aborts += abort_indicator != 0;
    if (abort_indicator != 0) { /* the processor is in shutdown: the caller's business */
        m->cpu->operation = VMX_OPERATION_OFF;
        return;
    }
    wanted(m->cpu->operation == VMX_OPERATION_ROOT, "an exit leads to root operation");
    wanted(vmcs_get(m->vmcs, VMCS_VM_EXIT_REASON) == exit->reason, "an exit records its reason");
}

static void raise_event(struct fuzz_machine *m, const struct vmx_event *event, bool injected)
{
    const struct vmx_outcome outcome = vmx_raise(m->cpu, event, injected);
    seen.deliveries++;
    wanted(outcome.kind == VMX_OUTCOME_DONE || outcome.kind == VMX_OUTCOME_EXIT || outcome.kind == VMX_OUTCOME_SHUTDOWN,
           "an event is delivered, exits or shuts the processor down");
    if (outcome.kind == VMX_OUTCOME_EXIT)
        leave(m, &outcome.exit);
}

static void take(struct fuzz_machine *m, const struct vmx_outcome *outcome)
{
    wanted(outcome->kind <= VMX_OUTCOME_SHUTDOWN, "an outcome is of a kind that there is");
    wanted((outcome->changed & ~(uint32_t)VMX_GROUP_ALL) == 0, "changed groups are groups that there are");
    if (outcome->kind == VMX_OUTCOME_DONE)
        vmx_invalidate(m->cpu, outcome->flush);
    if (outcome->kind == VMX_OUTCOME_EXIT)
        leave(m, &outcome->exit);
    else if (outcome->kind == VMX_OUTCOME_FAULT) {
        seen.faults++;
        raise_event(m, &outcome->event, false);
    }
}

/* ---- what is done to the model ---- */
static void enter(struct fuzz_machine *m)
{
    if (fuzz_chance(m, 16))
        vmx_forget_guest(m->cpu);
    const bool launched = m->cpu->vmcs != NULL && m->cpu->vmcs->launched != 0;
    const struct vmx_entry_result result = vmx_enter(m->cpu, launched != fuzz_chance(m, 32) ? VMX_ENTRY_RESUME : VMX_ENTRY_LAUNCH);
    wanted(result.kind <= VMX_ENTRY_FAILED, "an entry ends in a way that there is");
    wanted((result.kind == VMX_ENTERED) == (m->cpu->operation == VMX_OPERATION_NON_ROOT), "an entry that succeeds leads to non-root operation");
    wanted((result.kind == VMX_ENTERED) == (result.check == VMX_CHECK_NONE) || result.kind == VMX_ENTRY_FAULT || m->cpu->mce_at_entry ||
               result.kind == VMX_ENTRY_FAILED,
           "an entry that a check refuses names the check");
    seen.entered += result.kind == VMX_ENTERED;
    seen.refused += result.kind == VMX_FAIL_INVALID || result.kind == VMX_FAIL_VALID || result.kind == VMX_ENTRY_FAULT;
    seen.failed += result.kind == VMX_ENTRY_FAILED;
    mix((uint64_t)result.kind << 32 | (uint64_t)result.check);
    if (result.kind == VMX_ENTERED && result.inject)
        raise_event(m, &result.event, true);
}

/* Opcodes that the model decides about are put in front of random bytes more often than chance would. */
static unsigned random_bytes(struct fuzz_machine *m, uint8_t bytes[15])
{
    static const uint8_t second[] = {0x00, 0x01, 0x06, 0x08, 0x09, 0x0b, 0x20, 0x21, 0x22, 0x23, 0x30, 0x31, 0x32,
                                     0x33, 0x34, 0x35, 0x37, 0x38, 0x78, 0x79, 0xa2, 0xae, 0xc7, 0xff, 0x0a, 0x18};
    static const uint8_t first[] = {0x6c, 0x6d, 0x6e, 0x6f, 0x90, 0x9a, 0xcc, 0xcd, 0xce, 0xcf, 0xe4, 0xe6, 0xec, 0xee, 0xea, 0xf1, 0xf4, 0xff};
    static const uint8_t prefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x64, 0x48, 0x41};
    unsigned at = 0;
    for (unsigned i = 0; i < 15; i++)
        bytes[i] = (uint8_t)random_next(&m->random);
    while (at < 4 && fuzz_chance(m, 3))
        bytes[at++] = prefixes[random_below(&m->random, sizeof prefixes)];
    if (fuzz_chance(m, 4))
        return 1 + random_below(&m->random, 15);
    if (fuzz_chance(m, 4)) {
        bytes[at] = first[random_below(&m->random, sizeof first)];
    } else {
        bytes[at] = 0x0f;
        bytes[at + 1] = second[random_below(&m->random, sizeof second)];
    }
    return fuzz_chance(m, 8) ? random_below(&m->random, 16) : 15;
}

static void instruction(struct fuzz_machine *m)
{
    uint8_t bytes[15];
    struct vmx_instruction decoded;
    const unsigned size = random_bytes(m, bytes);
    uint8_t *const exact = malloc(size != 0 ? size : 1); /* a read beyond the end is a read outside of an allocation */
    if (exact == NULL)
        abort();
    memcpy(exact, bytes, size);
    const enum vmx_decode_status status = vmx_decode(exact, size, vmx_code_bits(&m->cpu->state), &decoded);
    free(exact);
    seen.instructions++;
    if (status != VMX_DECODED)
        return;
    wanted(decoded.length >= 1 && decoded.length <= size, "an instruction is as long as its bytes allow");
    const uint32_t mask = vmx_instruction_information_mask(&decoded, vmx_code_bits(&m->cpu->state));
    wanted((vmx_instruction_information(&decoded, vmx_code_bits(&m->cpu->state)) & ~mask) == 0, "undefined bits of the information field are 0");
    struct vmx_outcome outcome = vmx_decide(m->cpu, &decoded);
    seen.decided++;
    mix((uint64_t)outcome.kind << 40 | outcome.exit.reason);
    take(m, &outcome);
    if (outcome.kind != VMX_OUTCOME_RUN)
        return;
    outcome = vmx_execute(m->cpu, &decoded);
    take(m, &outcome);
}

static void boundary(struct fuzz_machine *m)
{
    if (m->cpu->operation == VMX_OPERATION_OFF)
        return;
    const struct vmx_outcome outcome = vmx_boundary(m->cpu);
    take(m, &outcome);
    (void)vmx_guest_tsc(m->cpu);
    (void)vmx_timer_remaining(m->cpu);
}

static void event(struct fuzz_machine *m)
{
    static const uint8_t types[] = {VMX_EVENT_EXTERNAL_INTERRUPT, VMX_EVENT_NMI,
                                    VMX_EVENT_HARDWARE_EXCEPTION, VMX_EVENT_HARDWARE_EXCEPTION,
                                    VMX_EVENT_SOFTWARE_INTERRUPT, VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION,
                                    VMX_EVENT_SOFTWARE_EXCEPTION};
    struct vmx_event e = {.type = types[random_below(&m->random, sizeof types)], .vector = (uint8_t)random_next(&m->random)};
    if (e.type == VMX_EVENT_NMI)
        e.vector = VMX_NMI;
    else if (e.type == VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION)
        e.vector = VMX_DB;
    else if (e.type == VMX_EVENT_SOFTWARE_EXCEPTION)
        e.vector = fuzz_chance(m, 2) ? VMX_BP : VMX_OF;
    else if (e.type == VMX_EVENT_HARDWARE_EXCEPTION)
        e.vector &= 31;
    if (e.type >= VMX_EVENT_SOFTWARE_INTERRUPT)
        e.instruction_length = (uint8_t)(1 + random_below(&m->random, 15));
    e.has_error_code = e.type == VMX_EVENT_HARDWARE_EXCEPTION && (UINT32_C(0x00227d00) >> e.vector & 1) != 0;
    e.error_code = e.has_error_code ? (uint32_t)fuzz_number(m) & 0xffffu : 0;
    e.payload = e.vector == VMX_PF || e.vector == VMX_DB ? fuzz_number(m) : 0;
    raise_event(m, &e, false);
}

static void walk(struct fuzz_machine *m)
{
    struct vmx_translation t;
    const gva_t linear = fuzz_number(m);
    const enum vmx_access_kind kind = (enum vmx_access_kind)random_below(&m->random, 3);
    const uint32_t size = 1 + random_below(&m->random, fuzz_chance(m, 4) ? 4096 : 64);
    uint8_t *const buffer = calloc(1, size);
    if (buffer == NULL)
        abort();
    if (fuzz_chance(m, 3))
        vmx_translate(m->cpu, linear, kind, fuzz_chance(m, 2), &t);
    else if (fuzz_chance(m, 4))
        vmx_translate_physical(m->cpu, linear, kind, &t);
    else if (kind == VMX_ACCESS_WRITE)
        (void)vmx_write_linear(m->cpu, linear, buffer, size, fuzz_chance(m, 2), &t);
    else
        (void)vmx_read_linear(m->cpu, linear, buffer, size, kind, fuzz_chance(m, 2), &t);
    free(buffer);
    seen.walks++;
    wanted(t.kind <= VMX_TRANSLATION_VE, "a translation ends in a way that there is");
    wanted(t.kind != VMX_TRANSLATION_EXIT || m->cpu->operation == VMX_OPERATION_NON_ROOT, "only guests have EPT");
    seen.translated += t.kind == VMX_TRANSLATED;
    mix((uint64_t)t.kind ^ (t.kind == VMX_TRANSLATED ? t.host : 0));
    if (t.kind == VMX_TRANSLATION_EXIT)
        leave(m, &t.exit);
    else if (t.kind != VMX_TRANSLATED)
        raise_event(m, &t.event, false);
}

static void one_state(struct fuzz_machine *m, uint64_t seed)
{
    static void (*const doings[])(struct fuzz_machine *) = {instruction, instruction, instruction, instruction, boundary, event, walk, walk};
    current_seed = seed;
    fuzz_machine_reset(m, seed);
    seen.states++;
    for (unsigned i = 0; i < STEPS; i++) {
        if (m->cpu->operation == VMX_OPERATION_ROOT && !fuzz_chance(m, 8))
            enter(m);
        if (i != 0 && fuzz_chance(m, 2))
            fuzz_change_state(m);
        if (i != 0 && fuzz_chance(m, 8))
            fuzz_change_field(m);
        fuzz_change_events(m);
        doings[random_below(&m->random, sizeof doings / sizeof doings[0])](m);
    }
    mix_state(m);
}

static unsigned reasons_seen(void)
{
    unsigned count = 0;
    for (unsigned reason = 0; reason < VMX_REASON_LIMIT; reason++)
        count += seen.by_reason[reason] != 0;
    return count;
}

static void report(void)
{
    printf("%llu states: %llu entries (%llu refused, %llu failed), %llu instructions (%llu decided, %llu faults), %llu deliveries,\n",
           (unsigned long long)seen.states, (unsigned long long)seen.entered, (unsigned long long)seen.refused, (unsigned long long)seen.failed,
           (unsigned long long)seen.instructions, (unsigned long long)seen.decided, (unsigned long long)seen.faults,
           (unsigned long long)seen.deliveries);
    printf("%llu walks (%llu translated), %llu exits of %u reasons, %llu VMX aborts; checksum %016llx\n", (unsigned long long)seen.walks,
           (unsigned long long)seen.translated, (unsigned long long)seen.exits, reasons_seen(), (unsigned long long)seen.aborts,
           (unsigned long long)seen.checksum);
}

static bool number(const char *text, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return *text != '\0' && *text != '-' && *end == '\0';
}

int main(int argc, char **argv)
{
    struct fuzz_machine machine;
    uint64_t count = 100000, first = 1;
    if (argc > 3 || (argc > 1 && !number(argv[1], &count)) || (argc > 2 && !number(argv[2], &first))) {
        fprintf(stderr,
                "usage: fuzz_model [COUNT [FIRST]]    states FIRST to FIRST + COUNT - 1 (default 100000 from 1); each depends on its number only\n");
        return 2;
    }
#ifndef __SANITIZE_ADDRESS__
    (void)signal(SIGSEGV, on_signal);
#endif
    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGALRM, on_signal);
    fuzz_machine_create(&machine);
    for (uint64_t i = 0; i < count; i++) {
        if (i % 256 == 0)
            (void)alarm(SECONDS_PER_STATE);
        one_state(&machine, first + i);
    }
    fuzz_machine_free(&machine);
    report();
    return 0;
}
