/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XGETBV and the XSAVE feature set: standard and compacted areas, the init optimization. SDM 1, "Managing State Using the XSAVE Feature Set".
   State components are x87, SSE and PKRU. That of Intel PT is always in its initial configuration, since the profiles have no tracing.
   Not modelled: the modified optimization, which a processor need not have; components that only the Bochs profiles name, which end the run when
   an area holds something for them. */
#include "vcpu_internal.h"

#include <string.h>

#include "../vmx-model/execute_ops.h"
#include "../vmx-model/features.h"

enum { X87 = 1 << 0, SSE = 1 << 1, AVX = 1 << 2, PT = 1 << 8, PKRU = 1 << 9, MODELLED = X87 | SSE | PT | PKRU };
enum { LEGACY_BYTES = 512, HEADER_BYTES = 64, PLAIN_BYTES = LEGACY_BYTES + HEADER_BYTES, COMPONENTS = 63, FIRST_EXTENDED = 2 };
/* The legacy region. SDM 1, "Legacy Region of an XSAVE Area". */
enum { AT_X87 = 0, AT_MXCSR = 24, AT_STACK = 32, AT_SSE = 160, X87_BYTES = 24, STACK_BYTES = 128, REGISTER_BYTES = 16 };
enum { CONTROL_INIT = 0x37f, MXCSR_INIT = 0x1f80, MXCSR_MASK = 0xffff, EMPTY = 3 };
#define COMPACTED (UINT64_C(1) << 63)

struct area {
    struct bk_vcpu *vcpu;
    struct vmx_cpu *cpu;
    gva_t linear;
    bool wide;        /* REX.W: instruction and data pointers have 64 bits */
    unsigned vectors; /* XMM registers of the mode */
    uint64_t enabled; /* XCR0, and IA32_XSS for the supervisor's instructions */
    uint64_t asked;   /* the requested-feature bitmap */
    uint64_t format;  /* XCOMP_BV of a compacted area, 0 for a standard one */
    struct vmx_outcome *failure;
};

static bool supervises(const struct vmx_instruction *i)
{
    return i->op == VMX_OP_XSAVES || i->op == VMX_OP_XRSTORS;
}

/* ---- places ---- */
struct component {
    uint32_t bytes, place; /* in a standard area */
    bool aligned;          /* to 64 bytes in a compacted one */
};

/* What the CPUID of Bochs' models keeps to itself: PKRU is where every processor has it. */
static struct component component_of(const struct area *a, unsigned number)
{
    enum { PKRU_NUMBER = 9, PKRU_BYTES = 8, PKRU_PLACE = 2688, ALIGNED = 2 };
    uint32_t leaf[4];
    vmx_cpuid(a->cpu->caps, 0xd, number, leaf);
    if (number == PKRU_NUMBER && leaf[0] == 0)
        return (struct component){.bytes = PKRU_BYTES, .place = PKRU_PLACE};
    return (struct component){.bytes = leaf[0], .place = leaf[1], .aligned = (leaf[2] & ALIGNED) != 0};
}

static uint32_t place_of(const struct area *a, unsigned number)
{
    uint32_t place = PLAIN_BYTES;
    if (a->format == 0)
        return component_of(a, number).place;
    for (unsigned i = FIRST_EXTENDED; i <= number; i++) {
        const struct component c = component_of(a, i);
        if ((a->format >> i & 1) == 0)
            continue;
        if (c.aligned)
            place = (place + 63) & ~63u;
        if (i < number)
            place += c.bytes;
    }
    return place;
}

static uint32_t end_of(const struct area *a, uint64_t components)
{
    uint32_t end = PLAIN_BYTES;
    for (unsigned i = FIRST_EXTENDED; i < COMPONENTS; i++) {
        if ((components >> i & 1) == 0)
            continue;
        const uint32_t last = place_of(a, i) + component_of(a, i).bytes;
        end = last > end ? last : end;
    }
    return end;
}

/* ---- memory ---- */
static bool failed(const struct area *a, const struct vmx_translation *translation)
{
    *a->failure = vmx_outcome_of_translation(translation);
    return false;
}

static bool load(const struct area *a, uint32_t offset, void *buffer, uint32_t bytes)
{
    struct vmx_translation t;
    return vmx_read_linear(a->cpu, a->linear + offset, buffer, bytes, VMX_ACCESS_READ, vmx_cpl(&a->cpu->state) == 3, &t) || failed(a, &t);
}

static bool store(const struct area *a, uint32_t offset, const void *buffer, uint32_t bytes)
{
    struct vmx_translation t;
    return vmx_write_linear(a->cpu, a->linear + offset, buffer, bytes, vmx_cpl(&a->cpu->state) == 3, &t) || failed(a, &t);
}

/* Nothing is written where something cannot be: an area has at most two pages. */
static bool is_writable(const struct area *a, uint32_t bytes)
{
    struct vmx_translation t;
    const bool user = vmx_cpl(&a->cpu->state) == 3;
    vmx_translate(a->cpu, a->linear, VMX_ACCESS_WRITE, user, &t);
    if (t.kind == VMX_TRANSLATED)
        vmx_translate(a->cpu, a->linear + bytes - 1, VMX_ACCESS_WRITE, user, &t);
    return t.kind == VMX_TRANSLATED || failed(a, &t);
}

static bool find_area(struct area *a, const struct vmx_instruction *i, bool write)
{
    const struct vmx_state *s = &a->cpu->state;
    const bool checked = (s->cr0 & VMX_CR0_AM) != 0 && (s->rflags & VMX_RFLAGS_AC) != 0 && vmx_cpl(s) == 3;
    const uint64_t offset = vmx_effective_address(s, i);
    *a->failure = vmx_outcome_exception(VMX_NM);
    if ((s->cr0 & VMX_CR0_TS) != 0 || !vmx_segment_linear(a->cpu, i->segment, offset, PLAIN_BYTES, write, &a->linear, a->failure))
        return false;
    *a->failure = checked && (a->linear & 3) != 0 ? vmx_outcome_fault(VMX_AC, 0) : vmx_outcome_gp();
    return (a->linear & 63) == 0;
}

/* ---- the image of x87 and SSE ---- */
static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static unsigned top_of(uint16_t status)
{
    return status >> 11 & 7;
}

/* One bit a register: it is not empty. */
static uint8_t abridged(uint16_t tags)
{
    uint8_t used = 0;
    for (unsigned i = 0; i < 8; i++)
        used |= (uint8_t)(((tags >> (2 * i) & 3) != EMPTY) << i);
    return used;
}

static void encode_x87(const struct sim_engine_float *f, bool wide, uint8_t header[X87_BYTES], uint8_t stack[STACK_BYTES])
{
    memset(header, 0, X87_BYTES);
    memset(stack, 0, STACK_BYTES);
    put(header, f->control, 2);
    put(header + 2, f->status, 2);
    header[4] = abridged(f->tags);
    put(header + 6, f->opcode, 2);
    put(header + 8, f->instruction, wide ? 8 : 4);
    put(header + 16, f->data, wide ? 8 : 4);
    for (unsigned i = 0; i < 8; i++) {
        const unsigned physical = (top_of(f->status) + i) & 7;
        put(stack + REGISTER_BYTES * i, f->x87[physical].significand, 8);
        put(stack + REGISTER_BYTES * i + 8, f->x87[physical].exponent, 2);
    }
}

static void decode_x87(struct sim_engine_float *f, bool wide, const uint8_t header[X87_BYTES], const uint8_t stack[STACK_BYTES])
{
    f->control = (uint16_t)get(header, 2);
    f->status = (uint16_t)get(header + 2, 2);
    f->opcode = (uint16_t)(get(header + 6, 2) & 0x7ff);
    f->instruction = get(header + 8, wide ? 8 : 4);
    f->data = get(header + 16, wide ? 8 : 4);
    f->tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        const unsigned physical = (top_of(f->status) + i) & 7;
        f->tags |= (uint16_t)((header[4] >> i & 1 ? 0 : EMPTY) << (2 * i));
        f->x87[physical].significand = get(stack + REGISTER_BYTES * i, 8);
        f->x87[physical].exponent = (uint16_t)get(stack + REGISTER_BYTES * i + 8, 2);
    }
}

static void initial_x87(struct sim_engine_float *f)
{
    memset(f->x87, 0, sizeof f->x87);
    f->control = CONTROL_INIT;
    f->tags = 0xffff;
    f->status = f->opcode = 0;
    f->instruction = f->data = 0;
}

static bool x87_in_use(const struct sim_engine_float *f)
{
    bool used = f->control != CONTROL_INIT || f->status != 0 || abridged(f->tags) != 0 || f->opcode != 0 || f->instruction != 0 || f->data != 0;
    for (unsigned i = 0; i < 8; i++)
        used |= f->x87[i].significand != 0 || f->x87[i].exponent != 0;
    return used;
}

/* XINUSE: MXCSR does not count. */
static uint64_t in_use(const struct area *a, const struct sim_engine_float *f)
{
    uint64_t used = (x87_in_use(f) ? X87 : 0u) | (a->cpu->state.pkru != 0 ? PKRU : 0u);
    for (unsigned i = 0; i < a->vectors; i++)
        if ((f->sse[i][0] | f->sse[i][1]) != 0)
            used |= SSE;
    return used & a->enabled;
}

/* ---- saving ---- */
static bool save_components(const struct area *a, const struct sim_engine_float *f, uint64_t saved, bool mxcsr)
{
    uint8_t header[X87_BYTES], stack[STACK_BYTES], control[8];
    encode_x87(f, a->wide, header, stack);
    if ((saved & X87) != 0 && !(store(a, AT_X87, header, sizeof header) && store(a, AT_STACK, stack, sizeof stack)))
        return false;
    put(control, f->mxcsr, 4);
    put(control + 4, MXCSR_MASK, 4);
    if (mxcsr && !store(a, AT_MXCSR, control, sizeof control))
        return false;
    if ((saved & SSE) != 0 && !store(a, AT_SSE, f->sse, a->vectors * REGISTER_BYTES))
        return false;
    put(control, a->cpu->state.pkru, sizeof control);
    return (saved & PKRU) == 0 || store(a, place_of(a, 9), control, sizeof control);
}

static struct vmx_outcome save_standard(const struct area *a, const struct vmx_instruction *i, const struct sim_engine_float *f, uint64_t used)
{
    const uint64_t saved = i->op == VMX_OP_XSAVEOPT ? a->asked & used : a->asked;
    uint8_t state_bv[8];
    if (!is_writable(a, end_of(a, a->asked)) || !load(a, LEGACY_BYTES, state_bv, sizeof state_bv))
        return *a->failure;
    put(state_bv, (get(state_bv, 8) & ~a->asked) | (used & a->asked), sizeof state_bv);
    if (!save_components(a, f, saved, (a->asked & (SSE | AVX)) != 0) || !store(a, LEGACY_BYTES, state_bv, sizeof state_bv))
        return *a->failure;
    return vmx_retire(a->cpu, i, 0);
}

/* MXCSR belongs to SSE, which is saved for its sake too. */
static struct vmx_outcome save_compacted(struct area *a, const struct vmx_instruction *i, const struct sim_engine_float *f, uint64_t used)
{
    const uint64_t saved = a->asked & (used | (f->mxcsr != MXCSR_INIT ? SSE : 0u));
    uint8_t header[16];
    a->format = a->asked | COMPACTED;
    put(header, saved, 8);
    put(header + 8, a->format, 8);
    if (!is_writable(a, end_of(a, a->asked)) || !save_components(a, f, saved, (saved & SSE) != 0) || !store(a, LEGACY_BYTES, header, sizeof header))
        return *a->failure;
    return vmx_retire(a->cpu, i, 0);
}

static struct vmx_outcome save(struct area *a, const struct vmx_instruction *i)
{
    struct sim_engine_float f;
    if (!find_area(a, i, true))
        return *a->failure;
    sim_engine_get_float(a->vcpu->engine, &f);
    const uint64_t used = in_use(a, &f);
    return i->op == VMX_OP_XSAVEC || i->op == VMX_OP_XSAVES ? save_compacted(a, i, &f, used) : save_standard(a, i, &f, used);
}

/* ---- restoring ---- */
static bool any(const uint8_t *bytes, unsigned count)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum |= bytes[i];
    return sum != 0;
}

/* SDM 1, "Operation of XRSTOR", "Operation of XRSTORS": what makes a header #GP. */
static bool header_faults(const struct area *a, const struct vmx_instruction *i, const uint8_t header[HEADER_BYTES])
{
    const uint64_t state_bv = get(header, 8), compacted_bv = get(header + 8, 8);
    const bool knows_compacted = i->op == VMX_OP_XRSTORS || vmx_has(a->cpu->caps, VMX_FEATURE_XSAVEC);
    if ((compacted_bv & COMPACTED) == 0 || !knows_compacted)
        return i->op == VMX_OP_XRSTORS || (state_bv & ~a->enabled) != 0 || any(header + 8, 16);
    return (compacted_bv & ~COMPACTED & ~a->enabled) != 0 || (state_bv & ~(compacted_bv & ~COMPACTED)) != 0 || any(header + 16, 48);
}

/* Components without a place in this machine: nothing but zeros is their initial configuration, more or less. */
static bool load_others(const struct area *a, uint64_t loaded)
{
    for (unsigned component = FIRST_EXTENDED; component < COMPONENTS; component++) {
        uint8_t bytes[SIM_PAGE];
        const uint32_t size = component_of(a, component).bytes;
        if ((loaded & ~(uint64_t)PKRU) >> component == 0)
            return true;
        if (component == 9 || (loaded >> component & 1) == 0 || size > sizeof bytes)
            continue;
        if (!load(a, place_of(a, component), bytes, size))
            return false;
        if (!any(bytes, size))
            continue;
        *a->failure = vmx_outcome_gp(); /* bits of MSRs that are not there */
        if ((MODELLED >> component & 1) == 0) {
            (void)sim_vcpu_host_error(a->vcpu, "XRSTOR loads a state component that is not modelled");
            *a->failure = (struct vmx_outcome){.kind = VMX_OUTCOME_SHUTDOWN};
        }
        return false;
    }
    return true;
}

static bool load_x87(const struct area *a, struct sim_engine_float *f)
{
    uint8_t header[X87_BYTES], stack[STACK_BYTES];
    if (!load(a, AT_X87, header, sizeof header) || !load(a, AT_STACK, stack, sizeof stack))
        return false;
    decode_x87(f, a->wide, header, stack);
    return true;
}

static bool load_mxcsr(const struct area *a, struct sim_engine_float *f)
{
    uint8_t bytes[4];
    if (!load(a, AT_MXCSR, bytes, sizeof bytes))
        return false;
    f->mxcsr = (uint32_t)get(bytes, sizeof bytes);
    *a->failure = vmx_outcome_gp();
    return (f->mxcsr & ~(uint32_t)MXCSR_MASK) == 0;
}

static bool restore_components(const struct area *a, uint64_t state_bv, struct sim_engine_float *f, uint32_t *pkru)
{
    const uint64_t loaded = a->asked & state_bv, initial = a->asked & ~state_bv;
    const bool standard = a->format == 0;
    uint8_t bytes[4];
    if (initial & X87)
        initial_x87(f);
    if (initial & SSE)
        memset(f->sse, 0, a->vectors * REGISTER_BYTES);
    if ((initial & SSE) != 0 && !standard)
        f->mxcsr = MXCSR_INIT;
    if (initial & PKRU)
        *pkru = 0;
    if ((loaded & X87) != 0 && !load_x87(a, f))
        return false;
    if ((standard ? a->asked & (SSE | AVX) : loaded & SSE) != 0 && !load_mxcsr(a, f))
        return false;
    if ((loaded & SSE) != 0 && !load(a, AT_SSE, f->sse, a->vectors * REGISTER_BYTES))
        return false;
    if ((loaded & PKRU) != 0 && !load(a, place_of(a, 9), bytes, sizeof bytes))
        return false;
    if (loaded & PKRU)
        *pkru = (uint32_t)get(bytes, sizeof bytes);
    return load_others(a, loaded);
}

static struct vmx_outcome restore(struct area *a, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &a->cpu->state;
    struct sim_engine_float f;
    uint8_t header[HEADER_BYTES];
    uint32_t pkru = s->pkru;
    if (!find_area(a, i, false) || !load(a, LEGACY_BYTES, header, sizeof header))
        return *a->failure;
    if (header_faults(a, i, header))
        return vmx_outcome_gp();
    a->format = get(header + 8, 8);
    sim_engine_get_float(a->vcpu->engine, &f);
    if (!restore_components(a, get(header, 8), &f, &pkru))
        return *a->failure;
    sim_engine_set_float(a->vcpu->engine, &f);
    s->pkru = pkru;
    return vmx_retire(a->cpu, i, VMX_GROUP_MSR);
}

static struct vmx_outcome get_extended_control(const struct area *a, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &a->cpu->state;
    const uint32_t number = (uint32_t)s->gpr[VMX_RCX];
    struct sim_engine_float f;
    if (number > 1 || (number == 1 && !vmx_has(a->cpu->caps, VMX_FEATURE_XGETBV_ECX1)))
        return vmx_outcome_gp();
    uint64_t value = s->xcr0;
    if (number == 1) {
        sim_engine_get_float(a->vcpu->engine, &f);
        value = in_use(a, &f);
    }
    vmx_set_edx_eax(s, value);
    return vmx_retire(a->cpu, i, VMX_GROUP_GPR);
}

struct vmx_outcome sim_extended_state(struct bk_vcpu *vcpu, const struct vmx_instruction *i)
{
    const struct vmx_state *s = &vcpu->cpu.state;
    struct vmx_outcome failure;
    struct area a = {.vcpu = vcpu, .cpu = &vcpu->cpu, .failure = &failure};
    a.wide = i->operand_size == 8;
    a.vectors = vmx_in_64bit_mode(s) ? 16 : 8;
    a.enabled = s->xcr0 | (supervises(i) ? s->xss : 0);
    a.asked = a.enabled & (s->gpr[VMX_RDX] << 32 | (uint32_t)s->gpr[VMX_RAX]);
    switch ((int)i->op) {
    case VMX_OP_XSAVE:
    case VMX_OP_XSAVEOPT:
    case VMX_OP_XSAVEC:
    case VMX_OP_XSAVES:
        return save(&a, i);
    case VMX_OP_XRSTOR:
    case VMX_OP_XRSTORS:
        return restore(&a, i);
    case VMX_OP_XGETBV:
        return get_extended_control(&a, i);
    }
    return vmx_outcome_run();
}
