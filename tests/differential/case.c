/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds and packs random cases. */
#include "case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/pack.h"
#include "vmx-model/vmcs.h"

bool case_add(struct dif_case *c, const struct part *part)
{
    if (c->parts >= PARTS_MAX)
        return false;
    c->part[c->parts++] = *part;
    return true;
}

bool case_control(struct dif_case *c, unsigned group, unsigned word, uint64_t set, uint64_t clear)
{
    return case_add(c, &(struct part){.kind = PART_CONTROL, .group = (uint8_t)group, .a = word, .c = set, .d = clear});
}

bool case_field(struct dif_case *c, unsigned group, unsigned field, uint64_t value)
{
    return case_add(c, &(struct part){.kind = PART_FIELD, .group = (uint8_t)group, .a = field, .c = value});
}

bool case_register(struct dif_case *c, unsigned group, unsigned gpr, uint64_t value)
{
    return case_add(c, &(struct part){.kind = PART_REGISTER, .group = (uint8_t)group, .a = gpr, .c = value});
}

static bool add_bytes(struct dif_case *c, enum part_kind kind, unsigned group, uint64_t address, const void *bytes, unsigned size)
{
    struct part part = {.kind = (uint8_t)kind, .group = (uint8_t)group, .size = (uint8_t)size, .c = address};
    if (size > PART_BYTES)
        abort();
    memcpy(part.bytes, bytes, size);
    return case_add(c, &part);
}

bool case_memory(struct dif_case *c, unsigned group, uint64_t address, const void *bytes, unsigned size)
{
    return add_bytes(c, PART_MEMORY, group, address, bytes, size);
}

bool case_code(struct dif_case *c, unsigned group, const void *bytes, unsigned size)
{
    return add_bytes(c, PART_CODE, group, 0, bytes, size);
}

void case_name(const struct dif_case *c, char name[64])
{
    snprintf(name, 64, "%s-%llu-%llu", c->kind == CASE_ENTRY ? "entry" : "program", (unsigned long long)c->seed, (unsigned long long)c->number);
}

static void pack_part(struct pack *p, const struct part *part)
{
    switch ((enum part_kind)part->kind) {
    case PART_CONTROL:
        pack_record(p, PACKED_CONTROL);
        pack_u32(p, part->a);
        pack_u32(p, 0);
        pack_u64(p, part->c);
        pack_u64(p, part->d);
        break;
    case PART_FIELD:
        pack_record(p, PACKED_FIELD);
        pack_u32(p, vmcs_fields[part->a].encoding);
        pack_u32(p, 0);
        pack_u64(p, part->c);
        break;
    case PART_REGISTER:
        pack_record(p, PACKED_REGISTER);
        pack_u32(p, part->a);
        pack_u32(p, 0);
        pack_u64(p, part->c);
        break;
    case PART_MEMORY:
        pack_record(p, PACKED_MEMORY);
        pack_u64(p, part->c);
        pack_bytes(p, part->bytes, part->size);
        break;
    case PART_GATE:
        pack_record(p, PACKED_IDT_GATE);
        pack_u32(p, part->a);
        pack_u32(p, part->b);
        pack_u64(p, part->c);
        break;
    case PART_IO_EXITS:
        pack_record(p, PACKED_IO_EXITS);
        pack_u16(p, (uint16_t)part->a);
        pack_u16(p, (uint16_t)part->b);
        break;
    case PART_MSR_EXITS:
        pack_record(p, PACKED_MSR_EXITS);
        pack_u32(p, part->a);
        pack_u32(p, part->b);
        pack_u32(p, (uint32_t)part->c);
        break;
    case PART_MSR_LOAD:
        pack_record(p, PACKED_MSR_LOAD);
        pack_u32(p, part->a);
        pack_u32(p, part->b);
        pack_u64(p, part->c);
        break;
    case PART_EPT:
        pack_record(p, PACKED_EPT);
        pack_u64(p, part->c);
        pack_u64(p, part->d);
        pack_u32(p, part->a);
        pack_u32(p, 0);
        break;
    case PART_CODE:
    case PART_STEP:
        break;
    }
}

static void pack_step(struct pack *p, uint32_t kind, uint32_t a, uint64_t b)
{
    pack_record(p, PACKED_STEP);
    const struct packed_step step = {.kind = kind, .a = a, .b = b};
    pack_bytes(p, &step, sizeof step);
}

static void pack_code(struct pack *p, const struct dif_case *c)
{
    pack_record(p, PACKED_MEMORY);
    pack_u64(p, DIF_CODE);
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == PART_CODE)
            pack_bytes(p, c->part[i].bytes, c->part[i].size);
}

static void pack_text(struct pack *p, enum packed_kind kind, const char *text)
{
    pack_record(p, kind);
    pack_bytes(p, text, strlen(text));
}

static void pack_policy(struct pack *p, enum packed_policy policy, uint64_t value)
{
    pack_record(p, PACKED_POLICY);
    pack_u32(p, (uint32_t)policy);
    pack_u32(p, 0);
    pack_u64(p, value);
}

/* The stack, the data page, and where handlers left their mark. */
static void pack_dump(struct pack *p, uint64_t address, uint64_t bytes)
{
    pack_record(p, PACKED_DUMP);
    pack_u64(p, address);
    pack_u64(p, bytes);
}

void case_pack(const struct dif_case *c, struct sim_scenario *scenario)
{
    struct pack p;
    char name[64];
    case_name(c, name);
    *scenario = (struct sim_scenario){.guest_bytes = DIF_RAM, .caps = *c->caps, .vcpus = 1, .code_bits = c->code_bits, .portable = true};
    scenario->name = strdup(name);
    scenario->file = strdup("differential");
    snprintf(scenario->profile, sizeof scenario->profile, "%s", c->caps->name);
    pack_begin(&p);
    pack_text(&p, PACKED_NAME, name);
    pack_text(&p, PACKED_PROFILE, c->caps->name);
    pack_record(&p, PACKED_MODE);
    pack_u32(&p, (uint32_t)c->mode);
    pack_record(&p, PACKED_GUEST_RAM);
    pack_u64(&p, DIF_RAM);
    pack_record(&p, PACKED_LIMIT);
    pack_u64(&p, DIF_LIMIT);
    pack_policy(&p, PACKED_POLICY_EPT, 0);
    pack_code(&p, c);
    for (unsigned i = 0; i < c->parts; i++)
        pack_part(&p, &c->part[i]);
    pack_dump(&p, c->real_handlers ? 0x6ffa0 : 0x6ff80, c->real_handlers ? 0x50 : 0x80);
    if (c->kind == CASE_PROGRAM)
        pack_dump(&p, DIF_DATA, 0x200);
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == PART_STEP)
            pack_step(&p, c->part[i].a, c->part[i].b, c->part[i].c);
    for (unsigned i = 0; i < c->exits; i++)
        pack_step(&p, STEP_EXPECT_ENTRY_FAILURE, ENTRY_FAIL_ANY, 0);
    pack_end(&p);
    scenario->packed = p.bytes;
    scenario->packed_size = p.size;
}

void case_free(struct sim_scenario *scenario)
{
    free(scenario->packed);
    free(scenario->name);
    free(scenario->file);
    *scenario = (struct sim_scenario){0};
}
