/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits and time by reason, before and after a change. */
#include "whatif.h"

#include <stdlib.h>

#include "traces.h"

/* What the scenarios of a trace did, in order. */
struct works {
    uint64_t *work;
    size_t count;
};

static void add_work(struct works *works, uint64_t work)
{
    uint64_t *grown = realloc(works->work, (works->count + 1) * sizeof *grown);
    if (grown == NULL)
        abort();
    works->work = grown;
    grown[works->count++] = work;
}

/* An exit in place of an instruction, which has its length in the exit information. An interrupt, or a page that is mapped, takes no work of the guest's. */
static bool stands_for_an_instruction(const struct trace_record *exit)
{
    return exit->item[TRACE_INSTRUCTION_LENGTH] != 0 && exit->item[TRACE_IDT_INFO] == 0;
}

static struct works works_of(const uint8_t *bytes, size_t size)
{
    struct works works = {0};
    struct trace_reader reader;
    struct trace_record record;
    uint64_t instead = 0;
    if (trace_open(&reader, bytes, size) != NULL)
        return works;
    while (trace_next(&reader, &record) == 1) {
        if (record.kind == TRACE_EXIT)
            instead += stands_for_an_instruction(&record);
        if (record.kind != TRACE_END)
            continue;
        add_work(&works, instead + record.number[1]);
        instead = 0;
    }
    return works;
}

static void add(struct whatif_tally *tally, uint32_t row, uint64_t physical_cpu, uint64_t ticks)
{
    if (physical_cpu < TRACE_VCPUS) {
        tally->cpu_exits[physical_cpu]++;
        tally->cpu_ticks[physical_cpu] += ticks;
    }
    tally->exits[row]++;
    tally->ticks[row] += ticks;
    tally->all_exits++;
    tally->all_ticks += ticks;
}

/* Exits of scenario n up to bounds[n] of work; without bounds all. */
static void count(struct whatif_tally *tally, const uint8_t *bytes, size_t size, const struct works *bounds)
{
    struct trace_reader reader;
    struct trace_record record;
    uint64_t work = 0, scenario = 0;
    if (trace_open(&reader, bytes, size) != NULL)
        return;
    while (trace_next(&reader, &record) == 1) {
        const uint64_t bound = bounds == NULL ? UINT64_MAX : scenario < bounds->count ? bounds->work[scenario] : 0;
        if (record.kind == TRACE_END) {
            scenario++;
            work = 0;
            tally->end_ticks += record.number[2];
        } else if (record.kind == TRACE_EXIT) {
            const uint32_t reason = vmx_basic_reason((uint32_t)record.item[TRACE_REASON]);
            work += record.item[TRACE_GUEST_INSTRUCTIONS] + stands_for_an_instruction(&record);
            if (work <= bound)
                add(tally, reason < VMX_REASON_LIMIT ? reason : VMX_REASON_LIMIT, record.item[TRACE_PHYSICAL_CPU], trace_handled_ticks(&record));
        } else if (record.kind == TRACE_ENTRY_FAIL && work <= bound) {
            add(tally, VMX_REASON_LIMIT, TRACE_VCPUS, 0);
        }
    }
}

void whatif_compare(struct whatif *out, const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size, bool same_work)
{
    struct works a = works_of(before, before_size), b = works_of(after, after_size);
    *out = (struct whatif){0};
    for (size_t i = 0; i < a.count && i < b.count; i++) {
        out->work_before += a.work[i];
        out->work_after += b.work[i];
        a.work[i] = a.work[i] < b.work[i] ? a.work[i] : b.work[i];
    }
    count(&out->before, before, before_size, same_work ? &a : NULL);
    count(&out->after, after, after_size, same_work ? &a : NULL);
    free(a.work);
    free(b.work);
}

static void line(FILE *to, const char *name, uint64_t exits_before, uint64_t exits_after, uint64_t ticks_before, uint64_t ticks_after)
{
    fprintf(to, "%-24s %12llu %12llu %+12lld %14.2fus %14.2fus %+14.2fus\n", name, (unsigned long long)exits_before, (unsigned long long)exits_after,
            (long long)(exits_after - exits_before), (double)ticks_before / 1000, (double)ticks_after / 1000,
            ((double)ticks_after - (double)ticks_before) / 1000);
}

/* Where exits happen, when that is in more than one place. */
static void print_cpus(FILE *to, const struct whatif_tally *a, const struct whatif_tally *b)
{
    char name[24];
    bool several = false;
    for (unsigned cpu = 1; cpu < TRACE_VCPUS; cpu++)
        several |= a->cpu_exits[cpu] != 0 || b->cpu_exits[cpu] != 0;
    for (unsigned cpu = 0; several && cpu < TRACE_VCPUS; cpu++) {
        if (a->cpu_exits[cpu] == 0 && b->cpu_exits[cpu] == 0)
            continue;
        snprintf(name, sizeof name, "on physical CPU %u", cpu);
        line(to, name, a->cpu_exits[cpu], b->cpu_exits[cpu], a->cpu_ticks[cpu], b->cpu_ticks[cpu]);
    }
}

void whatif_print(FILE *to, const struct whatif *whatif)
{
    const struct whatif_tally *a = &whatif->before, *b = &whatif->after;
    fprintf(to, "%-24s %12s %12s %12s %16s %16s %16s\n", "VM-EXIT", "Before", "After", "Change", "Time before", "Time after", "Change");
    for (uint32_t row = 0; row <= VMX_REASON_LIMIT; row++)
        if (a->exits[row] != 0 || b->exits[row] != 0)
            line(to, row == VMX_REASON_LIMIT ? "(VM entry failed)" : vmx_reason_name(row), a->exits[row], b->exits[row], a->ticks[row],
                 b->ticks[row]);
    line(to, "Total", a->all_exits, b->all_exits, a->all_ticks, b->all_ticks);
    print_cpus(to, a, b);
}

void whatif_table(FILE *to, const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size)
{
    struct whatif whatif;
    whatif_compare(&whatif, before, before_size, after, after_size, false);
    whatif_print(to, &whatif);
}
