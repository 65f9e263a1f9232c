/* SPDX-License-Identifier: MIT */
/* The VMX instructions on values. SDM 3C, "VMX Instruction Reference". */
#include "vmx_instructions.h"

#include "controls.h"
#include "decide_ops.h"
#include "errors.h"
#include "registers.h"
#include "vmcs_cache.h"

static const struct vmx_result succeeded = {.kind = VMX_RESULT_SUCCEED};
static const struct vmx_result failed_invalid = {.kind = VMX_RESULT_FAIL_INVALID};

struct vmx_result vmx_fail(struct vmx_cpu *cpu, uint32_t error)
{
    if (cpu->current_vmcs == VMX_NO_VMCS || cpu->vmcs == NULL)
        return failed_invalid;
    cpu->vmcs->field[VMCS_VM_INSTRUCTION_ERROR] = error;
    return (struct vmx_result){.kind = VMX_RESULT_FAIL_VALID, .error = error};
}

uint64_t vmx_result_rflags(const struct vmx_result *result, uint64_t rflags)
{
    rflags &= ~VMX_RFLAGS_ARITHMETIC;
    if (result->kind == VMX_RESULT_FAIL_INVALID)
        return rflags | VMX_RFLAGS_CF;
    return result->kind == VMX_RESULT_FAIL_VALID ? rflags | VMX_RFLAGS_ZF : rflags;
}

/* ---- entering and leaving VMX operation ---- */
static bool fixed_bits_ok(uint64_t value, uint64_t fixed0, uint64_t fixed1)
{
    return (value & fixed0) == fixed0 && (value & ~fixed1) == 0;
}

bool vmx_vmxon_allowed(const struct vmx_cpu *cpu)
{
    const struct vmx_caps *const caps = cpu->caps;
    const uint64_t needed = VMX_FEATURE_CONTROL_LOCK | VMX_FEATURE_CONTROL_OUTSIDE_SMX;
    return !cpu->a20_masked && fixed_bits_ok(cpu->state.cr0, caps->cr0_fixed0, caps->cr0_fixed1) &&
           fixed_bits_ok(cpu->state.cr4, caps->cr4_fixed0, caps->cr4_fixed1) && (cpu->feature_control & needed) == needed;
}

/* A page of physical memory, as wide as VMX structures may be addressed. */
static bool region_address_ok(const struct vmx_caps *caps, hpa_t region)
{
    const unsigned bits = (caps->basic & VMX_BASIC_32BIT_PA) != 0 ? 32 : caps->physical_bits;
    return (region & 0xfff) == 0 && region >> bits == 0;
}

static uint32_t revision_identifier(const struct vmx_caps *caps)
{
    return (uint32_t)caps->basic & (uint32_t)(VMX_BIT(31) - 1);
}

struct vmx_result vmx_vmxon(struct vmx_cpu *cpu, hpa_t region)
{
    if (cpu->operation != VMX_OPERATION_OFF)
        return vmx_fail(cpu, VMX_ERROR_VMXON_IN_VMX_ROOT_OPERATION);
    if (!region_address_ok(cpu->caps, region) || vmx_region_revision(cpu, region) != revision_identifier(cpu->caps))
        return failed_invalid;
    cpu->operation = VMX_OPERATION_ROOT;
    cpu->vmxon_region = region;
    cpu->vmcs = NULL;
    cpu->current_vmcs = VMX_NO_VMCS;
    cpu->monitor_armed = false;
    return succeeded;
}

struct vmx_result vmx_vmxoff(struct vmx_cpu *cpu)
{
    vmx_vmcs_release(cpu);
    cpu->operation = VMX_OPERATION_OFF;
    cpu->vmxon_region = VMX_NO_VMCS;
    cpu->monitor_armed = false;
    return succeeded;
}

/* ---- the current VMCS ---- */

struct vmx_result vmx_vmclear(struct vmx_cpu *cpu, hpa_t region)
{
    if (!region_address_ok(cpu->caps, region))
        return vmx_fail(cpu, VMX_ERROR_VMCLEAR_INVALID_ADDRESS);
    if (region == cpu->vmxon_region)
        return vmx_fail(cpu, VMX_ERROR_VMCLEAR_VMXON_POINTER);
    if (region == cpu->current_vmcs) {
        cpu->vmcs->launched = 0;
        vmx_vmcs_release(cpu);
    } else {
        vmx_vmcs_clear_region(cpu, region);
    }
    return succeeded;
}

static bool revision_ok(const struct vmx_caps *caps, uint32_t revision)
{
    const bool shadow = revision >> 31 != 0;
    return (revision & (uint32_t)(VMX_BIT(31) - 1)) == revision_identifier(caps) &&
           (!shadow || (caps->secondary.may_be_1 & VMX_SEC_VMCS_SHADOWING) != 0);
}

struct vmx_result vmx_vmptrld(struct vmx_cpu *cpu, hpa_t region)
{
    if (!region_address_ok(cpu->caps, region))
        return vmx_fail(cpu, VMX_ERROR_VMPTRLD_INVALID_ADDRESS);
    if (region == cpu->vmxon_region)
        return vmx_fail(cpu, VMX_ERROR_VMPTRLD_VMXON_POINTER);
    if (!revision_ok(cpu->caps, vmx_region_revision(cpu, region)))
        return vmx_fail(cpu, VMX_ERROR_VMPTRLD_INCORRECT_VMCS_REVISION_ID);
    if (region != cpu->current_vmcs) {
        vmx_vmcs_release(cpu);
        vmx_vmcs_load(cpu, region);
    }
    return succeeded;
}

/* ---- fields ---- */

static hpa_t link_pointer(const struct vmx_cpu *cpu)
{
    return vmcs_get(cpu->vmcs, VMCS_VMCS_LINK_POINTER);
}

bool vmx_vmcs_accessible(const struct vmx_cpu *cpu)
{
    if (cpu->current_vmcs == VMX_NO_VMCS || cpu->vmcs == NULL)
        return false;
    return cpu->operation != VMX_OPERATION_NON_ROOT || link_pointer(cpu) != VMX_NO_VMCS;
}

/* The VMCS that VMREAD and VMWRITE act on; a shadow VMCS comes into `room`. NULL: none. */
static struct vmcs *accessed_vmcs(const struct vmx_cpu *cpu, struct vmcs *room)
{
    if (!vmx_vmcs_accessible(cpu))
        return NULL;
    if (cpu->operation != VMX_OPERATION_NON_ROOT)
        return cpu->vmcs;
    return cpu->memory.read(cpu->memory.context, link_pointer(cpu), room, sizeof *room) ? room : NULL;
}

struct vmx_result vmx_vmread(struct vmx_cpu *cpu, uint64_t encoding, bool mode64, uint64_t *value)
{
    struct vmcs shadow;
    const struct vmcs *const v = accessed_vmcs(cpu, &shadow);
    if (v == NULL)
        return failed_invalid;
    const unsigned error = vmcs_read(v, cpu->caps, encoding, mode64, value);
    return error != 0 ? vmx_fail(cpu, error) : succeeded;
}

struct vmx_result vmx_vmwrite(struct vmx_cpu *cpu, uint64_t encoding, bool mode64, uint64_t value)
{
    struct vmcs shadow;
    struct vmcs *const v = accessed_vmcs(cpu, &shadow);
    if (v == NULL)
        return failed_invalid;
    const unsigned error = vmcs_write(v, cpu->caps, encoding, mode64, value);
    if (error != 0)
        return vmx_fail(cpu, error);
    if (v == &shadow)
        (void)cpu->memory.write(cpu->memory.context, link_pointer(cpu), v, sizeof *v);
    return succeeded;
}

/* ---- cached translations ---- */

bool vmx_invept_offered(const struct vmx_caps *caps, uint64_t type)
{
    const uint64_t capability = type == VMX_INVEPT_SINGLE ? VMX_EPTCAP_INVEPT_SINGLE : type == VMX_INVEPT_ALL ? VMX_EPTCAP_INVEPT_ALL : 0;
    return (caps->ept_vpid & capability) != 0;
}

bool vmx_invvpid_offered(const struct vmx_caps *caps, uint64_t type)
{
    const uint64_t capability[] = {[VMX_INVVPID_ADDRESS] = VMX_VPIDCAP_INVVPID_ADDR,
                                   [VMX_INVVPID_SINGLE] = VMX_VPIDCAP_INVVPID_SINGLE,
                                   [VMX_INVVPID_ALL] = VMX_VPIDCAP_INVVPID_ALL,
                                   [VMX_INVVPID_SINGLE_KEEP_GLOBAL] = VMX_VPIDCAP_INVVPID_SINGLE_NONGLOBAL};
    return type <= VMX_INVVPID_SINGLE_KEEP_GLOBAL && (caps->ept_vpid & capability[type]) != 0;
}

struct vmx_result vmx_invept(struct vmx_cpu *cpu, uint64_t type, const uint64_t descriptor[2])
{
    const bool ok = vmx_invept_offered(cpu->caps, type) && (type != VMX_INVEPT_SINGLE || vmx_eptp_valid(cpu->caps, descriptor[0]));
    return ok ? succeeded : vmx_fail(cpu, VMX_ERROR_INVALID_OPERAND_TO_INVEPT_INVVPID);
}

struct vmx_result vmx_invvpid(struct vmx_cpu *cpu, uint64_t type, const uint64_t descriptor[2])
{
    const uint64_t vpid = descriptor[0]; /* in 15:0; 63:16 are reserved */
    const bool ok = vmx_invvpid_offered(cpu->caps, type) && vpid <= UINT16_MAX && (type == VMX_INVVPID_ALL || vpid != 0) &&
                    (type != VMX_INVVPID_ADDRESS || vmx_is_canonical(descriptor[1], cpu->caps->linear_bits));
    return ok ? succeeded : vmx_fail(cpu, VMX_ERROR_INVALID_OPERAND_TO_INVEPT_INVVPID);
}

struct vmx_result vmx_vmcall(struct vmx_cpu *cpu)
{
    return vmx_fail(cpu, VMX_ERROR_VMCALL_IN_VMX_ROOT_OPERATION);
}
