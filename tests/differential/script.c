/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a random case as a scenario script that people can read and run. */
#include <inttypes.h>
#include <string.h>

#include "case.h"
#include "handlers/bench/bench.h"
#include "sim/disassemble.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/vmcs.h"

enum { WORDS = VMX_WORD_CONTROLS };

static const char *const gpr_names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};

static bool has_part(const struct dif_case *c, enum part_kind kind)
{
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == kind)
            return true;
    return false;
}

/* Prints "key = {", the parts of a kind and "}" when there are any. */
static void print_parts(const struct dif_case *c, enum part_kind kind, const char *key, void (*print)(const struct part *, FILE *), FILE *to)
{
    if (!has_part(c, kind))
        return;
    fprintf(to, "  %s = {", key);
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == kind)
            print(&c->part[i], to);
    fprintf(to, " },\n");
}

/* ---- controls ---- */
static uint64_t capability(const void *context, uint32_t msr)
{
    uint64_t value;
    return vmx_capability_msr(context, msr, &value) ? value : 0;
}

/* Bits without a name cannot be set by name: then the whole word stands among the fields. */
static bool all_named(unsigned word, uint64_t bits)
{
    for (unsigned bit = 0; bit < 64; bit++)
        if ((bits >> bit & 1) != 0 && vmx_control_of_bit((enum vmx_control_word)word, bit) == NULL)
            return false;
    return true;
}

static void gather_controls(const struct dif_case *c, uint64_t set[WORDS], uint64_t clear[WORDS])
{
    memset(set, 0, WORDS * sizeof *set);
    memset(clear, 0, WORDS * sizeof *clear);
    for (unsigned i = 0; i < c->parts; i++) {
        const struct part *part = &c->part[i];
        if (part->kind != PART_CONTROL)
            continue;
        set[part->a] = (set[part->a] | part->c) & ~part->d;
        clear[part->a] = (clear[part->a] | part->d) & ~part->c;
    }
}

static void print_word(unsigned word, uint64_t set, uint64_t clear, FILE *to)
{
    fprintf(to, "    %s = {", vmx_control_word_name((enum vmx_control_word)word));
    for (unsigned bit = 0; bit < 64; bit++)
        if (((set | clear) >> bit & 1) != 0)
            fprintf(to, " %s = %s,", vmx_control_of_bit((enum vmx_control_word)word, bit)->name, (set >> bit & 1) != 0 ? "true" : "false");
    fprintf(to, " },\n");
}

static void print_controls(const struct dif_case *c, FILE *to)
{
    uint64_t set[WORDS], clear[WORDS];
    bool any = false;
    gather_controls(c, set, clear);
    for (unsigned word = 0; word < WORDS; word++) {
        if ((set[word] | clear[word]) == 0 || !all_named(word, set[word] | clear[word]))
            continue;
        if (!any)
            fprintf(to, "  controls = {\n");
        any = true;
        print_word(word, set[word], clear[word], to);
    }
    if (any)
        fprintf(to, "  },\n");
}

/* ---- fields ---- */
static void print_unnamed_controls(const struct dif_case *c, FILE *to)
{
    uint64_t set[WORDS], clear[WORDS], least[WORDS];
    gather_controls(c, set, clear);
    bench_least_controls(capability, c->caps, c->mode, least);
    for (unsigned word = 0; word < WORDS; word++)
        if (!all_named(word, set[word] | clear[word]))
            fprintf(to, "    %s = 0x%" PRIx64 ",\n", vmcs_fields[vmx_control_field((enum vmx_control_word)word)].name,
                    (least[word] | set[word]) & ~clear[word]);
}

static void print_fields(const struct dif_case *c, FILE *to)
{
    fprintf(to, "  vmcs = {\n");
    print_unnamed_controls(c, to);
    for (unsigned i = 0; i < c->parts; i++) {
        bool last = c->part[i].kind == PART_FIELD;
        for (unsigned k = i + 1; k < c->parts && last; k++)
            last = c->part[k].kind != PART_FIELD || c->part[k].a != c->part[i].a;
        if (last)
            fprintf(to, "    %s = 0x%" PRIx64 ",\n", vmcs_fields[c->part[i].a].name, c->part[i].c);
    }
    fprintf(to, "  },\n");
}

/* ---- the rest ---- */
static void print_register(const struct part *part, FILE *to)
{
    fprintf(to, " %s = 0x%" PRIx64 ",", gpr_names[part->a & 15], part->c);
}

static void print_gate(const struct part *part, FILE *to)
{
    if (part->b == 0)
        fprintf(to, " [%u] = 0x%" PRIx64 ",", part->a, part->c);
    else
        fprintf(to, " [%u] = { 0x%" PRIx64 ", dpl = %u },", part->a, part->c, part->b);
}

static void print_ports(const struct part *part, FILE *to)
{
    fprintf(to, " { 0x%x, 0x%x },", part->a, part->b);
}

static void print_msr_load(const struct part *part, FILE *to)
{
    fprintf(to, " { index = 0x%x, reserved = 0x%x, value = 0x%" PRIx64 " },", part->a, part->b, part->c);
}

static void print_ept(const struct part *part, FILE *to)
{
    fprintf(to, " { guest = 0x%" PRIx64 ", bytes = 0x%" PRIx64 ", rights = \"%s%s%s\" },", part->c, part->d, (part->a & 1) != 0 ? "r" : "",
            (part->a & 2) != 0 ? "w" : "", (part->a & 4) != 0 ? "x" : "");
}

static void print_memory(const struct part *part, FILE *to)
{
    fprintf(to, "\n    [0x%" PRIx64 "] = \"", part->c);
    for (unsigned i = 0; i < part->size; i++)
        fprintf(to, "\\x%02x", part->bytes[i]);
    fprintf(to, "\",");
}

static void print_msr_direction(const struct dif_case *c, const char *name, uint64_t bit, FILE *to)
{
    fprintf(to, " %s = {", name);
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == PART_MSR_EXITS && (c->part[i].c & bit) != 0)
            fprintf(to, " { 0x%x, 0x%x },", c->part[i].a, c->part[i].b);
    fprintf(to, " },");
}

/* Each instruction as bytes, with what it is as a remark. */
static uint64_t print_piece(const struct dif_case *c, const struct part *part, uint64_t address, FILE *to)
{
    for (unsigned at = 0; at < part->size;) {
        char text[96];
        unsigned length = 1;
        while (at + length < part->size && !sim_disassemble(part->bytes + at, length, c->code_bits, address + at, text, sizeof text))
            length++;
        if (!sim_disassemble(part->bytes + at, length, c->code_bits, address + at, text, sizeof text))
            snprintf(text, sizeof text, "no instruction");
        fprintf(to, "    db ");
        for (unsigned i = 0; i < length; i++)
            fprintf(to, "%s0x%02x", i != 0 ? ", " : "", part->bytes[at + i]);
        fprintf(to, " ; %s\n", text);
        at += length;
    }
    return address + part->size;
}

static void print_code(const struct dif_case *c, FILE *to)
{
    uint64_t address = DIF_CODE;
    fprintf(to, "  guest = asm [[\n");
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == PART_CODE)
            address = print_piece(c, &c->part[i], address, to);
    fprintf(to, "  ]],\n");
}

static void print_step(const struct part *part, FILE *to)
{
    switch (part->a) {
    case STEP_NMI:
        fprintf(to, "    inject.nmi(),\n");
        break;
    case STEP_INTERRUPT:
        fprintf(to, "    inject.interrupt(0x%x),\n", part->b);
        break;
    case STEP_QUEUE_NMI:
        fprintf(to, "    queue.nmi(),\n");
        break;
    case STEP_QUEUE_INTERRUPT:
        fprintf(to, "    queue.interrupt(0x%x),\n", part->b);
        break;
    default:
        break;
    }
}

static void print_steps(const struct dif_case *c, const uint32_t *reasons, unsigned count, FILE *to)
{
    fprintf(to, "  steps = {\n");
    for (unsigned i = 0; i < c->parts; i++)
        if (c->part[i].kind == PART_STEP)
            print_step(&c->part[i], to);
    for (unsigned i = 0; i < count; i++)
        if (reasons[i] == UINT32_MAX)
            fprintf(to, "    expect_entry_failure {},\n");
        else
            fprintf(to, "    expect \"%s\" {},\n", vmx_reason_name(reasons[i]));
    fprintf(to, "  },\n");
}

void case_write_script(const struct dif_case *c, const char *said, const uint32_t *reasons, unsigned reason_count, FILE *to)
{
    static const char *const modes[] = {"real", "protected", "long", "reset"};
    char name[64];
    case_name(c, name);
    for (const char *at = said; *at != '\0';) {
        const size_t length = strcspn(at, "\n");
        fprintf(to, "-- %.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
    fprintf(to, "return scenario {\n  name = \"%s\",\n  profile = \"%s\",\n  mode = \"%s\",\n", name, c->caps->name, modes[c->mode]);
    print_controls(c, to);
    print_fields(c, to);
    print_parts(c, PART_REGISTER, "registers", print_register, to);
    print_parts(c, PART_IO_EXITS, "io_bitmap", print_ports, to);
    if (has_part(c, PART_MSR_EXITS)) {
        fprintf(to, "  msr_bitmap = {");
        print_msr_direction(c, "read", 1, to);
        print_msr_direction(c, "write", 2, to);
        fprintf(to, " },\n");
    }
    print_parts(c, PART_MSR_LOAD, "msr_load", print_msr_load, to);
    print_parts(c, PART_EPT, "ept", print_ept, to);
    print_parts(c, PART_GATE, "idt", print_gate, to);
    print_parts(c, PART_MEMORY, "memory", print_memory, to);
    print_code(c, to);
    print_steps(c, reasons, reason_count, to);
    fprintf(to, "  limit = %u,\n  final = { stop = \"steps\" },\n}\n", (unsigned)DIF_LIMIT);
}
