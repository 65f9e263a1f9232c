/* SPDX-License-Identifier: MIT */
/* A VMCS in the words of KVM's dump_vmcs, which people who debug VM entries know. */
#include "console.h"
#include "machine.h"

enum section { GUEST, HOST, CONTROL };

#define DUMP(section, before, digits, symbol, after) {section, VMCS_##symbol, before "%0" digits "lx" after},
static const struct {
    enum section section;
    enum vmcs_field field;
    const char *format;
} items[] = {
#include "../../vmx-model/vmcs_dump.def"
};
#undef DUMP

static void print_items(struct bk_vcpu *vcpu, enum section section)
{
    for (unsigned i = 0; i < sizeof items / sizeof *items; i++)
        if (items[i].section == section)
            console_print(items[i].format, bk_vmread(vcpu, items[i].field));
}

static void print_list(struct bk_vcpu *vcpu, const char *title, enum vmcs_field count_field, enum vmcs_field address_field)
{
    enum { SHOWN_MAX = 16 };
    const uint64_t count = bk_vmread(vcpu, count_field), address = bk_vmread(vcpu, address_field);
    struct {
        uint32_t msr, reserved;
        uint64_t value;
    } entry;
    if (count != 0)
        console_print("%s\n", title);
    for (unsigned i = 0; i < count && i < SHOWN_MAX && bk_read(vcpu->machine, address + i * sizeof entry, &entry, sizeof entry); i++)
        console_print("%02u: msr=0x%08x value=0x%016lx\n", i, entry.msr, entry.value);
}

void hw_dump(struct bk_machine *machine)
{
    for (unsigned i = 0; i < HW_VCPUS; i++) {
        struct bk_vcpu *vcpu = &machine->vcpu[i];
        if (vcpu->vmcs == 0)
            continue;
        console_print("VMCS 0x%016lx, last attempted VM-entry on CPU %u\n*** Guest State ***\n", vcpu->vmcs, bk_physical_cpu(vcpu));
        print_items(vcpu, GUEST);
        print_list(vcpu, "MSR guest autoload:", VMCS_VM_ENTRY_MSR_LOAD_COUNT, VMCS_VM_ENTRY_MSR_LOAD_ADDR);
        console_print("*** Host State ***\n");
        print_items(vcpu, HOST);
        print_list(vcpu, "MSR host autoload:", VMCS_VM_EXIT_MSR_LOAD_COUNT, VMCS_VM_EXIT_MSR_LOAD_ADDR);
        console_print("*** Control State ***\n");
        print_items(vcpu, CONTROL);
    }
}
