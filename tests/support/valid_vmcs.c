/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds states that VM entry accepts. */
#include "tests/support/valid_vmcs.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/registers.h"

enum { EPTP_WB_4_LEVELS = 3u << 3 | 6u, PAT_AFTER_RESET_HALF = 0x00070406 };
#define CR0_PROTECTED (VMX_CR0_PE | VMX_CR0_ET | VMX_CR0_NE | VMX_CR0_WP | VMX_CR0_PG)
#define EFER_LONG (VMX_EFER_LME | VMX_EFER_LMA)
#define PAT_AFTER_RESET ((uint64_t)PAT_AFTER_RESET_HALF << 32 | PAT_AFTER_RESET_HALF)
#define DR7_AFTER_RESET UINT64_C(0x400)

static void set_controls(struct vmcs *v, const struct vmx_caps *caps, enum valid_guest guest)
{
    const bool real = guest == VALID_REAL;
    vmcs_set(v, VMCS_PIN_BASED_VM_EXEC_CONTROL, caps->pin.must_be_1);
    vmcs_set(v, VMCS_CPU_BASED_VM_EXEC_CONTROL, caps->primary.must_be_1 | (real ? VMX_PRI_ACTIVATE_SECONDARY : 0));
    vmcs_set(v, VMCS_SECONDARY_VM_EXEC_CONTROL, caps->secondary.must_be_1 | (real ? VMX_SEC_ENABLE_EPT | VMX_SEC_UNRESTRICTED_GUEST : 0));
    vmcs_set(v, VMCS_VM_EXIT_CONTROLS, caps->exit.must_be_1 | VMX_EXITCTL_HOST_ADDR_SPACE_SIZE);
    vmcs_set(v, VMCS_VM_ENTRY_CONTROLS, caps->entry.must_be_1 | (guest == VALID_LONG ? VMX_ENTRYCTL_IA32E_MODE_GUEST : 0));
    vmcs_set(v, VMCS_EPT_POINTER, VALID_EPT | EPTP_WB_4_LEVELS);
    vmcs_set(v, VMCS_VIRTUAL_PROCESSOR_ID, 1);
    vmcs_set(v, VMCS_VIRTUAL_APIC_PAGE_ADDR, VALID_VIRTUAL_APIC);
    vmcs_set(v, VMCS_TSC_MULTIPLIER, UINT64_C(1) << 48);
    vmcs_set(v, VMCS_EXECUTIVE_VMCS_POINTER, VALID_VMXON);
}

static void set_host(struct vmcs *v, const struct vmx_caps *caps)
{
    vmcs_set(v, VMCS_HOST_CR0, caps->cr0_fixed0 | CR0_PROTECTED);
    vmcs_set(v, VMCS_HOST_CR3, 0x1000);
    vmcs_set(v, VMCS_HOST_CR4, caps->cr4_fixed0 | VMX_CR4_PAE);
    vmcs_set(v, VMCS_HOST_CS_SELECTOR, 0x08);
    vmcs_set(v, VMCS_HOST_SS_SELECTOR, 0x10);
    vmcs_set(v, VMCS_HOST_TR_SELECTOR, 0x18);
    vmcs_set(v, VMCS_HOST_RIP, 0xffff800000100000);
    vmcs_set(v, VMCS_HOST_RSP, 0xffff800000200000);
    vmcs_set(v, VMCS_HOST_IA32_EFER, EFER_LONG);
    vmcs_set(v, VMCS_HOST_IA32_PAT, PAT_AFTER_RESET);
}

static void set_segment(struct vmcs *v, enum vmx_segment_name segment, uint16_t selector, uint64_t base, uint32_t limit, uint32_t access_rights)
{
    vmcs_set(v, (enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + (int)segment), selector);
    vmcs_set(v, (enum vmcs_field)(VMCS_GUEST_ES_BASE + (int)segment), base);
    vmcs_set(v, (enum vmcs_field)(VMCS_GUEST_ES_LIMIT + (int)segment), limit);
    vmcs_set(v, (enum vmcs_field)(VMCS_GUEST_ES_AR_BYTES + (int)segment), access_rights);
}

static void set_segments(struct vmcs *v, enum valid_guest guest)
{
    static const struct {
        uint32_t code, data, limit;
    } of[VALID_GUEST_COUNT] = {
        [VALID_LONG] = {0xa09b, 0xc093, 0xffffffff},
        [VALID_PAE] = {0xc09b, 0xc093, 0xffffffff},
        [VALID_REAL] = {0x009b, 0x0093, 0xffff},
        [VALID_V86] = {0x00f3, 0x00f3, 0xffff},
    };
    const bool flat = guest == VALID_LONG || guest == VALID_PAE;
    const uint16_t code = flat ? 0x08 : 0x100, data = flat ? 0x10 : 0x200;
    for (unsigned s = VMX_ES; s <= VMX_GS; s++) {
        const uint16_t selector = s == VMX_CS ? code : data;
        set_segment(v, (enum vmx_segment_name)s, selector, flat ? 0 : (uint64_t)selector << 4, of[guest].limit,
                    s == VMX_CS ? of[guest].code : of[guest].data);
    }
    set_segment(v, VMX_LDTR, 0, 0, 0, VMX_AR_UNUSABLE);
    set_segment(v, VMX_TR, 0x18, 0x2000, 0x67, 0x8b);
}

static void set_guest(struct vmcs *v, const struct vmx_caps *caps, enum valid_guest guest)
{
    const bool pae = guest == VALID_LONG || guest == VALID_PAE;
    vmcs_set(v, VMCS_GUEST_CR0, guest == VALID_REAL ? VMX_CR0_ET | VMX_CR0_NE : caps->cr0_fixed0 | CR0_PROTECTED);
    vmcs_set(v, VMCS_GUEST_CR3, VALID_GUEST_CR3);
    vmcs_set(v, VMCS_GUEST_CR4, caps->cr4_fixed0 | (pae ? VMX_CR4_PAE : 0));
    vmcs_set(v, VMCS_GUEST_DR7, DR7_AFTER_RESET);
    vmcs_set(v, VMCS_GUEST_IA32_EFER, guest == VALID_LONG ? EFER_LONG : 0);
    vmcs_set(v, VMCS_GUEST_IA32_PAT, PAT_AFTER_RESET);
    vmcs_set(v, VMCS_GUEST_RFLAGS, VMX_RFLAGS_FIXED_1 | (guest == VALID_V86 ? VMX_RFLAGS_VM : 0));
    vmcs_set(v, VMCS_GUEST_RIP, 0x1000);
    vmcs_set(v, VMCS_GUEST_RSP, 0x2000);
    vmcs_set(v, VMCS_GUEST_GDTR_LIMIT, 0xffff);
    vmcs_set(v, VMCS_GUEST_IDTR_LIMIT, 0xffff);
    vmcs_set(v, VMCS_VMCS_LINK_POINTER, UINT64_MAX);
    set_segments(v, guest);
}

void valid_vmcs(struct vmcs *v, const struct vmx_caps *caps, enum valid_guest guest)
{
    memset(v, 0, sizeof *v);
    v->revision = (uint32_t)caps->basic & UINT32_C(0x7fffffff);
    v->unchecked = VMCS_GROUP_ALL;
    v->unloaded = VMCS_GROUP_ALL;
    set_controls(v, caps, guest);
    set_host(v, caps);
    set_guest(v, caps, guest);
}

static bool within(hpa_t address, uint32_t size)
{
    return address < VALID_MEMORY_BYTES && size <= VALID_MEMORY_BYTES - address;
}

static bool read_memory(void *context, hpa_t address, void *buffer, uint32_t size)
{
    const struct valid_machine *m = context;
    if (!within(address, size))
        return false;
    memcpy(buffer, m->memory + address, size);
    return true;
}

static bool write_memory(void *context, hpa_t address, const void *buffer, uint32_t size)
{
    struct valid_machine *m = context;
    if (!within(address, size))
        return false;
    memcpy(m->memory + address, buffer, size);
    return true;
}

void valid_machine(struct valid_machine *m, const struct vmx_caps *caps, enum valid_guest guest)
{
    const struct vmx_caps copy = *caps;
    memset(m, 0, sizeof *m);
    m->caps = copy;
    valid_vmcs(&m->vmcs, &m->caps, guest);

    struct vmx_cpu *cpu = &m->cpu;
    cpu->caps = &m->caps;
    cpu->memory = (struct vmx_memory){.context = m, .read = read_memory, .write = write_memory};
    cpu->operation = VMX_OPERATION_ROOT;
    cpu->vmcs = &m->vmcs;
    cpu->current_vmcs = VALID_VMCS;
    cpu->vmxon_region = VALID_VMXON;
    cpu->feature_control = 5;
    cpu->state.cr0 = m->caps.cr0_fixed0 | CR0_PROTECTED;
    cpu->state.cr3 = 0x1000;
    cpu->state.cr4 = m->caps.cr4_fixed0 | VMX_CR4_PAE;
    cpu->state.efer = EFER_LONG;
    cpu->state.rflags = VMX_RFLAGS_FIXED_1;
    cpu->state.pat = PAT_AFTER_RESET;
    cpu->state.seg[VMX_CS] = (struct vmx_segment){.limit = UINT32_MAX, .access_rights = 0xa09b, .selector = 0x08};
    cpu->state.seg[VMX_SS] = (struct vmx_segment){.limit = UINT32_MAX, .access_rights = 0xc093, .selector = 0x10};

    const uint32_t revision = m->vmcs.revision, shadow = revision | UINT32_C(1) << 31;
    memcpy(m->memory + VALID_VMCS, &revision, sizeof revision);
    memcpy(m->memory + VALID_VMXON, &revision, sizeof revision);
    memcpy(m->memory + VALID_LINK, &shadow, sizeof shadow);
}

struct vmx_caps valid_full_caps(void)
{
    struct vmx_caps caps = *vmx_default_profile();
    caps.name = "full";
    caps.description = "every control and feature";
    caps.pin.may_be_1 = caps.primary.may_be_1 = caps.secondary.may_be_1 = caps.exit.may_be_1 = caps.entry.may_be_1 = UINT32_MAX;
    caps.tertiary = caps.exit2 = UINT64_MAX;
    caps.vmfunc = VMX_VMFUNC_EPTP_SWITCHING;
    caps.ept_vpid |= VMX_EPTCAP_PWL4 | VMX_EPTCAP_PWL5 | VMX_EPTCAP_MT_UC | VMX_EPTCAP_MT_WB | VMX_EPTCAP_AD | VMX_EPTCAP_SSS;
    caps.ept_vpid |= UINT64_C(8) << 48; /* HLAT prefix size */
    caps.misc |= VMX_MISC_ACTIVITY_HLT | VMX_MISC_ACTIVITY_SHUTDOWN | VMX_MISC_ACTIVITY_WAIT_SIPI;
    caps.misc &= ~VMX_MISC_INJECT_LEN0;
    caps.basic &= ~(VMX_BASIC_ANY_ERRCODE | VMX_BASIC_NESTED_EXCEPTION | VMX_BASIC_32BIT_PA);
    caps.cr4_fixed1 |= VMX_CR4_CET | VMX_CR4_FRED | VMX_CR4_PCIDE | VMX_CR4_PAE;
    caps.spec_ctrl_valid = 7;
    caps.sgx = caps.rtm = caps.nmi_sti_blocks = true;
    caps.bus_lock_db = false;
    return caps;
}
