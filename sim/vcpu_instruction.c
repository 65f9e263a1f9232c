/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instruction at RIP: fetched, decoded, judged by the model, executed there or let pass. */
#include "vcpu_internal.h"

#include <string.h>

#include "../vmx-model/decide.h"
#include "../vmx-model/registers.h"
#include "board.h"

enum { INSTRUCTION_BYTES = 15 };

/* How many bytes of an instruction at RIP the limit of the code segment allows. */
static unsigned within_limit(const struct vmx_state *s)
{
    const uint64_t limit = s->seg[VMX_CS].limit;
    if (vmx_in_64bit_mode(s) || s->rip + INSTRUCTION_BYTES - 1 <= limit)
        return INSTRUCTION_BYTES;
    return s->rip <= limit ? (unsigned)(limit - s->rip + 1) : 0;
}

/* The bytes at RIP, through the page that was fetched from last. *out says why there are no more. */
static unsigned fetch(struct bk_vcpu *vcpu, uint8_t bytes[15], struct vmx_translation *out)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const struct vmx_state *s = &cpu->state;
    gva_t linear = s->rip;
    if (!vmx_in_64bit_mode(s))
        linear = (uint32_t)(s->seg[VMX_CS].base + s->rip);
    const unsigned in_page = SIM_PAGE - (unsigned)(linear % SIM_PAGE);
    const bool user = vmx_cpl(s) == 3;
    const unsigned most = within_limit(s);
    const uint8_t *code = in_page >= INSTRUCTION_BYTES && most == INSTRUCTION_BYTES ? sim_vcpu_code(vcpu, linear, user) : NULL;
    if (code != NULL) {
        memcpy(bytes, code + linear % SIM_PAGE, INSTRUCTION_BYTES);
        return INSTRUCTION_BYTES;
    }
    unsigned have = 0;
    while (have < most) {
        const gva_t at = linear + have;
        vmx_translate(cpu, at, VMX_ACCESS_FETCH, user, out);
        if (out->kind != VMX_TRANSLATED)
            return have;
        const unsigned left = SIM_PAGE - (unsigned)(at % SIM_PAGE);
        const unsigned size = left < most - have ? left : most - have;
        uint64_t offset;
        if (!sim_machine_memory(vcpu->machine, out->host, size, &offset)) {
            memset(bytes + have, 0xff, size);
        } else {
            memcpy(bytes + have, vcpu->machine->ram + offset, size);
        }
        have += size;
    }
    if (have < INSTRUCTION_BYTES)
        *out = (struct vmx_translation){.kind = VMX_TRANSLATION_FAULT, .event = vmx_outcome_gp().event};
    return have;
}

/* The exits of APIC virtualization come behind the instruction. An iteration of REP INS or REP OUTS leaves RIP where it is. */
static void count(struct bk_vcpu *vcpu, const struct vmx_outcome *outcome)
{
    if (outcome->kind != VMX_OUTCOME_DONE && outcome->kind != VMX_OUTCOME_EXIT)
        return;
    if ((outcome->changed & VMX_GROUP_IP) != 0)
        sim_engine_count_one(vcpu->engine);
    else if (outcome->changed != 0)
        sim_engine_count_iteration(vcpu->engine);
}

static bool reads_clock(const struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return i->op == VMX_OP_RDTSC || i->op == VMX_OP_RDTSCP || (i->op == VMX_OP_RDMSR && (uint32_t)cpu->state.gpr[VMX_RCX] == VMX_MSR_TSC);
}

/* Time-stamp counters of several processors are one clock: who reads after another one reads no less, although its own time may be a part of a turn behind. */
static void order_clock(struct bk_vcpu *vcpu)
{
    struct bk_machine *machine = vcpu->machine;
    if (vcpu->cpu.tsc < machine->tsc_read)
        vcpu->cpu.tsc = machine->tsc_read;
    machine->tsc_read = vcpu->cpu.tsc;
}

/* RUN: nobody but the engine executes it. */
static struct vmx_outcome execute(struct bk_vcpu *vcpu, const struct vmx_instruction *i)
{
    const bool ordered = vcpu->machine->vcpu_count > 1 && reads_clock(&vcpu->cpu, i);
    if (ordered)
        order_clock(vcpu);
    const bool board = vcpu->machine->board != NULL;
    struct vmx_outcome outcome = board ? sim_board_instruction(vcpu, i) : vmx_outcome_run();
    if (outcome.kind == VMX_OUTCOME_RUN)
        outcome = vmx_execute(&vcpu->cpu, i);
    if (outcome.kind == VMX_OUTCOME_RUN)
        outcome = sim_port_access(vcpu, i);
    if (outcome.kind == VMX_OUTCOME_RUN)
        outcome = sim_extended_state(vcpu, i);
    if (board)
        sim_board_executed(vcpu, i, &outcome);
    if (ordered)
        vcpu->cpu.tsc = sim_now(vcpu);
    return outcome;
}

static bool same_bytes(const uint8_t a[15], const uint8_t b[15])
{
    uint64_t first[2], last[2];
    memcpy(&first[0], a, 8);
    memcpy(&first[1], b, 8);
    memcpy(&last[0], a + 7, 8);
    memcpy(&last[1], b + 7, 8);
    return ((first[0] ^ first[1]) | (last[0] ^ last[1])) == 0;
}

/* Guests come back to the same few instructions. What is remembered of one goes by its bytes, so that nothing can make it wrong. */
enum vmx_decode_status sim_vcpu_decode(struct bk_vcpu *vcpu, uint64_t rip, unsigned bits, const uint8_t bytes[15], unsigned have,
                                       struct vmx_instruction *room, const struct vmx_instruction **found)
{
    struct sim_decoded *known = &vcpu->decoded[rip % SIM_DECODED];
    *found = have == 15 ? &known->instruction : room;
    if (have == 15 && known->bits == bits && same_bytes(known->bytes, bytes))
        return VMX_DECODED;
    const enum vmx_decode_status status = vmx_decode(bytes, have, bits, room);
    *found = room;
    if (status == VMX_DECODED && have == 15) {
        known->bits = bits;
        memcpy(known->bytes, bytes, 15);
        known->instruction = *room;
    }
    return status;
}

bool sim_vcpu_judge_protection(struct bk_vcpu *vcpu, const struct vmx_event *otherwise, enum bk_entered *entered)
{
    uint8_t bytes[15];
    struct vmx_translation missing;
    struct vmx_instruction instruction;
    const unsigned have = fetch(vcpu, bytes, &missing);
    if (vmx_decode(bytes, have, vmx_code_bits(&vcpu->cpu.state), &instruction) != VMX_DECODED)
        return sim_vcpu_raise(vcpu, otherwise, false, entered);
    if (instruction.op == VMX_OP_INT_N) {
        const struct vmx_event interrupt = {
            .vector = (uint8_t)instruction.immediate, .type = VMX_EVENT_SOFTWARE_INTERRUPT, .instruction_length = instruction.length};
        return sim_vcpu_raise(vcpu, &interrupt, false, entered); /* in virtual-8086 mode, where IOPL is not all that counts */
    }
    struct vmx_outcome outcome = vmx_decide(&vcpu->cpu, &instruction);
    if (outcome.kind == VMX_OUTCOME_RUN)
        outcome = vmx_execute_virtual(&vcpu->cpu, &instruction);
    if (outcome.kind != VMX_OUTCOME_RUN) {
        count(vcpu, &outcome);
        return sim_vcpu_apply(vcpu, &outcome, entered);
    }
    return sim_vcpu_raise(vcpu, otherwise, false, entered);
}

bool sim_vcpu_judge_instruction(struct bk_vcpu *vcpu, const struct vmx_event *otherwise, enum bk_entered *entered)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    uint8_t bytes[15];
    struct vmx_translation missing;
    struct vmx_instruction room;
    const struct vmx_instruction *instruction;
    const unsigned have = fetch(vcpu, bytes, &missing);
    const enum vmx_decode_status status = sim_vcpu_decode(vcpu, cpu->state.rip, vmx_code_bits(&cpu->state), bytes, have, &room, &instruction);
    if (status == VMX_DECODE_TRUNCATED && have < 15) {
        if (missing.kind == VMX_TRANSLATION_EXIT) {
            return sim_vcpu_exit(vcpu, &missing.exit, entered);
        }
        return sim_vcpu_raise(vcpu, &missing.event, false, entered);
    }
    if (status == VMX_DECODE_TOO_LONG) {
        const struct vmx_outcome too_long = vmx_outcome_gp();
        return sim_vcpu_apply(vcpu, &too_long, entered);
    }
    if (status != VMX_DECODED || (instruction->op == VMX_OP_OTHER && otherwise != NULL)) {
        const struct vmx_event undefined = {.vector = VMX_UD, .type = VMX_EVENT_HARDWARE_EXCEPTION};
        return sim_vcpu_raise(vcpu, otherwise != NULL ? otherwise : &undefined, false, entered);
    }
    struct vmx_outcome outcome = vmx_decide(cpu, instruction);
    if (outcome.kind == VMX_OUTCOME_RUN)
        outcome = execute(vcpu, instruction);
    if (outcome.kind != VMX_OUTCOME_RUN) {
        count(vcpu, &outcome);
        return sim_vcpu_apply(vcpu, &outcome, entered);
    }
    if (otherwise != NULL)
        return sim_vcpu_raise(vcpu, otherwise, false, entered);
    if (vcpu->allowed_at == sim_engine_ticks(vcpu->engine) && vcpu->allowed_rip == cpu->state.rip) {
        *entered = sim_vcpu_host_error(vcpu, "the engine does not run an instruction that the model leaves to it");
        return true;
    }
    vcpu->allowed_at = sim_engine_ticks(vcpu->engine);
    vcpu->allowed_rip = cpu->state.rip;
    sim_engine_allow_once(vcpu->engine);
    return false;
}
