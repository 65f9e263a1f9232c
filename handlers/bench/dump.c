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

static void print_items(struct bk_vcpu *vcpu, enum section section, struct console *console)
{
    for (unsigned i = 0; i < sizeof items / sizeof *items; i++)
        if (items[i].section == section)
            console_print(console, items[i].format, bk_vmread(vcpu, items[i].field));
}

static void print_list(struct bk_machine *machine, const char *title, uint64_t count, hpa_t address, struct console *console)
{
    enum { SHOWN_MAX = 16 };
    struct {
        uint32_t msr, reserved;
        uint64_t value;
    } entry;
    if (count != 0)
        console_print(console, "%s\n", title);
    for (unsigned i = 0; i < count && i < SHOWN_MAX && bk_read(machine, address + i * sizeof entry, &entry, sizeof entry); i++)
        console_print(console, "%02u: msr=0x%08x value=0x%016lx\n", i, entry.msr, entry.value);
}

void bench_dump(struct bk_machine *machine, unsigned vcpus, struct console *console)
{
    for (unsigned i = 0; i < vcpus; i++) {
        struct bk_vcpu *vcpu = bk_vcpu(machine, i);
        console_print(console, "VMCS 0x%016lx, last attempted VM-entry on CPU %u\n*** Guest State ***\n", (uint64_t)i, bk_physical_cpu(vcpu));
        print_items(vcpu, GUEST, console);
        print_list(machine, "MSR guest autoload:", bk_vmread(vcpu, VMCS_VM_ENTRY_MSR_LOAD_COUNT), bk_vmread(vcpu, VMCS_VM_ENTRY_MSR_LOAD_ADDR),
                   console);
        console_print(console, "*** Host State ***\n");
        print_items(vcpu, HOST, console);
        print_list(machine, "MSR host autoload:", bk_vmread(vcpu, VMCS_VM_EXIT_MSR_LOAD_COUNT), bk_vmread(vcpu, VMCS_VM_EXIT_MSR_LOAD_ADDR), console);
        console_print(console, "*** Control State ***\n");
        print_items(vcpu, CONTROL, console);
    }
}
