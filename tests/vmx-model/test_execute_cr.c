/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MOV CR, CLTS, LMSW, SMSW, MOV DR: checks, masks, mode switches, PDPTEs. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

#define MOV_CR0_RBX "\x0f\x22\xc3"
#define MOV_CR2_RBX "\x0f\x22\xd3"
#define MOV_CR3_RBX "\x0f\x22\xdb"
#define MOV_CR4_RBX "\x0f\x22\xe3"
#define MOV_CR8_RBX "\x44\x0f\x22\xc3"
#define MOV_RCX_CR0 "\x0f\x20\xc1"
#define MOV_RCX_CR4 "\x0f\x20\xe1"
#define MOV_RSP_CR3 "\x0f\x20\xdc"
#define MOV_RCX_CR8 "\x44\x0f\x20\xc1"
#define CLTS "\x0f\x06"
#define LMSW_BX "\x0f\x01\xf3"
#define SMSW_CX "\x66\x0f\x01\xe1"
#define SMSW_ECX "\x0f\x01\xe1"
#define SMSW_RCX "\x48\x0f\x01\xe1"
#define SMSW_RBX_MEMORY "\x0f\x01\x23"
#define MOV_DR(n) "\x0f\x23" n
#define MOV_RCX_DR6 "\x0f\x21\xf1"
#define MOV_RCX_DR5 "\x0f\x21\xe9"

enum { ALL_OF_VPID = VMX_FLUSH_ANY | VMX_FLUSH_VPID, NOT_GLOBAL_OF_PCID = ALL_OF_VPID | VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL };

static struct valid_machine m;

static void start(enum valid_guest guest, uint32_t primary, uint32_t secondary)
{
    running_guest(&m, guest, 0, primary, secondary);
}

static struct vmx_outcome mov_cr0(uint64_t value)
{
    m.cpu.state.gpr[VMX_RBX] = value;
    return STEP(&m, MOV_CR0_RBX);
}
static struct vmx_outcome mov_cr3(uint64_t value)
{
    m.cpu.state.gpr[VMX_RBX] = value;
    return STEP(&m, MOV_CR3_RBX);
}
static struct vmx_outcome mov_cr4(uint64_t value)
{
    m.cpu.state.gpr[VMX_RBX] = value;
    return STEP(&m, MOV_CR4_RBX);
}

static void cr0_must_be_consistent(void)
{
    const uint64_t good = VMX_CR0_PE | VMX_CR0_NE | VMX_CR0_PG | VMX_CR0_ET;
    static const struct {
        uint64_t set, clear;
        bool ok;
    } rows[] = {{0, 0, true},
                {VMX_CR0_WP | VMX_CR0_AM | VMX_CR0_TS, 0, true},
                {VMX_CR0_CD, 0, true},
                {VMX_CR0_NW, 0, false},
                {VMX_CR0_NW | VMX_CR0_CD, 0, true},
                {0, VMX_CR0_NE, false},
                {0, VMX_CR0_PE, false},
                {0, VMX_CR0_PG, false},
                {UINT64_C(1) << 32, 0, false},
                {UINT64_C(1) << 63, 0, false},
                {UINT64_C(0x1ff8ffc0) & ~(VMX_CR0_AM | VMX_CR0_WP), 0, true}};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        start(VALID_LONG, 0, 0);
        const uint64_t before = m.cpu.state.cr0;
        const struct vmx_outcome o = mov_cr0((good | rows[k].set) & ~rows[k].clear);
        CU_ASSERT(rows[k].ok ? is_done(&o) : is_fault(&o, VMX_GP));
        CU_ASSERT_EQUAL(m.cpu.state.cr0, rows[k].ok ? ((good | rows[k].set) & VMX_CR0_DEFINED) : before);
    }
}

static void host_owned_bits_keep_their_value(void)
{
    start(VALID_LONG, 0, 0);
    const uint64_t before = m.cpu.state.cr0;
    m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = VMX_CR0_PG | VMX_CR0_PE | VMX_CR0_NE | VMX_CR0_WP;
    m.vmcs.field[VMCS_CR0_READ_SHADOW] = 0;
    struct vmx_outcome o = mov_cr0(VMX_CR0_TS); /* equals the shadow in the owned bits */
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.cr0, before | VMX_CR0_TS);
    CU_ASSERT_EQUAL(o.flush.conditions, 0);
    o = STEP(&m, MOV_RCX_CR0);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], VMX_CR0_TS | VMX_CR0_ET);
    m.vmcs.field[VMCS_CR4_GUEST_HOST_MASK] = VMX_CR4_VMXE;
    o = mov_cr4(VMX_CR4_PAE | VMX_CR4_PGE);
    CU_ASSERT(is_done(&o) && o.flush.conditions == ALL_OF_VPID);
    CU_ASSERT_EQUAL(m.cpu.state.cr4, VMX_CR4_PAE | VMX_CR4_PGE | VMX_CR4_VMXE);
    o = STEP(&m, MOV_RCX_CR4);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], VMX_CR4_PAE | VMX_CR4_PGE);
}

/* An unrestricted guest walks from real mode to IA-32e mode and back. */
static void paging_switches_ia32e_mode(void)
{
    start(VALID_REAL, 0, 0);
    struct vmx_state *const s = &m.cpu.state;
    s->seg[VMX_CS].access_rights = 0xc09b;
    struct vmx_outcome o = mov_cr0(VMX_CR0_PG | VMX_CR0_NE);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = mov_cr0(VMX_CR0_PE | VMX_CR0_NE);
    CU_ASSERT(is_done(&o) && o.flush.conditions == 0);
    s->efer |= VMX_EFER_LME;
    s->cr4 &= ~VMX_CR4_PAE;
    o = mov_cr0(VMX_CR0_PG | VMX_CR0_PE | VMX_CR0_NE);
    CU_ASSERT(is_fault(&o, VMX_GP));
    s->cr4 |= VMX_CR4_PAE;
    s->seg[VMX_CS].access_rights |= VMX_AR_L;
    o = mov_cr0(VMX_CR0_PG | VMX_CR0_PE | VMX_CR0_NE);
    CU_ASSERT(is_fault(&o, VMX_GP));
    s->seg[VMX_CS].access_rights &= ~VMX_AR_L;
    s->seg[VMX_TR].access_rights = 0x83; /* a 16-bit TSS */
    o = mov_cr0(VMX_CR0_PG | VMX_CR0_PE | VMX_CR0_NE);
    CU_ASSERT(is_fault(&o, VMX_GP));
    s->seg[VMX_TR].access_rights = 0x8b;
    o = mov_cr0(VMX_CR0_PG | VMX_CR0_PE | VMX_CR0_NE);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(s->efer & VMX_EFER_LMA, VMX_EFER_LMA);
    o = mov_cr4(VMX_CR4_VMXE); /* PAE stays in IA-32e mode */
    CU_ASSERT(is_fault(&o, VMX_GP));
    s->seg[VMX_CS].access_rights = 0xa09b; /* now 64-bit code: paging cannot end here */
    o = mov_cr0(VMX_CR0_PE | VMX_CR0_NE);
    CU_ASSERT(is_fault(&o, VMX_GP));
    s->seg[VMX_CS].access_rights = 0xc09b;
    s->cr4 |= VMX_CR4_PCIDE; /* nor with PCIDs */
    o = mov_cr0(VMX_CR0_PE | VMX_CR0_NE);
    CU_ASSERT(is_fault(&o, VMX_GP));
    s->cr4 &= ~VMX_CR4_PCIDE;
    o = mov_cr0(VMX_CR0_PE | VMX_CR0_NE);
    CU_ASSERT(is_done(&o) && o.flush.conditions == ALL_OF_VPID);
    CU_ASSERT_EQUAL(s->efer & (VMX_EFER_LMA | VMX_EFER_LME), VMX_EFER_LME);
}

static void pae_paging_loads_pdptes(void)
{
    enum { TABLE = 0xb000 };
    const uint64_t good = 0x9001, bad = 0x9007;
    start(VALID_PAE, 0, 0);
    memcpy(m.memory + TABLE + 8, &good, 8);
    struct vmx_outcome o = mov_cr3(TABLE | 0x18);
    CU_ASSERT(is_done(&o) && o.flush.conditions == NOT_GLOBAL_OF_PCID && o.flush.pcid == 0);
    CU_ASSERT_EQUAL(m.cpu.state.pdpte[1], good);
    CU_ASSERT_EQUAL(m.cpu.state.cr3, TABLE | 0x18);
    memcpy(m.memory + TABLE + 8, &bad, 8);
    o = mov_cr3(TABLE);
    CU_ASSERT(is_fault(&o, VMX_GP));
    CU_ASSERT_EQUAL(m.cpu.state.cr3, TABLE | 0x18);
    CU_ASSERT_EQUAL(m.cpu.state.pdpte[1], good);
    o = mov_cr4(m.cpu.state.cr4); /* nothing switches: no load */
    CU_ASSERT(is_done(&o));
    static const uint64_t loads[] = {VMX_CR4_PGE, VMX_CR4_PSE, VMX_CR4_SMEP};
    for (unsigned k = 0; k < sizeof loads / sizeof loads[0]; k++) {
        o = mov_cr4(m.cpu.state.cr4 ^ loads[k]);
        CU_ASSERT(is_fault(&o, VMX_GP));
    }
    o = mov_cr4(m.cpu.state.cr4 ^ VMX_CR4_SMAP);
    CU_ASSERT(is_done(&o));
    o = mov_cr0(m.cpu.state.cr0 | VMX_CR0_CD);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = mov_cr0(m.cpu.state.cr0 | VMX_CR0_TS);
    CU_ASSERT(is_done(&o));
}

static void cr3_has_reserved_bits_and_the_pcid_hint(void)
{
    start(VALID_LONG, 0, 0);
    struct vmx_outcome o = mov_cr3(UINT64_C(1) << 63 | 0x3000);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = mov_cr3(UINT64_C(1) << m.caps.physical_bits);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = mov_cr3(0x3005);
    CU_ASSERT(is_done(&o) && o.flush.conditions == NOT_GLOBAL_OF_PCID && o.flush.pcid == 0);
    m.cpu.state.cr4 |= VMX_CR4_PCIDE;
    o = mov_cr3(UINT64_C(1) << 63 | 0x3007);
    CU_ASSERT(is_done(&o) && o.flush.conditions == 0);
    CU_ASSERT_EQUAL(m.cpu.state.cr3, 0x3007);
    o = mov_cr3(0x3009);
    CU_ASSERT(is_done(&o) && o.flush.conditions == NOT_GLOBAL_OF_PCID && o.flush.pcid == 9);
}

static void cr4_must_be_supported_and_consistent(void)
{
    start(VALID_LONG, 0, 0);
    const uint64_t base = VMX_CR4_VMXE | VMX_CR4_PAE;
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t one = UINT64_C(1) << bit;
        if (one == VMX_CR4_PCIDE || one == VMX_CR4_LA57 || one == VMX_CR4_CET)
            continue;
        const struct vmx_outcome o = mov_cr4(base | one);
        CU_ASSERT((m.caps.cr4_fixed1 & one) != 0 ? is_done(&o) : is_fault(&o, VMX_GP));
        m.cpu.state.cr4 = base;
    }
    struct vmx_outcome o = mov_cr4(VMX_CR4_PAE);
    CU_ASSERT(is_fault(&o, VMX_GP)); /* VMXE is fixed */
    m.cpu.state.cr3 = 0x3001;
    o = mov_cr4(base | VMX_CR4_PCIDE);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.cr3 = 0x3000;
    o = mov_cr4(base | VMX_CR4_PCIDE);
    CU_ASSERT(is_done(&o));
    m.caps.cr4_fixed1 |= VMX_CR4_LA57;
    o = mov_cr4(base | VMX_CR4_LA57);
    CU_ASSERT(is_fault(&o, VMX_GP)); /* not in IA-32e mode */
    m.cpu.state.cr0 &= ~VMX_CR0_WP;
    o = mov_cr4(base | VMX_CR4_CET);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void cr8_goes_to_the_tpr_or_its_shadow(void)
{
    start(VALID_LONG, 0, 0);
    m.cpu.state.gpr[VMX_RBX] = 0x10;
    struct vmx_outcome o = STEP(&m, MOV_CR8_RBX);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.gpr[VMX_RBX] = 9;
    o = STEP(&m, MOV_CR8_RBX);
    CU_ASSERT(is_done(&o) && o.changed == (VMX_GROUP_IP | VMX_GROUP_MSR));
    o = STEP(&m, MOV_RCX_CR8);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], 9);

    start(VALID_LONG, VMX_PRI_USE_TPR_SHADOW, 0);
    m.vmcs.field[VMCS_TPR_THRESHOLD] = 5;
    memset(m.memory + VALID_VIRTUAL_APIC + 0x80, 0xff, 4);
    m.cpu.state.gpr[VMX_RBX] = 5;
    o = STEP(&m, MOV_CR8_RBX);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.memory[VALID_VIRTUAL_APIC + 0x80], 0x50);
    CU_ASSERT_EQUAL(m.memory[VALID_VIRTUAL_APIC + 0x81], 0);
    CU_ASSERT_EQUAL(m.cpu.state.cr8, 0);
    o = STEP(&m, MOV_RCX_CR8);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], 5);
    const uint64_t rip = m.cpu.state.rip;
    m.cpu.state.gpr[VMX_RBX] = 4;
    o = STEP(&m, MOV_CR8_RBX);
    CU_ASSERT(is_exit(&o, VMX_EXIT_TPR_BELOW_THRESHOLD));
    CU_ASSERT_EQUAL(m.cpu.state.rip, rip + 4);
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_IP);
    CU_ASSERT_EQUAL(m.memory[VALID_VIRTUAL_APIC + 0x80], 0x40);
    CU_ASSERT((m.cpu.stale & VMX_GROUP_IP) != 0);
}

static void cr2_and_stores(void)
{
    start(VALID_LONG, 0, 0);
    m.cpu.state.gpr[VMX_RBX] = UINT64_MAX;
    struct vmx_outcome o = STEP(&m, MOV_CR2_RBX);
    CU_ASSERT(is_done(&o) && m.cpu.state.cr2 == UINT64_MAX);
    o = STEP(&m, MOV_RSP_CR3);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RSP], VALID_GUEST_CR3);
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_IP);
}

static void clts_clears_what_the_guest_owns(void)
{
    for (unsigned owned = 0; owned < 2; owned++) {
        start(VALID_LONG, 0, 0);
        m.cpu.state.cr0 |= VMX_CR0_TS;
        m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = owned != 0 ? VMX_CR0_TS : 0;
        const struct vmx_outcome o = STEP(&m, CLTS);
        CU_ASSERT(is_done(&o));
        CU_ASSERT_EQUAL((m.cpu.state.cr0 & VMX_CR0_TS) != 0, owned != 0);
    }
}

static void lmsw_loads_four_bits_and_never_clears_pe(void)
{
    start(VALID_LONG, 0, 0);
    const uint64_t before = m.cpu.state.cr0;
    m.cpu.state.gpr[VMX_RBX] = 0xfffe;
    struct vmx_outcome o = STEP(&m, LMSW_BX);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.cr0, before | 0xe);
    m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = 4;
    m.cpu.state.gpr[VMX_RBX] = 0;
    o = STEP(&m, LMSW_BX);
    CU_ASSERT_EQUAL(m.cpu.state.cr0, before | 4);
}

static void smsw_shows_the_visible_cr0(void)
{
    start(VALID_LONG, 0, 0);
    m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = 0xf0000;
    m.vmcs.field[VMCS_CR0_READ_SHADOW] = 0xa0000;
    const uint64_t seen = (m.cpu.state.cr0 & ~UINT64_C(0xf0000)) | 0xa0000;
    static const struct {
        const char *bytes;
        unsigned size;
        uint64_t mask, kept;
    } rows[] = {{SMSW_CX, 4, 0xffff, ~UINT64_C(0xffff)}, {SMSW_ECX, 3, UINT32_MAX, 0}, {SMSW_RCX, 4, UINT64_MAX, 0}};
    for (unsigned k = 0; k < 3; k++) {
        m.cpu.state.gpr[VMX_RCX] = UINT64_MAX;
        const struct vmx_outcome o = step_bytes(&m, rows[k].bytes, rows[k].size);
        CU_ASSERT(is_done(&o));
        CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], (seen & rows[k].mask) | rows[k].kept);
    }
    m.cpu.state.gpr[VMX_RBX] = RUNNING_FREE;
    m.memory[RUNNING_FREE + 2] = 0x77;
    struct vmx_outcome o = STEP(&m, SMSW_RBX_MEMORY);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL((unsigned)(m.memory[RUNNING_FREE] | m.memory[RUNNING_FREE + 1] << 8), seen & 0xffff);
    CU_ASSERT_EQUAL(m.memory[RUNNING_FREE + 2], 0x77);
    m.cpu.state.gpr[VMX_RBX] = 0x40000000;
    o = STEP(&m, SMSW_RBX_MEMORY);
    CU_ASSERT(is_fault(&o, VMX_PF));
}

static void debug_registers_have_fixed_bits(void)
{
    start(VALID_LONG, 0, 0);
    m.caps.rtm = false;
    m.cpu.state.gpr[VMX_RBX] = UINT32_MAX;
    struct vmx_outcome o = STEP(&m, MOV_DR("\xf3")); /* DR6 */
    CU_ASSERT(is_done(&o) && o.changed == (VMX_GROUP_IP | VMX_GROUP_DEBUG));
    CU_ASSERT_EQUAL(m.cpu.state.dr[6], 0xffffefff);
    m.cpu.state.gpr[VMX_RBX] = 0;
    o = STEP(&m, MOV_DR("\xe3")); /* DR4 is DR6 */
    CU_ASSERT_EQUAL(m.cpu.state.dr[6], 0xffff0ff0);
    o = STEP(&m, MOV_RCX_DR6);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], 0xffff0ff0);
    m.cpu.state.gpr[VMX_RBX] = UINT32_MAX & ~VMX_DR7_GD;
    o = STEP(&m, MOV_DR("\xfb")); /* DR7 */
    CU_ASSERT_EQUAL(m.cpu.state.dr[7], 0xffff07ff & ~0x800u);
    o = STEP(&m, MOV_RCX_DR5);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], m.cpu.state.dr[7]);
    m.cpu.state.gpr[VMX_RBX] = UINT64_C(1) << 32;
    o = STEP(&m, MOV_DR("\xfb"));
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = STEP(&m, MOV_DR("\xf3"));
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.gpr[VMX_RBX] = UINT64_C(1) << 62; /* breakpoint addresses may be anything */
    o = STEP(&m, MOV_DR("\xdb"));
    CU_ASSERT(is_done(&o) && m.cpu.state.dr[3] == UINT64_C(1) << 62);
}

SUITE("vmx-model/execute_cr", {"cr0_must_be_consistent", cr0_must_be_consistent},
      {"host_owned_bits_keep_their_value", host_owned_bits_keep_their_value}, {"paging_switches_ia32e_mode", paging_switches_ia32e_mode},
      {"pae_paging_loads_pdptes", pae_paging_loads_pdptes}, {"cr3_has_reserved_bits_and_the_pcid_hint", cr3_has_reserved_bits_and_the_pcid_hint},
      {"cr4_must_be_supported_and_consistent", cr4_must_be_supported_and_consistent},
      {"cr8_goes_to_the_tpr_or_its_shadow", cr8_goes_to_the_tpr_or_its_shadow}, {"cr2_and_stores", cr2_and_stores},
      {"clts_clears_what_the_guest_owns", clts_clears_what_the_guest_owns},
      {"lmsw_loads_four_bits_and_never_clears_pe", lmsw_loads_four_bits_and_never_clears_pe},
      {"smsw_shows_the_visible_cr0", smsw_shows_the_visible_cr0}, {"debug_registers_have_fixed_bits", debug_registers_have_fixed_bits})
