/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wild guests have besides nonsense in code and tables: devices, several virtual CPUs, every control, VMX structures in places where none belong. */
#include "guest_wild.h"

#include "handlers/bench/packed.h"
#include "sim/machine.h"
#include "vmx-model/caps.h"
#include "vmx-model/registers.h"

enum { VCPUS_MAX = 4, STEPS_MAX = 24, GUEST_PAGES = 0x200 };

/* Local APIC, I/O APIC, HPET, text memory, ROM, what lies between and beyond. */
static const uint32_t places[] = {0xfee00000, 0xfee000b0, 0xfee00300, 0xfee00310, 0xfee00380, 0xfee00ffc, 0xfec00000, 0xfec00010,
                                  0xfec00fff, 0xfed00000, 0xfed00010, 0xfed000f0, 0xfed00108, 0xfed003fe, 0xb8000,    0xb8ffe,
                                  0xa0000,    0xf0000,    0xfffffff0, 0xe0000000, 0xfedfffff, 0x1ffffe,   0x200000,   0xfffff};
/* The same through the page tables: MAKER_DEVICES + n pages lead to device page n. */
static const uint32_t device_pages[] = {0xfee00000, 0xfec00000, 0xfed00000, 0xb8000, 0xfee01000, 0xfffff000, 0xe0000000, 0x200000};
enum { DEVICE_PAGES = sizeof device_pages / sizeof device_pages[0] };
static const uint32_t linear_places[] = {MAKER_DEVICES,
                                         MAKER_DEVICES + 0xb0,
                                         MAKER_DEVICES + 0x300,
                                         MAKER_DEVICES + 0x310,
                                         MAKER_DEVICES + 0x380,
                                         MAKER_DEVICES + 0xffc,
                                         MAKER_DEVICES + 0x1000,
                                         MAKER_DEVICES + 0x1010,
                                         MAKER_DEVICES + 0x1fff,
                                         MAKER_DEVICES + 0x2000,
                                         MAKER_DEVICES + 0x20f0,
                                         MAKER_DEVICES + 0x2108,
                                         MAKER_DEVICES + 0x3ffe,
                                         MAKER_DEVICES + 0x4ffc,
                                         MAKER_DEVICES + 0x5ff8,
                                         MAKER_DEVICES + 0x6ffe,
                                         MAKER_DEVICES + 0x7ffc,
                                         MAKER_DEVICES - 2,
                                         MAKER_DEVICES + 0x8000,
                                         MAKER_DEVICES + 0x10000,
                                         0xb8000,
                                         0xfee00000,
                                         0xfed00000,
                                         0xffffffff};

void wild_machine(struct maker *m)
{
    struct stream *s = m->stream;
    s->caps = maker_chance(m, 2) ? vmx_default_profile() : &vmx_profiles[maker_below(m, vmx_profile_count)];
    s->vcpus = maker_chance(m, 3) ? 1 + maker_below(m, VCPUS_MAX) : 1;
}

void wild_code(struct maker *m, struct guest_code *code)
{
    const bool linear = maker_long_mode(m) || maker_chance(m, 2);
    code->places = linear ? linear_places : places;
    code->place_count = linear ? sizeof linear_places / sizeof linear_places[0] : sizeof places / sizeof places[0];
}

void wild_tables(struct maker *m, uint64_t *table, unsigned levels)
{
    uint64_t *pages = table + levels;
    for (unsigned i = 0; i < MAKER_DEVICE_PAGES; i++)
        pages[(MAKER_DEVICES >> 12) + i] = device_pages[i % DEVICE_PAGES] | 7;
    if (maker_chance(m, 8)) /* a paging structure among the devices, or beyond all memory */
        table[maker_below(m, levels)] = device_pages[maker_below(m, DEVICE_PAGES)] | 7;
    if (maker_chance(m, 8)) /* code, data or stack there */
        pages[8 + maker_below(m, 9)] = device_pages[maker_below(m, DEVICE_PAGES)] | 7;
    if (maker_chance(m, 16))
        maker_field(m, VMCS_GUEST_CR3, device_pages[maker_below(m, DEVICE_PAGES)]);
}

/* ---- controls ---- */
struct bits {
    enum vmx_control_word word;
    uint64_t mask;
};
enum { GROUP = 4 };

/* Controls that belong together, so that most entries succeed. */
static void controls(struct maker *m)
{
    const struct bits groups[][GROUP] = {
        {{VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW}},
        {{VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW}, {VMX_WORD_SECONDARY, VMX_SEC_VIRTUALIZE_X2APIC}},
        {{VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW}, {VMX_WORD_SECONDARY, VMX_SEC_APIC_REGISTER_VIRT | VMX_SEC_VIRTUALIZE_APIC_ACCESSES}},
        {{VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW},
         {VMX_WORD_SECONDARY, VMX_SEC_VIRTUAL_INTR_DELIVERY | VMX_SEC_VIRTUALIZE_APIC_ACCESSES},
         {VMX_WORD_PIN, VMX_PIN_EXT_INTR_EXITING}},
        {{VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW},
         {VMX_WORD_SECONDARY, VMX_SEC_VIRTUAL_INTR_DELIVERY | VMX_SEC_APIC_REGISTER_VIRT | VMX_SEC_VIRTUALIZE_X2APIC},
         {VMX_WORD_PIN, VMX_PIN_EXT_INTR_EXITING | VMX_PIN_PROCESS_POSTED_INTR},
         {VMX_WORD_EXIT, VMX_EXITCTL_ACK_INTR_ON_EXIT}},
        {{VMX_WORD_SECONDARY, VMX_SEC_VIRTUALIZE_APIC_ACCESSES}},
        {{VMX_WORD_SECONDARY, VMX_SEC_ENABLE_VPID | VMX_SEC_ENABLE_INVPCID}},
        {{VMX_WORD_SECONDARY, VMX_SEC_VMCS_SHADOWING}},
        {{VMX_WORD_SECONDARY, VMX_SEC_ENABLE_PML}},
        {{VMX_WORD_SECONDARY, VMX_SEC_EPT_VIOLATION_VE}},
        {{VMX_WORD_SECONDARY, VMX_SEC_ENABLE_VMFUNC}, {VMX_WORD_VMFUNC, VMX_VMFUNC_EPTP_SWITCHING}},
        {{VMX_WORD_SECONDARY, VMX_SEC_MODE_BASED_EPT_EXEC}},
        {{VMX_WORD_SECONDARY, VMX_SEC_DESC_TABLE_EXITING | VMX_SEC_WBINVD_EXITING}},
        {{VMX_WORD_SECONDARY, VMX_SEC_RDRAND_EXITING | VMX_SEC_RDSEED_EXITING | VMX_SEC_PAUSE_LOOP_EXITING}},
        {{VMX_WORD_SECONDARY, VMX_SEC_ENABLE_RDTSCP | VMX_SEC_ENABLE_XSAVES | VMX_SEC_TSC_SCALING}, {VMX_WORD_PRIMARY, VMX_PRI_USE_TSC_OFFSETTING}},
        {{VMX_WORD_PRIMARY, VMX_PRI_USE_IO_BITMAPS}},
        {{VMX_WORD_PRIMARY, VMX_PRI_USE_MSR_BITMAPS}},
        {{VMX_WORD_PRIMARY, VMX_PRI_MONITOR_TRAP_FLAG}},
        {{VMX_WORD_PRIMARY, VMX_PRI_INTR_WINDOW_EXITING}},
        {{VMX_WORD_PIN, VMX_PIN_NMI_EXITING | VMX_PIN_VIRTUAL_NMIS}, {VMX_WORD_PRIMARY, VMX_PRI_NMI_WINDOW_EXITING}},
        {{VMX_WORD_PRIMARY, VMX_PRI_CR8_LOAD_EXITING | VMX_PRI_CR8_STORE_EXITING}},
        {{VMX_WORD_EXIT, VMX_EXITCTL_SAVE_PREEMPTION_TIMER | VMX_EXITCTL_SAVE_EFER | VMX_EXITCTL_SAVE_PAT}},
    };
    for (unsigned i = maker_below(m, 4); i > 0; i--) {
        const struct bits *group = groups[maker_below(m, sizeof groups / sizeof groups[0])];
        for (unsigned j = 0; j < GROUP && group[j].mask != 0; j++) {
            if (group[j].word == VMX_WORD_SECONDARY)
                maker_control(m, VMX_WORD_PRIMARY, VMX_PRI_ACTIVATE_SECONDARY);
            maker_control(m, group[j].word, group[j].mask);
        }
    }
}

/* ---- structures ---- */
static const enum vmcs_field addresses[] = {VMCS_IO_BITMAP_A,
                                            VMCS_IO_BITMAP_B,
                                            VMCS_MSR_BITMAP,
                                            VMCS_VM_EXIT_MSR_STORE_ADDR,
                                            VMCS_VM_EXIT_MSR_LOAD_ADDR,
                                            VMCS_VM_ENTRY_MSR_LOAD_ADDR,
                                            VMCS_PML_ADDRESS,
                                            VMCS_VIRTUAL_APIC_PAGE_ADDR,
                                            VMCS_APIC_ACCESS_ADDR,
                                            VMCS_POSTED_INTR_DESC_ADDR,
                                            VMCS_EPT_POINTER,
                                            VMCS_EPTP_LIST_ADDRESS,
                                            VMCS_VMREAD_BITMAP,
                                            VMCS_VMWRITE_BITMAP,
                                            VMCS_VE_INFORMATION_ADDRESS,
                                            VMCS_VMCS_LINK_POINTER};
static const enum vmcs_field numbers[] = {VMCS_VM_EXIT_MSR_STORE_COUNT,
                                          VMCS_VM_EXIT_MSR_LOAD_COUNT,
                                          VMCS_VM_ENTRY_MSR_LOAD_COUNT,
                                          VMCS_GUEST_PML_INDEX,
                                          VMCS_GUEST_INTR_STATUS,
                                          VMCS_POSTED_INTR_NV,
                                          VMCS_TPR_THRESHOLD,
                                          VMCS_EOI_EXIT_BITMAP0,
                                          VMCS_VIRTUAL_PROCESSOR_ID,
                                          VMCS_TSC_MULTIPLIER,
                                          VMCS_TSC_OFFSET,
                                          VMCS_VMX_PREEMPTION_TIMER_VALUE,
                                          VMCS_CR0_GUEST_HOST_MASK,
                                          VMCS_CR4_GUEST_HOST_MASK,
                                          VMCS_CR3_TARGET_COUNT,
                                          VMCS_PAGE_FAULT_ERROR_CODE_MASK,
                                          VMCS_EXCEPTION_BITMAP,
                                          VMCS_PLE_WINDOW,
                                          VMCS_VM_ENTRY_INTR_INFO_FIELD,
                                          VMCS_GUEST_INTERRUPTIBILITY_INFO,
                                          VMCS_GUEST_ACTIVITY_STATE,
                                          VMCS_GUEST_PENDING_DBG_EXCEPTIONS};

/* Host-physical: over the guest's code, tables and data, over the hypervisor's pages, among the devices, at the ends of RAM, nowhere. */
static uint64_t host_address(struct maker *m)
{
    switch (maker_below(m, 8)) {
    case 0:
        return device_pages[maker_below(m, DEVICE_PAGES)];
    case 1:
        return SIM_HOST_PAGES_FIRST + 0x1000 * (uint64_t)maker_below(m, 64);
    case 2:
        return SIM_GUEST_BASE + STREAM_GUEST_BYTES + 0x1000 * (uint64_t)maker_below(m, 3) - 0x1000;
    case 3:
        return random_next(&m->random) >> maker_below(m, 40);
    case 4:
        return SIM_GUEST_BASE + MAKER_CODE + (uint64_t)maker_below(m, 0x1000);
    default:
        return SIM_GUEST_BASE + 0x1000 * (uint64_t)(8 + maker_below(m, 16));
    }
}

static uint64_t any_number(struct maker *m)
{
    const uint64_t any = random_next(&m->random);
    return maker_chance(m, 2) ? any & 0xff : any >> maker_below(m, 64);
}

/* A field and what it gets. */
/* 32 bits of which two are set, as a rule. */
static uint32_t few_bits(struct maker *m)
{
    uint64_t bits = UINT32_MAX;
    for (unsigned i = 0; i < 4; i++)
        bits &= random_next(&m->random);
    return (uint32_t)bits;
}

static enum vmcs_field choose_field(struct maker *m, uint64_t *value)
{
    if (maker_chance(m, 3)) {
        *value = any_number(m);
        return numbers[maker_below(m, sizeof numbers / sizeof numbers[0])];
    }
    const enum vmcs_field field = addresses[maker_below(m, sizeof addresses / sizeof addresses[0])];
    *value = host_address(m);
    if (field == VMCS_EPT_POINTER && !maker_chance(m, 8))
        *value = (*value & ~UINT64_C(0xfff)) | (maker_chance(m, 2) ? 0x5e : 0x1e);
    else if (!maker_chance(m, 8))
        *value &= ~UINT64_C(0xfff);
    return field;
}

/* A processor that lacks the field refuses the whole scenario, so those that every profile has come first; the rest comes in steps, of which a refused one
   ends the run. */
static void structures(struct maker *m)
{
    for (unsigned i = maker_below(m, 3); i > 0; i--) {
        uint64_t value;
        const enum vmcs_field field = choose_field(m, &value);
        maker_field(m, field, value);
    }
}

/* ---- what else happens ---- */
static void step(struct maker *m, const struct packed_step *s)
{
    maker_record(m, PACKED_STEP, s, sizeof *s);
}

/* Waits for a VM exit, or for an entry that fails. */
static void wait(struct maker *m, uint32_t vcpu)
{
    const struct packed_step s = {.kind = maker_chance(m, 4) ? STEP_EXPECT_ENTRY_FAILURE : STEP_EXPECT, .vcpu = vcpu};
    for (unsigned i = maker_below(m, 6); i > 0; i--)
        step(m, &s);
}

static void stimulus(struct maker *m)
{
    static const uint8_t kinds[] = {
        STEP_INTERRUPT, STEP_NMI,  STEP_QUEUE_INTERRUPT,        STEP_QUEUE_NMI, STEP_WRITE_FIELD, STEP_WRITE_REGISTER, STEP_CONTROL,
        STEP_INIT,      STEP_SIPI, STEP_MACHINE_CHECK_AT_ENTRY, STEP_EPT,       STEP_MTF,         STEP_INVEPT,         STEP_INVVPID,
        STEP_MOVE};
    struct packed_step s = {.kind = kinds[maker_below(m, sizeof kinds)], .vcpu = maker_below(m, m->stream->vcpus)};
    wait(m, s.vcpu);
    s.a = maker_below(m, 0x100);
    s.b = maker_below(m, 1500);
    switch ((enum packed_step_kind)s.kind) {
    case STEP_WRITE_FIELD:
        s.a = vmcs_fields[choose_field(m, &s.b)].encoding;
        break;
    case STEP_WRITE_REGISTER:
        s.b = any_number(m);
        break;
    case STEP_CONTROL:
        s.a = maker_below(m, 3);
        s.b = few_bits(m);
        s.c = few_bits(m);
        break;
    case STEP_EPT:
        s.a = maker_below(m, 8) | (maker_chance(m, 4) ? UINT32_C(1) << 31 : 0);
        s.b = 0x1000 * (uint64_t)maker_below(m, GUEST_PAGES);
        s.c = 0x1000 * (uint64_t)(1 + maker_below(m, 4));
        break;
    case STEP_INVEPT:
    case STEP_INVVPID:
        s.a = maker_below(m, 5);
        s.b = maker_chance(m, 2) ? 0 : any_number(m);
        s.c = any_number(m);
        break;
    case STEP_MOVE:
        s.a = maker_below(m, m->stream->vcpus);
        s.c = maker_below(m, m->stream->vcpus);
        break;
    default:
        break;
    }
    step(m, &s);
}

static void policy(struct maker *m, uint32_t what, uint64_t value)
{
    const struct {
        uint32_t policy, zero;
        uint64_t value;
    } payload = {what, 0, value};
    maker_record(m, PACKED_POLICY, &payload, sizeof payload);
}

/* The others run the same code, from a block of their own, or wait for a SIPI. */
static void other_vcpus(struct maker *m)
{
    const uint32_t vcpus = m->stream->vcpus;
    const uint64_t quantum = 1 + maker_below(m, 300);
    maker_record(m, PACKED_VCPUS, &vcpus, sizeof vcpus);
    maker_record(m, PACKED_QUANTUM, &quantum, sizeof quantum);
    for (uint32_t i = 1; i < vcpus; i++) {
        const uint64_t start[2] = {i, MAKER_CODE + 64 * (uint64_t)maker_below(m, STREAM_BLOCKS)};
        if (!maker_chance(m, 4))
            maker_record(m, PACKED_START, start, sizeof start);
    }
}

void wild_rest(struct maker *m)
{
    if (m->stream->vcpus > 1)
        other_vcpus(m);
    policy(m, PACKED_POLICY_DEVICES, !maker_chance(m, 8));
    policy(m, PACKED_POLICY_FW_CFG, maker_chance(m, 2));
    controls(m);
    structures(m);
    for (unsigned i = maker_below(m, STEPS_MAX); i > 0; i--)
        stimulus(m);
}
