/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the generators of random cases share. */
#include "generate.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/exit_info.h"
#include "vmx-model/registers.h"

enum { PROGRAM_EACH = 4, PROFILE_CASES = 64 };

bool chance(struct random *r, unsigned one_in)
{
    return random_below(r, one_in) == 0;
}

uint64_t interesting(struct random *r)
{
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      0xfff,
                                      0x1000,
                                      0xffff,
                                      0x10000,
                                      0x7fffffff,
                                      0x80000000,
                                      UINT32_MAX,
                                      UINT64_C(1) << 32,
                                      UINT64_C(1) << 39,
                                      UINT64_C(1) << 40,
                                      UINT64_C(1) << 47,
                                      UINT64_C(0x7fffffffffff),
                                      UINT64_C(0xffff800000000000),
                                      UINT64_MAX,
                                      UINT64_C(0x0007040600070406),
                                      0xd01,
                                      0x500,
                                      0x100};
    return chance(r, 4) ? random_next(r) >> random_below(r, 64) : values[random_below(r, sizeof values / sizeof *values)];
}

uint32_t random_event(struct random *r, bool valid)
{
    static const struct {
        uint8_t type, vector;
        bool error;
    } events[] = {{VMX_EVENT_EXTERNAL_INTERRUPT, 0x20, false},
                  {VMX_EVENT_EXTERNAL_INTERRUPT, 0x2f, false},
                  {VMX_EVENT_NMI, 2, false},
                  {VMX_EVENT_HARDWARE_EXCEPTION, VMX_DE, false},
                  {VMX_EVENT_HARDWARE_EXCEPTION, VMX_DB, false},
                  {VMX_EVENT_HARDWARE_EXCEPTION, VMX_UD, false},
                  {VMX_EVENT_HARDWARE_EXCEPTION, VMX_DF, true},
                  {VMX_EVENT_HARDWARE_EXCEPTION, VMX_GP, true},
                  {VMX_EVENT_HARDWARE_EXCEPTION, VMX_PF, true},
                  {VMX_EVENT_HARDWARE_EXCEPTION, VMX_AC, true},
                  {VMX_EVENT_HARDWARE_EXCEPTION, VMX_MC, false},
                  {VMX_EVENT_SOFTWARE_INTERRUPT, 0x80, false},
                  {VMX_EVENT_SOFTWARE_INTERRUPT, 0x20, false},
                  {VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, VMX_DB, false},
                  {VMX_EVENT_SOFTWARE_EXCEPTION, VMX_BP, false},
                  {VMX_EVENT_SOFTWARE_EXCEPTION, VMX_OF, false},
                  {VMX_EVENT_OTHER, 0, false}};
    unsigned n = random_below(r, sizeof events / sizeof *events);
    if (events[n].type == VMX_EVENT_OTHER && !chance(r, 4))
        n = 0; /* each one ends a run of the Bochs that lacks the monitor trap flag */
    uint32_t info = UINT32_C(1) << 31 | (uint32_t)events[n].type << 8 | events[n].vector | (events[n].error ? 1u << 11 : 0);
    if (!valid)
        info ^= UINT32_C(1) << random_below(r, 32);
    if (!valid && chance(r, 4))
        info = UINT32_C(1) << 31 | (uint32_t)random_next(r);
    return info;
}

void generate_case(struct dif_case *c, uint64_t seed, uint64_t number)
{
    struct random r = {.state = seed * UINT64_C(0x9e3779b97f4a7c15) ^ (number + 1) * UINT64_C(0xd1342543de82ef95)};
    memset(c, 0, sizeof *c);
    c->seed = seed;
    c->number = number;
    (void)random_next(&r);
    c->caps = vmx_profile(number / PROFILE_CASES % 4 == 3 ? "bochs-tigerlake" : "bochs-skylake-x");
    c->kind = number % PROGRAM_EACH == PROGRAM_EACH - 1 ? CASE_PROGRAM : CASE_ENTRY;
    if (c->kind == CASE_ENTRY)
        generate_entry(c, &r);
    else
        generate_program(c, &r);
}

/* Controls that need nothing else and leave the machine's own time out. */
void add_random_controls(struct dif_case *c, struct random *r, unsigned group, unsigned tries)
{
    static const struct {
        uint8_t word, bit;
    } bits[] = {{VMX_WORD_PRIMARY, 7},    {VMX_WORD_PRIMARY, 9},    {VMX_WORD_PRIMARY, 10},   {VMX_WORD_PRIMARY, 11},   {VMX_WORD_PRIMARY, 12},
                {VMX_WORD_PRIMARY, 15},   {VMX_WORD_PRIMARY, 16},   {VMX_WORD_PRIMARY, 19},   {VMX_WORD_PRIMARY, 20},   {VMX_WORD_PRIMARY, 21},
                {VMX_WORD_PRIMARY, 23},   {VMX_WORD_PRIMARY, 29},   {VMX_WORD_PRIMARY, 30},   {VMX_WORD_SECONDARY, 2},  {VMX_WORD_SECONDARY, 3},
                {VMX_WORD_SECONDARY, 5},  {VMX_WORD_SECONDARY, 6},  {VMX_WORD_SECONDARY, 11}, {VMX_WORD_SECONDARY, 12}, {VMX_WORD_SECONDARY, 13},
                {VMX_WORD_SECONDARY, 16}, {VMX_WORD_SECONDARY, 20}, {VMX_WORD_EXIT, 15},      {VMX_WORD_EXIT, 18},      {VMX_WORD_EXIT, 19},
                {VMX_WORD_ENTRY, 14},     {VMX_WORD_PIN, 5},        {VMX_WORD_PRIMARY, 2}};
    while (tries-- != 0) {
        const unsigned n = random_below(r, sizeof bits / sizeof *bits);
        if (vmx_control_may_be_1(c->caps, (enum vmx_control_word)bits[n].word, bits[n].bit))
            (void)case_control(c, group, bits[n].word, UINT64_C(1) << bits[n].bit, 0);
    }
}
