/* SPDX-License-Identifier: MIT */
/* A VMCS in the words of KVM's dump_vmcs, which people who debug VM entries know. */
#include "modules.h"

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

static void print_items(struct bk_vcpu *vcpu, enum section section, bench_print *print)
{
    for (unsigned i = 0; i < sizeof items / sizeof *items; i++)
        if (items[i].section == section)
            print(items[i].format, bk_vmread(vcpu, items[i].field));
}

static void print_list(struct bk_machine *machine, const char *title, uint64_t count, hpa_t address, bench_print *print)
{
    enum { SHOWN_MAX = 16 };
    struct {
        uint32_t msr, reserved;
        uint64_t value;
    } entry;
    if (count != 0)
        print("%s\n", title);
    for (unsigned i = 0; i < count && i < SHOWN_MAX && bk_read(machine, address + i * sizeof entry, &entry, sizeof entry); i++)
        print("%02u: msr=0x%08x value=0x%016lx\n", i, entry.msr, entry.value);
}

void bench_dump(struct bk_machine *machine, unsigned vcpus, bench_print *print)
{
    for (unsigned i = 0; i < vcpus; i++) {
        struct bk_vcpu *vcpu = bk_vcpu(machine, i);
        print("VMCS 0x%016lx, last attempted VM-entry on CPU %u\n*** Guest State ***\n", (uint64_t)i, bk_physical_cpu(vcpu));
        print_items(vcpu, GUEST, print);
        print_list(machine, "MSR guest autoload:", bk_vmread(vcpu, VMCS_VM_ENTRY_MSR_LOAD_COUNT), bk_vmread(vcpu, VMCS_VM_ENTRY_MSR_LOAD_ADDR),
                   print);
        print("*** Host State ***\n");
        print_items(vcpu, HOST, print);
        print_list(machine, "MSR host autoload:", bk_vmread(vcpu, VMCS_VM_EXIT_MSR_LOAD_COUNT), bk_vmread(vcpu, VMCS_VM_EXIT_MSR_LOAD_ADDR), print);
        print("*** Control State ***\n");
        print_items(vcpu, CONTROL, print);
    }
}
