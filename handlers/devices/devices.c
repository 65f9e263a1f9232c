/* SPDX-License-Identifier: MIT */
/* The device set: which device answers which port and address, and how time and interrupts run between them. */
#include "devices.h"

#define AT(member) offsetof(struct hv_device_set, member)

static const struct bus_ports ports[] = {
    {0x020, 0x021, 1, AT(pic), pic_read, pic_write},
    {0x040, 0x043, 1, AT(pit), pit_read, pit_write},
    {0x060, 0x060, 1, AT(ps2), ps2_read, ps2_write},
    {0x061, 0x061, 1, AT(pit), pit_port61_read, pit_port61_write},
    {0x064, 0x064, 1, AT(ps2), ps2_read, ps2_write},
    {0x070, 0x071, 1, AT(cmos), cmos_read, cmos_write},
    {DEBUG_POST, DEBUG_POST, 1, AT(debug), debug_read, debug_write},
    {0x092, 0x092, 1, AT(power), power_misc_read, power_misc_write},
    {0x0a0, 0x0a1, 1, AT(pic), pic_read, pic_write},
    {0x0b2, 0x0b3, 1, AT(power), power_misc_read, power_misc_write},
    {DEBUG_E9, DEBUG_E9, 1, AT(debug), debug_read, debug_write},
    {EXIT_STATUS_PORT, EXIT_STATUS_PORT, 4, AT(exit_ports), exit_ports_read, exit_ports_write},
    {0x3c0, 0x3cf, 1, AT(vga), vga_read, vga_write},
    {0x3d4, 0x3d5, 1, AT(vga), vga_read, vga_write},
    {0x3da, 0x3da, 1, AT(vga), vga_read, vga_write},
    {UART_COM1, UART_COM1 + 7, 1, AT(uart), uart_read, uart_write},
    {DEBUG_FIRMWARE, DEBUG_FIRMWARE, 1, AT(debug), debug_read, debug_write},
    {0x4d0, 0x4d1, 1, AT(pic), pic_elcr_read, pic_elcr_write},
    {0x510, 0x510, 2, AT(fw_cfg), fw_cfg_read, fw_cfg_write},
    {0x511, 0x511, 1, AT(fw_cfg), fw_cfg_read, fw_cfg_write},
    {0xcf8, 0xcff, 4, AT(pci), pci_read, pci_write},
    {EXIT_WORD_PORT, EXIT_WORD_PORT, 1, AT(exit_ports), exit_ports_read, exit_ports_write},
};

static const struct bus_memory memory[] = {
    {IOAPIC_BASE, IOAPIC_BASE + 0xfff, AT(ioapic), ioapic_read, ioapic_write},
    {HPET_BASE, HPET_BASE + HPET_BYTES - 1, AT(hpet), hpet_read, hpet_write},
};

/* ---- interrupt lines ---- */
/* LINT0 of CPU 0 is where the 8259 pair's interrupt stands. */
static void drive_lint0(struct hv_device_set *set)
{
    lapic_set_pin(&set->lapics, &set->bus, 0, LAPIC_LINT0, pic_output(&set->pic));
}

static unsigned ioapic_input(unsigned line)
{
    return line == PIT_LINE ? IOAPIC_TIMER_INPUT : line;
}

/* An ISA interrupt line stands at both controllers. */
static void set_wire(void *context, bool isa, unsigned number, bool level)
{
    struct hv_device_set *set = context;
    if (isa) {
        pic_set_line(&set->pic, number, level);
        drive_lint0(set);
    }
    ioapic_set_input(&set->ioapic, &set->bus, isa ? ioapic_input(number) : number, level);
}

/* The lines of the 8254 and of the clock are the HPET's while it replaces them. */
static void set_line(void *context, unsigned line, bool level)
{
    struct hv_device_set *set = context;
    if (!hpet_replaces_legacy(&set->hpet) || (line != PIT_LINE && line != CMOS_LINE))
        set_wire(set, true, line, level);
}

static bool on_message(void *context, const struct bus_message *message)
{
    struct hv_device_set *set = context;
    return lapics_message(&set->lapics, &set->bus, message);
}

static void on_end_of_interrupt(void *context, uint8_t vector)
{
    struct hv_device_set *set = context;
    ioapic_end_of_interrupt(&set->ioapic, &set->bus, vector);
}

void devices_init(struct hv_device_set *set, const struct devices_config *config)
{
    *set = (struct hv_device_set){.bus = {.hz = config->ticks_per_second,
                                          .context = config->context,
                                          .output = config->output,
                                          .report = config->report,
                                          .signals = config->context,
                                          .signal = config->signal,
                                          .set = set,
                                          .set_line = set_line,
                                          .set_wire = set_wire,
                                          .message = on_message,
                                          .end_of_interrupt = on_end_of_interrupt}};
    const struct lapics_config lapics = {.cpus = config->cpus,
                                         .address_bits = config->address_bits != 0 ? config->address_bits : 36,
                                         .x2apic = config->x2apic,
                                         .tsc_deadline = config->tsc_deadline,
                                         .virtual_wire = !config->cold};
    set->fw_cfg = (struct fw_cfg){.present = config->fw_cfg, .ram_bytes = config->ram_bytes, .cpus = config->cpus};
    pic_init(&set->pic, !config->cold);
    pit_init(&set->pit);
    cmos_init(&set->cmos, config->ram_bytes, config->cpus);
    uart_init(&set->uart);
    ps2_init(&set->ps2);
    pci_init(&set->pci, config->cold ? 0 : POWER_BASE);
    power_init(&set->power, !config->cold);
    hpet_init(&set->hpet);
    vga_init(&set->vga);
    lapics_init(&set->lapics, &lapics);
    ioapic_init(&set->ioapic);
}

bool devices_a20_is_open(const struct hv_device_set *set)
{
    return power_opens_a20(&set->power) || ps2_opens_a20(&set->ps2);
}

/* ---- ports ---- */
static const struct bus_ports *ports_at(uint16_t port)
{
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (port >= ports[i].first && port <= ports[i].last)
            return &ports[i];
    return NULL;
}

/* The power-management ports stand where PCI configuration space puts them. */
static bool power_offset(const struct hv_device_set *set, uint16_t port, unsigned *offset)
{
    const uint16_t base = pci_power_base(&set->pci);
    *offset = (unsigned)port - base;
    return base != 0 && port >= base && *offset < POWER_PORTS;
}

static uint32_t cut(uint32_t value, unsigned size)
{
    return size >= 4 ? value : value & ((1u << 8 * size) - 1);
}

static uint32_t read_port(struct hv_device_set *set, uint16_t port, unsigned size)
{
    const struct bus_ports *row = ports_at(port);
    unsigned offset;
    if (row != NULL && size <= row->width)
        return cut(row->read((uint8_t *)set + row->device, &set->bus, port, size), size);
    if (row == NULL && power_offset(set, port, &offset))
        return cut(power_read(&set->power, &set->bus, offset, size), size);
    if (size == 1)
        return 0xff;
    const unsigned half = size / 2;
    const uint32_t low = read_port(set, port, half);
    return low | read_port(set, (uint16_t)(port + half), half) << 8 * half;
}

static void write_port(struct hv_device_set *set, uint16_t port, unsigned size, uint32_t value)
{
    const struct bus_ports *row = ports_at(port);
    unsigned offset;
    if (row != NULL && size <= row->width) {
        row->write((uint8_t *)set + row->device, &set->bus, port, size, cut(value, size));
    } else if (row == NULL && power_offset(set, port, &offset)) {
        power_write(&set->power, &set->bus, offset, size, cut(value, size));
    } else if (size > 1) {
        const unsigned half = size / 2;
        write_port(set, port, half, value);
        write_port(set, (uint16_t)(port + half), half, value >> 8 * half);
    }
}

uint32_t devices_port_read(struct hv_device_set *set, uint16_t port, unsigned size)
{
    const uint32_t value = read_port(set, port, size);
    drive_lint0(set);
    return value;
}

void devices_port_write(struct hv_device_set *set, uint16_t port, unsigned size, uint32_t value)
{
    write_port(set, port, size, value);
    drive_lint0(set);
}

/* ---- registers in memory ---- */
static const struct bus_memory lapic_memory = {LAPIC_BASE, LAPIC_BASE + 0xfff, AT(lapics), lapic_read, lapic_write};

/* The local APIC's page stands where IA32_APIC_BASE of the accessing CPU says, over everything else. */
static const struct bus_memory *memory_at(const struct hv_device_set *set, uint64_t address)
{
    if (lapic_answers(&set->lapics, set->bus.cpu, address))
        return &lapic_memory;
    for (unsigned i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
        if (address >= memory[i].first && address <= memory[i].last)
            return &memory[i];
    return NULL;
}

bool devices_answer(const struct hv_device_set *set, uint64_t address)
{
    return memory_at(set, address) != NULL;
}

static uint64_t offset_of(const struct bus_memory *row, uint64_t address)
{
    return row == &lapic_memory ? address % LAPIC_BYTES : address - row->first;
}

uint64_t devices_memory_read(struct hv_device_set *set, uint64_t address, unsigned size)
{
    const struct bus_memory *row = memory_at(set, address);
    const uint64_t ones = size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
    return row == NULL ? ones : row->read((uint8_t *)set + row->device, &set->bus, offset_of(row, address), size) & ones;
}

void devices_memory_write(struct hv_device_set *set, uint64_t address, unsigned size, uint64_t value)
{
    const struct bus_memory *row = memory_at(set, address);
    if (row != NULL)
        row->write((uint8_t *)set + row->device, &set->bus, offset_of(row, address), size, value);
}

/* ---- the local APIC of a CPU ---- */
static struct bus *bus_of(struct hv_device_set *set, unsigned cpu)
{
    set->bus.cpu = cpu;
    return &set->bus;
}

bool devices_read_msr(struct hv_device_set *set, unsigned cpu, uint32_t index, uint64_t *value)
{
    return lapic_read_msr(&set->lapics, bus_of(set, cpu), index, value);
}

bool devices_write_msr(struct hv_device_set *set, unsigned cpu, uint32_t index, uint64_t value)
{
    return lapic_write_msr(&set->lapics, bus_of(set, cpu), index, value);
}

void devices_set_tsc_offset(struct hv_device_set *set, unsigned cpu, uint64_t offset)
{
    lapic_set_tsc_offset(&set->lapics, bus_of(set, cpu), cpu, offset);
}

/* ---- time and interrupts ---- */
void devices_advance(struct hv_device_set *set)
{
    pit_advance(&set->pit, &set->bus);
    cmos_advance(&set->cmos, &set->bus);
    hpet_advance(&set->hpet, &set->bus);
    lapics_advance(&set->lapics, &set->bus);
}

/* The 8259's interrupt has no priority among the others: it goes first. */
bool devices_interrupt_of(const struct hv_device_set *set, unsigned cpu, uint8_t *vector)
{
    if (!lapic_extint(&set->lapics, cpu))
        return lapic_interrupt(&set->lapics, cpu, vector);
    *vector = pic_vector(&set->pic);
    return true;
}

uint8_t devices_acknowledge_of(struct hv_device_set *set, unsigned cpu)
{
    if (!lapic_extint(&set->lapics, cpu))
        return lapic_acknowledge(&set->lapics, cpu);
    const uint8_t vector = (uint8_t)pic_acknowledge(&set->pic);
    drive_lint0(set);
    return vector;
}

void devices_end_of_interrupt(struct hv_device_set *set, unsigned cpu)
{
    lapics_end_of_interrupt(&set->lapics, bus_of(set, cpu), cpu);
}

/* Would an edge on this line make a difference to one of these CPUs? */
static bool line_counts(const struct hv_device_set *set, unsigned line, uint32_t cpus)
{
    return ((cpus & 1u) != 0 && lapic_listens(&set->lapics, 0) && pic_would_interrupt(&set->pic, line)) ||
           ioapic_would_interrupt(&set->ioapic, &set->lapics, ioapic_input(line), cpus);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t hpet_deadlines(const struct hv_device_set *set, uint32_t cpus)
{
    uint64_t deadline = UINT64_MAX;
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        bool isa;
        unsigned number;
        if (hpet_route(&set->hpet, i, &isa, &number) &&
            (isa ? line_counts(set, number, cpus) : ioapic_would_interrupt(&set->ioapic, &set->lapics, number, cpus)))
            deadline = earlier(deadline, hpet_deadline(&set->hpet, &set->bus, i));
    }
    return deadline;
}

/* A timer behind a masked input wakes nobody. */
static uint64_t deadline_of(const struct hv_device_set *set, uint32_t cpus)
{
    const uint64_t deadline = earlier(lapics_deadline(&set->lapics, cpus), hpet_deadlines(set, cpus));
    if (hpet_replaces_legacy(&set->hpet))
        return deadline;
    const uint64_t pit = line_counts(set, PIT_LINE, cpus) ? pit_deadline(&set->pit, &set->bus) : UINT64_MAX;
    const uint64_t clock = line_counts(set, CMOS_LINE, cpus) ? cmos_deadline(&set->cmos, &set->bus) : UINT64_MAX;
    return earlier(deadline, earlier(pit, clock));
}

uint64_t devices_deadline_of(const struct hv_device_set *set, unsigned cpu)
{
    return deadline_of(set, 1u << cpu);
}

uint64_t devices_deadline(const struct hv_device_set *set)
{
    return deadline_of(set, UINT32_MAX);
}
