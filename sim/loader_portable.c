/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds in a scenario what only the simulator can do or show: its controls, and instructions whose result is the machine's own. */
#include <stdio.h>
#include <string.h>

#include "../vmx-model/decode.h"
#include "loader.h"

enum { MSR_TSC = 0x10, MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC_CURRENT_COUNT = 0x839 };

/* Controls that Bochs offers on none of its processors: a scenario with one of them runs on the simulator alone. */
static const struct {
    enum vmx_control_word word;
    uint8_t bit;
} not_in_bochs[] = {
    {VMX_WORD_PIN, 7},        {VMX_WORD_SECONDARY, 15}, {VMX_WORD_SECONDARY, 19}, {VMX_WORD_SECONDARY, 21}, {VMX_WORD_SECONDARY, 22},
    {VMX_WORD_SECONDARY, 24}, {VMX_WORD_SECONDARY, 26}, {VMX_WORD_SECONDARY, 27}, {VMX_WORD_SECONDARY, 28}, {VMX_WORD_SECONDARY, 30},
    {VMX_WORD_SECONDARY, 31}, {VMX_WORD_EXIT, 23},      {VMX_WORD_EXIT, 24},      {VMX_WORD_EXIT, 25},      {VMX_WORD_EXIT, 26},
    {VMX_WORD_EXIT, 27},      {VMX_WORD_EXIT, 29},      {VMX_WORD_EXIT, 31},      {VMX_WORD_ENTRY, 16},     {VMX_WORD_ENTRY, 17},
    {VMX_WORD_ENTRY, 18},     {VMX_WORD_ENTRY, 19},     {VMX_WORD_ENTRY, 21},     {VMX_WORD_ENTRY, 22},     {VMX_WORD_ENTRY, 23},
    {VMX_WORD_ENTRY, 24},
};

void load_only_simulator(struct loader *loader, const char *because)
{
    if (!loader->out->portable)
        return;
    loader->out->portable = false;
    snprintf(loader->out->not_portable_because, sizeof loader->out->not_portable_because, "%s", because);
}

void load_portable_controls(struct loader *loader)
{
    for (size_t i = 0; i < sizeof not_in_bochs / sizeof not_in_bochs[0]; i++)
        if ((loader->word[not_in_bochs[i].word] >> not_in_bochs[i].bit & 1) != 0)
            load_only_simulator(loader, "it uses a control that Bochs does not have");
    if (loader->word[VMX_WORD_TERTIARY] != 0 || loader->word[VMX_WORD_EXIT2] != 0)
        load_only_simulator(loader, "it uses a control that Bochs does not have");
    if (loader->profile_is_named && strncmp(loader->caps->name, "bochs-", 6) != 0)
        load_only_simulator(loader, "it names a processor that Bochs does not have");
    if ((loader->word[VMX_WORD_SECONDARY] & VMX_SEC_PAUSE_LOOP_EXITING) != 0 && (loader->word[VMX_WORD_PRIMARY] & VMX_PRI_PAUSE_EXITING) == 0)
        load_only_simulator(loader, "PAUSE-loop exiting counts the machine's own time");
}

/* With value 0 it has expired when the guest is entered, on any machine. */
void load_portable_timer(struct loader *loader)
{
    if ((loader->word[VMX_WORD_PIN] & VMX_PIN_VMX_PREEMPTION_TIMER) != 0 && loader->timer_counts)
        load_only_simulator(loader, "the VMX-preemption timer counts the machine's own time");
}

/* What a sweep over the code knows. */
struct sweep {
    struct loader *loader;
    uint64_t ecx;  /* as last loaded with a constant; UINT64_MAX: unknown */
    unsigned time; /* mask of registers that hold a part of the time-stamp counter */
};

static bool has_control(const struct sweep *sweep, enum vmx_control_word word, uint64_t bit)
{
    return (sweep->loader->word[word] & bit) != 0;
}

/* MOV r, constant or XOR r, r: the register that loses what it held; -1: another instruction. */
static int loaded_with_constant(const struct vmx_instruction *i, uint64_t *value)
{
    if (i->rm != VMX_OPERAND_REGISTER || i->operand_size < 4)
        return -1;
    *value = i->op == VMX_OP_MOV ? i->immediate : 0;
    if (i->op == VMX_OP_MOV ? i->source == VMX_OPERAND_IMMEDIATE
                            : i->op == VMX_OP_XOR && i->source == VMX_OPERAND_REGISTER && i->reg == i->rm_register)
        return i->rm_register;
    return -1;
}

static bool reads_time(const struct sweep *sweep, const struct vmx_instruction *i)
{
    if (i->op == VMX_OP_RDMSR)
        return sweep->ecx == MSR_TSC || sweep->ecx == MSR_TSC_DEADLINE || sweep->ecx == MSR_X2APIC_CURRENT_COUNT;
    return i->op == VMX_OP_RDTSC || (i->op == VMX_OP_RDTSCP && has_control(sweep, VMX_WORD_SECONDARY, VMX_SEC_ENABLE_RDTSCP));
}

/* A result that a handler makes up is the same everywhere; the processor's own is not. */
static void note_result(const struct sweep *sweep, const struct vmx_instruction *i)
{
    struct loader *loader = sweep->loader;
    if ((i->op == VMX_OP_RDRAND && !has_control(sweep, VMX_WORD_SECONDARY, VMX_SEC_RDRAND_EXITING)) ||
        (i->op == VMX_OP_RDSEED && !has_control(sweep, VMX_WORD_SECONDARY, VMX_SEC_RDSEED_EXITING)))
        load_only_simulator(loader, "it reads the processor's random numbers");
    if ((i->op == VMX_OP_IN || i->op == VMX_OP_INS) && !has_control(sweep, VMX_WORD_PRIMARY, VMX_PRI_UNCOND_IO_EXITING | VMX_PRI_USE_IO_BITMAPS))
        load_only_simulator(loader, "it reads the machine's own ports");
}

static void sweep_one(struct sweep *sweep, const struct vmx_instruction *i)
{
    uint64_t value;
    const int loaded = loaded_with_constant(i, &value);
    if (loaded >= 0)
        sweep->time &= ~(1u << loaded);
    if (loaded == VMX_RCX)
        sweep->ecx = value;
    if (loaded < 0 && sweep->time != 0)
        load_only_simulator(sweep->loader, "its registers show the machine's own time");
    if (reads_time(sweep, i))
        sweep->time = 1u << VMX_RAX | 1u << VMX_RDX;
    note_result(sweep, i);
}

void load_portable_code(struct loader *loader, const uint8_t *bytes, size_t size, unsigned bits)
{
    enum { LENGTH_MAX = 15 };
    struct sweep sweep = {.loader = loader, .ecx = UINT64_MAX};
    struct vmx_instruction instruction;
    for (size_t at = 0; at < size;) {
        const size_t left = size - at;
        if (vmx_decode(bytes + at, (unsigned)(left < LENGTH_MAX ? left : LENGTH_MAX), bits, &instruction) != VMX_DECODED) {
            at++; /* data between code */
            continue;
        }
        sweep_one(&sweep, &instruction);
        at += instruction.length;
    }
    if (sweep.time != 0)
        load_only_simulator(loader, "its registers show the machine's own time");
}
