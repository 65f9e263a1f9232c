/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares two traces record by record and explains the first difference. */
#define _DEFAULT_SOURCE
#include "compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../handlers/bench/trace.h"
#include "../vmx-model/reasons.h"

/* One scenario in a trace. */
struct slice {
    struct trace_reader reader; /* behind its TRACE_SCENARIO record */
    struct trace_record head;
    enum trace_stop stop;
};

struct comparison {
    FILE *text;
    struct sim_compare_options options;
    uint32_t reason; /* basic reason of the last exit, while it is the same in both */
    uint64_t known;
    uint64_t exits; /* of the current scenario that agree */
};

static const char *const gpr_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
static const char *const final_names[7] = {"rip", "rsp", "rflags", "cr0", "cr3", "cr4", "efer"};

static const char *kind_name(enum trace_kind kind)
{
    switch (kind) {
    case TRACE_END:
        return "the end";
    case TRACE_SCENARIO:
        return "a scenario";
    case TRACE_EXIT:
        return "a VM exit";
    case TRACE_ENTRY_FAIL:
        return "a VM entry that fails";
    case TRACE_INJECT:
        return "an injected event";
    case TRACE_STIMULUS:
        return "a stimulus";
    case TRACE_OUTPUT:
        return "console output";
    case TRACE_REPORT:
        return "a handler's report";
    case TRACE_FINAL:
        return "the final state";
    case TRACE_MEMORY:
        return "a memory dump";
    case TRACE_COST:
        return "costs";
    case TRACE_RULE:
        return "a violated rule";
    case TRACE_INTERRUPT:
        return "an interrupt that the host takes";
    case TRACE_SOURCE:
        return "an interrupt source";
    }
    return "an unknown record";
}

static const char *stop_name(uint64_t stop)
{
    static const char *const names[] = {"all steps done",    "halted",          "power-off", "a handler stopped the guest",
                                        "instruction limit", "VM entry failed", "host error"};
    return stop < sizeof names / sizeof *names ? names[stop] : "unknown";
}

/* ---- one field ---- */
static bool number_differs(struct comparison *c, const char *name, uint64_t a, uint64_t b)
{
    if (a == b)
        return false;
    fprintf(c->text, "    %-20s A 0x%" PRIx64 "  B 0x%" PRIx64 "  (differing bits 0x%" PRIx64 ")\n", name, a, b, a ^ b);
    return true;
}

static bool text_differs(struct comparison *c, const char *name, const struct trace_record *a, const struct trace_record *b)
{
    if (a->text_length == b->text_length && (a->text_length == 0 || memcmp(a->text, b->text, a->text_length) == 0))
        return false;
    fprintf(c->text, "    %-20s A \"%.*s\"  B \"%.*s\"\n", name, (int)a->text_length, (const char *)a->text, (int)b->text_length,
            (const char *)b->text);
    return true;
}

static bool registers_differ(struct comparison *c, const struct trace_record *a, const struct trace_record *b)
{
    bool differ = false;
    for (unsigned i = 0; i < 16; i++)
        differ |= number_differs(c, gpr_names[i], a->gpr[i], b->gpr[i]);
    return differ;
}

/* Takes away what is known to differ. */
static uint64_t unknown_bits(struct comparison *c, unsigned item, uint64_t a, uint64_t b)
{
    uint64_t bits = a ^ b;
    for (size_t i = 0; i < c->options.known_count && bits != 0; i++) {
        const struct sim_known_difference *known = &c->options.known[i];
        if (known->reason != c->reason || known->item != item || (bits & known->mask) == 0)
            continue;
        bits &= ~known->mask;
        c->known++;
        if (c->options.known_seen != NULL)
            c->options.known_seen[i]++;
    }
    return bits;
}

/* ---- one record ---- */
static bool exits_differ(struct comparison *c, const struct trace_record *a, const struct trace_record *b)
{
    bool differ = false;
    c->reason = vmx_basic_reason((uint32_t)a->item[TRACE_REASON]);
    for (unsigned i = 0; i < TRACE_ITEM_COUNT; i++)
        if ((c->options.time || i < TRACE_TICKS) && unknown_bits(c, i, a->item[i], b->item[i]) != 0)
            differ |= number_differs(c, trace_item_names[i], a->item[i], b->item[i]);
    return registers_differ(c, a, b) || differ;
}

static bool memory_differs(struct comparison *c, const struct trace_record *a, const struct trace_record *b)
{
    bool differ = number_differs(c, "address", a->number[0], b->number[0]) || number_differs(c, "bytes", a->text_length, b->text_length);
    for (uint32_t i = 0; !differ && i < a->text_length; i++) {
        char name[32];
        snprintf(name, sizeof name, "byte at 0x%" PRIx64, a->number[0] + i);
        differ = number_differs(c, name, a->text[i], b->text[i]);
    }
    return differ;
}

static bool ends_differ(struct comparison *c, const struct trace_record *a, const struct trace_record *b)
{
    bool differ = number_differs(c, "exits", a->number[0], b->number[0]);
    if (c->options.time)
        differ |= number_differs(c, "guest instructions", a->number[1], b->number[1]) | number_differs(c, "ticks", a->number[2], b->number[2]);
    if (a->number[3] != b->number[3]) {
        fprintf(c->text, "    %-20s A %s: %.*s  B %s: %.*s\n", "stop", stop_name(a->number[3]), (int)a->text_length, (const char *)a->text,
                stop_name(b->number[3]), (int)b->text_length, (const char *)b->text);
        differ = true;
    }
    return differ;
}

static bool numbers_differ(struct comparison *c, const struct trace_record *a, const struct trace_record *b, const char *const *names, unsigned count)
{
    bool differ = false;
    for (unsigned i = 0; i < count; i++)
        differ |= number_differs(c, names[i], a->number[i], b->number[i]);
    return differ;
}

static bool finals_differ(struct comparison *c, const struct trace_record *a, const struct trace_record *b)
{
    enum { FINAL_RFLAGS = 2 };
    bool differ = false;
    for (unsigned i = 0; i < sizeof final_names / sizeof *final_names; i++)
        if (i != FINAL_RFLAGS || unknown_bits(c, TRACE_RFLAGS, a->number[i], b->number[i]) != 0)
            differ |= number_differs(c, final_names[i], a->number[i], b->number[i]);
    return registers_differ(c, a, b) || differ;
}

/* Prints what differs under the headline that was printed before. */
static bool payloads_differ(struct comparison *c, const struct trace_record *a, const struct trace_record *b)
{
    static const char *const failure[] = {"kind", "number", "ticks"}, *const event[] = {"interruption info", "error code", "instruction length"},
                             *const stimulus[] = {"step", "a", "b"}, *const output[] = {"port", "byte"},
                             *const interrupt[] = {"vector", "physical CPU", "vCPU that it is for", "waited there already"},
                             *const source[] = {"vector", "interrupts", "requested already"};
    switch (a->kind) {
    case TRACE_EXIT:
        return exits_differ(c, a, b);
    case TRACE_ENTRY_FAIL:
        return numbers_differ(c, a, b, failure, c->options.time ? 3 : 2);
    case TRACE_INJECT:
        return numbers_differ(c, a, b, event, 3);
    case TRACE_STIMULUS:
        return numbers_differ(c, a, b, stimulus, 3);
    case TRACE_INTERRUPT:
        return numbers_differ(c, a, b, interrupt, 4);
    case TRACE_SOURCE:
        return numbers_differ(c, a, b, source, 3);
    case TRACE_OUTPUT:
        return numbers_differ(c, a, b, output, 2);
    case TRACE_REPORT:
        return text_differs(c, "text", a, b);
    case TRACE_FINAL:
        return finals_differ(c, a, b);
    case TRACE_MEMORY:
        return memory_differs(c, a, b);
    case TRACE_END:
        return ends_differ(c, a, b);
    case TRACE_SCENARIO:
    case TRACE_COST:
    case TRACE_RULE:
        return false;
    }
    return false;
}

/* A headline's words for a record. */
static void describe(FILE *to, const struct trace_record *record)
{
    fputs(kind_name(record->kind), to);
    if (record->kind == TRACE_EXIT)
        fprintf(to, " %s%s at 0x%" PRIx64, vmx_reason_name(vmx_basic_reason((uint32_t)record->item[TRACE_REASON])),
                (record->item[TRACE_REASON] & VMX_REASON_FAILED_VMENTRY) != 0 ? " (failed VM entry)" : "", record->item[TRACE_RIP]);
}

static bool records_differ(struct comparison *c, const struct trace_record *a, const struct trace_record *b)
{
    if (a->kind == b->kind && a->vcpu == b->vcpu)
        return payloads_differ(c, a, b);
    fprintf(c->text, "    A has ");
    describe(c->text, a);
    fprintf(c->text, " of vCPU %u, B has ", a->vcpu);
    describe(c->text, b);
    fprintf(c->text, " of vCPU %u\n", b->vcpu);
    return true;
}

/* ---- one scenario ---- */
/* The instruction limit stops machines at different places: what comes then is no difference. */
static bool at_limit(const struct comparison *c, const struct slice *slice, const struct trace_record *record)
{
    return !c->options.time && slice->stop == TRACE_STOP_LIMIT && (record->kind == TRACE_FINAL || record->kind == TRACE_END);
}

/* Both slices are whole, so trace_next() gives a record until TRACE_END. Returns the record of A where they differ, in *left. */
static bool records_diverge(struct comparison *c, struct slice *a, struct slice *b, struct trace_record *left)
{
    struct trace_record right;
    while (trace_next(&a->reader, left) == 1 && trace_next(&b->reader, &right) == 1) {
        if (at_limit(c, a, left) || at_limit(c, b, &right))
            return false;
        if (records_differ(c, left, &right))
            return true;
        if (left->kind == TRACE_END)
            return false;
        c->exits += left->kind == TRACE_EXIT;
    }
    return false;
}

/* The headline needs what the comparison finds, so the lines beneath it are gathered first. */
static bool scenarios_differ(struct comparison *c, struct slice *a, struct slice *b)
{
    FILE *to = c->text;
    char *details = NULL;
    size_t size = 0;
    struct trace_record left;
    c->text = open_memstream(&details, &size);
    if (c->text == NULL)
        abort();
    const bool differ = records_diverge(c, a, b, &left);
    fclose(c->text);
    c->text = to;
    if (differ) {
        fprintf(to, "%.*s: after %" PRIu64 " VM exits that agree: ", (int)a->head.text_length, (const char *)a->head.text, c->exits);
        describe(to, &left);
        fprintf(to, "\n%s", details);
    }
    free(details);
    return differ;
}

/* The next scenario of a trace, whole; 0 at the end, -1 when the trace is malformed. */
static int next_slice(struct trace_reader *reader, struct slice *slice)
{
    struct trace_record record;
    int more = trace_next(reader, &slice->head);
    if (more != 1)
        return more;
    slice->reader = *reader;
    do {
        more = trace_next(reader, &record);
    } while (more == 1 && record.kind != TRACE_END);
    slice->stop = more == 1 ? (enum trace_stop)record.number[3] : TRACE_STOP_HOST_ERROR;
    return more == 1 ? 1 : -1;
}

static bool same_crc(const struct trace_record *a, const struct trace_record *b)
{
    return a->number[0] == b->number[0];
}

static bool same_name(const struct trace_record *a, const struct trace_record *b)
{
    return a->text_length == b->text_length && (a->text_length == 0 || memcmp(a->text, b->text, a->text_length) == 0);
}

/* The first such scenario from the reader on; where none follows, from the beginning. */
static bool find_slice(const uint8_t *trace, size_t size, struct trace_reader *from, const struct trace_record *head,
                       bool (*same)(const struct trace_record *a, const struct trace_record *b), struct slice *slice)
{
    for (unsigned round = 0; round < 2; round++) {
        while (next_slice(from, slice) == 1)
            if (same(head, &slice->head))
                return true;
        if (trace_open(from, trace, size) != NULL)
            return false;
    }
    return false;
}

/* The only scenario of a trace. */
static bool only_slice(const uint8_t *trace, size_t size, struct slice *slice)
{
    struct trace_reader reader;
    struct slice second;
    return trace_open(&reader, trace, size) == NULL && next_slice(&reader, slice) == 1 && next_slice(&reader, &second) == 0;
}

struct side {
    const uint8_t *bytes;
    size_t size;
    struct trace_reader reader; /* where the search for the next scenario begins */
};

/* The run of the scenario that `head` begins and `from` holds, on the other side. */
static bool find_partner(const struct comparison *c, const struct trace_record *head, const struct side *from, struct side *to, struct slice *slice)
{
    struct slice only;
    if (find_slice(to->bytes, to->size, &to->reader, head, same_crc, slice))
        return true;
    if (!c->options.by_name)
        return false;
    return find_slice(to->bytes, to->size, &to->reader, head, same_name, slice) ||
           (only_slice(from->bytes, from->size, &only) && only_slice(to->bytes, to->size, slice));
}

static void one_scenario(struct comparison *c, struct slice *a, struct slice *b, bool found, struct sim_compared *out)
{
    c->exits = 0;
    c->known = 0;
    c->reason = UINT32_MAX;
    const bool differ = !found || scenarios_differ(c, a, b);
    if (!found)
        fprintf(c->text, "%.*s: B has no run of it\n", (int)a->head.text_length, (const char *)a->head.text);
    out->scenarios++;
    out->different += differ;
    out->exits += c->exits;
    out->known += c->known;
}

static const char *name_of(const struct sim_compare_options *options, unsigned side)
{
    static const char *const names[] = {"trace A", "trace B"};
    return options != NULL && options->name[side] != NULL ? options->name[side] : names[side];
}

static bool whole(struct comparison *c, const char *name, const uint8_t *trace, size_t size, struct trace_reader *reader)
{
    struct slice slice;
    const char *why = trace_open(reader, trace, size);
    int more = why == NULL ? 1 : -1;
    while (more == 1)
        more = next_slice(reader, &slice);
    if (more == -1)
        fprintf(c->text, "%s: the trace is cut off or damaged at byte %" PRIu64 " of %zu%s%s\n", name, why != NULL ? 0 : reader->at, size,
                why != NULL ? ": " : "", why != NULL ? why : "");
    return more == 0 && trace_open(reader, trace, size) == NULL;
}

/* Those scenarios of B that A does not have. */
static void report_rest(struct comparison *c, struct side *a, struct side *b, struct sim_compared *out)
{
    struct trace_reader reader;
    struct slice one, other;
    if (trace_open(&reader, b->bytes, b->size) != NULL)
        return;
    while (next_slice(&reader, &one) == 1) {
        if (find_partner(c, &one.head, b, a, &other))
            continue;
        fprintf(c->text, "%.*s: A has no run of it\n", (int)one.head.text_length, (const char *)one.head.text);
        out->scenarios++;
        out->different++;
    }
}

enum sim_comparison sim_compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, const struct sim_compare_options *options,
                                struct sim_compared *out)
{
    struct comparison c = {.text = NULL};
    struct side left = {.bytes = a, .size = a_size}, right = {.bytes = b, .size = b_size};
    struct slice one, other;
    size_t size;
    *out = (struct sim_compared){.scenarios = 0};
    if (options != NULL)
        c.options = *options;
    c.text = open_memstream(&out->text, &size);
    if (c.text == NULL)
        abort();
    const bool readable = whole(&c, name_of(options, 0), a, a_size, &left.reader) && whole(&c, name_of(options, 1), b, b_size, &right.reader);
    struct trace_reader reader = left.reader;
    while (readable && next_slice(&reader, &one) == 1) {
        const bool found = find_partner(&c, &one.head, &left, &right, &other);
        one_scenario(&c, &one, &other, found, out);
    }
    if (readable && c.options.both_ways)
        report_rest(&c, &left, &right, out);
    fclose(c.text);
    return !readable ? SIM_UNREADABLE : out->different != 0 ? SIM_DIFFERENT : SIM_SAME;
}
