/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The valid guest states that random cases start from. */
#include "generate.h"

#include <stdlib.h>
#include <string.h>

#include "handlers/bench/bench.h"
#include "sim/machine.h"
#include "vmx-model/controls.h"
#include "vmx-model/registers.h"

enum { SEGMENTS = VMX_GS + 1, GATES = 48, SYSCALL_GATE = 0x80, PROFILES_MAX = 2 };
#define ERROR_CODE_VECTORS (1u << 8 | 31u << 10 | 1u << 17)

static void segment(struct dif_case *c, enum vmx_segment_name name, uint16_t selector, uint64_t base, uint32_t limit, uint32_t rights)
{
    (void)case_field(c, GROUP_BASE, (unsigned)VMCS_GUEST_ES_SELECTOR + name, selector);
    (void)case_field(c, GROUP_BASE, (unsigned)VMCS_GUEST_ES_BASE + name, base);
    (void)case_field(c, GROUP_BASE, (unsigned)VMCS_GUEST_ES_LIMIT + name, limit);
    (void)case_field(c, GROUP_BASE, (unsigned)VMCS_GUEST_ES_AR_BYTES + name, rights);
}

static void user_segments(struct dif_case *c, uint32_t code_rights)
{
    for (unsigned s = VMX_ES; s < SEGMENTS; s++)
        segment(c, (enum vmx_segment_name)s, s == VMX_CS ? BENCH_USER_CODE_SELECTOR | 3 : BENCH_USER_DATA_SELECTOR | 3, 0, UINT32_MAX,
                s == VMX_CS ? code_rights : 0xc0f3);
}

static void v86_segments(struct dif_case *c)
{
    for (unsigned s = VMX_ES; s < SEGMENTS; s++)
        segment(c, (enum vmx_segment_name)s, s == VMX_SS ? 0x6000 : 0, s == VMX_SS ? 0x60000 : 0, 0xffff, 0xf3);
    (void)case_field(c, GROUP_BASE, VMCS_GUEST_RSP, 0xfff0);
    (void)case_field(c, GROUP_BASE, VMCS_GUEST_RFLAGS, VMX_RFLAGS_FIXED_1 | VMX_RFLAGS_VM | 3u << 12);
}

/* Identity by one 2-MByte page. */
static void pae_tables(struct dif_case *c)
{
    const uint64_t directory = DIF_PAE_DIRECTORY | 1, page = 0xe7;
    const uint64_t cr0 = VMX_CR0_PE | VMX_CR0_ET | VMX_CR0_NE | VMX_CR0_WP | VMX_CR0_PG;
    (void)case_memory(c, GROUP_BASE, DIF_FREE + 0x3000, &directory, sizeof directory);
    (void)case_memory(c, GROUP_BASE, DIF_PAE_DIRECTORY, &page, sizeof page);
    (void)case_field(c, GROUP_BASE, VMCS_GUEST_PDPTR0, directory);
    (void)case_field(c, GROUP_BASE, VMCS_GUEST_CR3, DIF_FREE + 0x3000);
    (void)case_field(c, GROUP_BASE, VMCS_GUEST_CR0, cr0);
    (void)case_field(c, GROUP_BASE, VMCS_CR0_READ_SHADOW, cr0);
    (void)case_field(c, GROUP_BASE, VMCS_GUEST_CR4, VMX_CR4_PAE | VMX_CR4_VMXE);
    (void)case_field(c, GROUP_BASE, VMCS_CR4_READ_SHADOW, VMX_CR4_PAE);
}

/* Every event leads to VMCALL and goes on where DIF_NEXT says. */
static void handlers(struct dif_case *c)
{
    static const uint8_t of_64[] = {0x0f, 0x01, 0xc1, 0x50, 0x48, 0x8b, 0x04, 0x25, 0xf0, 0xdf, 0, 0, 0x48, 0x89, 0x44, 0x24, 0x08, 0x58, 0x48, 0xcf},
                         of_32[] = {0x0f, 0x01, 0xc1, 0x50, 0x2e, 0xa1, 0xf0, 0xdf, 0, 0, 0x89, 0x44, 0x24, 0x04, 0x58, 0xcf},
                         of_16[] = {0x0f, 0x01, 0xc1, 0x55, 0x89, 0xe5, 0x50, 0x2e, 0xa1, 0xf0, 0xdf, 0x89, 0x46, 0x02, 0x58, 0x5d, 0xcf};
    static const uint8_t pop_64[] = {0x48, 0x8d, 0x64, 0x24, 0x08}, pop_32[] = {0x8d, 0x64, 0x24, 0x04};
    const bool long_mode = c->mode == PACKED_MODE_LONG;
    const uint8_t *body = c->real_handlers ? of_16 : long_mode ? of_64 : of_32, *pop = long_mode ? pop_64 : pop_32;
    const unsigned size = c->real_handlers ? sizeof of_16
                          : long_mode      ? sizeof of_64
                                           : sizeof of_32,
                   pop_size = long_mode ? sizeof pop_64 : sizeof pop_32;
    (void)case_memory(c, GROUP_BASE, DIF_HANDLER, body, size);
    if (!c->real_handlers) {
        (void)case_memory(c, GROUP_BASE, DIF_HANDLER_ERROR, pop, pop_size);
        (void)case_memory(c, GROUP_BASE, DIF_HANDLER_ERROR + pop_size, body, size);
    }
    for (unsigned vector = 0; vector <= GATES; vector++) {
        const unsigned gate = vector == GATES ? (unsigned)SYSCALL_GATE : vector;
        const bool error = !c->real_handlers && vector < 32 && (ERROR_CODE_VECTORS >> vector & 1) != 0;
        (void)case_add(c, &(struct part){.kind = PART_GATE,
                                         .a = gate,
                                         .b = gate == 3 || gate == 4 || gate == SYSCALL_GATE ? 3 : 0,
                                         .c = error ? DIF_HANDLER_ERROR : DIF_HANDLER});
    }
}

void base_build(struct dif_case *c, enum base base)
{
    static const struct {
        uint8_t mode, bits;
    } rows[BASE_COUNT] = {[BASE_LONG] = {PACKED_MODE_LONG, 64},
                          [BASE_LONG_USER] = {PACKED_MODE_LONG, 64},
                          [BASE_COMPATIBILITY] = {PACKED_MODE_LONG, 32},
                          [BASE_PROTECTED] = {PACKED_MODE_PROTECTED, 32},
                          [BASE_PROTECTED_USER] = {PACKED_MODE_PROTECTED, 32},
                          [BASE_PAGED] = {PACKED_MODE_PROTECTED, 32},
                          [BASE_PAE] = {PACKED_MODE_PROTECTED, 32},
                          [BASE_V86] = {PACKED_MODE_PROTECTED, 16},
                          [BASE_REAL] = {PACKED_MODE_REAL, 16}};
    c->mode = (enum packed_mode)rows[base].mode;
    c->code_bits = rows[base].bits;
    c->real_handlers = base == BASE_REAL;
    handlers(c);
    switch (base) {
    case BASE_LONG_USER:
        user_segments(c, 0xa0fb);
        break;
    case BASE_COMPATIBILITY:
        (void)case_field(c, GROUP_BASE, VMCS_GUEST_CS_AR_BYTES, 0xc09b);
        break;
    case BASE_PROTECTED_USER:
        user_segments(c, 0xc0fb);
        break;
    case BASE_PAGED:
        (void)case_control(c, GROUP_BASE, VMX_WORD_SECONDARY, 0, VMX_SEC_UNRESTRICTED_GUEST);
        break;
    case BASE_PAE:
        (void)case_control(c, GROUP_BASE, VMX_WORD_SECONDARY, 0, VMX_SEC_UNRESTRICTED_GUEST);
        pae_tables(c);
        break;
    case BASE_V86:
        v86_segments(c);
        break;
    case BASE_LONG:
    case BASE_PROTECTED:
    case BASE_REAL:
    case BASE_COUNT:
        break;
    }
}

static void read_fields(const struct vmx_caps *caps, enum base base, uint64_t *field)
{
    static struct dif_case c;
    struct sim_scenario scenario;
    struct bench_result result;
    struct hv_vm vm;
    const char *message;
    memset(&c, 0, sizeof c);
    c.caps = caps;
    base_build(&c, base);
    case_pack(&c, &scenario);
    struct bk_machine *machine = sim_machine_new(&(struct sim_machine_options){.caps = caps, .guest_bytes = DIF_RAM, .vcpus = 1}, &message);
    memset(&vm, 0, sizeof vm);
    if (machine == NULL || !bench_prepare(machine, scenario.packed, scenario.packed_size, &vm, &result))
        abort();
    memcpy(field, sim_machine_cpu(bk_vcpu(machine, 0))->vmcs->field, VMCS_FIELD_COUNT * sizeof *field);
    sim_machine_free(machine);
    case_free(&scenario);
}

const uint64_t *base_fields(const struct vmx_caps *caps, enum base base)
{
    static struct {
        const struct vmx_caps *caps;
        bool known[BASE_COUNT];
        uint64_t field[BASE_COUNT][VMCS_FIELD_COUNT];
    } of[PROFILES_MAX];
    unsigned i = 0;
    while (i < PROFILES_MAX && of[i].caps != NULL && of[i].caps != caps)
        i++;
    if (i == PROFILES_MAX)
        abort();
    of[i].caps = caps;
    if (!of[i].known[base])
        read_fields(caps, base, of[i].field[base]);
    of[i].known[base] = true;
    return of[i].field[base];
}
