/* SPDX-License-Identifier: MIT */
/* IO_INSTRUCTION, string and REP forms too. SDM 2A, "IN", "INS"; SDM 2B, "OUT", "OUTS". */
#include "../vmx-model/registers.h"
#include "device_access.h"
#include "handlers.h"

enum { ELEMENTS_AT_ONCE = 4096 };

/* ---- string forms ---- */
struct string_io {
    uint64_t mask; /* of the address size */
    unsigned segment;
};

/* Address size and segment: instruction information where the processor gives it, else the instruction itself. */
static bool string_operand(struct hv_vcpu *vcpu, const struct hv_exit *exit, struct string_io *s)
{
    static const uint64_t masks[3] = {0xffff, UINT32_MAX, UINT64_MAX};
    unsigned size_code = exit->instruction_info >> 7 & 7u;
    s->segment = exit->instruction_info >> 15 & 7u;
    if ((bk_capability(vcpu->vm->machine, VMX_MSR_VMX_BASIC) & VMX_BASIC_INS_OUTS_INFO) == 0) {
        struct vmx_instruction instruction;
        if (!hv_decode(vcpu, exit->rip, &instruction))
            return false;
        size_code = instruction.address_size / 4u;
        s->segment = instruction.segment;
    }
    if (exit->io.in)
        s->segment = VMX_ES;
    if (size_code > 2 || s->segment > VMX_GS)
        return false;
    s->mask = masks[size_code];
    return true;
}

static void set_address_register(struct hv_vcpu *vcpu, enum vmx_gpr gpr, uint64_t mask, uint64_t value)
{
    hv_set_gpr_part(vcpu, gpr, mask == 0xffff ? 2 : mask == UINT32_MAX ? 4 : 8, false, value);
}

static bool move_element(struct hv_vcpu *vcpu, const struct hv_io *io, const struct string_io *s, uint64_t offset, struct hv_fault *fault)
{
    const bool user = hv_cpl(vcpu) == 3;
    gva_t linear;
    uint32_t value = 0;
    if (!hv_segment_linear(vcpu, s->segment, offset, io->size, io->in ? HV_ACCESS_WRITE : HV_ACCESS_READ, &linear, fault))
        return false;
    if (!io->in) {
        if (!hv_linear_read(vcpu, linear, &value, io->size, HV_ACCESS_READ, user, fault))
            return false;
        hv_port_write(vcpu, io->port, io->size, value);
        return true;
    }
    gpa_t physical; /* a port is not read when its value cannot be stored */
    if (!hv_translate(vcpu, linear, HV_ACCESS_WRITE, user, &physical, fault) ||
        !hv_translate(vcpu, linear + io->size - 1, HV_ACCESS_WRITE, user, &physical, fault))
        return false;
    value = hv_port_read(vcpu, io->port, io->size);
    return hv_linear_write(vcpu, linear, &value, io->size, user, fault);
}

/* True: the instruction is complete. A long REP is left unfinished with its registers advanced and runs again. */
static bool string_io(struct hv_vcpu *vcpu, const struct hv_exit *exit, const struct string_io *s)
{
    const struct hv_io *io = &exit->io;
    const enum vmx_gpr pointer = io->in ? VMX_RDI : VMX_RSI;
    const bool down = (hv_read(vcpu, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_DF) != 0;
    const uint64_t step = down ? 0 - (uint64_t)io->size : io->size;
    uint64_t offset = hv_gpr(vcpu, pointer) & s->mask;
    uint64_t left = io->rep ? hv_gpr(vcpu, VMX_RCX) & s->mask : 1;
    unsigned done = 0;
    bool ok = true;
    struct hv_fault fault;
    for (; left != 0 && done < ELEMENTS_AT_ONCE; done++, left--) {
        ok = move_element(vcpu, io, s, offset, &fault);
        if (!ok)
            break;
        offset = (offset + step) & s->mask;
    }
    if (done != 0) {
        set_address_register(vcpu, pointer, s->mask, offset);
        if (io->rep)
            set_address_register(vcpu, VMX_RCX, s->mask, left);
    }
    if (!ok)
        hv_inject_fault(vcpu, &fault);
    return ok && left == 0;
}

static void simple_io(struct hv_vcpu *vcpu, const struct hv_io *io)
{
    if (io->in)
        hv_set_gpr_part(vcpu, VMX_RAX, io->size, false, hv_port_read(vcpu, io->port, io->size));
    else
        hv_port_write(vcpu, io->port, io->size, (uint32_t)bk_register(vcpu->bk, VMX_RAX) & (io->size == 4 ? UINT32_MAX : (1u << 8 * io->size) - 1));
}

enum hv_action hv_handle_io(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    bool complete = true;
    if (exit->io.string) {
        struct string_io s;
        if (!string_operand(vcpu, exit, &s))
            return hv_stop(vcpu, "string I/O on port %x cannot be decoded, RIP %lx", exit->io.port, exit->rip);
        complete = string_io(vcpu, exit, &s);
    } else {
        simple_io(vcpu, &exit->io);
    }
    if (complete)
        hv_advance(vcpu, exit);
    return hv_power(vcpu);
}
