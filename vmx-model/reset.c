/* SPDX-License-Identifier: MIT */
/* A logical processor after RESET and INIT. SDM 3A, "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT". */
#include "reset.h"

#include "registers.h"

enum { DATA = 0x93, CODE = 0x9b, LDT = 0x82, TSS_BUSY = 0x8b, REAL_LIMIT = 0xffff, DR7_RESET = 0x400 };
enum { MISC_FAST_STRINGS = 1, XCR0_X87 = 1 };
#define APIC_BASE_ADDRESS UINT64_C(0xfee00000)
#define DR6_RESET UINT64_C(0xffff0ff0)
#define PAT_RESET UINT64_C(0x0007040600070406)

static void reset_segments(struct vmx_state *s)
{
    for (unsigned i = 0; i < VMX_LDTR; i++)
        s->seg[i] = (struct vmx_segment){.limit = REAL_LIMIT, .access_rights = DATA};
    s->seg[VMX_CS] = (struct vmx_segment){.selector = 0xf000, .base = 0xffff0000u, .limit = REAL_LIMIT, .access_rights = CODE};
    s->seg[VMX_LDTR] = (struct vmx_segment){.limit = REAL_LIMIT, .access_rights = LDT};
    s->seg[VMX_TR] = (struct vmx_segment){.limit = REAL_LIMIT, .access_rights = TSS_BUSY};
    s->gdtr = s->idtr = (struct vmx_descriptor_table){0, REAL_LIMIT};
}

/* What RESET and INIT have in common. EDX identifies the processor. */
static void reset_registers(struct vmx_cpu *cpu, bool bootstrap)
{
    struct vmx_state *const s = &cpu->state;
    uint32_t leaf[4];
    vmx_cpuid(cpu->caps, 1, 0, leaf);
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        s->gpr[i] = 0;
    s->gpr[VMX_RDX] = leaf[0];
    s->rip = 0xfff0;
    s->rflags = VMX_RFLAGS_FIXED_1;
    s->cr2 = s->cr3 = s->cr4 = s->cr8 = s->efer = 0;
    for (unsigned i = 0; i < 4; i++)
        s->dr[i] = s->pdpte[i] = 0;
    s->dr[6] = DR6_RESET;
    s->dr[7] = DR7_RESET;
    s->debugctl = 0;
    s->interruptibility = 0;
    s->pending_debug = 0;
    s->activity = bootstrap ? VMX_ACTIVE : VMX_WAIT_FOR_SIPI;
    reset_segments(s);
    cpu->pending.nmi = cpu->pending.init = cpu->pending.smi = false;
    cpu->nmi_blocked = false;
    cpu->monitor_armed = false;
    cpu->vectoring_info = 0;
    vmx_invalidate(cpu, (struct vmx_flush){.conditions = VMX_FLUSH_ANY});
}

void vmx_reset(struct vmx_cpu *cpu, bool bootstrap)
{
    const struct vmx_caps *const caps = cpu->caps;
    const struct vmx_memory memory = cpu->memory;
    const struct vmx_translation_cache translations = cpu->cache;
    struct vmcs *const cache = cpu->vmcs_cache;
    struct vmx_walk_memo *const memo = cpu->memo;
    const uint32_t apic_id = cpu->apic_id, processors = cpu->processors;
    *cpu = (struct vmx_cpu){.caps = caps,
                            .memory = memory,
                            .cache = translations,
                            .apic_id = apic_id,
                            .processors = processors,
                            .vmcs_cache = cache,
                            .memo = memo,
                            .current_vmcs = VMX_NO_VMCS,
                            .vmxon_region = VMX_NO_VMCS};
    reset_registers(cpu, bootstrap);
    cpu->state.cr0 = VMX_CR0_CD | VMX_CR0_NW | VMX_CR0_ET;
    cpu->state.xcr0 = XCR0_X87;
    cpu->state.pat = PAT_RESET;
    cpu->state.misc_enable = MISC_FAST_STRINGS;
    cpu->state.apic_base = APIC_BASE_ADDRESS | VMX_APIC_BASE_ENABLE | (bootstrap ? VMX_APIC_BASE_BSP : 0);
}

void vmx_init(struct vmx_cpu *cpu, bool bootstrap)
{
    const uint64_t cache_control = cpu->state.cr0 & (VMX_CR0_CD | VMX_CR0_NW);
    reset_registers(cpu, bootstrap);
    cpu->state.cr0 = cache_control | VMX_CR0_ET;
}
