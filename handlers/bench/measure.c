/* SPDX-License-Identifier: MIT */
/* What a VM exit and a VM entry cost on a processor: a guest reads the time-stamp counter right behind the entry and right before the exit. */
#include "../../vmx-model/reasons.h"
#include "modules.h"

enum { CODE_AT = 0x8000, VMCALL_BYTES = 3, CODE_BYTES = 8, ROUNDS = 32, MAGIC = 0x53584d56 /* "VMXS" */ };

/* A scenario of its own: long mode, the least memory, and rdtsc; vmcall; jmp to the first; nop. */
struct measuring_guest {
    uint32_t header[4];
    uint32_t mode_kind, mode_bytes, mode;
    uint32_t ram_kind, ram_bytes, ram, ram_high;
    uint32_t memory_kind, memory_bytes, address, address_high;
    uint8_t code[CODE_BYTES];
    uint32_t end_kind, end_bytes;
};
_Static_assert(sizeof(struct measuring_guest) == 76, "records stand without padding");

static struct measuring_guest make_guest(void)
{
    struct measuring_guest guest = {
        .header = {MAGIC, PACKED_VERSION, sizeof guest},
        .mode_kind = PACKED_MODE,
        .mode_bytes = 4,
        .mode = PACKED_MODE_LONG,
        .ram_kind = PACKED_GUEST_RAM,
        .ram_bytes = 8,
        .ram = BENCH_MIN_RAM,
        .memory_kind = PACKED_MEMORY,
        .memory_bytes = 8 + CODE_BYTES,
        .address = CODE_AT,
        .code = {0x0f, 0x31, 0x0f, 0x01, 0xc1, 0xeb, 0xf9, 0x90},
        .end_kind = PACKED_END,
    };
    guest.header[3] = bench_crc32(0, (const uint8_t *)&guest + sizeof guest.header, sizeof guest - sizeof guest.header);
    return guest;
}

static void keep_least(uint64_t *least, uint64_t value)
{
    if (value < *least)
        *least = value;
}

/* The least of many, so that an interruption from outside does not count. */
struct bench_transitions bench_measure_transitions(struct bk_machine *machine, const uint64_t *before_entry, const uint64_t *behind_exit)
{
    static struct hv_vm vm;
    const struct measuring_guest guest = make_guest();
    struct bench_result result;
    struct bench_transitions least = {UINT64_MAX, UINT64_MAX};
    struct bk_vcpu *vcpu = bk_vcpu(machine, 0);
    if (!bench_prepare(machine, &guest, sizeof guest, &vm, &result))
        return (struct bench_transitions){0, 0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (bk_enter(vcpu) != BK_EXITED || bk_vmread(vcpu, VMCS_VM_EXIT_REASON) != VMX_EXIT_VMCALL)
            return (struct bench_transitions){0, 0};
        const uint64_t inside = (uint32_t)bk_register(vcpu, VMX_RAX) | bk_register(vcpu, VMX_RDX) << 32;
        keep_least(&least.entry, inside - *before_entry);
        keep_least(&least.exit, *behind_exit - inside);
        (void)bk_vmwrite(vcpu, VMCS_GUEST_RIP, bk_vmread(vcpu, VMCS_GUEST_RIP) + VMCALL_BYTES);
    }
    return least;
}
