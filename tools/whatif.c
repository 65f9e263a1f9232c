/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits and time by reason, before and after a change. */
#include "whatif.h"

#include <stdbool.h>

#include "../handlers/bench/trace.h"
#include "../vmx-model/reasons.h"

struct tally {
    uint64_t exits[VMX_REASON_LIMIT + 1], ticks[VMX_REASON_LIMIT + 1]; /* the last one: failed VM entries without an exit */
    uint64_t all_exits, all_ticks;
};

static void count(struct tally *tally, const uint8_t *bytes, size_t size)
{
    struct trace_reader reader;
    struct trace_record record;
    if (trace_open(&reader, bytes, size) != NULL)
        return;
    while (trace_next(&reader, &record) == 1) {
        uint32_t row;
        uint64_t ticks = 0;
        if (record.kind == TRACE_EXIT) {
            row = vmx_basic_reason((uint32_t)record.item[TRACE_REASON]);
            row = row < VMX_REASON_LIMIT ? row : VMX_REASON_LIMIT;
            ticks = record.item[TRACE_COST_EXIT] + record.item[TRACE_COST_HANDLER] + record.item[TRACE_COST_ENTRY];
        } else if (record.kind == TRACE_ENTRY_FAIL) {
            row = VMX_REASON_LIMIT;
        } else {
            continue;
        }
        tally->exits[row]++;
        tally->ticks[row] += ticks;
        tally->all_exits++;
        tally->all_ticks += ticks;
    }
}

static void line(FILE *to, const char *name, uint64_t exits_before, uint64_t exits_after, uint64_t ticks_before, uint64_t ticks_after)
{
    fprintf(to, "%-24s %12llu %12llu %+12lld %14.2fus %14.2fus %+14.2fus\n", name, (unsigned long long)exits_before, (unsigned long long)exits_after,
            (long long)(exits_after - exits_before), (double)ticks_before / 1000, (double)ticks_after / 1000,
            ((double)ticks_after - (double)ticks_before) / 1000);
}

void whatif_table(FILE *to, const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size)
{
    struct tally a = {0}, b = {0};
    count(&a, before, before_size);
    count(&b, after, after_size);
    fprintf(to, "%-24s %12s %12s %12s %16s %16s %16s\n", "VM-EXIT", "Before", "After", "Change", "Time before", "Time after", "Change");
    for (uint32_t row = 0; row <= VMX_REASON_LIMIT; row++)
        if (a.exits[row] != 0 || b.exits[row] != 0)
            line(to, row == VMX_REASON_LIMIT ? "(VM entry failed)" : vmx_reason_name(row), a.exits[row], b.exits[row], a.ticks[row], b.ticks[row]);
    line(to, "Total", a.all_exits, b.all_exits, a.all_ticks, b.all_ticks);
}
