/* SPDX-License-Identifier: MIT */
/* Registers of the local APIC by address and by MSR, and IA32_APIC_BASE.
   SDM 3A, "The Local APIC Block Diagram", "Extended XAPIC (x2APIC)", "Enabling or Disabling the Local APIC". */
#include "lapic_internal.h"

enum access { READ = 1, WRITE = 2, X_READ = READ << 2, X_WRITE = WRITE << 2 };
enum { VERSION_VALUE = 0x00050014, LVT_VECTOR_MODE = 0x7ff, LVT_PIN = LVT_VECTOR_MODE | 1u << 13 | LVT_LEVEL | LVT_MASKED };
enum { TIMER_DEADLINE = 1u << 18 };

/* Access in xAPIC mode, access in x2APIC mode, the bits that can be written. APR and RRD are not there any more and read 0. */
static const struct row {
    uint8_t first, last, access;
    uint32_t bits;
} rows[] = {
    {LAPIC_ID, LAPIC_ID, READ | X_READ, 0},
    {LAPIC_VERSION, LAPIC_VERSION, READ | X_READ, 0},
    {LAPIC_TPR, LAPIC_TPR, READ | WRITE | X_READ | X_WRITE, 0xff},
    {LAPIC_APR, LAPIC_APR, READ, 0},
    {LAPIC_PPR, LAPIC_PPR, READ | X_READ, 0},
    {LAPIC_EOI, LAPIC_EOI, WRITE | X_WRITE, 0},
    {LAPIC_RRD, LAPIC_RRD, READ, 0},
    {LAPIC_LDR, LAPIC_LDR, READ | WRITE | X_READ, 0xff000000u},
    {LAPIC_DFR, LAPIC_DFR, READ | WRITE, 0xf0000000u},
    {LAPIC_SVR, LAPIC_SVR, READ | WRITE | X_READ | X_WRITE, 0x3ff},
    {LAPIC_ISR, LAPIC_IRR + 7, READ | X_READ, 0},
    {LAPIC_ESR, LAPIC_ESR, READ | WRITE | X_READ | X_WRITE, 0},
    {LAPIC_ICR_LOW, LAPIC_ICR_LOW, READ | WRITE | X_READ | X_WRITE, LAPIC_ICR_BITS},
    {LAPIC_ICR_HIGH, LAPIC_ICR_HIGH, READ | WRITE, LAPIC_ICR_DESTINATION},
    {LAPIC_LVT_FIRST, LAPIC_LVT_FIRST, READ | WRITE | X_READ | X_WRITE, 0xff | LVT_MASKED | 1u << 17 | TIMER_DEADLINE},
    {LAPIC_LVT_FIRST + 1, LAPIC_LVT_FIRST + 2, READ | WRITE | X_READ | X_WRITE, LVT_VECTOR_MODE | LVT_MASKED},
    {LAPIC_LVT_FIRST + 3, LAPIC_LVT_FIRST + 4, READ | WRITE | X_READ | X_WRITE, LVT_PIN},
    {LAPIC_LVT_LAST, LAPIC_LVT_LAST, READ | WRITE | X_READ | X_WRITE, 0xff | LVT_MASKED},
    {LAPIC_TIMER_INITIAL, LAPIC_TIMER_INITIAL, READ | WRITE | X_READ | X_WRITE, UINT32_MAX},
    {LAPIC_TIMER_CURRENT, LAPIC_TIMER_CURRENT, READ | X_READ, 0},
    {LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE, READ | WRITE | X_READ | X_WRITE, 0xb},
    {LAPIC_SELF_IPI, LAPIC_SELF_IPI, X_WRITE, 0xff},
};

static const struct row *find(unsigned reg, unsigned access)
{
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (reg >= rows[i].first && reg <= rows[i].last)
            return (rows[i].access & access) != 0 ? &rows[i] : NULL;
    return NULL;
}

/* Bits of status, which writing leaves as they are. */
static uint32_t read_only_bits(unsigned reg)
{
    if (reg != LAPIC_ICR_LOW && (reg < LAPIC_LVT_FIRST || reg > LAPIC_LVT_LAST))
        return 0;
    const bool pin = reg == LAPIC_LVT_FIRST + LAPIC_LVT_LINT0 || reg == LAPIC_LVT_FIRST + LAPIC_LVT_LINT1;
    return (uint32_t)LVT_DELIVERY_STATUS | (pin ? (uint32_t)LVT_REMOTE_IRR : 0u);
}

static uint32_t writable_bits(const struct lapics *lapics, const struct row *row)
{
    return row->first == LAPIC_LVT_FIRST && !lapics->tsc_deadline ? row->bits & ~(uint32_t)TIMER_DEADLINE : row->bits;
}

/* ---- reading ---- */
bool lapic_is_readable(unsigned reg)
{
    return find(reg, READ | X_READ) != NULL;
}

uint32_t lapic_register(const struct lapics *lapics, const struct bus *bus, unsigned reg)
{
    const struct lapic *l = &lapics->cpu[bus->cpu];
    if (reg >= LAPIC_ISR && reg < LAPIC_ISR + 8)
        return l->isr[reg - LAPIC_ISR];
    if (reg >= LAPIC_TMR && reg < LAPIC_TMR + 8)
        return l->tmr[reg - LAPIC_TMR];
    if (reg >= LAPIC_IRR && reg < LAPIC_IRR + 8)
        return l->irr[reg - LAPIC_IRR];
    if (reg >= LAPIC_LVT_FIRST && reg <= LAPIC_LVT_LAST)
        return l->lvt[reg - LAPIC_LVT_FIRST];
    switch (reg) {
    case LAPIC_ID:
        return lapic_x2apic_mode(l) ? l->id : l->id << 24;
    case LAPIC_VERSION:
        return VERSION_VALUE;
    case LAPIC_TPR:
        return l->tpr;
    case LAPIC_PPR:
        return lapic_processor_priority(l);
    case LAPIC_LDR:
        return lapic_logical_id(l);
    case LAPIC_DFR:
        return l->dfr;
    case LAPIC_SVR:
        return l->svr;
    case LAPIC_ESR:
        return l->esr;
    case LAPIC_ICR_LOW:
        return l->icr_low;
    case LAPIC_ICR_HIGH:
        return l->icr_high;
    case LAPIC_TIMER_INITIAL:
        return l->initial;
    case LAPIC_TIMER_CURRENT:
        return lapic_timer_count(lapics, bus, bus->cpu);
    case LAPIC_TIMER_DIVIDE:
        return l->divide;
    default:
        return 0;
    }
}

/* ---- writing ---- */
/* Software disabling masks every local interrupt, and they stay masked until it is undone. */
static void write_spurious(struct lapic *l, uint32_t value)
{
    l->svr = value;
    for (unsigned i = 0; i < LAPIC_LVTS && !lapic_software_enabled(l); i++)
        l->lvt[i] |= LVT_MASKED;
}

static void write_lvt(struct lapics *lapics, struct bus *bus, enum lapic_lvt lvt, uint32_t value)
{
    struct lapic *l = &lapics->cpu[bus->cpu];
    if (!lapic_software_enabled(l))
        value |= LVT_MASKED;
    if (lvt == LAPIC_LVT_TIMER) {
        lapic_timer_set_lvt(lapics, bus->cpu, value);
        return;
    }
    const bool keep = lvt == LAPIC_LVT_LINT0 && (value & LVT_LEVEL) != 0;
    l->lvt[lvt] = value | (keep ? l->lvt[lvt] & LVT_REMOTE_IRR : 0u);
    if (lvt == LAPIC_LVT_LINT0 || lvt == LAPIC_LVT_LINT1)
        lapic_pin_changed(lapics, bus, bus->cpu, lvt == LAPIC_LVT_LINT0 ? LAPIC_LINT0 : LAPIC_LINT1);
}

static void write_register(struct lapics *lapics, struct bus *bus, unsigned reg, uint32_t value)
{
    struct lapic *l = &lapics->cpu[bus->cpu];
    if (reg >= LAPIC_LVT_FIRST && reg <= LAPIC_LVT_LAST) {
        write_lvt(lapics, bus, (enum lapic_lvt)(reg - LAPIC_LVT_FIRST), value);
        return;
    }
    switch (reg) {
    case LAPIC_TPR:
        l->tpr = value;
        return;
    case LAPIC_EOI:
        lapic_end_of_interrupt(l, bus);
        return;
    case LAPIC_LDR:
        l->ldr = value;
        return;
    case LAPIC_DFR:
        l->dfr = value | 0x0fffffffu;
        return;
    case LAPIC_SVR:
        write_spurious(l, value);
        lapic_timer_advance(lapics, bus, bus->cpu); /* its interrupt may be masked now */
        return;
    case LAPIC_ESR:
        l->esr = l->errors;
        l->errors = 0;
        return;
    case LAPIC_ICR_LOW:
        l->icr_low = value;
        lapic_command(lapics, bus, value, lapic_x2apic_mode(l) ? l->icr_high : l->icr_high >> 24);
        return;
    case LAPIC_ICR_HIGH:
        l->icr_high = value;
        return;
    case LAPIC_TIMER_INITIAL:
        lapic_timer_set_initial(lapics, bus, bus->cpu, value);
        return;
    case LAPIC_TIMER_DIVIDE:
        lapic_timer_set_divide(lapics, bus, bus->cpu, value);
        return;
    case LAPIC_SELF_IPI:
        if (lapic_software_enabled(l))
            lapic_request(l, (uint8_t)value, false);
        return;
    default:
        return;
    }
}

/* ---- the page of xAPIC mode ---- */
bool lapic_answers(const struct lapics *lapics, unsigned cpu, uint64_t address)
{
    const struct lapic *l = &lapics->cpu[cpu];
    return (l->base & (BASE_ENABLED | BASE_X2APIC)) == BASE_ENABLED && (address ^ l->base) < LAPIC_BYTES;
}

/* Registers are doublewords every 16 bytes; what else touches the page is undefined: parts are read there, and nothing is written. */
uint64_t lapic_read(void *device, struct bus *bus, uint64_t offset, unsigned size)
{
    struct lapics *lapics = device;
    const unsigned reg = (unsigned)offset >> 4;
    (void)size;
    lapic_timer_advance(lapics, bus, bus->cpu);
    if (find(reg, READ | WRITE) == NULL) {
        lapic_note_error(&lapics->cpu[bus->cpu], LAPIC_ILLEGAL_REGISTER);
        return 0;
    }
    return (offset & 15u) >= 4 || find(reg, READ) == NULL ? 0 : lapic_register(lapics, bus, reg) >> 8 * (offset & 3u);
}

void lapic_write(void *device, struct bus *bus, uint64_t offset, unsigned size, uint64_t value)
{
    struct lapics *lapics = device;
    const unsigned reg = (unsigned)offset >> 4;
    lapic_timer_advance(lapics, bus, bus->cpu);
    if (find(reg, READ | WRITE) == NULL) {
        lapic_note_error(&lapics->cpu[bus->cpu], LAPIC_ILLEGAL_REGISTER);
        return;
    }
    const struct row *row = find(reg, WRITE);
    if (row != NULL && (offset & 15u) == 0 && size >= 4)
        write_register(lapics, bus, reg, (uint32_t)value & writable_bits(lapics, row));
}

/* ---- MSRs ---- */
bool lapic_has_msr(uint32_t index)
{
    return index == LAPIC_MSR_BASE || index == LAPIC_MSR_TSC_DEADLINE || (index >= LAPIC_MSR_X2APIC_FIRST && index <= LAPIC_MSR_X2APIC_LAST);
}

bool lapic_read_msr(struct lapics *lapics, struct bus *bus, uint32_t index, uint64_t *value)
{
    const struct lapic *l = &lapics->cpu[bus->cpu];
    lapic_timer_advance(lapics, bus, bus->cpu);
    if (index == LAPIC_MSR_BASE) {
        *value = l->base;
        return true;
    }
    if (index == LAPIC_MSR_TSC_DEADLINE) {
        *value = l->tsc_deadline;
        return lapics->tsc_deadline;
    }
    const unsigned reg = index - LAPIC_MSR_X2APIC_FIRST;
    if (!lapic_x2apic_mode(l) || find(reg, X_READ) == NULL)
        return false;
    *value = lapic_register(lapics, bus, reg);
    if (reg == LAPIC_ICR_LOW)
        *value |= (uint64_t)l->icr_high << 32;
    return true;
}

/* SDM 3A, "x2APIC State Transitions". An APIC that is disabled comes back as after reset. */
static bool write_base(struct lapics *lapics, unsigned cpu, uint64_t value)
{
    struct lapic *l = &lapics->cpu[cpu];
    const uint64_t address = ((UINT64_C(1) << lapics->address_bits) - 1) & ~(uint64_t)(LAPIC_BYTES - 1);
    const uint64_t valid = address | BASE_BSP | BASE_ENABLED | (lapics->x2apic ? BASE_X2APIC : 0u);
    const bool enabled = (l->base & BASE_ENABLED) != 0, enables = (value & BASE_ENABLED) != 0;
    const bool extended = lapic_x2apic_mode(l), extends = (value & BASE_X2APIC) != 0;
    if ((value & ~valid) != 0 || (extends && !enables) || (extends && !enabled) || (extended && enables && !extends))
        return false;
    l->base = value;
    if (!enables && enabled) {
        lapic_timer_stop(lapics, cpu);
        lapic_reset(l);
    } else if (extends && !extended) {
        l->icr_high = 0;
    }
    return true;
}

static bool write_x2apic(struct lapics *lapics, struct bus *bus, unsigned reg, uint64_t value)
{
    struct lapic *l = &lapics->cpu[bus->cpu];
    const struct row *row = find(reg, X_WRITE);
    if (!lapic_x2apic_mode(l) || row == NULL || (reg != LAPIC_ICR_LOW && value >> 32 != 0))
        return false;
    const uint32_t bits = writable_bits(lapics, row);
    if (((uint32_t)value & ~(bits | read_only_bits(reg))) != 0)
        return false;
    if (reg == LAPIC_ICR_LOW)
        l->icr_high = (uint32_t)(value >> 32);
    write_register(lapics, bus, reg, (uint32_t)value & bits);
    return true;
}

bool lapic_write_msr(struct lapics *lapics, struct bus *bus, uint32_t index, uint64_t value)
{
    lapic_timer_advance(lapics, bus, bus->cpu);
    if (index == LAPIC_MSR_BASE)
        return write_base(lapics, bus->cpu, value);
    if (index != LAPIC_MSR_TSC_DEADLINE)
        return write_x2apic(lapics, bus, index - LAPIC_MSR_X2APIC_FIRST, value);
    if (lapics->tsc_deadline)
        lapic_timer_set_deadline(lapics, bus, bus->cpu, value);
    return lapics->tsc_deadline;
}
