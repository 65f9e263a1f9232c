/* SPDX-License-Identifier: MIT */
/* What a VM exit and a VM entry cost on this processor, measured once: a guest reads the time-stamp counter right behind the entry and right before the
   exit. */
#include "machine.h"
#include "x86.h"

#include "../../vmx-model/reasons.h"
#include "../bench/bench.h"

#include <string.h>

enum { CODE_AT = 0x8000, VMCALL_BYTES = 3, ROUNDS = 32 };

/* rdtsc; vmcall; jmp to the first */
static const uint8_t code[] = {0x0f, 0x31, 0x0f, 0x01, 0xc1, 0xeb, 0xf9};

struct packed_bytes {
    uint8_t bytes[128];
    uint32_t size;
};

static void put(struct packed_bytes *to, const void *bytes, uint32_t size)
{
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void put_record(struct packed_bytes *to, uint32_t kind, uint64_t number, const void *bytes, uint32_t size)
{
    const uint32_t head[2] = {kind, (uint32_t)sizeof number + size};
    put(to, head, sizeof head);
    put(to, &number, sizeof number);
    if (size != 0)
        put(to, bytes, size);
    to->size = (to->size + 3) & ~3u;
}

/* A scenario of its own: long mode, the least memory, that code. */
static void make_guest(struct packed_bytes *to)
{
    const uint32_t mode[3] = {PACKED_MODE, 4, PACKED_MODE_LONG}, end[2] = {PACKED_END, 0};
    memset(to, 0, sizeof *to);
    to->size = PACKED_HEADER_BYTES;
    put(to, mode, sizeof mode);
    put_record(to, PACKED_GUEST_RAM, BENCH_MIN_RAM, NULL, 0);
    put_record(to, PACKED_MEMORY, CODE_AT, code, sizeof code);
    put(to, end, sizeof end);
    const uint32_t header[] = {0x53584d56 /* "VMXS" */, PACKED_VERSION, to->size,
                               bench_crc32(0, to->bytes + PACKED_HEADER_BYTES, to->size - PACKED_HEADER_BYTES)};
    memcpy(to->bytes, header, sizeof header);
}

static void keep_least(uint64_t *least, uint64_t value)
{
    if (value < *least)
        *least = value;
}

/* The least of many, so that an interruption from outside does not count. Stays 0 where the guest cannot run. */
void hw_measure_transitions(struct bk_machine *machine)
{
    static struct hv_vm vm;
    struct packed_bytes guest;
    struct bench_result result;
    uint64_t entry = UINT64_MAX, exit = UINT64_MAX;
    struct bk_vcpu *vcpu = bk_vcpu(machine, 0);
    memset(&result, 0, sizeof result);
    make_guest(&guest);
    if (!bench_prepare(machine, guest.bytes, guest.size, &vm, &result))
        return;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (bk_enter(vcpu) != BK_EXITED || bk_vmread(vcpu, VMCS_VM_EXIT_REASON) != VMX_EXIT_VMCALL)
            return;
        const uint64_t inside = (uint32_t)vcpu->gpr[VMX_RAX] | vcpu->gpr[VMX_RDX] << 32;
        keep_least(&entry, inside - vcpu->entry_tsc);
        keep_least(&exit, vcpu->exit_tsc - inside);
        (void)bk_vmwrite(vcpu, VMCS_GUEST_RIP, bk_vmread(vcpu, VMCS_GUEST_RIP) + VMCALL_BYTES);
    }
    machine->entry_cost = entry;
    machine->exit_cost = exit;
}
