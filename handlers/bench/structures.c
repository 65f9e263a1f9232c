/* SPDX-License-Identifier: MIT */
/* Pages that VMX controls point to: bitmaps and lists as the scenario says, and empty ones for controls that cannot do without.
   SDM 3C, "VM-Execution Control Fields". */
#include "../../vmx-model/registers.h"
#include "internal.h"

enum { APIC_BASE = 0xfee00000, PORTS_A_BITMAP = 0x8000, NOTIFICATION_VECTOR = 0xf2, LAST_PML_ENTRY = 511 };

static bool no_pages(struct bench_setup *setup)
{
    return bench_fail(setup->result, "the machine has no page left for VMX structures");
}

/* Sets bits `first` to `last` of a bitmap: whole bytes in pieces, what is left over one by one. */
static bool set_bits(struct bk_machine *machine, hpa_t bitmap, uint32_t first, uint32_t last)
{
    static const uint64_t ones[8] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    for (uint32_t bit = first; bit <= last;) {
        const uint32_t whole = bit % 8 == 0 ? (last + 1 - bit) / 8 : 0;
        const uint32_t bytes = whole < sizeof ones ? whole : (uint32_t)sizeof ones;
        uint8_t byte;
        if (bytes != 0) {
            if (!bk_write(machine, bitmap + bit / 8, ones, bytes))
                return false;
            bit += bytes * 8;
            continue;
        }
        if (!bk_read(machine, bitmap + bit / 8, &byte, 1))
            return false;
        byte = (uint8_t)(byte | 1u << bit % 8);
        if (!bk_write(machine, bitmap + bit / 8, &byte, 1))
            return false;
        bit++;
    }
    return true;
}

/* Bitmap A stands for ports 0 to 7FFFH, B for the rest. SDM 3C, "I/O-Bitmap Addresses". */
static bool write_io_bitmaps(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_IO_EXITS);
    struct packed_record record;
    const hpa_t a = bk_page(setup->machine), b = bk_page(setup->machine);
    if (a == 0 || b == 0)
        return no_pages(setup);
    while (bench_next_of(&reader, PACKED_IO_EXITS, &record)) {
        const uint32_t range = packed_u32(&record, 0), first = range & 0xffff, last = range >> 16;
        if (first < PORTS_A_BITMAP && !set_bits(setup->machine, a, first, last < PORTS_A_BITMAP ? last : PORTS_A_BITMAP - 1))
            return no_pages(setup);
        if (last >= PORTS_A_BITMAP && !set_bits(setup->machine, b, first < PORTS_A_BITMAP ? 0 : first - PORTS_A_BITMAP, last - PORTS_A_BITMAP))
            return no_pages(setup);
    }
    (void)bk_vmwrite(setup->vcpu, VMCS_IO_BITMAP_A, a);
    (void)bk_vmwrite(setup->vcpu, VMCS_IO_BITMAP_B, b);
    return true;
}

/* Four bitmaps of 1 KByte: read low, read high, write low, write high. SDM 3C, "MSR-Bitmap Address". */
static bool write_msr_bitmap(struct bench_setup *setup)
{
    enum { LOW_LIMIT = 0x2000, BITMAP_BITS = 8 * 1024, HIGH = BITMAP_BITS, WRITE = 2 * BITMAP_BITS };
    const uint32_t high_base = UINT32_C(0xc0000000);
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_MSR_EXITS);
    struct packed_record record;
    const hpa_t bitmap = bk_page(setup->machine);
    if (bitmap == 0)
        return no_pages(setup);
    while (bench_next_of(&reader, PACKED_MSR_EXITS, &record)) {
        const uint32_t first = packed_u32(&record, 0), last = packed_u32(&record, 4), rights = packed_u32(&record, 8);
        const uint32_t base = first < LOW_LIMIT ? 0 : high_base;
        if (first < base || last < first || last - base >= LOW_LIMIT)
            return bench_fail(setup->result, "an MSR is outside of the MSR bitmaps");
        const uint32_t from = first - base + (base != 0 ? (uint32_t)HIGH : 0), to = from + last - first;
        if (((rights & 1) != 0 && !set_bits(setup->machine, bitmap, from, to)) ||
            ((rights & 2) != 0 && !set_bits(setup->machine, bitmap, from + WRITE, to + WRITE)))
            return no_pages(setup);
    }
    (void)bk_vmwrite(setup->vcpu, VMCS_MSR_BITMAP, bitmap);
    return true;
}

/* Entries of 16 bytes: index, reserved, value. SDM 3C, "VM-Entry Controls for MSRs". */
static bool write_msr_load_list(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_MSR_LOAD);
    struct packed_record record;
    hpa_t list = 0;
    uint64_t count = 0;
    for (; bench_next_of(&reader, PACKED_MSR_LOAD, &record); count++) {
        if (count == 0)
            list = bk_page(setup->machine);
        if (list == 0 || record.size < 16 || count >= BENCH_PAGE / 16)
            return bench_fail(setup->result, "the VM-entry MSR-load list does not fit");
        if (!bk_write(setup->machine, list + count * 16, record.payload, 16))
            return no_pages(setup);
    }
    (void)bk_vmwrite(setup->vcpu, VMCS_VM_ENTRY_MSR_LOAD_ADDR, list);
    (void)bk_vmwrite(setup->vcpu, VMCS_VM_ENTRY_MSR_LOAD_COUNT, count);
    return true;
}

/* Controls that name a page: each gets an empty one. */
static bool write_pages(struct bench_setup *setup)
{
    const struct {
        enum vmx_control_word word;
        uint64_t mask;
        enum vmcs_field field;
    } pages[] = {
        {VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW, VMCS_VIRTUAL_APIC_PAGE_ADDR},
        {VMX_WORD_SECONDARY, VMX_SEC_VIRTUALIZE_APIC_ACCESSES, VMCS_APIC_ACCESS_ADDR},
        {VMX_WORD_PIN, VMX_PIN_PROCESS_POSTED_INTR, VMCS_POSTED_INTR_DESC_ADDR},
        {VMX_WORD_SECONDARY, VMX_SEC_ENABLE_PML, VMCS_PML_ADDRESS},
        {VMX_WORD_SECONDARY, VMX_SEC_EPT_VIOLATION_VE, VMCS_VE_INFORMATION_ADDRESS},
        {VMX_WORD_SECONDARY, VMX_SEC_VMCS_SHADOWING, VMCS_VMREAD_BITMAP},
        {VMX_WORD_SECONDARY, VMX_SEC_VMCS_SHADOWING, VMCS_VMWRITE_BITMAP},
        {VMX_WORD_SECONDARY, VMX_SEC_VMCS_SHADOWING, VMCS_VMCS_LINK_POINTER},
        {VMX_WORD_VMFUNC, VMX_VMFUNC_EPTP_SWITCHING, VMCS_EPTP_LIST_ADDRESS},
    };
    for (unsigned i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if ((setup->plan.word[pages[i].word] & pages[i].mask) == 0)
            continue;
        const bool shared = pages[i].field == VMCS_APIC_ACCESS_ADDR;
        const hpa_t page = shared && setup->apic_access != 0 ? setup->apic_access : bk_page(setup->machine);
        if (page == 0)
            return no_pages(setup);
        if (shared)
            setup->apic_access = page;
        (void)bk_vmwrite(setup->vcpu, pages[i].field, page);
    }
    return true;
}

static bool write_shadow_vmcs(struct bench_setup *setup)
{
    const uint32_t revision = (uint32_t)bk_capability(setup->machine, VMX_MSR_VMX_BASIC) | UINT32_C(1) << 31;
    return bk_write(setup->machine, bk_vmread(setup->vcpu, VMCS_VMCS_LINK_POINTER), &revision, sizeof revision) || no_pages(setup);
}

/* What the pages of write_pages() and other controls need besides. */
static bool write_companions(struct bench_setup *setup, uint64_t eptp)
{
    const uint64_t *word = setup->plan.word;
    const uint64_t secondary = word[VMX_WORD_SECONDARY];
    struct bk_vcpu *vcpu = setup->vcpu;
    if ((secondary & VMX_SEC_VIRTUALIZE_APIC_ACCESSES) != 0 && bench_ept_on(&setup->plan) &&
        !hv_ept_map(setup->vm, APIC_BASE, bk_vmread(vcpu, VMCS_APIC_ACCESS_ADDR), 3, BENCH_PAGE))
        return no_pages(setup);
    if ((word[VMX_WORD_VMFUNC] & VMX_VMFUNC_EPTP_SWITCHING) != 0 &&
        !bk_write(setup->machine, bk_vmread(vcpu, VMCS_EPTP_LIST_ADDRESS), &eptp, sizeof eptp))
        return no_pages(setup);
    if ((secondary & VMX_SEC_VMCS_SHADOWING) != 0 && !write_shadow_vmcs(setup))
        return false;
    const struct {
        bool when;
        enum vmcs_field field;
        uint64_t value;
    } values[] = {
        {(secondary & VMX_SEC_ENABLE_VPID) != 0, VMCS_VIRTUAL_PROCESSOR_ID, setup->index + 1},
        {(secondary & VMX_SEC_ENABLE_PML) != 0, VMCS_GUEST_PML_INDEX, LAST_PML_ENTRY},
        {(secondary & VMX_SEC_PAUSE_LOOP_EXITING) != 0, VMCS_PLE_GAP, 128},
        {(secondary & VMX_SEC_PAUSE_LOOP_EXITING) != 0, VMCS_PLE_WINDOW, 4096},
        {(secondary & VMX_SEC_TSC_SCALING) != 0, VMCS_TSC_MULTIPLIER, UINT64_C(1) << 48},
        {(word[VMX_WORD_PIN] & VMX_PIN_PROCESS_POSTED_INTR) != 0, VMCS_POSTED_INTR_NV, NOTIFICATION_VECTOR},
    };
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++)
        if (values[i].when)
            (void)bk_vmwrite(vcpu, values[i].field, values[i].value);
    return true;
}

bool bench_write_structures(struct bench_setup *setup)
{
    enum { EPTP_ACCESSED_DIRTY = 1 << 6 };
    uint64_t eptp = 0;
    if (bench_ept_on(&setup->plan)) {
        eptp = hv_eptp(setup->vm);
        if ((setup->plan.word[VMX_WORD_SECONDARY] & VMX_SEC_ENABLE_PML) != 0)
            eptp |= EPTP_ACCESSED_DIRTY;
        (void)bk_vmwrite(setup->vcpu, VMCS_EPT_POINTER, eptp);
    }
    return write_io_bitmaps(setup) && write_msr_bitmap(setup) && write_msr_load_list(setup) && write_pages(setup) && write_companions(setup, eptp);
}
