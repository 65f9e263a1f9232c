/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest paging: every mode, every bit of the page-fault error code, reserved bits, permissions, flags; moving bytes. */
#include <stdio.h>

#include "guest_memory.h"
#include "tests/support/suite.h"

enum { LINEAR = 0x400000, PAGE = 0x5000 };
#define READ VMX_ACCESS_READ
#define WRITE VMX_ACCESS_WRITE
#define FETCH VMX_ACCESS_FETCH
#define XD (UINT64_C(1) << 63)
#define NONE UINT32_MAX /* no fault */

static void expect(const struct vmx_translation *t, uint32_t error_code, const char *what)
{
    const uint32_t got = t->kind == VMX_TRANSLATION_FAULT && t->event.vector == VMX_PF ? t->event.error_code : NONE;
    if (got != error_code || (error_code == NONE && t->kind != VMX_TRANSLATED))
        printf("\n%s: error code %x, not %x (kind %d)", what, got, error_code, (int)t->kind);
    CU_ASSERT_EQUAL(got, error_code);
    if (error_code == NONE) {
        CU_ASSERT_EQUAL(t->kind, VMX_TRANSLATED);
        return;
    }
    CU_ASSERT(t->event.has_error_code && t->event.type == VMX_EVENT_HARDWARE_EXCEPTION);
}

static void without_paging_linear_is_physical(void)
{
    reset_64bit();
    g.cpu.state.cr0 = VMX_CR0_PE;
    g.cpu.state.efer = 0;
    struct vmx_translation t = translate(0x12345678, WRITE, true);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.host == 0x12345678 && t.read && t.write && t.fetch && !t.global);
    t = translate(UINT64_C(0x100001000), READ, false); /* 32 bits */
    CU_ASSERT_EQUAL(t.guest, 0x1000);
}

static void four_levels_map_4k_2m_and_1g(void)
{
    reset_64bit();
    const gva_t high = UINT64_C(0xffff800000000000);
    guest_map(high | 0x3000, 0x7000, PTE_P | PTE_W);
    struct vmx_translation t = translate(high | 0x3abc, READ, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.guest == 0x7abc && t.page_size == 4096);
    set_ram64(guest_entry(LINEAR, 2), 0x40000000 | PTE_P | PTE_W | PTE_PS);
    t = translate(LINEAR + 0x12345, READ, false);
    CU_ASSERT(t.guest == 0x40012345 && t.page_size == 2 << 20);
    set_ram64(guest_entry(UINT64_C(0x8000000000), 3), UINT64_C(0x80000000) | PTE_P | PTE_W | PTE_PS);
    t = translate(UINT64_C(0x8012345678), READ, false);
    CU_ASSERT(t.guest == UINT64_C(0x92345678) && t.page_size == 1 << 30);
}

static void five_levels_map_57_bits(void)
{
    reset_64bit();
    g.cpu.state.cr4 |= VMX_CR4_LA57;
    const gva_t linear = UINT64_C(0xff12345678900000);
    guest_map(linear, PAGE, PTE_P | PTE_W);
    const struct vmx_translation t = translate(linear | 0xfff, READ, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.guest == (PAGE | 0xfff));
}

static void begin_32bit(void)
{
    reset_64bit();
    g.cpu.state.efer = VMX_EFER_NXE;
    g.cpu.state.cr4 = VMX_CR4_PSE | VMX_CR4_PGE;
    set_ram32(GUEST_CR3 + 4, 0x101000 | PTE_P | PTE_W | PTE_U); /* LINEAR's 4 MBytes */
    set_ram32(0x101000, PAGE | PTE_P | PTE_W | PTE_U | PTE_G);
}

static void paging_with_32_bits_maps_4k_and_4m(void)
{
    begin_32bit();
    struct vmx_translation t = translate(LINEAR + 8, WRITE, true);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.guest == PAGE + 8 && t.page_size == 4096 && t.global && t.write);
    set_ram32(GUEST_CR3 + 8, 0x00800000 | PTE_P | PTE_W | PTE_PS | 0x2a << 13); /* PSE-36 */
    t = translate(0x00912345, READ, false);
    CU_ASSERT(t.guest == UINT64_C(0x2a00912345) && t.page_size == 4 << 20);
    set_ram32(GUEST_CR3 + 8, 0x00800000 | PTE_P | PTE_W | PTE_PS | 1 << 21);
    t = translate(0x00912345, READ, false);
    expect(&t, 0x9, "bit 21 is reserved");
    set_ram32(GUEST_CR3 + 8, 0x00800000 | PTE_P | PTE_W | PTE_PS | 1 << 20);
    g.caps.physical_bits = 39;
    t = translate(0x00912345, READ, false);
    expect(&t, 0x9, "address bit 39 beyond MAXPHYADDR");
    g.cpu.state.cr4 = 0; /* without PSE the bit is ignored and the entry names a table */
    set_ram32(GUEST_CR3 + 8, 0x101000 | PTE_P | PTE_W | PTE_PS);
    t = translate(0x00800000, READ, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.guest == PAGE);
}

static void begin_pae(void)
{
    reset_64bit();
    g.cpu.state.efer = VMX_EFER_NXE;
    g.cpu.state.cr4 = VMX_CR4_PAE;
    g.cpu.state.pdpte[0] = 0x101000 | PTE_P;
    g.cpu.state.pdpte[3] = 0x101000 | PTE_P;
    set_ram64(0x101000 + 2 * 8, 0x102000 | PTE_P | PTE_W | PTE_U);
    set_ram64(0x101000 + 3 * 8, 0x40000000 | PTE_P | PTE_W | PTE_PS);
    set_ram64(0x102000, PAGE | PTE_P | PTE_W | PTE_U);
}

static void pae_uses_the_loaded_pdptes(void)
{
    begin_pae();
    struct vmx_translation t = translate(LINEAR, READ, true);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.guest == PAGE);
    t = translate(0xc0600123, READ, false);
    CU_ASSERT(t.guest == 0x40000123 && t.page_size == 2 << 20);
    t = translate(0x40000000, READ, true); /* PDPTE 1 is not present */
    expect(&t, 4, "PDPTE not present");
    CU_ASSERT_EQUAL(t.event.payload, 0x40000000);
}

static void every_error_code_bit_is_set_by_its_cause(void)
{
    const uint64_t smep = VMX_CR4_SMEP, smap = VMX_CR4_SMAP, all = PTE_P | PTE_W | PTE_U, wp = VMX_CR0_WP;
    const struct {
        const char *what;
        uint64_t entry; /* of the page; 0: not present */
        enum vmx_access_kind kind;
        bool user;
        uint64_t cr4_on, cr0_off;
        uint32_t code;
    } rows[] = {
        {"not present, read", 0, READ, false, 0, 0, 0x0},
        {"not present, write", 0, WRITE, false, 0, 0, 0x2},
        {"not present, user", 0, READ, true, 0, 0, 0x4},
        {"not present, user write", 0, WRITE, true, 0, 0, 0x6},
        {"not present, fetch", 0, FETCH, false, 0, 0, 0x10},
        {"not present, user fetch", 0, FETCH, true, 0, 0, 0x14},
        {"user reads supervisor page", PTE_P | PTE_W, READ, true, 0, 0, 0x5},
        {"user writes supervisor page", PTE_P | PTE_W, WRITE, true, 0, 0, 0x7},
        {"user fetches from supervisor page", PTE_P | PTE_W, FETCH, true, 0, 0, 0x15},
        {"user writes read-only page", PTE_P | PTE_U, WRITE, true, 0, 0, 0x7},
        {"user writes read-only page, WP off", PTE_P | PTE_U, WRITE, true, 0, wp, 0x7},
        {"supervisor writes read-only page", PTE_P, WRITE, false, 0, 0, 0x3},
        {"supervisor writes read-only page, WP off", PTE_P, WRITE, false, 0, wp, NONE},
        {"supervisor writes read-only user page, WP off", PTE_P | PTE_U, WRITE, false, 0, wp, NONE},
        {"execute-disabled", PTE_P | PTE_W | XD, FETCH, false, 0, 0, 0x11},
        {"execute-disabled, user", all | XD, FETCH, true, 0, 0, 0x15},
        {"execute-disabled, read", all | XD, READ, true, 0, 0, NONE},
        {"SMEP", all, FETCH, false, smep, 0, 0x11},
        {"SMEP, user fetches", all, FETCH, true, smep, 0, NONE},
        {"SMEP off", all, FETCH, false, 0, 0, NONE},
        {"SMAP, read", all, READ, false, smap, 0, 0x1},
        {"SMAP, write", all, WRITE, false, smap, 0, 0x3},
        {"SMAP, write, WP off", all, WRITE, false, smap, wp, 0x3},
        {"SMAP, user", all, WRITE, true, smap, 0, NONE},
        {"SMAP, fetch", all, FETCH, false, smap, 0, NONE},
        {"SMAP, supervisor page", PTE_P | PTE_W, WRITE, false, smap, 0, NONE},
        {"reserved address bit", all | UINT64_C(1) << 46, READ, false, 0, 0, 0x9},
        {"reserved address bit, user write", all | UINT64_C(1) << 51, WRITE, true, 0, 0, 0xf},
        {"reserved before permission", PTE_P | UINT64_C(1) << 46, FETCH, true, 0, 0, 0x1d},
        {"bits 62:52 are ignored", all | UINT64_C(0x7ff) << 52, READ, true, 0, 0, NONE},
        {"allowed", all, WRITE, true, 0, 0, NONE},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reset_64bit();
        guest_map(LINEAR, PAGE, 0);
        set_ram64(guest_entry(LINEAR, 1), rows[i].entry == 0 ? 0 : PAGE | rows[i].entry);
        g.cpu.state.cr4 |= rows[i].cr4_on;
        g.cpu.state.cr0 &= ~rows[i].cr0_off;
        set_cpl(rows[i].user ? 3 : 0);
        const struct vmx_translation t = translate(LINEAR | 0x10, rows[i].kind, rows[i].user);
        expect(&t, rows[i].code, rows[i].what);
        if (rows[i].code != NONE)
            CU_ASSERT_EQUAL(t.event.payload, LINEAR | 0x10);
    }
}

static void fetch_bit_needs_nxe_or_smep(void)
{
    reset_64bit();
    g.cpu.state.efer &= ~VMX_EFER_NXE;
    struct vmx_translation t = translate(LINEAR, FETCH, false);
    expect(&t, 0, "neither");
    g.cpu.state.cr4 |= VMX_CR4_SMEP;
    t = translate(LINEAR, FETCH, false);
    expect(&t, 0x10, "SMEP");
    begin_32bit(); /* NXE without PAE */
    t = translate(0x10000000, FETCH, false);
    expect(&t, 0, "32-bit paging");
}

static void smap_yields_to_ac_for_explicit_accesses_only(void)
{
    reset_64bit();
    guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U);
    g.cpu.state.cr4 |= VMX_CR4_SMAP;
    g.cpu.state.rflags |= VMX_RFLAGS_AC;
    struct vmx_translation t = translate(LINEAR, WRITE, false);
    expect(&t, NONE, "AC");
    set_cpl(3); /* a supervisor access at CPL 3 is implicit */
    t = translate(LINEAR, WRITE, false);
    expect(&t, 0x3, "implicit");
    set_cpl(0);
    uint64_t value;
    CU_ASSERT_FALSE(vmx_read_system(&g.cpu, LINEAR, &value, 8, &t));
    expect(&t, 0x1, "system access");
}

static void protection_keys_forbid_and_set_bit_5(void)
{
    static const struct {
        const char *what;
        uint32_t rights; /* of key 5: 1 access disabled, 2 write disabled */
        enum vmx_access_kind kind;
        bool user, user_page, wp;
        uint32_t code;
    } rows[] = {
        {"access disabled, user read", 1, VMX_ACCESS_READ, true, true, true, 0x25},
        {"access disabled, supervisor read", 1, VMX_ACCESS_READ, false, true, true, 0x21},
        {"access disabled, fetch", 1, VMX_ACCESS_FETCH, true, true, true, NONE},
        {"write disabled, read", 2, VMX_ACCESS_READ, true, true, true, NONE},
        {"write disabled, user write", 2, VMX_ACCESS_WRITE, true, true, false, 0x27},
        {"write disabled, supervisor write", 2, VMX_ACCESS_WRITE, false, true, true, 0x23},
        {"write disabled, supervisor write, WP off", 2, VMX_ACCESS_WRITE, false, true, false, NONE},
        {"supervisor page, PKS access disabled", 1, VMX_ACCESS_READ, false, false, true, 0x21},
        {"supervisor page, PKS write disabled", 2, VMX_ACCESS_WRITE, false, false, true, 0x23},
        {"supervisor page, PKS write disabled, WP off", 2, VMX_ACCESS_WRITE, false, false, false, NONE},
        {"supervisor page, user", 1, VMX_ACCESS_READ, true, false, true, 0x5},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reset_64bit();
        guest_map(LINEAR, PAGE, PTE_P | PTE_W | (rows[i].user_page ? PTE_U : 0) | UINT64_C(5) << 59);
        g.cpu.state.cr4 |= rows[i].user_page ? VMX_CR4_PKE : VMX_CR4_PKS;
        g.cpu.state.pkru = rows[i].user_page ? rows[i].rights << 10 : 0;
        g.cpu.state.pkrs = rows[i].user_page ? 0 : (uint64_t)rows[i].rights << 10;
        if (!rows[i].wp)
            g.cpu.state.cr0 &= ~VMX_CR0_WP;
        set_cpl(rows[i].user ? 3 : 0);
        const struct vmx_translation t = translate(LINEAR, rows[i].kind, rows[i].user);
        expect(&t, rows[i].code, rows[i].what);
    }
    reset_64bit(); /* keys mean nothing while CR4.PKE = 0 */
    guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U | UINT64_C(5) << 59);
    g.cpu.state.pkru = UINT32_MAX;
    const struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, true);
    expect(&t, NONE, "PKE off");
}

static void permissions_are_those_of_all_levels(void)
{
    for (unsigned level = 1; level <= 4; level++) {
        reset_64bit();
        guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U);
        const gpa_t at = guest_entry(LINEAR, level);
        const uint64_t entry = ram64(at);
        set_cpl(3);
        set_ram64(at, entry & ~(uint64_t)PTE_W);
        struct vmx_translation t = translate(LINEAR, WRITE, true);
        expect(&t, 0x7, "R/W");
        set_ram64(at, entry & ~(uint64_t)PTE_U);
        t = translate(LINEAR, READ, true);
        expect(&t, 0x5, "U/S");
        set_ram64(at, entry | XD);
        t = translate(LINEAR, FETCH, true);
        expect(&t, 0x15, "XD");
        set_ram64(at, entry & ~(uint64_t)PTE_P);
        t = translate(LINEAR, READ, true);
        expect(&t, 0x4, "P");
    }
}

static void reserved_bits_of_every_format_fault(void)
{
    const uint64_t flags = PTE_P | PTE_W | PTE_U;
    const struct {
        const char *what;
        unsigned level;
        uint64_t bits, efer_off;
        bool page_1g, bad;
    } rows[] = {
        {"PML4E bit 7", 4, PTE_PS, 0, true, true},
        {"PML4E address", 4, UINT64_C(1) << 46, 0, true, true},
        {"PDPTE address", 3, UINT64_C(1) << 51, 0, true, true},
        {"PDPTE 1 GByte", 3, PTE_PS, 0, true, false},
        {"PDPTE 1 GByte, no such pages", 3, PTE_PS, 0, false, true},
        {"PDPTE 1 GByte, bit 13", 3, PTE_PS | 1 << 13, 0, true, true},
        {"PDPTE 1 GByte, bit 29", 3, PTE_PS | 1 << 29, 0, true, true},
        {"PDPTE 1 GByte, PAT", 3, PTE_PS | 1 << 12, 0, true, false},
        {"PDE address", 2, UINT64_C(1) << 47, 0, true, true},
        {"PDE 2 MBytes, bit 13", 2, PTE_PS | 1 << 13, 0, true, true},
        {"PDE 2 MBytes, bit 20", 2, PTE_PS | 1 << 20, 0, true, true},
        {"PDE 2 MBytes, PAT", 2, PTE_PS | 1 << 12, 0, true, false},
        {"PTE address", 1, UINT64_C(1) << 46, 0, true, true},
        {"PTE PAT", 1, PTE_PS, 0, true, false},
        {"XD without NXE, PTE", 1, XD, VMX_EFER_NXE, true, true},
        {"XD without NXE, PML4E", 4, XD, VMX_EFER_NXE, true, true},
        {"XD with NXE", 1, XD, 0, true, false},
    };
    static const struct vmx_cpuid_entry no_1g[] = {{0, 0, 1, 0, 0, 0}, {0x80000000, 0, 0x80000001, 0, 0, 0}, {0x80000001, 0, 0, 0, 0, 0}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reset_64bit();
        g.caps.cpuid = rows[i].page_1g ? guest_cpuid : no_1g;
        g.cpu.state.efer &= ~rows[i].efer_off;
        guest_map(LINEAR, PAGE, flags);
        const gpa_t at = guest_entry(LINEAR, rows[i].level);
        const bool large = (rows[i].bits & PTE_PS) != 0 && rows[i].level > 1;
        set_ram64(at, (large ? flags : ram64(at)) | rows[i].bits);
        set_cpl(3);
        const struct vmx_translation t = translate(LINEAR, READ, true);
        expect(&t, rows[i].bad ? 0xd : NONE, rows[i].what);
    }
}

static void reserved_bits_of_pae_fault(void)
{
    static const struct {
        const char *what;
        hpa_t at;
        uint64_t bits;
        gva_t linear;
    } rows[] = {
        {"PTE bit 46", 0x102000, UINT64_C(1) << 46, LINEAR},
        {"PTE bit 62", 0x102000, UINT64_C(1) << 62, LINEAR},
        {"PDE bit 52", 0x101010, UINT64_C(1) << 52, LINEAR},
        {"PDE 2 MBytes, bit 13", 0x101018, 1 << 13, 0x600000},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin_pae();
        set_ram64(rows[i].at, ram64(rows[i].at) | rows[i].bits);
        const struct vmx_translation t = translate(rows[i].linear, READ, false);
        expect(&t, 0x9, rows[i].what);
    }
}

static void loading_pdptes_checks_reserved_bits(void)
{
    static const struct {
        uint64_t entry;
        bool good;
    } rows[] = {
        {0x1001, true},
        {0x1019, true},
        {0x1003, false},
        {0x1005, false},
        {0x1021, false},
        {0x1101, false},
        {UINT64_C(1) << 46 | 1, false},
        {UINT64_C(1) << 63 | 1, false},
        {UINT64_C(1) << 63, true},
        {0xe01, true},
    };
    reset_64bit();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t pdpte[4] = {7, 7, 7, 7};
        struct vmx_translation t;
        set_ram64(0x6028, rows[i].entry);
        CU_ASSERT_EQUAL(vmx_load_pdptes(&g.cpu, 0x603f, pdpte, &t), rows[i].good); /* bits 4:0 of CR3 do not count */
        CU_ASSERT_EQUAL(t.kind, VMX_TRANSLATED);
        CU_ASSERT_EQUAL(pdpte[1], rows[i].good ? rows[i].entry : 7);
    }
}

static void flags_are_set_by_accesses_that_succeed(void)
{
    reset_64bit();
    guest_map(LINEAR, PAGE, PTE_P | PTE_U);
    struct vmx_translation t = translate(LINEAR, WRITE, false);
    expect(&t, 0x3, "refused");
    CU_ASSERT_EQUAL(ram64(guest_entry(LINEAR, 1)) & (PTE_A | PTE_D), 0);
    CU_ASSERT_EQUAL(ram64(guest_entry(LINEAR, 4)) & PTE_A, 0);
    guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U);
    t = translate(LINEAR, READ, false);
    CU_ASSERT(t.read && t.fetch && !t.write); /* the dirty flag is to be set by a walk */
    CU_ASSERT_EQUAL(ram64(guest_entry(LINEAR, 1)) & (PTE_A | PTE_D), PTE_A);
    for (unsigned level = 2; level <= 4; level++)
        CU_ASSERT_EQUAL(ram64(guest_entry(LINEAR, level)) & (PTE_A | PTE_D), PTE_A);
    t = translate(LINEAR, WRITE, false);
    CU_ASSERT(t.write);
    CU_ASSERT_EQUAL(ram64(guest_entry(LINEAR, 1)) & (PTE_A | PTE_D), PTE_A | PTE_D);
    t = translate(LINEAR, READ, false);
    CU_ASSERT(t.write);
}

static void further_accesses_follow_privilege(void)
{
    reset_64bit();
    guest_map(LINEAR, PAGE, PTE_P | PTE_U | PTE_D | XD);
    g.cpu.state.cr0 &= ~VMX_CR0_WP;
    struct vmx_translation t = translate(LINEAR, READ, false);
    CU_ASSERT(t.read && t.write && !t.fetch);
    t = translate(LINEAR, READ, true);
    CU_ASSERT(t.read && !t.write && !t.fetch);
    guest_map(LINEAR, PAGE, PTE_P | PTE_U | PTE_W | PTE_D);
    g.cpu.state.cr4 |= VMX_CR4_SMEP | VMX_CR4_SMAP;
    g.cpu.state.rflags |= VMX_RFLAGS_AC;
    t = translate(LINEAR, READ, false);
    CU_ASSERT(t.read && t.write && !t.fetch);
}

static void global_needs_pge(void)
{
    reset_64bit();
    guest_map(LINEAR, PAGE, PTE_P | PTE_G);
    struct vmx_translation t = translate(LINEAR, READ, false);
    CU_ASSERT(t.global);
    g.cpu.state.cr4 &= ~VMX_CR4_PGE;
    t = translate(LINEAR, READ, false);
    CU_ASSERT_FALSE(t.global);
}

static void addresses_beyond_the_width_are_not_canonical(void)
{
    static const struct {
        uint64_t address;
        unsigned width;
        bool canonical;
    } rows[] = {
        {UINT64_C(0x00007fffffffffff), 48, true},
        {UINT64_C(0x0000800000000000), 48, false},
        {UINT64_C(0xffff7fffffffffff), 48, false},
        {UINT64_C(0xffff800000000000), 48, true},
        {UINT64_C(0x0000800000000000), 57, true},
        {UINT64_C(0x0100000000000000), 57, false},
        {UINT64_C(0xff00000000000000), 57, true},
        {0, 48, true},
        {UINT64_MAX, 57, true},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(vmx_is_canonical(rows[i].address, rows[i].width), rows[i].canonical);
        reset_64bit();
        g.cpu.state.cr4 |= rows[i].width == 57 ? VMX_CR4_LA57 : 0;
        const struct vmx_translation t = translate(rows[i].address, READ, false);
        CU_ASSERT_EQUAL(t.kind, VMX_TRANSLATION_FAULT);
        CU_ASSERT_EQUAL(t.event.vector, rows[i].canonical ? VMX_PF : VMX_GP);
        CU_ASSERT(t.event.has_error_code && t.event.error_code == 0);
    }
}

static void structures_outside_memory_read_as_ones(void)
{
    reset_64bit();
    g.cpu.state.cr3 = 0x10000000;
    const struct vmx_translation t = translate(LINEAR, READ, false);
    expect(&t, 0x9, "no memory");
}

/* The same walks where the structures may be read without a call. */
static bool refuses(void *context, hpa_t address, void *buffer, uint32_t size)
{
    (void)context, (void)address, (void)buffer, (void)size;
    return false;
}

static void structures_are_read_directly_where_they_may_be(void)
{
    reset_64bit();
    guest_map(LINEAR, PAGE, 3);
    const struct vmx_translation called = translate(LINEAR, READ, false);
    g.cpu.memory.read = refuses;
    g.cpu.memory.bytes = g.ram;
    g.cpu.memory.byte_count = sizeof g.ram;
    const struct vmx_translation direct = translate(LINEAR, READ, false);
    CU_ASSERT(called.kind == VMX_TRANSLATED && direct.kind == VMX_TRANSLATED && direct.host == called.host);
    g.cpu.memory.byte_count = GUEST_CR3 + 7; /* the entry is not all within */
    const struct vmx_translation beyond = translate(LINEAR, READ, false);
    CU_ASSERT_NOT_EQUAL(beyond.kind, VMX_TRANSLATED);
}

/* Entries, and what they lead to; in VMX operation nothing is masked, and what a large page covers is no longer one piece. */
static void a20m_masks_bit_20_of_all_addresses(void)
{
    enum { BIT_20 = 1 << 20, MASKED = PAGE, UNMASKED = PAGE | BIT_20 };
    reset_64bit();
    guest_map(LINEAR, UNMASKED, PTE_P | PTE_W);
    set_ram32(MASKED + 8, 0x1234);
    set_ram32(UNMASKED + 8, 0x5678);
    memcpy(g.ram, g.ram + BIT_20, UNMASKED - BIT_20); /* the tables, which stand from 1 MByte on; what they lead to stays */
    CU_ASSERT_EQUAL(translate(LINEAR, READ, false).host, UNMASKED);
    g.cpu.a20_masked = true;
    g.cpu.operation = VMX_OPERATION_OFF;
    const hpa_t entry = guest_entry(LINEAR, 1);
    uint32_t word = 0;
    struct vmx_translation t = translate(LINEAR, WRITE, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.host == MASKED && t.guest == UNMASKED);
    CU_ASSERT_EQUAL(ram64(entry) & PTE_D, 0);
    CU_ASSERT_EQUAL(ram64(entry - BIT_20) & PTE_D, PTE_D);
    CU_ASSERT(vmx_read_linear(&g.cpu, LINEAR + 8, &word, sizeof word, READ, false, &t));
    CU_ASSERT_EQUAL(word, 0x1234);
    g.cpu.operation = VMX_OPERATION_ROOT;
    CU_ASSERT(vmx_read_linear(&g.cpu, LINEAR + 8, &word, sizeof word, READ, false, &t));
    CU_ASSERT_EQUAL(word, 0x5678);
    g.cpu.operation = VMX_OPERATION_OFF;
    g.cpu.state.cr0 = VMX_CR0_PE;
    g.cpu.state.efer = 0;
    g.cpu.state.cr4 = VMX_CR4_PSE;
    g.cpu.state.cr3 = GUEST_CR3;
    set_ram32(GUEST_CR3 - BIT_20, 0x800000 | PTE_P | PTE_PS);
    g.cpu.state.cr0 |= VMX_CR0_PG;
    t = translate(0x300010, READ, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.host == 0xa00010 && t.page_size == BIT_20);
}

static void bytes_move_across_pages(void)
{
    uint8_t out[16], in[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct vmx_translation t;
    reset_64bit();
    guest_map(LINEAR, 0x5000, PTE_P | PTE_W);
    guest_map(LINEAR + 0x1000, 0x9000, PTE_P | PTE_W);
    CU_ASSERT(vmx_write_linear(&g.cpu, LINEAR + 0xff8, in, 16, false, &t));
    CU_ASSERT(memcmp(g.ram + 0x5ff8, in, 8) == 0 && memcmp(g.ram + 0x9000, in + 8, 8) == 0);
    CU_ASSERT(vmx_read_linear(&g.cpu, LINEAR + 0xff8, out, 16, VMX_ACCESS_READ, false, &t));
    CU_ASSERT(memcmp(in, out, 16) == 0 && !t.no_memory);
}

static void writes_check_both_pages_first(void)
{
    const uint64_t value = UINT64_MAX;
    struct vmx_translation t;
    reset_64bit();
    guest_map(LINEAR, 0x5000, PTE_P | PTE_W);
    CU_ASSERT_FALSE(vmx_write_linear(&g.cpu, LINEAR + 0xffc, &value, 8, false, &t));
    expect(&t, 0x2, "second page");
    CU_ASSERT_EQUAL(t.event.payload, LINEAR + 0x1000);
    CU_ASSERT_EQUAL(ram64(0x5ff8), 0);
}

static void bytes_wrap_at_4g_outside_ia32e_mode(void)
{
    uint32_t value = 0;
    struct vmx_translation t;
    reset_64bit();
    g.cpu.state.cr0 = VMX_CR0_PE;
    g.cpu.state.efer = 0;
    set_ram32(0, 0x11223344);
    CU_ASSERT(vmx_read_linear(&g.cpu, 0xfffffffe, &value, 4, VMX_ACCESS_READ, false, &t));
    CU_ASSERT_EQUAL(value, 0x3344ffff);
    CU_ASSERT(t.no_memory);
}

SUITE("vmx-model/walk", {"a20m_masks_bit_20_of_all_addresses", a20m_masks_bit_20_of_all_addresses},
      {"without_paging_linear_is_physical", without_paging_linear_is_physical}, {"four_levels_map_4k_2m_and_1g", four_levels_map_4k_2m_and_1g},
      {"five_levels_map_57_bits", five_levels_map_57_bits}, {"paging_with_32_bits_maps_4k_and_4m", paging_with_32_bits_maps_4k_and_4m},
      {"pae_uses_the_loaded_pdptes", pae_uses_the_loaded_pdptes},
      {"every_error_code_bit_is_set_by_its_cause", every_error_code_bit_is_set_by_its_cause},
      {"fetch_bit_needs_nxe_or_smep", fetch_bit_needs_nxe_or_smep},
      {"smap_yields_to_ac_for_explicit_accesses_only", smap_yields_to_ac_for_explicit_accesses_only},
      {"protection_keys_forbid_and_set_bit_5", protection_keys_forbid_and_set_bit_5},
      {"permissions_are_those_of_all_levels", permissions_are_those_of_all_levels},
      {"reserved_bits_of_every_format_fault", reserved_bits_of_every_format_fault}, {"reserved_bits_of_pae_fault", reserved_bits_of_pae_fault},
      {"loading_pdptes_checks_reserved_bits", loading_pdptes_checks_reserved_bits},
      {"flags_are_set_by_accesses_that_succeed", flags_are_set_by_accesses_that_succeed},
      {"further_accesses_follow_privilege", further_accesses_follow_privilege}, {"global_needs_pge", global_needs_pge},
      {"addresses_beyond_the_width_are_not_canonical", addresses_beyond_the_width_are_not_canonical},
      {"structures_outside_memory_read_as_ones", structures_outside_memory_read_as_ones},
      {"structures_are_read_directly_where_they_may_be", structures_are_read_directly_where_they_may_be},
      {"bytes_move_across_pages", bytes_move_across_pages}, {"writes_check_both_pages_first", writes_check_both_pages_first},
      {"bytes_wrap_at_4g_outside_ia32e_mode", bytes_wrap_at_4g_outside_ia32e_mode})
