/* SPDX-License-Identifier: MIT */
/* Linear addresses to memory: canonical form, guest paging, EPT, the APIC-access page; moving bytes.
   SDM 3A, "Paging"; SDM 3C, "The Extended Page Table Mechanism (EPT)". */
#include "access.h"

#include "apic_page.h"
#include "breakpoints.h"
#include "ept_plain.h"
#include "reasons.h"
#include "registers.h"

enum { PAGE_BYTES = 4096 };

bool vmx_is_canonical(uint64_t address, unsigned width_bits)
{
    const uint64_t upper = vmx_bits(63, width_bits - 1);
    return (address & upper) == 0 || (address & upper) == upper;
}

static void begin_translation(struct vmx_translation *out)
{
    static const struct vmx_translation blank;
    *out = blank;
}

/* In IA-32e mode; elsewhere linear addresses have 32 bits. */
static bool canonical(const struct vmx_access *a)
{
    const struct vmx_state *s = &a->cpu->state;
    return (s->efer & VMX_EFER_LMA) == 0 || vmx_is_canonical(a->linear, (s->cr4 & VMX_CR4_LA57) != 0 ? 57 : 48);
}

static void general_protection(struct vmx_translation *out)
{
    out->kind = VMX_TRANSLATION_FAULT;
    out->event = (struct vmx_event){.vector = VMX_GP, .type = VMX_EVENT_HARDWARE_EXCEPTION, .has_error_code = true};
}

/* In A20M mode every other MByte of a large page lies elsewhere. */
static uint64_t contiguous(const struct vmx_cpu *cpu, unsigned shift)
{
    return VMX_BIT(shift > 20 && vmx_a20m_mode(cpu) ? 20 : shift);
}

/* The access goes to its place on the page, which serves what has a bit in `serves`. What is cached is the address before A20M# acts on it, which may
   come and go without a flush. */
static void grant(const struct vmx_access *a, const struct vmx_mapping *m, unsigned serves, struct vmx_translation *out)
{
    const uint64_t offset = a->linear & (VMX_BIT(m->shift) - 1);
    out->kind = VMX_TRANSLATED;
    out->guest = m->guest + offset;
    out->host = vmx_bus_address(a->cpu, m->host + offset);
    out->page_size = contiguous(a->cpu, m->shift);
    out->read = (serves >> VMX_ACCESS_READ & 1) != 0;
    out->write = (serves >> VMX_ACCESS_WRITE & 1) != 0;
    out->fetch = (serves >> VMX_ACCESS_FETCH & 1) != 0;
    out->global = (m->rights & VMX_PAGE_GLOBAL) != 0;
}

/* A mapping that lacks a right is not believed: the structures in memory are asked. SDM 3A lets a processor do either. */
static bool from_cache(const struct vmx_access *a, const struct vmx_tag *tag, struct vmx_translation *out)
{
    const struct vmx_translation_cache *cache = &a->cpu->cache;
    const struct vmx_mapping *m = cache->find(cache->context, tag, a->linear);
    const unsigned serves = m != NULL ? vmx_page_serves(a, m->rights, m->key) : 0;
    if ((serves >> a->kind & 1) == 0)
        return false;
    grant(a, m, serves, out);
    return true;
}

static void forget(const struct vmx_access *a, const struct vmx_tag *tag, const struct vmx_translation *out)
{
    const bool violation = out->kind == VMX_TRANSLATION_VE || (out->kind == VMX_TRANSLATION_EXIT && out->exit.reason == VMX_EXIT_EPT_VIOLATION);
    if (out->kind == VMX_TRANSLATION_FAULT)
        vmx_invalidate(a->cpu, vmx_flush_page_fault(tag, a->linear));
    else if (violation)
        vmx_invalidate(a->cpu, vmx_flush_ept_violation(tag, a->linear));
}

static bool walk(struct vmx_access *a, struct vmx_mapping *m, struct vmx_translation *out)
{
    struct vmx_guest_page guest;
    struct vmx_ept_page host;
    const struct vmx_ept_plain plain = vmx_ept_plain_begin(a);
    if (!vmx_guest_translate(a, &plain, &guest, out))
        return false;
    if (!vmx_ept_plain_linear(&plain, guest.guest, &host) && !vmx_ept_translate(a, guest.guest, VMX_EPT_LINEAR, &host, out))
        return false;
    unsigned shift = guest.shift < host.shift ? guest.shift : host.shift;
    if (shift > 12 && vmx_apic_page_within(a, host.host, shift))
        shift = 12; /* the rest of a large page is not the APIC-access page */
    const uint64_t offset = VMX_BIT(shift) - 1;
    m->shift = (uint8_t)shift;
    m->guest_shift = (uint8_t)guest.shift;
    m->key = guest.key;
    m->rights = guest.rights | host.rights;
    m->linear = a->linear & ~offset;
    m->guest = guest.guest & ~offset;
    m->host = host.host & ~offset;
    return true;
}

void vmx_translate_access(struct vmx_access *a, struct vmx_translation *out)
{
    const struct vmx_translation_cache *cache = &a->cpu->cache;
    struct vmx_mapping m = {.tag = vmx_current_tag(a->cpu)};
    begin_translation(out);
    if (!canonical(a)) {
        general_protection(out);
        return;
    }
    if (cache->find != NULL && from_cache(a, &m.tag, out))
        return;
    struct vmx_walk_memo *memo;
    unsigned serves;
    if (vmx_walk_recall(a, &memo, &m, &serves)) {
        grant(a, &m, serves, out);
    } else if (walk(a, &m, out)) {
        serves = vmx_page_serves(a, m.rights, m.key);
        vmx_walk_remember(memo, &m, serves);
        grant(a, &m, serves, out);
    } else {
        vmx_walk_forget(memo);
        forget(a, &m.tag, out);
        return;
    }
    if (vmx_apic_page_within(a, out->host, 12))
        vmx_apic_page_access(a, out);
    else if (cache->insert != NULL)
        cache->insert(cache->context, &m, a->linear);
}

void vmx_translate(struct vmx_cpu *cpu, gva_t linear, enum vmx_access_kind kind, bool user, struct vmx_translation *out)
{
    const bool implicit = !user && vmx_cpl(&cpu->state) == 3;
    struct vmx_access a = vmx_access_begin(cpu, linear, kind, user, implicit);
    vmx_translate_access(&a, out);
}

void vmx_translate_physical(struct vmx_cpu *cpu, gpa_t guest, enum vmx_access_kind kind, struct vmx_translation *out)
{
    struct vmx_access a = vmx_access_begin(cpu, 0, kind, false, false);
    struct vmx_ept_page host;
    begin_translation(out);
    a.page_rights &= (uint16_t)~VMX_PAGE_USER;
    if (!vmx_ept_translate(&a, guest, VMX_EPT_PHYSICAL, &host, out))
        return;
    out->kind = VMX_TRANSLATED;
    out->guest = guest;
    out->host = vmx_bus_address(cpu, host.host);
    out->page_size = contiguous(cpu, host.shift);
    out->read = vmx_ept_permits(&a, host.rights, VMX_ACCESS_READ);
    out->write = vmx_ept_permits(&a, host.rights, VMX_ACCESS_WRITE);
    out->fetch = vmx_ept_permits(&a, host.rights, VMX_ACCESS_FETCH);
}

static uint32_t left_in_page(gva_t linear, uint32_t size)
{
    const uint32_t left = PAGE_BYTES - (uint32_t)(linear % PAGE_BYTES);
    return size < left ? size : left;
}

static bool translate_part(struct vmx_cpu *cpu, gva_t linear, uint32_t size, enum vmx_access_kind kind, bool user, bool implicit,
                           struct vmx_translation *out)
{
    struct vmx_access a = vmx_access_begin(cpu, linear, kind, user, implicit);
    vmx_translate_access(&a, out);
    if (out->kind != VMX_TRANSLATED)
        return false;
    if (out->apic_page && !vmx_apic_access_virtualized(cpu, (unsigned)(linear % PAGE_BYTES), size, vmx_access_writes(kind))) {
        vmx_apic_access_exit(cpu, linear, kind, out);
        return false;
    }
    return true;
}

static bool read_bytes(struct vmx_cpu *cpu, gva_t linear, uint8_t *buffer, uint32_t size, enum vmx_access_kind kind, bool user, bool implicit,
                       struct vmx_translation *out)
{
    bool no_memory = false;
    if (kind == VMX_ACCESS_READ)
        vmx_note_data(cpu, linear, size, false);
    for (uint32_t done = 0, part; done < size; done += part) {
        part = left_in_page(linear + done, size - done);
        if (!translate_part(cpu, linear + done, part, kind, user, implicit, out))
            return false;
        if (!cpu->memory.read(cpu->memory.context, out->host, buffer + done, part)) {
            no_memory = true;
            for (uint32_t i = 0; i < part; i++)
                buffer[done + i] = 0xff;
        }
    }
    out->no_memory = no_memory;
    return true;
}

bool vmx_write_as(struct vmx_cpu *cpu, gva_t linear, const void *buffer, uint32_t size, bool user, bool implicit, struct vmx_translation *out)
{
    const uint8_t *const bytes = buffer;
    const uint32_t first = left_in_page(linear, size);
    struct vmx_translation begin;
    vmx_note_data(cpu, linear, size, true);
    if (!translate_part(cpu, linear, first, VMX_ACCESS_WRITE, user, implicit, out))
        return false;
    if (first == size) {
        out->no_memory = !cpu->memory.write(cpu->memory.context, out->host, buffer, size);
        return true;
    }
    begin = *out;
    if (!translate_part(cpu, linear + first, size - first, VMX_ACCESS_WRITE, user, implicit, out))
        return false;
    const bool first_written = cpu->memory.write(cpu->memory.context, begin.host, buffer, first);
    const bool second_written = cpu->memory.write(cpu->memory.context, out->host, bytes + first, size - first);
    out->no_memory = !first_written || !second_written;
    return true;
}

bool vmx_read_linear(struct vmx_cpu *cpu, gva_t linear, void *buffer, uint32_t size, enum vmx_access_kind kind, bool user,
                     struct vmx_translation *out)
{
    return read_bytes(cpu, linear, buffer, size, kind, user, !user && vmx_cpl(&cpu->state) == 3, out);
}

bool vmx_write_linear(struct vmx_cpu *cpu, gva_t linear, const void *buffer, uint32_t size, bool user, struct vmx_translation *out)
{
    return vmx_write_as(cpu, linear, buffer, size, user, !user && vmx_cpl(&cpu->state) == 3, out);
}

bool vmx_read_system(struct vmx_cpu *cpu, gva_t linear, void *buffer, uint32_t size, struct vmx_translation *out)
{
    return read_bytes(cpu, linear, buffer, size, VMX_ACCESS_READ, false, true, out);
}

bool vmx_write_system(struct vmx_cpu *cpu, gva_t linear, const void *buffer, uint32_t size, struct vmx_translation *out)
{
    return vmx_write_as(cpu, linear, buffer, size, false, true, out);
}

bool vmx_load_pdptes(struct vmx_cpu *cpu, uint64_t cr3, uint64_t pdpte[4], struct vmx_translation *out)
{
    const uint64_t reserved = vmx_bits(63, cpu->caps->physical_bits) | vmx_bits(8, 5) | vmx_bits(2, 1);
    uint64_t loaded[4];
    vmx_translate_physical(cpu, cr3 & vmx_bits(31, 5), VMX_ACCESS_READ, out);
    if (out->kind != VMX_TRANSLATED)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        loaded[i] = vmx_read_entry(cpu, out->host + 8 * i, 8);
        if ((loaded[i] & 1) != 0 && (loaded[i] & reserved) != 0)
            return false;
    }
    for (unsigned i = 0; i < 4; i++)
        pdpte[i] = loaded[i];
    return true;
}
