/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest-linear addresses: the paging modes, rights, page faults, segments. */
#include "tests/support/guest.h"

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80 };
static struct hv_fault fault;

static void put64(gpa_t address, uint64_t value)
{
    guest_put(address, &value, sizeof(value));
}

static void put32(gpa_t address, uint32_t value)
{
    guest_put(address, &value, sizeof(value));
}

/* 4-level: linear 400000H to 5000H (user, writable), 401000H read-only, 402000H supervisor, 403000H not present, 404000H no-execute, 600000H a
   2-MByte page. */
static void start_long(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_IA32_EFER] |= 0x800;
    bk->field[VMCS_GUEST_CR3] = 0x1000;
    bk->field[VMCS_GUEST_CR0] |= 0x10000;
    put64(0x1000, 0x2000 | P | W | U);
    put64(0x2000, 0x3000 | P | W | U);
    put64(0x3010, 0x4000 | P | W | U);
    put64(0x3018, 0x600000 | P | W | U | PS);
    put64(0x4000, 0x5000 | P | W | U);
    put64(0x4008, 0x6000 | P | U);
    put64(0x4010, 0x7000 | P | W);
    put64(0x4020, 0x8000 | P | W | U | UINT64_C(1) << 63);
    put64(0x4028, 0x9000 | P | W | U | UINT64_C(1) << 51);
}

static bool translate(gva_t linear, enum hv_access access, bool user, gpa_t *physical)
{
    return hv_translate(vcpu, linear, access, user, physical, &fault);
}

static void four_level_paging_translates(void)
{
    gpa_t physical;
    start_long();
    CU_ASSERT_TRUE(translate(0x400123, HV_ACCESS_READ, true, &physical));
    CU_ASSERT_EQUAL(physical, 0x5123);
    CU_ASSERT_EQUAL(guest_get(0x4000, 8), 0x5000 | P | W | U | A);
    CU_ASSERT_TRUE(translate(0x400123, HV_ACCESS_WRITE, true, &physical));
    CU_ASSERT_EQUAL(guest_get(0x4000, 8), 0x5000 | P | W | U | A | D);
    CU_ASSERT_TRUE(translate(0x612345, HV_ACCESS_WRITE, false, &physical));
    CU_ASSERT_EQUAL(physical, 0x612345);
    CU_ASSERT_EQUAL(guest_get(0x3018, 8) & (A | D), A | D);
}

static void rights_give_page_faults(void)
{
    static const struct {
        gva_t linear;
        enum hv_access access;
        bool user;
        uint32_t error; /* UINT32_MAX: allowed */
    } rows[] = {{0x401000, HV_ACCESS_WRITE, true, 7},
                {0x401000, HV_ACCESS_WRITE, false, 3},
                {0x401000, HV_ACCESS_READ, true, UINT32_MAX},
                {0x402000, HV_ACCESS_READ, true, 5},
                {0x402000, HV_ACCESS_WRITE, false, UINT32_MAX},
                {0x403000, HV_ACCESS_READ, false, 0},
                {0x403000, HV_ACCESS_WRITE, true, 6},
                {0x404000, HV_ACCESS_FETCH, true, 0x15},
                {0x404000, HV_ACCESS_READ, true, UINT32_MAX},
                {0x405000, HV_ACCESS_READ, false, 9},
                {0x800000, HV_ACCESS_READ, false, 0}};
    gpa_t physical;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_long();
        const bool ok = translate(rows[i].linear, rows[i].access, rows[i].user, &physical);
        CU_ASSERT_EQUAL(ok, rows[i].error == UINT32_MAX);
        if (!ok) {
            CU_ASSERT_EQUAL(fault.vector, VMX_PF);
            CU_ASSERT_EQUAL(fault.error_code, rows[i].error);
            CU_ASSERT_EQUAL(fault.address, rows[i].linear);
        }
    }
}

static void write_protect_smep_and_smap_bind_the_supervisor(void)
{
    gpa_t physical;
    start_long();
    bk->field[VMCS_GUEST_CR0] &= ~UINT64_C(0x10000);
    CU_ASSERT_TRUE(translate(0x401000, HV_ACCESS_WRITE, false, &physical));
    start_long();
    bk->field[VMCS_GUEST_CR4] |= 1u << 20;
    CU_ASSERT_FALSE(translate(0x400000, HV_ACCESS_FETCH, false, &physical));
    CU_ASSERT_EQUAL(fault.error_code, 0x11);
    bk->field[VMCS_GUEST_CR4] |= 1u << 21;
    CU_ASSERT_FALSE(translate(0x400000, HV_ACCESS_READ, false, &physical));
    bk->field[VMCS_GUEST_RFLAGS] |= 1u << 18;
    CU_ASSERT_TRUE(translate(0x400000, HV_ACCESS_READ, false, &physical));
}

static void legacy_paging_has_4_mbyte_pages(void)
{
    gpa_t physical;
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_GUEST_CR0] |= UINT64_C(0x80000000);
    bk->field[VMCS_GUEST_CR4] |= 0x10;
    bk->field[VMCS_GUEST_CR3] = 0x1000;
    put32(0x1000, 0x2000 | P | W | U);
    put32(0x1004, 0x400000 | P | W | U | PS | 3u << 13);
    put32(0x200c, 0x5000 | P | W | U);
    CU_ASSERT_TRUE(translate(0x3456, HV_ACCESS_WRITE, true, &physical));
    CU_ASSERT_EQUAL(physical, 0x5456);
    CU_ASSERT_TRUE(translate(0x7fffff, HV_ACCESS_READ, true, &physical));
    CU_ASSERT_EQUAL(physical, UINT64_C(0x3007fffff));
}

static void pae_paging_starts_from_the_vmcs(void)
{
    gpa_t physical;
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_GUEST_CR0] |= UINT64_C(0x80000000);
    bk->field[VMCS_GUEST_CR4] |= 0x20;
    bk->field[VMCS_GUEST_PDPTR3] = 0x3000 | P;
    put64(0x3000, 0x600000 | P | W | U | PS);
    CU_ASSERT_TRUE(translate(0xc0012345, HV_ACCESS_READ, false, &physical));
    CU_ASSERT_EQUAL(physical, 0x612345);
    CU_ASSERT_FALSE(translate(0x80000000, HV_ACCESS_READ, false, &physical));
}

static void a_write_checks_every_page_first(void)
{
    const uint32_t value = 0x11223344;
    start_long();
    CU_ASSERT_FALSE(hv_linear_write(vcpu, 0x402ffe, &value, 4, false, &fault));
    CU_ASSERT_EQUAL(fault.address, 0x403000);
    CU_ASSERT_EQUAL(guest_get(0x7ffe, 2), 0);
    CU_ASSERT_TRUE(hv_linear_write(vcpu, 0x400ffc, &value, 4, true, &fault));
    CU_ASSERT_EQUAL(guest_get(0x5ffc, 4), 0x11223344);
}

static void segments_check_limit_type_and_canonical_form(void)
{
    gva_t linear;
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_GUEST_DS_BASE] = 0x1000;
    bk->field[VMCS_GUEST_DS_LIMIT] = 0xfff;
    CU_ASSERT_TRUE(hv_segment_linear(vcpu, VMX_DS, 0xffc, 4, HV_ACCESS_READ, &linear, &fault));
    CU_ASSERT_EQUAL(linear, 0x1ffc);
    CU_ASSERT_FALSE(hv_segment_linear(vcpu, VMX_DS, 0xffd, 4, HV_ACCESS_READ, &linear, &fault));
    CU_ASSERT_EQUAL(fault.vector, VMX_GP);
    bk->field[VMCS_GUEST_DS_AR_BYTES] = 0x91;
    CU_ASSERT_FALSE(hv_segment_linear(vcpu, VMX_DS, 0, 4, HV_ACCESS_WRITE, &linear, &fault));
    bk->field[VMCS_GUEST_DS_AR_BYTES] = 0x4097; /* expand-down */
    CU_ASSERT_FALSE(hv_segment_linear(vcpu, VMX_DS, 0xfff, 4, HV_ACCESS_READ, &linear, &fault));
    CU_ASSERT_TRUE(hv_segment_linear(vcpu, VMX_DS, 0x1000, 4, HV_ACCESS_READ, &linear, &fault));
    bk->field[VMCS_GUEST_SS_AR_BYTES] = 0x10000;
    CU_ASSERT_FALSE(hv_segment_linear(vcpu, VMX_SS, 0, 4, HV_ACCESS_READ, &linear, &fault));
    CU_ASSERT_EQUAL(fault.vector, VMX_SS_FAULT);
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_GS_BASE] = 0x1000;
    CU_ASSERT_TRUE(hv_segment_linear(vcpu, VMX_GS, 8, 4, HV_ACCESS_READ, &linear, &fault));
    CU_ASSERT_EQUAL(linear, 0x1008);
    CU_ASSERT_FALSE(hv_segment_linear(vcpu, VMX_DS, UINT64_C(1) << 47, 4, HV_ACCESS_READ, &linear, &fault));
}

SUITE("handlers/guest_walk", {"four_level_paging_translates", four_level_paging_translates}, {"rights_give_page_faults", rights_give_page_faults},
      {"write_protect_smep_and_smap_bind_the_supervisor", write_protect_smep_and_smap_bind_the_supervisor},
      {"legacy_paging_has_4_mbyte_pages", legacy_paging_has_4_mbyte_pages}, {"pae_paging_starts_from_the_vmcs", pae_paging_starts_from_the_vmcs},
      {"a_write_checks_every_page_first", a_write_checks_every_page_first},
      {"segments_check_limit_type_and_canonical_form", segments_check_limit_type_and_canonical_form})
