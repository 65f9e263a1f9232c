/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual interrupts: priority arithmetic, evaluation, VISR and VIRR, the EOI-exit bitmap, for every class and vector. */
#include <string.h>

#include "tests/support/running_guest.h"
#include "tests/support/suite.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"
#include "vmx-model/virtual_apic.h"

static struct valid_machine m;

enum { PAGE = VALID_VIRTUAL_APIC, POSTED = 0xc000 };

static void start(void)
{
    running_guest(&m, VALID_LONG, VMX_PIN_EXT_INTR_EXITING, VMX_PRI_USE_TPR_SHADOW | VMX_PRI_USE_MSR_BITMAPS, VMX_SEC_VIRTUAL_INTR_DELIVERY);
    m.cpu.state.rflags |= VMX_RFLAGS_IF;
}
static uint32_t at(unsigned offset)
{
    uint32_t value;
    memcpy(&value, m.memory + PAGE + offset, 4);
    return value;
}
static void put(unsigned offset, uint32_t value)
{
    memcpy(m.memory + PAGE + offset, &value, 4);
}
static unsigned place(unsigned base, unsigned vector)
{
    return base + vector / 32 * 16;
}
static void set(unsigned base, unsigned vector)
{
    put(place(base, vector), at(place(base, vector)) | 1u << vector % 32);
}
static bool is_set(unsigned base, unsigned vector)
{
    return (at(place(base, vector)) >> vector % 32 & 1) != 0;
}
static void status(unsigned rvi, unsigned svi)
{
    m.vmcs.field[VMCS_GUEST_INTR_STATUS] = rvi | svi << 8;
}
static bool is_status(unsigned rvi, unsigned svi)
{
    return vmcs_get(&m.vmcs, VMCS_GUEST_INTR_STATUS) == (rvi | svi << 8);
}

static void ppr_is_the_higher_class_of_tpr_and_service(void)
{
    start();
    for (unsigned tpr = 0; tpr < 256; tpr += 5)
        for (unsigned svi = 0; svi < 256; svi += 3) {
            put(0x80, 0xabcdef00 | tpr);
            put(0xa0, 0xffffffff);
            status(0, svi);
            vmx_virtual_interrupts_at_entry(&m.cpu);
            CU_ASSERT_EQUAL(at(0xa0), tpr >> 4 >= svi >> 4 ? tpr : svi & 0xf0);
        }
}

static void a_request_is_recognized_above_the_class_of_ppr(void)
{
    start();
    for (unsigned rvi = 0; rvi < 256; rvi++)
        for (unsigned ppr = 0; ppr < 256; ppr += 7) {
            put(0xa0, ppr);
            status(rvi, 0);
            vmx_evaluate_virtual_interrupts(&m.cpu);
            CU_ASSERT_EQUAL(m.cpu.pending.virtual_interrupt, rvi >> 4 > ppr >> 4);
        }
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_INTR_WINDOW_EXITING;
    put(0xa0, 0);
    status(0xff, 0);
    vmx_evaluate_virtual_interrupts(&m.cpu);
    CU_ASSERT_FALSE(m.cpu.pending.virtual_interrupt);
}

static void delivery_moves_every_vector_into_service(void)
{
    for (unsigned vector = 16; vector < 256; vector++) {
        const unsigned next = vector / 2;
        start();
        set(0x200, vector);
        set(0x200, next);
        status(vector, 0);
        m.cpu.pending.virtual_interrupt = true;
        const struct vmx_outcome o = vmx_boundary(&m.cpu);
        CU_ASSERT(o.kind == VMX_OUTCOME_FAULT && o.event.vector == vector && o.event.is_virtual);
        CU_ASSERT(is_set(0x100, vector) && !is_set(0x200, vector) && is_set(0x200, next));
        CU_ASSERT(is_status(next, vector));
        CU_ASSERT_EQUAL(at(0xa0), vector & 0xf0);
        CU_ASSERT_FALSE(m.cpu.pending.virtual_interrupt);
    }
}

static void the_last_request_leaves_rvi_zero(void)
{
    start();
    set(0x200, 0x31);
    status(0x31, 0);
    CU_ASSERT_EQUAL(vmx_take_virtual_interrupt(&m.cpu), 0x31);
    CU_ASSERT(is_status(0, 0x31));
}

static void the_exit_bitmap_has_a_bit_for_every_vector(void)
{
    for (unsigned vector = 0; vector < 256; vector++)
        for (unsigned other = 0; other < 2; other++) {
            const unsigned selected = vector ^ other;
            start();
            set(0x100, vector);
            status(0, vector);
            m.vmcs.field[VMCS_EOI_EXIT_BITMAP0 + selected / 64] = UINT64_C(1) << selected % 64;
            const struct vmx_outcome o = vmx_apic_write_emulation(&m.cpu, 0xb0);
            CU_ASSERT(other != 0 ? is_done(&o) : is_exit(&o, VMX_EXIT_EOI_INDUCED) && o.exit.qualification == vector);
            CU_ASSERT(!is_set(0x100, vector) && is_status(0, 0));
        }
}

static void an_end_of_interrupt_that_exits_does_not_evaluate(void)
{
    start();
    set(0x100, 0x61);
    status(0x51, 0x61);
    m.vmcs.field[VMCS_EOI_EXIT_BITMAP1] = UINT64_MAX;
    put(0xb0, 0x1234);
    const struct vmx_outcome o = vmx_apic_write_emulation(&m.cpu, 0xb0);
    CU_ASSERT(is_exit(&o, VMX_EXIT_EOI_INDUCED));
    CU_ASSERT_EQUAL(at(0xb0), 0);
    CU_ASSERT_EQUAL(at(0xa0), 0);
    CU_ASSERT_FALSE(m.cpu.pending.virtual_interrupt);
}

static void self_ipis_keep_the_highest_request(void)
{
    start();
    put(0xa0, 0xf0);
    for (unsigned k = 0; k < 3; k++) {
        static const uint8_t vectors[] = {0x51, 0x91, 0x41}, highest[] = {0x51, 0x91, 0x91};
        put(0x300, 0x40000u | vectors[k]);
        const struct vmx_outcome o = vmx_apic_write_emulation(&m.cpu, 0x300);
        CU_ASSERT(is_done(&o) && is_set(0x200, vectors[k]) && is_status(highest[k], 0));
    }
}

static void priority_is_not_recomputed_by_a_request(void)
{
    start();
    put(0x80, 0);
    put(0xa0, 0xe0); /* VPPR is stale */
    put(0x300, 0x40051);
    (void)vmx_apic_write_emulation(&m.cpu, 0x300);
    CU_ASSERT_EQUAL(at(0xa0), 0xe0);
    CU_ASSERT_FALSE(m.cpu.pending.virtual_interrupt);
}

static void every_posted_request_is_merged(void)
{
    for (unsigned vector = 0; vector < 256; vector++) {
        start();
        m.vmcs.field[VMCS_POSTED_INTR_DESC_ADDR] = POSTED;
        memset(m.memory + POSTED, 0, 64);
        memset(m.memory + POSTED + 32, 0xff, 32);
        m.memory[POSTED + vector / 8] = (uint8_t)(1u << vector % 8);
        set(0x200, 0x31);
        status(0x31, 0x20);
        vmx_process_posted_interrupts(&m.cpu);
        CU_ASSERT(is_set(0x200, vector) && is_set(0x200, 0x31));
        CU_ASSERT(is_status(vector > 0x31 ? vector : 0x31, 0x20));
        for (unsigned byte = 0; byte < 64; byte++)
            CU_ASSERT_EQUAL(m.memory[POSTED + byte], byte < 32 ? 0 : byte == 32 ? 0xfe : 0xff);
    }
}

static void a_descriptor_without_requests_still_evaluates(void)
{
    start();
    m.vmcs.field[VMCS_POSTED_INTR_DESC_ADDR] = POSTED;
    memset(m.memory + POSTED, 0, 64);
    status(0x61, 0);
    vmx_process_posted_interrupts(&m.cpu);
    CU_ASSERT(is_status(0x61, 0));
    CU_ASSERT_TRUE(m.cpu.pending.virtual_interrupt);
}

SUITE("vmx-model/virtual_interrupts", {"ppr_is_the_higher_class_of_tpr_and_service", ppr_is_the_higher_class_of_tpr_and_service},
      {"a_request_is_recognized_above_the_class_of_ppr", a_request_is_recognized_above_the_class_of_ppr},
      {"delivery_moves_every_vector_into_service", delivery_moves_every_vector_into_service},
      {"the_last_request_leaves_rvi_zero", the_last_request_leaves_rvi_zero},
      {"the_exit_bitmap_has_a_bit_for_every_vector", the_exit_bitmap_has_a_bit_for_every_vector},
      {"an_end_of_interrupt_that_exits_does_not_evaluate", an_end_of_interrupt_that_exits_does_not_evaluate},
      {"self_ipis_keep_the_highest_request", self_ipis_keep_the_highest_request},
      {"priority_is_not_recomputed_by_a_request", priority_is_not_recomputed_by_a_request},
      {"every_posted_request_is_merged", every_posted_request_is_merged},
      {"a_descriptor_without_requests_still_evaluates", a_descriptor_without_requests_still_evaluates})
