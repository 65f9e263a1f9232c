/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random VM entries: a valid state with one to five changes, taken from the rows of the check table and at random. */
#include "generate.h"

#include <string.h>

#include "tests/vmx-model/check_cases.h"
#include "vmx-model/checks.h"
#include "vmx-model/controls.h"
#include "vmx-model/registers.h"

enum { CHANGES_MAX = 5, MODEL_PHYSICAL_BITS = 46, VALID_TO_HOST = 0x1000000 + DIF_FREE, CURRENT_VMCS = 0x400000 };

struct entry {
    struct dif_case *c;
    struct random *r;
    enum base base;
    unsigned group;
    uint64_t now[VMCS_FIELD_COUNT];
};

/* ---- fields ---- */
static enum vmx_control_word word_of(enum vmcs_field field)
{
    for (unsigned word = 0; word < VMX_WORD_CONTROLS; word++)
        if (vmx_control_field((enum vmx_control_word)word) == field)
            return (enum vmx_control_word)word;
    return VMX_WORD_COUNT;
}

static uint64_t width_mask(enum vmcs_field field)
{
    switch (vmcs_width(field)) {
    case VMCS_16:
        return 0xffff;
    case VMCS_32:
        return UINT32_MAX;
    case VMCS_64:
    case VMCS_NATURAL:
        break;
    }
    return UINT64_MAX;
}

static void change(struct entry *e, enum vmcs_field field, uint64_t value)
{
    const enum vmx_control_word word = word_of(field);
    value &= width_mask(field);
    if (!vmcs_field_exists(e->c->caps, field))
        return;
    if (word != VMX_WORD_COUNT)
        (void)case_control(e->c, e->group, word, value & ~e->now[field], e->now[field] & ~value);
    else
        (void)case_field(e->c, e->group, field, value);
    e->now[field] = value;
}

/* ---- changes from the cases of the check table ---- */
/* Fields whose small values in those cases are places in a memory of 64 KBytes. */
static bool is_host_address(enum vmcs_field field)
{
    switch (field) {
    case VMCS_IO_BITMAP_A:
    case VMCS_IO_BITMAP_B:
    case VMCS_MSR_BITMAP:
    case VMCS_VIRTUAL_APIC_PAGE_ADDR:
    case VMCS_APIC_ACCESS_ADDR:
    case VMCS_POSTED_INTR_DESC_ADDR:
    case VMCS_PML_ADDRESS:
    case VMCS_EPTP_LIST_ADDRESS:
    case VMCS_VMREAD_BITMAP:
    case VMCS_VMWRITE_BITMAP:
    case VMCS_VE_INFORMATION_ADDRESS:
    case VMCS_SPP_TABLE_POINTER:
    case VMCS_VMCS_LINK_POINTER:
    case VMCS_VM_EXIT_MSR_STORE_ADDR:
    case VMCS_VM_EXIT_MSR_LOAD_ADDR:
    case VMCS_VM_ENTRY_MSR_LOAD_ADDR:
        return true;
    default:
        return false;
    }
}

/* Those cases are about a processor of 46 physical-address bits. */
static uint64_t narrowed(const struct entry *e, uint64_t value)
{
    const unsigned bits = e->c->caps->physical_bits;
    if (value == TOO_WIDE)
        return UINT64_C(1) << bits;
    if ((value & ~UINT64_C(0xfff)) == LAST_PAGE)
        return value & ((UINT64_C(1) << bits) - 1);
    return value;
}

static uint64_t placed(const struct entry *e, enum vmcs_field field, uint64_t value)
{
    value = narrowed(e, value);
    if (is_host_address(field) && value >= 0x1000 && value < VALID_MEMORY_BYTES)
        return field == VMCS_VMCS_LINK_POINTER && value == VALID_VMCS ? CURRENT_VMCS : value + VALID_TO_HOST;
    return value;
}

static void put(struct entry *e, uint64_t address, uint64_t value)
{
    (void)case_memory(e->c, e->group, DIF_FREE + address, &value, sizeof value);
}

/* Pages that hold a revision identifier in those cases. */
static void put_linked(struct entry *e, uint64_t address)
{
    const uint32_t revision = (uint32_t)e->c->caps->basic & 0x7fffffffu;
    if (address == VALID_LINK)
        put(e, VALID_LINK, revision | UINT32_C(1) << 31);
    else if (address == VALID_VMXON)
        put(e, VALID_VMXON, revision);
}

static void put_memory(struct entry *e, const struct step *s)
{
    put(e, s->target, s->value);
    if (s->target >> 12 == VALID_VIRTUAL_APIC >> 12)
        change(e, VMCS_VIRTUAL_APIC_PAGE_ADDR, VALID_VIRTUAL_APIC + VALID_TO_HOST);
}

static void take(struct entry *e, const struct step *steps)
{
    for (const struct step *s = steps; s < steps + CASE_STEPS && s->kind != STEP_END; s++) {
        const enum vmcs_field field = (enum vmcs_field)s->target;
        if (s->kind == STEP_MEMORY) {
            put_memory(e, s);
            continue;
        }
        if (field == VMCS_VMCS_LINK_POINTER && s->kind == STEP_FIELD_SET)
            put_linked(e, s->value);
        const uint64_t value = placed(e, field, s->value);
        change(e, field, s->kind == STEP_FIELD_SET ? value : s->kind == STEP_FIELD_OR ? e->now[field] | value : e->now[field] & ~value);
    }
}

/* Steps that a VMCS and guest memory can take; the rest are about the processor itself. */
static bool can_take(const struct step *steps)
{
    for (const struct step *s = steps; s < steps + CASE_STEPS && s->kind != STEP_END; s++)
        if (s->kind == STEP_MEMBER_SET || s->kind == STEP_MEMBER_OR || s->kind == STEP_MEMBER_CLEAR)
            return false;
    return true;
}

static const struct check_cases *const tables[] = {&control_cases, &host_cases, &guest_control_cases, &guest_segment_cases, &guest_state_cases};
enum { TABLES = sizeof tables / sizeof tables[0] };

static const struct check_case *random_check_case(struct random *r)
{
    unsigned count = 0;
    for (unsigned i = 0; i < TABLES; i++)
        count += tables[i]->count;
    unsigned n = random_below(r, count);
    for (unsigned i = 0; i < TABLES; n -= tables[i]->count, i++)
        if (n < tables[i]->count)
            return &tables[i]->item[n];
    return &tables[0]->item[0];
}

static enum base base_of(enum valid_guest guest)
{
    static const enum base of[VALID_GUEST_COUNT] = {
        [VALID_LONG] = BASE_LONG, [VALID_PAE] = BASE_PAE, [VALID_REAL] = BASE_REAL, [VALID_V86] = BASE_V86};
    return of[guest];
}

/* One that is about this base; NULL when none was met. */
static const struct check_case *fitting_case(struct entry *e)
{
    for (unsigned tries = 0; tries < 64; tries++) {
        const struct check_case *item = random_check_case(e->r);
        if (base_of(item->guest) == e->base && !item->resume && can_take(item->holds) && can_take(item->fails))
            return item;
    }
    return NULL;
}

static void change_by_table(struct entry *e)
{
    const struct check_case *item = fitting_case(e);
    if (item == NULL)
        return;
    take(e, item->holds);
    if (!chance(e->r, 4))
        take(e, item->fails);
}

/* ---- changes at random ---- */
static enum vmcs_field field_of_name(const char *name, size_t length)
{
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++)
        if (strlen(vmcs_fields[f].name) == length && memcmp(vmcs_fields[f].name, name, length) == 0)
            return (enum vmcs_field)f;
    return VMCS_NO_FIELD;
}

/* A field that a random row reads. */
static enum vmcs_field random_field(struct random *r)
{
    const struct vmx_check_row *row = &vmx_check_rows[1 + random_below(r, VMX_CHECK_COUNT - 1)];
    unsigned count = row->fields[0] != '\0';
    for (const char *at = row->fields; *at != '\0'; at++)
        count += *at == ' ';
    if (count == 0)
        return VMCS_NO_FIELD;
    const char *at = row->fields;
    for (unsigned n = random_below(r, count); n != 0; n--)
        at = strchr(at, ' ') + 1;
    return field_of_name(at, strcspn(at, " "));
}

static void change_any_field(struct entry *e)
{
    const enum vmcs_field field = random_field(e->r);
    if (field == VMCS_NO_FIELD)
        return;
    const unsigned bits = vmcs_width(field) == VMCS_16 ? 16 : vmcs_width(field) == VMCS_32 ? 32 : 64;
    if (chance(e->r, 3))
        change(e, field, interesting(e->r));
    else
        change(e, field, e->now[field] ^ UINT64_C(1) << random_below(e->r, bits));
}

static void change_segment(struct entry *e)
{
    static const uint32_t rights[] = {0x93, 0x9b, 0xc093, 0xc09b, 0xa09b, 0xf3, 0xc0f3, 0xa0fb, 0x8b, 0x83, 0x82, 0x10000, 0x1c093, 0xb3, 0x97};
    const unsigned segment = random_below(e->r, VMX_TR + 1);
    static const uint32_t limits[] = {0, 0xffff, 0xfffff, 0x100000, UINT32_MAX, 0x67, 0xfff, 0x1fffff};
    switch (random_below(e->r, 4)) {
    case 0:
        change(e, (enum vmcs_field)(VMCS_GUEST_ES_AR_BYTES + (int)segment), rights[random_below(e->r, sizeof rights / sizeof *rights)]);
        break;
    case 1:
        change(e, (enum vmcs_field)(VMCS_GUEST_ES_AR_BYTES + (int)segment),
               e->now[VMCS_GUEST_ES_AR_BYTES + (int)segment] ^ UINT64_C(1) << random_below(e->r, 18));
        break;
    case 2:
        /* Handlers stay within the limit of CS: what is pushed before a fault beyond it is left open. */
        if (segment != VMX_CS)
            change(e, (enum vmcs_field)(VMCS_GUEST_ES_LIMIT + (int)segment), limits[random_below(e->r, sizeof limits / sizeof *limits)]);
        break;
    default:
        change(e, (enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + (int)segment), random_below(e->r, 0x40));
        break;
    }
}

static void change_injection(struct entry *e)
{
    const uint32_t info = random_event(e->r, !chance(e->r, 3));
    change(e, VMCS_VM_ENTRY_INTR_INFO_FIELD, info);
    if (chance(e->r, 2))
        change(e, VMCS_VM_ENTRY_INSTRUCTION_LEN, random_below(e->r, 17));
    if (chance(e->r, 3))
        change(e, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE, chance(e->r, 2) ? random_below(e->r, 0x10000) : interesting(e->r));
    if (chance(e->r, 2))
        change(e, VMCS_GUEST_RFLAGS, e->now[VMCS_GUEST_RFLAGS] ^ VMX_RFLAGS_IF);
}

static void change_events(struct entry *e)
{
    static const uint64_t flags[] = {VMX_RFLAGS_TF, VMX_RFLAGS_IF, VMX_RFLAGS_RF, VMX_RFLAGS_VM, VMX_RFLAGS_TF | VMX_RFLAGS_IF, 1 << 14, 1 << 18};
    switch (random_below(e->r, 5)) {
    case 0:
        change(e, VMCS_GUEST_ACTIVITY_STATE, random_below(e->r, 5));
        break;
    case 1:
        change(e, VMCS_GUEST_INTERRUPTIBILITY_INFO, random_below(e->r, chance(e->r, 4) ? 64 : 16));
        break;
    case 2:
        change(e, VMCS_GUEST_PENDING_DBG_EXCEPTIONS, chance(e->r, 2) ? 1u << random_below(e->r, 18) : 0x1000u | random_below(e->r, 16));
        break;
    case 3:
        change(e, VMCS_GUEST_RFLAGS, e->now[VMCS_GUEST_RFLAGS] ^ flags[random_below(e->r, sizeof flags / sizeof *flags)]);
        break;
    default:
        change(e, VMCS_GUEST_INTERRUPTIBILITY_INFO, 1u << random_below(e->r, 4));
        change(e, VMCS_GUEST_RFLAGS, e->now[VMCS_GUEST_RFLAGS] | VMX_RFLAGS_IF);
        break;
    }
}

static void change_controls(struct entry *e)
{
    static const enum vmcs_field words[] = {VMCS_PIN_BASED_VM_EXEC_CONTROL, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMCS_SECONDARY_VM_EXEC_CONTROL,
                                            VMCS_VM_EXIT_CONTROLS, VMCS_VM_ENTRY_CONTROLS};
    const enum vmcs_field field = words[random_below(e->r, sizeof words / sizeof *words)];
    change(e, field, e->now[field] ^ UINT64_C(1) << random_below(e->r, 32));
}

static void change_msr_list(struct entry *e)
{
    static const uint32_t msrs[] = {0x174,      0x175,      0x176,      0x277,      0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083,
                                    0xc0000084, 0xc0000102, 0xc0000103, 0xc0000100, 0xc0000101, 0x808,      0x8ff,      0x10,
                                    0xda0,      0x79,       0x9e,       0x480,      0x3a,       0x12345678, 0x8b};
    for (unsigned n = 1 + random_below(e->r, 3); n != 0; n--)
        (void)case_add(e->c, &(struct part){.kind = PART_MSR_LOAD,
                                            .group = (uint8_t)e->group,
                                            .a = msrs[random_below(e->r, sizeof msrs / sizeof *msrs)],
                                            .b = chance(e->r, 16) ? 1u << random_below(e->r, 32) : 0,
                                            .c = chance(e->r, 2) ? 0 : interesting(e->r)});
}

static void change_one(struct entry *e)
{
    static void (*const ways[])(struct entry *) = {change_any_field, change_any_field, change_segment, change_injection,
                                                   change_events,    change_controls,  change_msr_list};
    e->group = e->c->groups++;
    if (chance(e->r, 2) && (e->base == BASE_LONG || e->base == BASE_PAE || e->base == BASE_REAL || e->base == BASE_V86))
        change_by_table(e);
    else
        ways[random_below(e->r, sizeof ways / sizeof *ways)](e);
}

void generate_entry(struct dif_case *c, struct random *r)
{
    static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};
    static const enum base bases[] = {BASE_LONG,           BASE_LONG, BASE_LONG,      BASE_PAE,           BASE_PAE,
                                      BASE_REAL,           BASE_V86,  BASE_LONG_USER, BASE_COMPATIBILITY, BASE_PROTECTED,
                                      BASE_PROTECTED_USER, BASE_PAGED};
    struct entry e = {.c = c, .r = r, .base = bases[random_below(r, sizeof bases / sizeof *bases)]};
    base_build(c, e.base);
    memcpy(e.now, base_fields(c->caps, e.base), sizeof e.now);
    (void)case_code(c, GROUP_BASE, vmcall, sizeof vmcall);
    e.group = GROUP_BASE;
    change(&e, VMCS_CPU_BASED_VM_EXEC_CONTROL, e.now[VMCS_CPU_BASED_VM_EXEC_CONTROL] | VMX_PRI_UNCOND_IO_EXITING);
    change(&e, VMCS_EXCEPTION_BITMAP, chance(r, 2) ? UINT32_MAX : 0);
    c->groups = 1;
    c->exits = 1;
    c->mutations = chance(r, 2) ? 1 : 1 + random_below(r, CHANGES_MAX);
    for (unsigned i = 0; i < c->mutations; i++)
        change_one(&e);
    if (e.now[VMCS_GUEST_ACTIVITY_STATE] != VMX_ACTIVE && chance(r, 2))
        (void)case_add(c, &(struct part){.kind = PART_STEP, .group = (uint8_t)c->groups++, .a = STEP_NMI});
}
