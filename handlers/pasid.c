/* SPDX-License-Identifier: MIT */
/* PASIDs of ENQCMD and ENQCMDS: the translation that the processor missed is filled in, for PASIDs that the guest was given. SDM 3C, "PASID Translation".
   A PASID has 20 bits: bit 19 chooses the directory, bits 18:10 its entry (8 bytes: present, address of a table), bits 9:0 the table's entry (4 bytes: the
   host's PASID, and valid in bit 31). */
#include "../vmx-model/registers.h"
#include "handlers.h"

enum { PASID_MASK = 0xfffff, TABLE_SHIFT = 10, ENTRIES_OF_DIRECTORY = 512, ENTRIES_OF_TABLE = 1024, DIRECTORY_PRESENT = 1 };
#define PASID_VALID (UINT32_C(1) << 31)
#define TABLE_ADDRESS UINT64_C(0x000ffffffffff000)

/* Of ENQCMD: what IA32_PASID holds. False: nothing valid. */
static bool own_pasid(struct hv_vcpu *vcpu, uint32_t *pasid)
{
    uint64_t msr;
    if (!bk_guest_msr(vcpu->bk, VMX_MSR_PASID, &msr) || (msr & PASID_VALID) == 0)
        return false;
    *pasid = (uint32_t)msr & PASID_MASK;
    return true;
}

/* Of ENQCMDS, which CPL 0 alone executes: bits 19:0 of the command in memory. The processor has read it without a fault; another virtual CPU may have changed
   the mapping since. */
static bool named_pasid(struct hv_vcpu *vcpu, const struct hv_exit *exit, uint32_t *pasid, struct hv_fault *fault)
{
    struct vmx_instruction i;
    gva_t linear;
    uint32_t command = 0;
    *fault = (struct hv_fault){.vector = VMX_GP, .has_error_code = true};
    if (!hv_decode(vcpu, exit->rip, &i) || i.rm != VMX_OPERAND_MEMORY)
        return false;
    const uint64_t offset = hv_memory_offset(vcpu, &i, exit->rip + i.length);
    if (!hv_segment_linear(vcpu, i.segment, offset, sizeof command, HV_ACCESS_READ, &linear, fault) ||
        !hv_linear_read(vcpu, linear, &command, sizeof command, HV_ACCESS_READ, false, fault))
        return false;
    *pasid = command & PASID_MASK;
    return true;
}

/* The low directory is for PASIDs whose bit 19 is 0, the high one for the others. */
static hpa_t directory_of(struct hv_vcpu *vcpu, uint32_t pasid)
{
    const enum vmcs_field field = pasid / (ENTRIES_OF_DIRECTORY * ENTRIES_OF_TABLE) == 0 ? VMCS_LOW_PASID_DIR_ADDR : VMCS_HIGH_PASID_DIR_ADDR;
    hpa_t directory = hv_read(vcpu, field);
    if (directory == 0) {
        directory = bk_page(vcpu->vm->machine);
        hv_write(vcpu, field, directory);
    }
    return directory;
}

static hpa_t table_of(struct hv_vcpu *vcpu, uint32_t pasid)
{
    struct bk_machine *machine = vcpu->vm->machine;
    const hpa_t directory = directory_of(vcpu, pasid);
    const hpa_t slot = directory + 8u * (pasid >> TABLE_SHIFT & (ENTRIES_OF_DIRECTORY - 1));
    uint64_t entry;
    if (directory == 0 || !bk_read(machine, slot, &entry, sizeof entry))
        return 0;
    if ((entry & DIRECTORY_PRESENT) != 0)
        return entry & TABLE_ADDRESS;
    const hpa_t table = bk_page(machine);
    entry = table | DIRECTORY_PRESENT;
    return table != 0 && bk_write(machine, slot, &entry, sizeof entry) ? table : 0;
}

static enum hv_action fill(struct hv_vcpu *vcpu, uint32_t pasid, uint32_t host)
{
    struct bk_machine *machine = vcpu->vm->machine;
    const hpa_t table = table_of(vcpu, pasid), slot = table + 4u * (pasid & (ENTRIES_OF_TABLE - 1));
    uint32_t entry;
    if (table == 0 || !bk_read(machine, slot, &entry, sizeof entry))
        return hv_stop(vcpu, "no memory for the translation of PASID %x", pasid);
    if (entry == (host | PASID_VALID))
        return hv_stop(vcpu, "PASID %x has a translation, and the processor does not take it", pasid);
    entry = host | PASID_VALID;
    return bk_write(machine, slot, &entry, sizeof entry) ? HV_RESUME : hv_stop(vcpu, "the translation of PASID %x cannot be written", pasid);
}

/* The instruction is tried again. A PASID that the guest does not have is #GP(0), as one that IA32_PASID does not hold. */
static enum hv_action translate(struct hv_vcpu *vcpu, uint32_t pasid)
{
    const struct hv_policy *policy = &vcpu->vm->policy;
    if (pasid < policy->pasids && policy->first_pasid <= PASID_MASK - pasid)
        return fill(vcpu, pasid, policy->first_pasid + pasid);
    hv_report(vcpu, "PASID %x is not the guest's: #GP", pasid);
    hv_inject_gp(vcpu, 0);
    return HV_RESUME;
}

enum hv_action hv_handle_enqcmd(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    uint32_t pasid;
    (void)exit;
    if (own_pasid(vcpu, &pasid))
        return translate(vcpu, pasid);
    hv_inject_gp(vcpu, 0);
    return HV_RESUME;
}

enum hv_action hv_handle_enqcmds(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    uint32_t pasid;
    struct hv_fault fault;
    if (named_pasid(vcpu, exit, &pasid, &fault))
        return translate(vcpu, pasid);
    hv_inject_fault(vcpu, &fault);
    return HV_RESUME;
}
