/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random processors, VMCSs and memories. */
#include "fuzz_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/registers.h"

enum { PAGE = 4096, PAGES = VALID_MEMORY_BYTES / PAGE, TEMPLATES = 8 };

static void broken(const char *what)
{
    fprintf(stderr, "the model %s\n", what);
    abort();
}

/* ---- memory: the model may ask for any address, but only for 1 to 4096 bytes ---- */
static bool within(hpa_t address, uint32_t size)
{
    if (size < 1 || size > PAGE)
        broken("moves memory in pieces that are not of 1 to 4096 bytes");
    return address < VALID_MEMORY_BYTES && size <= VALID_MEMORY_BYTES - address;
}

static bool read_memory(void *context, hpa_t address, void *buffer, uint32_t size)
{
    const struct fuzz_machine *m = context;
    if (!within(address, size))
        return false;
    memcpy(buffer, m->memory + address, size);
    return true;
}

static bool write_memory(void *context, hpa_t address, const void *buffer, uint32_t size)
{
    struct fuzz_machine *m = context;
    if (!within(address, size))
        return false;
    memcpy(m->memory + address, buffer, size);
    return true;
}

static void *allocate(size_t size)
{
    void *p = malloc(size);
    if (p == NULL)
        abort();
    return p;
}

void fuzz_machine_create(struct fuzz_machine *m)
{
    m->cpu = allocate(sizeof *m->cpu);
    m->caps = allocate(sizeof *m->caps);
    m->vmcs = allocate(sizeof *m->vmcs);
    m->memory = allocate(VALID_MEMORY_BYTES);
}

void fuzz_machine_free(struct fuzz_machine *m)
{
    free(m->cpu);
    free(m->caps);
    free(m->vmcs);
    free(m->memory);
}

bool fuzz_chance(struct fuzz_machine *m, unsigned of)
{
    return random_below(&m->random, of) == 0;
}

static uint64_t address(struct fuzz_machine *m)
{
    return (uint64_t)random_below(&m->random, PAGES) * PAGE;
}

uint64_t fuzz_number(struct fuzz_machine *m)
{
    const uint64_t any = random_next(&m->random);
    switch (any >> 61) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX >> (any & 63);
    case 2:
        return VMX_BIT(any & 63);
    case 3:
        return any & 0xff;
    case 4:
        return address(m) | (any & 0xfff & random_next(&m->random));
    case 5:
        return address(m) | 0x1e;
    default:
        return any >> (random_next(&m->random) & 63);
    }
}

/* Entries of paging structures, EPT and descriptor tables, all of which find something in them. */
static uint64_t table_entry(struct fuzz_machine *m)
{
    const uint64_t any = random_next(&m->random);
    const uint64_t entry = address(m) | 0x7 | (any & 0xff8 & random_next(&m->random) & random_next(&m->random));
    switch (any >> 60) {
    case 0:
        return entry & ~UINT64_C(1);
    case 1:
        return entry | VMX_BIT(7); /* a large page */
    case 2:
        return entry | VMX_BIT(any & 63);
    case 3:
        return UINT64_C(0x00cf9b000000ffff) ^ VMX_BIT(any & 63); /* a code segment */
    case 4:
        return UINT64_C(0x00008e0000081000) ^ VMX_BIT(any & 63); /* an interrupt gate */
    case 5:
        return any;
    default:
        return entry;
    }
}

static void fill_page(struct fuzz_machine *m, uint8_t *page)
{
    uint64_t templates[TEMPLATES];
    if (fuzz_chance(m, 4)) {
        memset(page, fuzz_chance(m, 2) ? 0 : 0xff, PAGE);
        return;
    }
    for (unsigned i = 0; i < TEMPLATES; i++)
        templates[i] = table_entry(m);
    const unsigned step = 1 + random_below(&m->random, TEMPLATES);
    for (unsigned i = 0; i < PAGE / sizeof(uint64_t); i++)
        memcpy(page + i * sizeof(uint64_t), &templates[i * step % TEMPLATES], sizeof(uint64_t));
}

static void fill_memory(struct fuzz_machine *m)
{
    const uint32_t revision = m->vmcs->revision, shadow = revision | UINT32_C(1) << 31;
    for (unsigned page = 0; page < PAGES; page++)
        fill_page(m, m->memory + (size_t)page * PAGE);
    if (fuzz_chance(m, 16))
        return;
    memcpy(m->memory + VALID_VMCS, &revision, sizeof revision);
    memcpy(m->memory + VALID_VMXON, &revision, sizeof revision);
    memcpy(m->memory + VALID_LINK, &shadow, sizeof shadow);
    if (fuzz_chance(m, 2)) /* PDPTEs that no PAE guest is refused for */
        memset(m->memory + VALID_GUEST_CR3, 0, 32);
}

static void choose_caps(struct fuzz_machine *m)
{
    const unsigned choice = random_below(&m->random, vmx_profile_count + 4);
    *m->caps = choice < vmx_profile_count ? vmx_profiles[choice] : valid_full_caps();
    if (m->guest == VALID_REAL && (m->caps->secondary.may_be_1 & VMX_SEC_UNRESTRICTED_GUEST) == 0)
        *m->caps = valid_full_caps();
}

static const struct vmx_allowed *allowed(const struct fuzz_machine *m, enum vmcs_field field)
{
    switch ((unsigned)field) {
    case VMCS_PIN_BASED_VM_EXEC_CONTROL:
        return &m->caps->pin;
    case VMCS_CPU_BASED_VM_EXEC_CONTROL:
        return &m->caps->primary;
    case VMCS_SECONDARY_VM_EXEC_CONTROL:
        return &m->caps->secondary;
    case VMCS_VM_EXIT_CONTROLS:
        return &m->caps->exit;
    case VMCS_VM_ENTRY_CONTROLS:
        return &m->caps->entry;
    default:
        return NULL;
    }
}

static void change_control(struct fuzz_machine *m)
{
    static const enum vmcs_field words[] = {VMCS_PIN_BASED_VM_EXEC_CONTROL, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMCS_SECONDARY_VM_EXEC_CONTROL,
                                            VMCS_VM_EXIT_CONTROLS, VMCS_VM_ENTRY_CONTROLS};
    const enum vmcs_field field = words[random_below(&m->random, sizeof words / sizeof words[0])];
    uint64_t value = vmcs_get(m->vmcs, field) ^ VMX_BIT(random_below(&m->random, 32));
    const struct vmx_allowed *const bits = allowed(m, field);
    if (!fuzz_chance(m, 64))
        value = (value | bits->must_be_1) & bits->may_be_1;
    vmcs_set(m->vmcs, field, value);
    if (field == VMCS_SECONDARY_VM_EXEC_CONTROL)
        vmcs_set(m->vmcs, VMCS_CPU_BASED_VM_EXEC_CONTROL, vmcs_get(m->vmcs, VMCS_CPU_BASED_VM_EXEC_CONTROL) | VMX_PRI_ACTIVATE_SECONDARY);
}

void fuzz_change_field(struct fuzz_machine *m)
{
    const enum vmcs_field field = (enum vmcs_field)random_below(&m->random, VMCS_FIELD_COUNT);
    if (fuzz_chance(m, 2) || allowed(m, field) != NULL)
        change_control(m);
    else if (fuzz_chance(m, 2))
        vmcs_set(m->vmcs, field, vmcs_get(m->vmcs, field) ^ VMX_BIT(random_below(&m->random, 64)));
    else
        vmcs_set(m->vmcs, field, fuzz_number(m));
}

static void change_segment(struct fuzz_machine *m, struct vmx_segment *segment)
{
    segment->base = fuzz_chance(m, 2) ? 0 : fuzz_number(m);
    segment->limit = fuzz_chance(m, 2) ? UINT32_MAX : (uint32_t)fuzz_number(m);
    segment->selector = (uint16_t)fuzz_number(m);
    segment->access_rights ^= (uint32_t)VMX_BIT(random_below(&m->random, 17));
}

void fuzz_change_state(struct fuzz_machine *m)
{
    struct vmx_state *const s = &m->cpu->state;
    uint64_t *const words[] = {&s->rip,     &s->rflags,    &s->cr0,       &s->cr2,   &s->cr3,      &s->cr4,          &s->cr8,
                               &s->efer,    &s->xcr0,      &s->dr[7],     &s->dr[6], &s->debugctl, &s->apic_base,    &s->xss,
                               &s->tsc_aux, &s->gdtr.base, &s->idtr.base, &s->s_cet, &s->pkrs,     &s->pending_debug};
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        if (fuzz_chance(m, 2))
            s->gpr[i] = fuzz_number(m);
    if (fuzz_chance(m, 2))
        return;
    uint64_t *const word = words[random_below(&m->random, sizeof words / sizeof words[0])];
    *word = fuzz_chance(m, 2) ? *word ^ VMX_BIT(random_below(&m->random, 64)) : fuzz_number(m);
    if (fuzz_chance(m, 4))
        change_segment(m, &s->seg[random_below(&m->random, VMX_SEGMENT_COUNT)]);
    if (fuzz_chance(m, 8)) {
        s->gdtr.limit = s->idtr.limit = (uint16_t)fuzz_number(m);
        s->interruptibility ^= 1u << random_below(&m->random, 5);
        s->activity = random_below(&m->random, VMX_WAIT_FOR_SIPI + 1);
        s->pdpte[random_below(&m->random, 4)] = table_entry(m);
        s->pkru = (uint32_t)fuzz_number(m);
    }
}

void fuzz_change_events(struct fuzz_machine *m)
{
    struct vmx_pending *const p = &m->cpu->pending;
    bool *const flags[] = {&p->nmi,
                           &p->init,
                           &p->sipi,
                           &p->smi,
                           &p->machine_check,
                           &p->interrupt,
                           &p->mtf,
                           &p->preemption_timer,
                           &p->tpr_below_threshold}; /* the last three are of guests */
    const unsigned count = m->cpu->operation == VMX_OPERATION_NON_ROOT ? 9 : 6;
    m->cpu->tsc += random_next(&m->random) >> (random_next(&m->random) & 63);
    if (!fuzz_chance(m, 4))
        return;
    *flags[random_below(&m->random, count)] ^= true;
    p->interrupt_vector = (uint8_t)random_next(&m->random);
    p->sipi_vector = (uint8_t)random_next(&m->random);
    m->cpu->mce_at_entry = fuzz_chance(m, 64);
    m->cpu->smm = fuzz_chance(m, 64);
    m->cpu->nmi_blocked = fuzz_chance(m, 16);
    m->cpu->a20_masked = fuzz_chance(m, 64);
}

static const struct vmx_mapping *find_translation(void *context, const struct vmx_tag *tag, gva_t linear)
{
    const struct fuzz_machine *m = context;
    for (unsigned i = 0; i < m->cached_count; i++)
        if (vmx_mapping_serves(&m->cached[i], tag, linear))
            return &m->cached[i];
    return NULL;
}

static void remove_translation(struct fuzz_machine *m, unsigned at)
{
    m->cached_count--;
    memmove(&m->cached[at], &m->cached[at + 1], (m->cached_count - at) * sizeof m->cached[0]);
}

static void insert_translation(void *context, const struct vmx_mapping *mapping, gva_t linear)
{
    struct fuzz_machine *m = context;
    for (unsigned i = m->cached_count; i-- > 0;)
        if (vmx_mapping_serves(&m->cached[i], &mapping->tag, linear))
            remove_translation(m, i);
    if (m->cached_count == FUZZ_CACHED)
        remove_translation(m, 0);
    m->cached[m->cached_count++] = *mapping;
}

static void invalidate_translations(void *context, const struct vmx_flush *flush)
{
    struct fuzz_machine *m = context;
    for (unsigned i = m->cached_count; i-- > 0;)
        if (vmx_flush_names(flush, &m->cached[i]))
            remove_translation(m, i);
}

static void set_processor(struct fuzz_machine *m)
{
    struct valid_machine *const model = allocate(sizeof *model);
    valid_machine(model, m->caps, m->guest);
    *m->cpu = model->cpu;
    *m->vmcs = model->vmcs;
    free(model);
    m->cpu->caps = m->caps;
    m->cpu->vmcs = m->vmcs;
    m->cpu->memory = (struct vmx_memory){.context = m, .read = read_memory, .write = write_memory};
    m->cached_count = 0;
    if (fuzz_chance(m, 2))
        m->cpu->cache = (struct vmx_translation_cache){
            .context = m, .find = find_translation, .insert = insert_translation, .invalidate = invalidate_translations};
    m->cpu->native_root = fuzz_chance(m, 2);
    m->cpu->vmcs_cache = fuzz_chance(m, 4) ? NULL : m->vmcs;
}

void fuzz_machine_reset(struct fuzz_machine *m, uint64_t seed)
{
    m->random.state = seed;
    m->guest = (enum valid_guest)random_below(&m->random, VALID_GUEST_COUNT);
    choose_caps(m);
    set_processor(m);
    fill_memory(m);
    for (unsigned changes = random_below(&m->random, 12); changes > 0; changes--)
        change_control(m);
    for (unsigned changes = fuzz_chance(m, 2) ? 0 : random_below(&m->random, 6); changes > 0; changes--)
        fuzz_change_field(m);
    if (fuzz_chance(m, 64))
        for (unsigned field = 0; field < VMCS_FIELD_COUNT; field++)
            vmcs_set(m->vmcs, (enum vmcs_field)field, fuzz_number(m));
    if (fuzz_chance(m, 64)) { /* no current VMCS */
        m->cpu->current_vmcs = VMX_NO_VMCS;
        m->cpu->vmcs = NULL;
    }
    if (fuzz_chance(m, 32))
        m->cpu->operation = VMX_OPERATION_OFF;
}
