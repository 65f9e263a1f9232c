/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interprocessor interrupts: whom a command names, what each delivery mode does there, what is not sent. */
#include "handlers/apic.h"
#include "tests/support/guest.h"

enum { NMI = 4u << 8, INIT = 5u << 8, STARTUP = 6u << 8, LOWEST = 1u << 8, LOGICAL = 1u << 11, ASSERT = 1u << 14, LEVEL = 1u << 15 };
enum { SELF = 1u << 18, ALL = 2u << 18, OTHERS = 3u << 18, VECTOR = 0x51 };

static struct hv_vcpu *const other = &vm.vcpu[1];
static struct bk_vcpu *const other_bk = &machine.vcpu[1];

static void start(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    guest_start(GUEST_LONG, &policy);
    CU_ASSERT_TRUE_FATAL(hv_vm_init(&vm, &machine, &policy, 2));
    memcpy(other_bk->field, bk->field, sizeof bk->field);
}

static void send(uint32_t destination, uint32_t command, bool x2apic)
{
    hv_send_ipi(vcpu, &(struct hv_ipi){.destination = destination, .command = command, .x2apic = x2apic});
}

/* Mask of the virtual CPUs that got the vector. */
static unsigned reached(uint32_t destination, uint32_t command, bool x2apic)
{
    unsigned mask = 0;
    start();
    send(destination, command | VECTOR, x2apic);
    for (unsigned i = 0; i < 2; i++)
        mask |= (vm.vcpu[i].pending_vectors[VECTOR / 64] >> VECTOR % 64 & 1) != 0 ? 1u << i : 0;
    return mask;
}

static void a_command_names_its_destination(void)
{
    CU_ASSERT_EQUAL(reached(1, 0, false), 2);
    CU_ASSERT_EQUAL(reached(0, 0, false), 1);
    CU_ASSERT_EQUAL(reached(2, 0, false), 0);
    CU_ASSERT_EQUAL(reached(0xff, 0, false), 3);
    CU_ASSERT_EQUAL(reached(0xff, 0, true), 0);
    CU_ASSERT_EQUAL(reached(UINT32_MAX, 0, true), 3);
    CU_ASSERT_EQUAL(reached(2, LOGICAL, false), 0); /* there is no virtual-APIC page */
    CU_ASSERT_EQUAL(reached(0xff, LOGICAL, false), 3);
    CU_ASSERT_EQUAL(reached(UINT32_MAX, LOGICAL, true), 3);
    CU_ASSERT_EQUAL(reached(2, LOGICAL, true), 2);
    CU_ASSERT_EQUAL(reached(0x10002, LOGICAL, true), 0); /* another cluster */
    CU_ASSERT_EQUAL(reached(0, SELF, false), 1);
    CU_ASSERT_EQUAL(reached(0, ALL, false), 3);
    CU_ASSERT_EQUAL(reached(0, OTHERS, false), 2);
}

/* Both virtual CPUs with a virtual-APIC page and these logical-destination registers. */
static hpa_t pages[2];
static void start_with_pages(uint8_t first, uint8_t second)
{
    const uint8_t ids[2] = {first, second};
    start();
    for (unsigned i = 0; i < 2; i++) {
        pages[i] = bk_page(&machine);
        machine.vcpu[i].field[VMCS_VIRTUAL_APIC_PAGE_ADDR] = pages[i];
        machine.vcpu[i].field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_USE_TPR_SHADOW;
        CU_ASSERT_TRUE(hv_virtual_apic_write(&vm.vcpu[i], 0xd0, (uint32_t)ids[i] << 24));
    }
}

/* The vector is taken away again. */
static unsigned reached_now(uint32_t destination, uint32_t command)
{
    unsigned mask = 0;
    send(destination, command | VECTOR, false);
    for (unsigned i = 0; i < 2; i++) {
        mask |= (vm.vcpu[i].pending_vectors[VECTOR / 64] >> VECTOR % 64 & 1) != 0 ? 1u << i : 0;
        vm.vcpu[i].pending_vectors[VECTOR / 64] = 0;
    }
    return mask;
}

static void logical_destinations_are_flat_or_clusters(void)
{
    uint32_t format = 0;
    start_with_pages(0x01, 0x12);
    CU_ASSERT_EQUAL(reached_now(0x02, LOGICAL), 2);
    CU_ASSERT_EQUAL(reached_now(0x10, LOGICAL), 2);
    CU_ASSERT_EQUAL(reached_now(0x11, LOGICAL), 3);
    CU_ASSERT_EQUAL(reached_now(0x20, LOGICAL), 0);
    for (unsigned i = 0; i < 2; i++)
        CU_ASSERT_TRUE(hv_virtual_apic_write(&vm.vcpu[i], 0xe0, 0));
    CU_ASSERT_TRUE(hv_virtual_apic_read(other, 0xe0, &format));
    CU_ASSERT_EQUAL(format, 0x0fffffff);
    CU_ASSERT_EQUAL(reached_now(0x02, LOGICAL), 0); /* no such processor in cluster 0 */
    CU_ASSERT_EQUAL(reached_now(0x03, LOGICAL), 1);
    CU_ASSERT_EQUAL(reached_now(0x12, LOGICAL), 2);
    CU_ASSERT_EQUAL(reached_now(0xf3, LOGICAL), 3); /* of every cluster */
    CU_ASSERT_TRUE(hv_virtual_apic_write(other, 0xe0, UINT32_MAX));
    CU_ASSERT_EQUAL(reached_now(0x02, LOGICAL), 2);
}

static void lowest_priority_reaches_one(void)
{
    start_with_pages(1, 2);
    CU_ASSERT_EQUAL(reached_now(3, LOGICAL | LOWEST), 1);
    hv_set_tpr(vcpu, 0x20);
    hv_set_tpr(other, 0x10);
    CU_ASSERT_EQUAL(reached_now(3, LOGICAL | LOWEST), 2);
    CU_ASSERT_EQUAL(reached_now(4, LOGICAL | LOWEST), 0);
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_ACTIVATE_SECONDARY;
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= VMX_SEC_VIRTUAL_INTR_DELIVERY; /* its VPPR is 0 still */
    CU_ASSERT_EQUAL(reached_now(3, LOGICAL | LOWEST), 1);
}

static void modes_become_signals(void)
{
    start();
    send(1, NMI, false);
    CU_ASSERT_TRUE(other->pending_nmi);
    bk->tsc = 1234;
    send(1, INIT | ASSERT, false);
    CU_ASSERT_EQUAL(other_bk->stimulus, BK_INIT);
    CU_ASSERT_EQUAL(other_bk->sent_at, 1234);
    send(1, STARTUP | 0x9a, false);
    CU_ASSERT_EQUAL(other_bk->stimulus, BK_SIPI);
    CU_ASSERT_EQUAL(other_bk->stimulus_vector, 0x9a);
}

static void what_makes_no_sense_is_not_sent(void)
{
    start();
    send(1, INIT | LEVEL, false); /* de-assertion */
    send(0, INIT | ASSERT | ALL, false);
    send(0, STARTUP | SELF, false);
    CU_ASSERT_EQUAL(other_bk->stimulus, -1);
    send(0, NMI | SELF, false);
    CU_ASSERT_FALSE(vcpu->pending_nmi);
}

static void one_that_waits_for_its_sipi_is_not_reset_again(void)
{
    start();
    other_bk->field[VMCS_GUEST_ACTIVITY_STATE] = VMX_WAIT_FOR_SIPI;
    send(1, INIT | ASSERT, false);
    CU_ASSERT_EQUAL(other_bk->stimulus, -1);
}

static void x2apic_msrs_are_registers_of_the_page(void)
{
    uint64_t value;
    start();
    const hpa_t page = bk_page(&machine);
    bk->field[VMCS_VIRTUAL_APIC_PAGE_ADDR] = page;
    CU_ASSERT_FALSE(hv_virtual_x2apic_write(vcpu, 0x830, 0)); /* neither control is on */
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_USE_TPR_SHADOW;
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= VMX_SEC_VIRTUALIZE_X2APIC;
    CU_ASSERT_TRUE(hv_virtual_x2apic_write(vcpu, 0x830, UINT64_C(1) << 32 | VECTOR));
    CU_ASSERT_TRUE(hv_virtual_x2apic_read(vcpu, 0x830, &value));
    CU_ASSERT_EQUAL(value, UINT64_C(1) << 32 | VECTOR);
    CU_ASSERT_EQUAL(other->pending_vectors[VECTOR / 64], UINT64_C(1) << VECTOR % 64);
    CU_ASSERT_FALSE(hv_virtual_x2apic_write(vcpu, 0x80f, UINT64_C(1) << 32)); /* 32 bits */
    CU_ASSERT_FALSE(hv_virtual_x2apic_write(vcpu, 0x802, 1));                 /* the ID is read-only, */
    CU_ASSERT_FALSE(hv_virtual_x2apic_read(vcpu, 0x80b, &value));             /* EOI write-only, */
    CU_ASSERT_FALSE(hv_virtual_x2apic_read(vcpu, 0x831, &value));             /* and the upper half of the command no register */
    CU_ASSERT_FALSE(hv_virtual_x2apic_read(vcpu, 0x7ff, &value));
    CU_ASSERT_FALSE(hv_virtual_x2apic_read(vcpu, 0x840, &value));
}

SUITE("handlers/ipi", {"a_command_names_its_destination", a_command_names_its_destination},
      {"logical_destinations_are_flat_or_clusters", logical_destinations_are_flat_or_clusters},
      {"lowest_priority_reaches_one", lowest_priority_reaches_one}, {"modes_become_signals", modes_become_signals},
      {"what_makes_no_sense_is_not_sent", what_makes_no_sense_is_not_sent},
      {"one_that_waits_for_its_sipi_is_not_reset_again", one_that_waits_for_its_sipi_is_not_reset_again},
      {"x2apic_msrs_are_registers_of_the_page", x2apic_msrs_are_registers_of_the_page})
