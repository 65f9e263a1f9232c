/* SPDX-License-Identifier: MIT */
/* Decisions for IN, OUT, INS and OUTS. SDM 1, "I/O Permission Bit Map"; SDM 3C, "I/O-Bitmap Addresses". */
#include "access.h"
#include "decide_ops.h"

static bool bitmap_bit(const struct vmx_cpu *cpu, uint32_t port)
{
    uint8_t byte;
    const hpa_t bitmap = vmcs_get(cpu->vmcs, port < 0x8000 ? VMCS_IO_BITMAP_A : VMCS_IO_BITMAP_B);
    if (!cpu->memory.read(cpu->memory.context, bitmap + ((port & 0x7fff) >> 3), &byte, 1))
        byte = 0xff; /* no memory there: reads give ones */
    return (byte >> (port & 7) & 1) != 0;
}

bool vmx_io_exits(const struct vmx_cpu *cpu, uint32_t port, unsigned size)
{
    if (!vmx_primary(cpu, VMX_PRI_USE_IO_BITMAPS))
        return vmx_primary(cpu, VMX_PRI_UNCOND_IO_EXITING);
    if (port + size > 0x10000)
        return true;
    for (unsigned k = 0; k < size; k++)
        if (bitmap_bit(cpu, port + k))
            return true;
    return false;
}

enum { TSS_32_BUSY = 11, TSS_IO_MAP_BASE = 102 };

/* The I/O permission bitmap of the TSS; two bytes are read whatever the size, so its last byte must have a follower. True: the access may go on. */
static bool tss_allows(struct vmx_cpu *cpu, uint32_t port, unsigned size, struct vmx_outcome *failure)
{
    const struct vmx_segment *tr = &cpu->state.seg[VMX_TR];
    struct vmx_translation translation;
    uint8_t raw[2];
    *failure = vmx_outcome_gp();
    if ((tr->access_rights & VMX_AR_TYPE) != TSS_32_BUSY || tr->limit < TSS_IO_MAP_BASE + 1)
        return false;
    if (!vmx_read_system(cpu, tr->base + TSS_IO_MAP_BASE, raw, 2, &translation)) {
        *failure = vmx_outcome_of_translation(&translation);
        return false;
    }
    const uint32_t offset = (uint32_t)(raw[0] | raw[1] << 8) + (port >> 3);
    if (offset + 1 > tr->limit)
        return false;
    if (!vmx_read_system(cpu, tr->base + offset, raw, 2, &translation)) {
        *failure = vmx_outcome_of_translation(&translation);
        return false;
    }
    const unsigned bits = (unsigned)(raw[0] | raw[1] << 8) >> (port & 7);
    return (bits & ((1u << size) - 1)) == 0;
}

/* IOPL guards ports in protected mode; virtual-8086 mode always asks the bitmap. */
static bool privileged(struct vmx_cpu *cpu, uint32_t port, unsigned size, struct vmx_outcome *failure)
{
    const struct vmx_state *s = &cpu->state;
    const unsigned iopl = (unsigned)(s->rflags >> 12) & 3;
    if ((s->cr0 & VMX_CR0_PE) == 0 || ((s->rflags & VMX_RFLAGS_VM) == 0 && vmx_cpl(s) <= iopl))
        return true;
    return tss_allows(cpu, port, size, failure);
}

static unsigned access_size(const struct vmx_instruction *i)
{
    return i->operand_size < 4 ? i->operand_size : 4;
}

static uint64_t qualification(const struct vmx_instruction *i, uint32_t port, bool in, bool string)
{
    const bool rep = string && (i->rep || i->repne);
    return (uint64_t)(access_size(i) - 1) | (uint64_t)in << 3 | (uint64_t)string << 4 | (uint64_t)rep << 5 | (uint64_t)i->immediate_port << 6 |
           (uint64_t)port << 16;
}

struct vmx_outcome vmx_decide_io(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint32_t port = i->immediate_port ? (uint32_t)i->immediate & 0xff : (uint32_t)cpu->state.gpr[VMX_RDX] & 0xffff;
    struct vmx_outcome failure;
    if (!privileged(cpu, port, access_size(i), &failure))
        return failure;
    if (!vmx_io_exits(cpu, port, access_size(i)))
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(VMX_EXIT_IO_INSTRUCTION, i, qualification(i, port, i->op == VMX_OP_IN, false));
}

static uint64_t address_mask(const struct vmx_instruction *i)
{
    return i->address_size == 8 ? UINT64_MAX : VMX_BIT(8 * i->address_size) - 1;
}

/* Linear address of the memory operand: ES:rDI of INS, segment:rSI of OUTS. False: the segment is not usable. */
static bool string_linear(const struct vmx_state *s, const struct vmx_instruction *i, gva_t *linear)
{
    const bool in = i->op == VMX_OP_INS;
    const unsigned segment = in ? VMX_ES : i->segment;
    const uint64_t offset = s->gpr[in ? VMX_RDI : VMX_RSI] & address_mask(i);
    if (vmx_in_64bit_mode(s)) {
        *linear = offset + (segment >= VMX_FS ? s->seg[segment].base : 0);
        return true;
    }
    *linear = (uint32_t)(s->seg[segment].base + offset);
    return (s->seg[segment].access_rights & VMX_AR_UNUSABLE) == 0;
}

struct vmx_outcome vmx_decide_string_io(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *s = &cpu->state;
    const uint32_t port = (uint32_t)s->gpr[VMX_RDX] & 0xffff;
    struct vmx_outcome failure;
    gva_t linear;
    if ((i->rep || i->repne) && (s->gpr[VMX_RCX] & address_mask(i)) == 0)
        return vmx_outcome_run(); /* no iteration, no access */
    if (!privileged(cpu, port, access_size(i), &failure))
        return failure;
    if (!vmx_io_exits(cpu, port, access_size(i)))
        return vmx_outcome_run();
    struct vmx_outcome outcome = vmx_outcome_instruction_exit(VMX_EXIT_IO_INSTRUCTION, i, qualification(i, port, i->op == VMX_OP_INS, true));
    if ((cpu->caps->basic & VMX_BASIC_INS_OUTS_INFO) != 0) {
        outcome.exit.valid |= VMX_VALID_INSTRUCTION_INFO;
        outcome.exit.instruction_info = vmx_instruction_information(i, vmx_code_bits(s));
    }
    if (string_linear(s, i, &linear))
        outcome.exit.valid |= VMX_VALID_GUEST_LINEAR;
    outcome.exit.guest_linear = linear; /* undefined where the segment is not usable: what the sum gives there */
    return outcome;
}
