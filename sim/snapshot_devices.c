/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device set, field by field. Of the bus, calls and their contexts are the session's own. */
#include "snapshot_internal.h"

/* The set is its devices: of a new one, the state is saved below too. */
SNAPSHOT_COVERS(struct hv_device_set, 7 + sizeof(struct bus) + sizeof(struct pic) + sizeof(struct pit) + sizeof(struct cmos) + sizeof(struct uart) +
                                          sizeof(struct ps2) + sizeof(struct pci) + sizeof(struct power) + sizeof(struct fw_cfg) +
                                          sizeof(struct debug_ports) + sizeof(struct exit_ports) + sizeof(struct lapics) + sizeof(struct ioapic) +
                                          sizeof(struct hpet) + sizeof(struct vga));
SNAPSHOT_COVERS(struct pic_chip, 16);
SNAPSHOT_COVERS(struct pit_channel, 32);
SNAPSHOT_COVERS(struct pit, 112);
SNAPSHOT_COVERS(struct cmos, 168);
SNAPSHOT_COVERS(struct uart, 10);
SNAPSHOT_COVERS(struct ps2, 48);
SNAPSHOT_COVERS(struct pci, 776);
SNAPSHOT_COVERS(struct power, 10);
SNAPSHOT_COVERS(struct fw_cfg, 24);
SNAPSHOT_COVERS(struct debug_ports, 1);
SNAPSHOT_COVERS(struct exit_ports, 4);
SNAPSHOT_COVERS(struct lapic, 208);
SNAPSHOT_COVERS(struct lapics, 1688);
SNAPSHOT_COVERS(struct ioapic, 208);
SNAPSHOT_COVERS(struct hpet_timer, 32);
SNAPSHOT_COVERS(struct hpet, 136);
SNAPSHOT_COVERS(struct vga, 840);
SNAPSHOT_COVERS(struct bus, 112);

static void pic(struct archive *a, struct pic_chip *chip)
{
    ARCHIVE(a, chip->irr);
    ARCHIVE(a, chip->isr);
    ARCHIVE(a, chip->imr);
    ARCHIVE(a, chip->lines);
    ARCHIVE(a, chip->level);
    ARCHIVE(a, chip->base);
    ARCHIVE_BELOW(a, chip->lowest, 8);
    ARCHIVE(a, chip->init_step);
    ARCHIVE(a, chip->icw4_expected);
    ARCHIVE(a, chip->auto_eoi);
    ARCHIVE(a, chip->rotate_on_auto_eoi);
    ARCHIVE(a, chip->special_mask);
    ARCHIVE(a, chip->special_fully_nested);
    ARCHIVE(a, chip->read_isr);
    ARCHIVE(a, chip->poll);
    ARCHIVE(a, chip->single);
}

static void pit_channel(struct archive *a, struct pit_channel *c)
{
    ARCHIVE(a, c->start);
    ARCHIVE(a, c->count);
    ARCHIVE(a, c->mode);
    ARCHIVE(a, c->access);
    ARCHIVE(a, c->bcd);
    ARCHIVE(a, c->gate);
    ARCHIVE(a, c->counting);
    ARCHIVE(a, c->write_high);
    ARCHIVE(a, c->read_high);
    ARCHIVE(a, c->write_low);
    ARCHIVE(a, c->latched);
    ARCHIVE(a, c->status_latched);
    ARCHIVE(a, c->latch);
    ARCHIVE(a, c->status);
}

static void pit(struct archive *a, struct pit *p)
{
    for (unsigned i = 0; i < PIT_CHANNELS; i++)
        pit_channel(a, &p->channel[i]);
    ARCHIVE(a, p->interrupts);
    ARCHIVE(a, p->speaker);
}

static void cmos(struct archive *a, struct cmos *c)
{
    ARCHIVE(a, c->index);
    ARCHIVE_ARRAY(a, c->ram);
    ARCHIVE(a, c->seconds_base);
    ARCHIVE(a, c->periods);
    ARCHIVE(a, c->period_start);
    ARCHIVE(a, c->updates);
}

static void uart(struct archive *a, struct uart *u)
{
    ARCHIVE(a, u->ier);
    ARCHIVE(a, u->lcr);
    ARCHIVE(a, u->mcr);
    ARCHIVE(a, u->scratch);
    ARCHIVE(a, u->fcr);
    ARCHIVE(a, u->divisor_low);
    ARCHIVE(a, u->divisor_high);
    ARCHIVE(a, u->loopback);
    ARCHIVE(a, u->loopback_full);
    ARCHIVE(a, u->transmit_interrupt);
}

static void ps2(struct archive *a, struct ps2 *p)
{
    ARCHIVE(a, p->command_byte);
    ARCHIVE(a, p->output_port);
    ARCHIVE(a, p->last_command);
    ARCHIVE(a, p->keyboard_command);
    ARCHIVE(a, p->scan_set);
    ARCHIVE_ARRAY(a, p->queue);
    ARCHIVE_ARRAY(a, p->from_controller);
    ARCHIVE_BELOW(a, p->first, PS2_QUEUE);
    ARCHIVE_BELOW(a, p->count, PS2_QUEUE + 1);
}

static void pci(struct archive *a, struct pci *p)
{
    ARCHIVE(a, p->address);
    archive_bytes(a, p->space, sizeof p->space);
    ARCHIVE(a, p->shadow_reported);
}

static void power(struct archive *a, struct power *p)
{
    ARCHIVE(a, p->status);
    ARCHIVE(a, p->enable);
    ARCHIVE(a, p->control);
    ARCHIVE(a, p->apm_command);
    ARCHIVE(a, p->apm_status);
    ARCHIVE(a, p->port92);
}

static void fw_cfg(struct archive *a, struct fw_cfg *f)
{
    ARCHIVE(a, f->present);
    ARCHIVE(a, f->selector);
    ARCHIVE(a, f->offset);
    ARCHIVE(a, f->ram_bytes);
    ARCHIVE(a, f->cpus);
}

static void lapic(struct archive *a, struct lapic *l)
{
    ARCHIVE(a, l->base);
    ARCHIVE(a, l->id);
    ARCHIVE_ARRAY(a, l->irr);
    ARCHIVE_ARRAY(a, l->isr);
    ARCHIVE_ARRAY(a, l->tmr);
    ARCHIVE(a, l->tpr);
    ARCHIVE(a, l->ldr);
    ARCHIVE(a, l->dfr);
    ARCHIVE(a, l->svr);
    ARCHIVE(a, l->esr);
    ARCHIVE(a, l->errors);
    ARCHIVE(a, l->icr_low);
    ARCHIVE(a, l->icr_high);
    ARCHIVE_ARRAY(a, l->lvt);
    ARCHIVE(a, l->initial);
    ARCHIVE(a, l->divide);
    ARCHIVE(a, l->expires);
    ARCHIVE(a, l->tsc_deadline);
    ARCHIVE(a, l->tsc_offset);
    ARCHIVE_ARRAY(a, l->pin);
    ARCHIVE_BELOW(a, l->page, LAPIC_PAGE_LENT + 1);
}

static void lapics(struct archive *a, struct lapics *l)
{
    ARCHIVE_BELOW(a, l->cpus, LAPIC_CPUS + 1);
    ARCHIVE_BELOW(a, l->address_bits, 64);
    ARCHIVE(a, l->x2apic);
    ARCHIVE(a, l->tsc_deadline);
    ARCHIVE(a, l->reported);
    ARCHIVE(a, l->next);
    for (unsigned i = 0; i < LAPIC_CPUS; i++)
        lapic(a, &l->cpu[i]);
}

static void ioapic(struct archive *a, struct ioapic *io)
{
    ARCHIVE(a, io->index);
    ARCHIVE(a, io->id);
    ARCHIVE(a, io->lines);
    ARCHIVE_ARRAY(a, io->entry);
}

static void hpet(struct archive *a, struct hpet *h)
{
    ARCHIVE(a, h->config);
    ARCHIVE(a, h->status);
    ARCHIVE(a, h->counter);
    ARCHIVE(a, h->start);
    ARCHIVE(a, h->checked);
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        ARCHIVE(a, h->timer[i].config);
        ARCHIVE(a, h->timer[i].comparator);
        ARCHIVE(a, h->timer[i].period);
        ARCHIVE(a, h->timer[i].value_next);
    }
}

static void vga(struct archive *a, struct vga *v)
{
    ARCHIVE(a, v->misc);
    ARCHIVE(a, v->crtc_index);
    ARCHIVE(a, v->sequencer_index);
    ARCHIVE(a, v->graphics_index);
    ARCHIVE(a, v->attribute_index);
    ARCHIVE(a, v->attribute_data);
    ARCHIVE_ARRAY(a, v->crtc);
    ARCHIVE_ARRAY(a, v->sequencer);
    ARCHIVE_ARRAY(a, v->graphics);
    ARCHIVE_ARRAY(a, v->attribute);
    ARCHIVE(a, v->colour_mask);
    ARCHIVE(a, v->colour_state);
    ARCHIVE(a, v->read_colour);
    ARCHIVE(a, v->write_colour);
    ARCHIVE_ARRAY(a, v->colours);
}

void snapshot_devices(struct archive *a, struct hv_device_set *set)
{
    archive_mark(a, "dev ");
    ARCHIVE(a, set->bus.now);
    archive_same(a, set->bus.hz, "the machines differ in the time of their devices");
    ARCHIVE_BELOW(a, set->bus.cpu, LAPIC_CPUS);
    ARCHIVE_BELOW(a, set->bus.power, BUS_OFF + 1);
    ARCHIVE(a, set->bus.has_status);
    ARCHIVE(a, set->bus.status);
    pic(a, &set->pic.chip[0]);
    pic(a, &set->pic.chip[1]);
    pit(a, &set->pit);
    cmos(a, &set->cmos);
    uart(a, &set->uart);
    ps2(a, &set->ps2);
    pci(a, &set->pci);
    power(a, &set->power);
    fw_cfg(a, &set->fw_cfg);
    ARCHIVE(a, set->debug.post);
    ARCHIVE(a, set->exit_ports.matched);
    lapics(a, &set->lapics);
    ioapic(a, &set->ioapic);
    hpet(a, &set->hpet);
    vga(a, &set->vga);
}
