/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instruction decoder against Capstone over random bytes, and its own rules one by one. */
#include <capstone/capstone.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"
#include "vmx-model/cpu.h"
#include "vmx-model/decode.h"

enum { STREAMS = 300000 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Random bytes, with prefixes and two- and three-byte opcodes more frequent than chance makes them. */
static void random_stream(uint64_t *seed, uint8_t bytes[15])
{
    static const uint8_t prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x64, 0x65, 0x48, 0x41, 0x44, 0x4f};
    for (unsigned i = 0; i < 15; i++)
        bytes[i] = (uint8_t)next_random(seed);
    const uint64_t r = next_random(seed);
    unsigned at = 0;
    if ((r & 3) == 0)
        bytes[at++] = prefixes[(r >> 8) % sizeof prefixes];
    if ((r & 15) == 0)
        bytes[at++] = prefixes[(r >> 16) % sizeof prefixes];
    if (((r >> 24) & 3) == 0)
        bytes[at++] = 0x0f;
    if (((r >> 24) & 3) == 1 && ((r >> 32) & 3) == 0) {
        bytes[at++] = 0x0f;
        bytes[at++] = (r >> 40) & 1 ? 0x38 : 0x3a;
    }
}

/* An instruction's opcode as the exceptions below name it: F = one byte, 0F00H + opcode, 0F3800H + opcode, 0F3A00H + opcode. */
struct shape {
    unsigned opcode;
    uint8_t modrm;
    bool operand_prefix, rep, lock, rex, rex_w, rex_r;
};

static struct shape shape_of(const uint8_t *bytes, unsigned code_bits)
{
    struct shape s = {0};
    unsigned i = 0;
    for (; i < 12; i++) {
        const uint8_t b = bytes[i];
        const bool rex = code_bits == 64 && (b & 0xf0) == 0x40;
        if (rex) {
            s.rex = true;
            s.rex_w = s.rex_w || (b & 8) != 0;
            s.rex_r = s.rex_r || (b & 4) != 0;
        } else if (b == 0x66) {
            s.operand_prefix = true;
        } else if (b == 0xf2 || b == 0xf3) {
            s.rep = true;
        } else if (b == 0xf0) {
            s.lock = true;
        } else if (b != 0x67 && b != 0x2e && b != 0x26 && b != 0x36 && b != 0x3e && b != 0x64 && b != 0x65) {
            break;
        }
    }
    s.opcode = bytes[i++];
    if (s.opcode == 0x0f) {
        s.opcode = 0x0f00u + bytes[i++];
        if (s.opcode == 0x0f38 || s.opcode == 0x0f3a)
            s.opcode = (s.opcode << 8) + bytes[i++];
    }
    s.modrm = i < 15 ? bytes[i] : 0;
    return s;
}

static bool between(unsigned value, unsigned low, unsigned high)
{
    return value >= low && value <= high;
}

/* Where Capstone 4 accepts what the SDM makes #UD. */
static bool capstone_accepts_wrongly(const struct shape *s)
{
    const bool prefixed = s->operand_prefix || s->rep;
    const unsigned o = s->opcode;
    return s->lock                                                             /* LOCK where it is not allowed */
           || (o > 0xff && (prefixed || s->rex))                               /* mandatory prefixes that name no instruction; REX as one */
           || o == 0x0f0e || o == 0x0f0f || o == 0x0fa6 || o == 0x0fa7         /* 3DNow!, PadLock */
           || (o == 0x0f01 && between(s->modrm, 0xc0, 0xff))                   /* AMD's virtualization */
           || between(o, 0x0f20, 0x0f23) || (o == 0x8e && (s->modrm & 8) != 0) /* control, debug and segment registers that do not exist */
           || o == 0x8f                                                        /* XOP */
           || ((o == 0xc4 || o == 0xc5 || o == 0x62) && (prefixed || s->rex)); /* prefixes before VEX and EVEX */
}

/* Where Capstone 4 rejects what exists (or what raises #UD but has a length), or knows fewer encodings. */
static bool capstone_rejects_wrongly(const struct shape *s)
{
    const unsigned o = s->opcode;
    return o == 0x0f01 || o == 0x0f0d || between(o, 0x0f18, 0x0f1f) || o == 0x0fff || o == 0x0fb9 /* hint and undefined space */
           || between(o, 0x0f3800, 0x0f38ff) || between(o, 0x0f3a00, 0x0f3aff)                    /* newer instructions */
           || (o == 0x0fae && s->modrm >= 0xc0)                                                   /* fences ignore rm */
           || between(o, 0xd8, 0xdf) || o == 0xc4 || o == 0xc5 || o == 0x62                       /* x87, VEX, EVEX: all lengths */
           || ((o == 0x8c || o == 0x8e) && s->rex_r)                                              /* REX.R is ignored */
           || (s->operand_prefix && s->rep && between(o, 0xa0, 0xa3)) || (o > 0xff && (s->operand_prefix || s->rep)); /* 66H with F2H or F3H, REX.W */
}

/* Where Capstone 4 has another length. */
static bool capstone_measures_wrongly(const struct shape *s)
{
    const unsigned o = s->opcode;
    return o == 0x0fff || o == 0x0fb9                                                                    /* UD0, UD1 have ModRM */
           || (s->operand_prefix && (o == 0xe8 || o == 0xe9 || o == 0x68 || between(o, 0x0f80, 0x0f8f))) /* Intel ignores 66H before near branches */
           || (s->rex && (o == 0xc2 || o == 0xe8));                                                      /* REX with 66H or 67H */
}

static const struct {
    unsigned capstone;
    enum vmx_op op;
} names[] = {
    {X86_INS_CPUID, VMX_OP_CPUID},
    {X86_INS_HLT, VMX_OP_HLT},
    {X86_INS_INVD, VMX_OP_INVD},
    {X86_INS_INVLPG, VMX_OP_INVLPG},
    {X86_INS_INVPCID, VMX_OP_INVPCID},
    {X86_INS_RDPMC, VMX_OP_RDPMC},
    {X86_INS_RDTSC, VMX_OP_RDTSC},
    {X86_INS_RDTSCP, VMX_OP_RDTSCP},
    {X86_INS_RSM, VMX_OP_RSM},
    {X86_INS_GETSEC, VMX_OP_GETSEC},
    {X86_INS_VMCALL, VMX_OP_VMCALL},
    {X86_INS_VMCLEAR, VMX_OP_VMCLEAR},
    {X86_INS_VMLAUNCH, VMX_OP_VMLAUNCH},
    {X86_INS_VMPTRLD, VMX_OP_VMPTRLD},
    {X86_INS_VMPTRST, VMX_OP_VMPTRST},
    {X86_INS_VMREAD, VMX_OP_VMREAD},
    {X86_INS_VMRESUME, VMX_OP_VMRESUME},
    {X86_INS_VMWRITE, VMX_OP_VMWRITE},
    {X86_INS_VMXOFF, VMX_OP_VMXOFF},
    {X86_INS_VMXON, VMX_OP_VMXON},
    {X86_INS_VMFUNC, VMX_OP_VMFUNC},
    {X86_INS_INVEPT, VMX_OP_INVEPT},
    {X86_INS_INVVPID, VMX_OP_INVVPID},
    {X86_INS_CLTS, VMX_OP_CLTS},
    {X86_INS_LMSW, VMX_OP_LMSW},
    {X86_INS_SMSW, VMX_OP_SMSW},
    {X86_INS_IN, VMX_OP_IN},
    {X86_INS_OUT, VMX_OP_OUT},
    {X86_INS_INSB, VMX_OP_INS},
    {X86_INS_INSW, VMX_OP_INS},
    {X86_INS_INSD, VMX_OP_INS},
    {X86_INS_OUTSB, VMX_OP_OUTS},
    {X86_INS_OUTSW, VMX_OP_OUTS},
    {X86_INS_OUTSD, VMX_OP_OUTS},
    {X86_INS_RDMSR, VMX_OP_RDMSR},
    {X86_INS_WRMSR, VMX_OP_WRMSR},
    {X86_INS_MWAIT, VMX_OP_MWAIT},
    {X86_INS_MONITOR, VMX_OP_MONITOR},
    {X86_INS_PAUSE, VMX_OP_PAUSE},
    {X86_INS_LGDT, VMX_OP_LGDT},
    {X86_INS_LIDT, VMX_OP_LIDT},
    {X86_INS_SGDT, VMX_OP_SGDT},
    {X86_INS_SIDT, VMX_OP_SIDT},
    {X86_INS_LLDT, VMX_OP_LLDT},
    {X86_INS_LTR, VMX_OP_LTR},
    {X86_INS_SLDT, VMX_OP_SLDT},
    {X86_INS_STR, VMX_OP_STR},
    {X86_INS_RDRAND, VMX_OP_RDRAND},
    {X86_INS_RDSEED, VMX_OP_RDSEED},
    {X86_INS_XSETBV, VMX_OP_XSETBV},
    {X86_INS_XGETBV, VMX_OP_XGETBV},
    {X86_INS_XSAVE, VMX_OP_XSAVE},
    {X86_INS_XSAVE64, VMX_OP_XSAVE},
    {X86_INS_XSAVEOPT, VMX_OP_XSAVEOPT},
    {X86_INS_XSAVEOPT64, VMX_OP_XSAVEOPT},
    {X86_INS_XSAVEC, VMX_OP_XSAVEC},
    {X86_INS_XSAVEC64, VMX_OP_XSAVEC},
    {X86_INS_XRSTOR, VMX_OP_XRSTOR},
    {X86_INS_XRSTOR64, VMX_OP_XRSTOR},
    {X86_INS_XSAVES, VMX_OP_XSAVES},
    {X86_INS_XSAVES64, VMX_OP_XSAVES},
    {X86_INS_XRSTORS, VMX_OP_XRSTORS},
    {X86_INS_XRSTORS64, VMX_OP_XRSTORS},
    {X86_INS_INT, VMX_OP_INT_N},
    {X86_INS_INT3, VMX_OP_INT3},
    {X86_INS_INTO, VMX_OP_INTO},
    {X86_INS_INT1, VMX_OP_INT1},
    {X86_INS_IRET, VMX_OP_IRET},
    {X86_INS_IRETD, VMX_OP_IRET},
    {X86_INS_IRETQ, VMX_OP_IRET},
    {X86_INS_CLI, VMX_OP_CLI},
    {X86_INS_STI, VMX_OP_STI},
    {X86_INS_PUSHF, VMX_OP_PUSHF},
    {X86_INS_PUSHFD, VMX_OP_PUSHF},
    {X86_INS_PUSHFQ, VMX_OP_PUSHF},
    {X86_INS_POPF, VMX_OP_POPF},
    {X86_INS_POPFD, VMX_OP_POPF},
    {X86_INS_POPFQ, VMX_OP_POPF},
    {X86_INS_LCALL, VMX_OP_CALL_FAR},
    {X86_INS_LJMP, VMX_OP_JMP_FAR},
    {X86_INS_MOVZX, VMX_OP_MOVZX},
    {X86_INS_MOVSX, VMX_OP_MOVSX},
    {X86_INS_MOVSXD, VMX_OP_MOVSX},
    {X86_INS_STOSB, VMX_OP_STOS},
    {X86_INS_STOSW, VMX_OP_STOS},
    {X86_INS_STOSD, VMX_OP_STOS},
    {X86_INS_STOSQ, VMX_OP_STOS},
    {X86_INS_LODSB, VMX_OP_LODS},
    {X86_INS_LODSW, VMX_OP_LODS},
    {X86_INS_LODSD, VMX_OP_LODS},
    {X86_INS_LODSQ, VMX_OP_LODS},
    {X86_INS_AND, VMX_OP_AND},
    {X86_INS_OR, VMX_OP_OR},
    {X86_INS_XOR, VMX_OP_XOR},
    {X86_INS_ADD, VMX_OP_ADD},
    {X86_INS_SUB, VMX_OP_SUB},
    {X86_INS_CMP, VMX_OP_CMP},
    {X86_INS_TEST, VMX_OP_TEST},
    {X86_INS_XCHG, VMX_OP_XCHG},
    {X86_INS_ADC, VMX_OP_ADC},
    {X86_INS_SBB, VMX_OP_SBB},
    {X86_INS_INC, VMX_OP_INC},
    {X86_INS_DEC, VMX_OP_DEC},
    {X86_INS_NOT, VMX_OP_NOT},
    {X86_INS_NEG, VMX_OP_NEG},
    {X86_INS_BT, VMX_OP_BT},
    {X86_INS_BTS, VMX_OP_BTS},
    {X86_INS_BTR, VMX_OP_BTR},
    {X86_INS_BTC, VMX_OP_BTC},
    {X86_INS_XADD, VMX_OP_XADD},
    {X86_INS_CMPXCHG, VMX_OP_CMPXCHG},
    {X86_INS_MOVNTI, VMX_OP_MOV},
};

static bool name_agrees(const cs_insn *instruction, enum vmx_op op)
{
    if ((instruction->id == X86_INS_VMPTRLD && op == VMX_OP_VMXON) || (instruction->id == X86_INS_RDSEED && op == VMX_OP_RDPID))
        return true; /* Capstone wants F3H next to the opcode */
    if (instruction->id == X86_INS_XSAVEOPT && op == VMX_OP_OTHER && instruction->detail->x86.prefix[2] == X86_PREFIX_OPSIZE)
        return true; /* CLWB, which 66H makes of it */
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].capstone == instruction->id)
            return names[i].op == op;
    switch ((int)op) { /* names that Capstone spreads over several meanings, or lacks */
    case VMX_OP_OTHER:
        return instruction->id != X86_INS_MOVABS && instruction->id != X86_INS_WBINVD;
    case VMX_OP_MOV:
    case VMX_OP_MOV_TO_CR:
    case VMX_OP_MOV_FROM_CR:
    case VMX_OP_MOV_TO_DR:
    case VMX_OP_MOV_FROM_DR:
        return instruction->id == X86_INS_MOV || instruction->id == X86_INS_MOVABS;
    case VMX_OP_WBINVD:
    case VMX_OP_WBNOINVD:
        return instruction->id == X86_INS_WBINVD;
    case VMX_OP_PAUSE:
        return instruction->id == X86_INS_NOP;
    case VMX_OP_MOVS:
        return strncmp(instruction->mnemonic, "mov", 3) == 0 || strncmp(instruction->mnemonic, "rep", 3) == 0;
    case VMX_OP_PUSH:
    case VMX_OP_POP:
        return strncmp(instruction->mnemonic, op == VMX_OP_PUSH ? "push" : "pop", op == VMX_OP_PUSH ? 4 : 3) == 0;
    case VMX_OP_ENCLS:
    case VMX_OP_ENCLV:
        return strncmp(instruction->mnemonic, "encl", 4) == 0;
    }
    return false;
}

static int gpr_number(csh handle, unsigned capstone_register, bool *none)
{
    static const char *const stems[8] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    const char *name = capstone_register == X86_REG_INVALID ? NULL : cs_reg_name(handle, capstone_register);
    *none = name == NULL || strcmp(name, "rip") == 0 || strcmp(name, "riz") == 0 || strcmp(name, "eiz") == 0 || strcmp(name, "eip") == 0;
    if (*none)
        return -1;
    int number = 0;
    if (sscanf(name, "r%d", &number) == 1)
        return number;
    for (int i = 0; i < 8; i++)
        if (strcmp(name + (name[0] == 'r' || name[0] == 'e' ? 1 : 0), stems[i]) == 0)
            return i;
    return -1;
}

static int64_t at_address_size(int64_t value, unsigned address_size)
{
    return address_size == 2 ? (int16_t)value : address_size == 4 ? (int32_t)value : value;
}

static bool memory_agrees(csh handle, const cs_insn *instruction, const struct vmx_instruction *ours)
{
    const cs_x86 *x = &instruction->detail->x86;
    if (ours->rm != VMX_OPERAND_MEMORY || !ours->has_modrm)
        return true;
    for (unsigned i = 0; i < x->op_count; i++) {
        if (x->operands[i].type != X86_OP_MEM)
            continue;
        const x86_op_mem *m = &x->operands[i].mem;
        bool no_base, no_index;
        const int base = gpr_number(handle, m->base, &no_base), index = gpr_number(handle, m->index, &no_index);
        if (no_base == ours->has_base || no_index == ours->has_index)
            return false;
        if ((!no_base && base != ours->base) || (!no_index && (index != ours->index || m->scale != 1 << ours->scale_log2)))
            return false;
        return at_address_size(m->disp, ours->address_size) == at_address_size(ours->displacement, ours->address_size);
    }
    return true;
}

struct tally {
    unsigned agreed, length, accepted, rejected, named, operands, truncation;
};

static void report(const char *what, const uint8_t *bytes, unsigned code_bits, const cs_insn *theirs, unsigned ours)
{
    printf("\n%s in %u-bit code: ", what, code_bits);
    for (unsigned i = 0; i < 15; i++)
        printf("%02x ", bytes[i]);
    printf(": Capstone %u %s, decoder %u", theirs ? theirs->size : 0u, theirs ? theirs->mnemonic : "", ours);
}

static void compare(csh handle, cs_insn *scratch, const uint8_t bytes[15], unsigned code_bits, struct tally *t)
{
    const uint8_t *cursor = bytes;
    size_t left = 15;
    uint64_t address = 0;
    const cs_insn *theirs = cs_disasm_iter(handle, &cursor, &left, &address, scratch) ? scratch : NULL;
    struct vmx_instruction ours;
    const bool decoded = vmx_decode(bytes, 15, code_bits, &ours) == VMX_DECODED;
    const struct shape s = shape_of(bytes, code_bits);
    if (decoded && theirs == NULL && !capstone_rejects_wrongly(&s)) {
        t->accepted++;
        report("accepted", bytes, code_bits, theirs, ours.length);
    } else if (!decoded && theirs != NULL && !capstone_accepts_wrongly(&s)) {
        t->rejected++;
        report("rejected", bytes, code_bits, theirs, 0);
    }
    if (!decoded)
        return;
    for (unsigned size = 0; size < ours.length; size++) {
        struct vmx_instruction part;
        if (vmx_decode(bytes, size, code_bits, &part) != VMX_DECODE_TRUNCATED)
            t->truncation++;
    }
    if (theirs == NULL)
        return;
    if (theirs->size != ours.length) {
        if (!capstone_measures_wrongly(&s)) {
            t->length++;
            report("length", bytes, code_bits, theirs, ours.length);
        }
        return;
    }
    t->agreed++;
    const bool vector = s.opcode == 0x62 || ((s.opcode == 0xc4 || s.opcode == 0xc5) && theirs->mnemonic[0] != 'l');
    if (!vector && !name_agrees(theirs, ours.op) && s.opcode != 0x0f0d) {
        t->named++;
        report("name", bytes, code_bits, theirs, (unsigned)ours.op);
    }
    if (s.opcode != 0x62 && !memory_agrees(handle, theirs, &ours)) {
        t->operands++;
        report("operand", bytes, code_bits, theirs, ours.length);
    }
}

static void agrees_with_capstone(unsigned code_bits, cs_mode mode)
{
    csh handle;
    CU_ASSERT_FATAL(cs_open(CS_ARCH_X86, mode, &handle) == CS_ERR_OK);
    cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *scratch = cs_malloc(handle);
    struct tally t = {0};
    uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);
    for (unsigned i = 0; i < STREAMS; i++) {
        uint8_t bytes[15];
        random_stream(&seed, bytes);
        compare(handle, scratch, bytes, code_bits, &t);
    }
    cs_free(scratch, 1);
    cs_close(&handle);
    CU_ASSERT_EQUAL(t.length, 0);
    CU_ASSERT_EQUAL(t.accepted, 0);
    CU_ASSERT_EQUAL(t.rejected, 0);
    CU_ASSERT_EQUAL(t.named, 0);
    CU_ASSERT_EQUAL(t.operands, 0);
    CU_ASSERT_EQUAL(t.truncation, 0);
    CU_ASSERT(t.agreed > STREAMS * 3 / 4);
}

static void agrees_with_capstone_in_16bit_code(void)
{
    agrees_with_capstone(16, CS_MODE_16);
}

static void agrees_with_capstone_in_32bit_code(void)
{
    agrees_with_capstone(32, CS_MODE_32);
}

static void agrees_with_capstone_in_64bit_code(void)
{
    agrees_with_capstone(64, CS_MODE_64);
}

#define BYTES(...)                                                                                                                                   \
    (const uint8_t[15])                                                                                                                              \
    {                                                                                                                                                \
        __VA_ARGS__                                                                                                                                  \
    }

static struct vmx_instruction decoded(const uint8_t *bytes, unsigned code_bits)
{
    struct vmx_instruction i = {0};
    CU_ASSERT_EQUAL(vmx_decode(bytes, 15, code_bits, &i), VMX_DECODED);
    return i;
}

static void names_what_vmx_cares_about(void)
{
    static const struct {
        uint8_t bytes[15];
        enum vmx_op op;
        uint8_t length, code_bits;
    } rows[] = {
        {{0x0f, 0xa2}, VMX_OP_CPUID, 2, 64},
        {{0xf4}, VMX_OP_HLT, 1, 64},
        {{0x0f, 0x08}, VMX_OP_INVD, 2, 64},
        {{0x0f, 0x09}, VMX_OP_WBINVD, 2, 64},
        {{0xf3, 0x0f, 0x09}, VMX_OP_WBNOINVD, 3, 64},
        {{0x0f, 0x01, 0x3b}, VMX_OP_INVLPG, 3, 64},
        {{0x66, 0x0f, 0x38, 0x82, 0x0b}, VMX_OP_INVPCID, 5, 64},
        {{0x0f, 0x33}, VMX_OP_RDPMC, 2, 64},
        {{0x0f, 0x31}, VMX_OP_RDTSC, 2, 64},
        {{0x0f, 0x01, 0xf9}, VMX_OP_RDTSCP, 3, 64},
        {{0xf3, 0x0f, 0xc7, 0xf8}, VMX_OP_RDPID, 4, 64},
        {{0x0f, 0xaa}, VMX_OP_RSM, 2, 64},
        {{0x0f, 0x37}, VMX_OP_GETSEC, 2, 64},
        {{0x0f, 0x01, 0xc1}, VMX_OP_VMCALL, 3, 64},
        {{0x66, 0x0f, 0xc7, 0x33}, VMX_OP_VMCLEAR, 4, 64},
        {{0x0f, 0x01, 0xc2}, VMX_OP_VMLAUNCH, 3, 64},
        {{0x0f, 0xc7, 0x33}, VMX_OP_VMPTRLD, 3, 64},
        {{0x0f, 0xc7, 0x3b}, VMX_OP_VMPTRST, 3, 64},
        {{0x0f, 0x78, 0xc1}, VMX_OP_VMREAD, 3, 64},
        {{0x0f, 0x01, 0xc3}, VMX_OP_VMRESUME, 3, 64},
        {{0x0f, 0x79, 0xc1}, VMX_OP_VMWRITE, 3, 64},
        {{0x0f, 0x01, 0xc4}, VMX_OP_VMXOFF, 3, 64},
        {{0xf3, 0x0f, 0xc7, 0x33}, VMX_OP_VMXON, 4, 64},
        {{0x0f, 0x01, 0xd4}, VMX_OP_VMFUNC, 3, 64},
        {{0x66, 0x0f, 0x38, 0x80, 0x0b}, VMX_OP_INVEPT, 5, 64},
        {{0x66, 0x0f, 0x38, 0x81, 0x0b}, VMX_OP_INVVPID, 5, 64},
        {{0x0f, 0x22, 0xd8}, VMX_OP_MOV_TO_CR, 3, 64},
        {{0x44, 0x0f, 0x20, 0xc0}, VMX_OP_MOV_FROM_CR, 4, 64},
        {{0x0f, 0x06}, VMX_OP_CLTS, 2, 64},
        {{0x0f, 0x01, 0xf0}, VMX_OP_LMSW, 3, 64},
        {{0x0f, 0x01, 0xe0}, VMX_OP_SMSW, 3, 64},
        {{0x0f, 0x23, 0xf8}, VMX_OP_MOV_TO_DR, 3, 64},
        {{0x0f, 0x21, 0xf8}, VMX_OP_MOV_FROM_DR, 3, 64},
        {{0xe4, 0x60}, VMX_OP_IN, 2, 64},
        {{0xef}, VMX_OP_OUT, 1, 64},
        {{0xf3, 0x6c}, VMX_OP_INS, 2, 64},
        {{0xf3, 0x6f}, VMX_OP_OUTS, 2, 64},
        {{0x0f, 0x32}, VMX_OP_RDMSR, 2, 64},
        {{0x0f, 0x30}, VMX_OP_WRMSR, 2, 64},
        {{0x0f, 0x01, 0xc9}, VMX_OP_MWAIT, 3, 64},
        {{0x0f, 0x01, 0xc8}, VMX_OP_MONITOR, 3, 64},
        {{0xf3, 0x90}, VMX_OP_PAUSE, 2, 64},
        {{0x90}, VMX_OP_OTHER, 1, 64},
        {{0xf3, 0x41, 0x90}, VMX_OP_XCHG, 3, 64},
        {{0x0f, 0x01, 0x13}, VMX_OP_LGDT, 3, 64},
        {{0x0f, 0x01, 0x1b}, VMX_OP_LIDT, 3, 64},
        {{0x0f, 0x01, 0x03}, VMX_OP_SGDT, 3, 64},
        {{0x0f, 0x01, 0x0b}, VMX_OP_SIDT, 3, 64},
        {{0x0f, 0x00, 0xd0}, VMX_OP_LLDT, 3, 64},
        {{0x0f, 0x00, 0xd8}, VMX_OP_LTR, 3, 64},
        {{0x0f, 0x00, 0xc0}, VMX_OP_SLDT, 3, 64},
        {{0x0f, 0x00, 0xc8}, VMX_OP_STR, 3, 64},
        {{0x48, 0x0f, 0xc7, 0xf0}, VMX_OP_RDRAND, 4, 64},
        {{0x0f, 0xc7, 0xf8}, VMX_OP_RDSEED, 3, 64},
        {{0x0f, 0x01, 0xd1}, VMX_OP_XSETBV, 3, 64},
        {{0x0f, 0x01, 0xd0}, VMX_OP_XGETBV, 3, 64},
        {{0x48, 0x0f, 0xae, 0x23}, VMX_OP_XSAVE, 4, 64},
        {{0x0f, 0xae, 0x33}, VMX_OP_XSAVEOPT, 3, 64},
        {{0x66, 0x0f, 0xae, 0x33}, VMX_OP_OTHER, 4, 64}, /* CLWB */
        {{0x0f, 0xc7, 0x23}, VMX_OP_XSAVEC, 3, 64},
        {{0x0f, 0xae, 0x2b}, VMX_OP_XRSTOR, 3, 64},
        {{0x0f, 0xc7, 0x2b}, VMX_OP_XSAVES, 3, 64},
        {{0x0f, 0xc7, 0x1b}, VMX_OP_XRSTORS, 3, 64},
        {{0xcd, 0x80}, VMX_OP_INT_N, 2, 64},
        {{0xcc}, VMX_OP_INT3, 1, 64},
        {{0xce}, VMX_OP_INTO, 1, 32},
        {{0xf1}, VMX_OP_INT1, 1, 64},
        {{0x48, 0xcf}, VMX_OP_IRET, 2, 64},
        {{0xfa}, VMX_OP_CLI, 1, 64},
        {{0xfb}, VMX_OP_STI, 1, 64},
        {{0x9c}, VMX_OP_PUSHF, 1, 64},
        {{0x66, 0x9d}, VMX_OP_POPF, 2, 64},
        {{0xf2, 0x0f, 0xae, 0xf1}, VMX_OP_UMWAIT, 4, 64},
        {{0x66, 0x0f, 0xae, 0xf1}, VMX_OP_TPAUSE, 4, 64},
        {{0x0f, 0x01, 0xcf}, VMX_OP_ENCLS, 3, 64},
        {{0x0f, 0x01, 0xc0}, VMX_OP_ENCLV, 3, 64},
        {{0x0f, 0x01, 0xc5}, VMX_OP_PCONFIG, 3, 64},
        {{0xf3, 0x0f, 0x38, 0xdc, 0xca}, VMX_OP_LOADIWKEY, 5, 64},
        {{0x9a, 1, 2, 3, 4, 5, 6}, VMX_OP_CALL_FAR, 7, 32},
        {{0xea, 1, 2, 3, 4}, VMX_OP_JMP_FAR, 5, 16},
        {{0x89, 0x03}, VMX_OP_MOV, 2, 64},
        {{0x0f, 0xb6, 0x03}, VMX_OP_MOVZX, 3, 64},
        {{0x0f, 0xbe, 0x03}, VMX_OP_MOVSX, 3, 64},
        {{0xa5}, VMX_OP_MOVS, 1, 64},
        {{0xab}, VMX_OP_STOS, 1, 64},
        {{0xad}, VMX_OP_LODS, 1, 64},
        {{0x81, 0x23, 1, 2, 3, 4}, VMX_OP_AND, 6, 64},
        {{0x09, 0x03}, VMX_OP_OR, 2, 64},
        {{0x33, 0x03}, VMX_OP_XOR, 2, 64},
        {{0x83, 0x03, 0xff}, VMX_OP_ADD, 3, 64},
        {{0x2c, 1}, VMX_OP_SUB, 2, 64},
        {{0x3b, 0x03}, VMX_OP_CMP, 2, 64},
        {{0xf6, 0x03, 1}, VMX_OP_TEST, 3, 64},
        {{0x87, 0x03}, VMX_OP_XCHG, 2, 64},
        {{0x11, 0x03}, VMX_OP_ADC, 2, 64},
        {{0x80, 0x1b, 0x01}, VMX_OP_SBB, 3, 64},
        {{0xfe, 0x03}, VMX_OP_INC, 2, 64},
        {{0x48}, VMX_OP_DEC, 1, 32},
        {{0xf7, 0x13}, VMX_OP_NOT, 2, 64},
        {{0xf6, 0x1b}, VMX_OP_NEG, 2, 64},
        {{0x0f, 0xa3, 0x03}, VMX_OP_BT, 3, 64},
        {{0x0f, 0xba, 0x2b, 0x01}, VMX_OP_BTS, 4, 64},
        {{0x0f, 0xb3, 0x03}, VMX_OP_BTR, 3, 64},
        {{0x0f, 0xbb, 0x03}, VMX_OP_BTC, 3, 64},
        {{0x0f, 0xc0, 0x03}, VMX_OP_XADD, 3, 64},
        {{0xf0, 0x0f, 0xb1, 0x03}, VMX_OP_CMPXCHG, 4, 64},
        {{0xff, 0x33}, VMX_OP_PUSH, 2, 64},
        {{0x8f, 0x03}, VMX_OP_POP, 2, 64},
    };
    bool seen[VMX_OP_COUNT] = {false};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct vmx_instruction d = decoded(rows[i].bytes, rows[i].code_bits);
        CU_ASSERT_EQUAL(d.op, rows[i].op);
        CU_ASSERT_EQUAL(d.length, rows[i].length);
        seen[rows[i].op] = true;
    }
    for (unsigned op = 0; op < VMX_OP_COUNT; op++)
        CU_ASSERT(seen[op]);
}

static void over_15_bytes_is_too_long(void)
{
    uint8_t bytes[15];
    struct vmx_instruction i;
    memset(bytes, 0x66, sizeof bytes);
    CU_ASSERT_EQUAL(vmx_decode(bytes, 14, 64, &i), VMX_DECODE_TRUNCATED);
    CU_ASSERT_EQUAL(vmx_decode(bytes, 15, 64, &i), VMX_DECODE_TOO_LONG);
    bytes[14] = 0x90;
    CU_ASSERT_EQUAL(vmx_decode(bytes, 15, 64, &i), VMX_DECODED);
    CU_ASSERT_EQUAL(i.length, 15);
    bytes[14] = 0xcd; /* its immediate would be byte 16 */
    CU_ASSERT_EQUAL(vmx_decode(bytes, 15, 64, &i), VMX_DECODE_TOO_LONG);
}

static void forms_that_do_not_exist_are_invalid(void)
{
    static const struct {
        uint8_t bytes[15];
        uint8_t code_bits;
    } rows[] = {
        {{0x06}, 64},                         /* PUSH ES */
        {{0xce}, 64},                         /* INTO */
        {{0xea, 1, 2, 3, 4, 5, 6}, 64},       /* JMP far direct */
        {{0x0f, 0x01, 0xf8}, 32},             /* SWAPGS */
        {{0xf0, 0x90}, 64},                   /* LOCK NOP */
        {{0xf0, 0x01, 0xc0}, 64},             /* LOCK ADD register */
        {{0xf0, 0x03, 0x03}, 64},             /* LOCK ADD, memory as source */
        {{0xf0, 0x39, 0x03}, 64},             /* LOCK CMP */
        {{0x0f, 0x20, 0xc8}, 64},             /* CR1 */
        {{0x0f, 0x22, 0xe8}, 64},             /* CR5 */
        {{0x44, 0x0f, 0x23, 0xc0}, 64},       /* DR8 */
        {{0x8e, 0xc8}, 32},                   /* MOV CS */
        {{0x8c, 0xf0}, 32},                   /* segment register 6 */
        {{0x66, 0x0f, 0x01, 0xc1}, 64},       /* 66 VMCALL */
        {{0x0f, 0x38, 0x80, 0x03}, 64},       /* INVEPT without 66 */
        {{0x66, 0x0f, 0x38, 0x80, 0xc0}, 64}, /* INVEPT with a register */
        {{0x0f, 0xc7, 0xe0}, 64},             /* group 9 /4 register */
        {{0x8d, 0xc0}, 64},                   /* LEA register */
        {{0x0f, 0x04}, 64},
        {{0x66, 0xc5, 0xf8, 0x77}, 64}, /* 66 before VEX */
    };
    for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct vmx_instruction i;
        CU_ASSERT_EQUAL(vmx_decode(rows[n].bytes, 15, rows[n].code_bits, &i), VMX_DECODE_INVALID);
    }
}

static void operands_of_moves_are_named(void)
{
    struct vmx_instruction i = decoded(BYTES(0x44, 0x89, 0x44, 0x8b, 0xf0), 64); /* mov [rbx+rcx*4-16], r8d */
    CU_ASSERT(i.rm == VMX_OPERAND_MEMORY && i.source == VMX_OPERAND_REGISTER && !i.reg_is_destination && i.reg == 8);
    CU_ASSERT(i.operand_size == 4 && i.rm_size == 4 && i.base == VMX_RBX && i.index == VMX_RCX && i.scale_log2 == 2 && i.displacement == -16);
    CU_ASSERT_EQUAL(i.segment, VMX_DS);
    i = decoded(BYTES(0x8a, 0x65, 0x00), 64); /* mov ah, [rbp] */
    CU_ASSERT(i.reg_is_destination && i.reg_high8 && i.reg == 0 && i.rm_size == 1 && i.segment == VMX_SS);
    i = decoded(BYTES(0x40, 0x8a, 0x65, 0x00), 64); /* mov spl, [rbp] */
    CU_ASSERT(!i.reg_high8 && i.reg == 4);
    i = decoded(BYTES(0x48, 0xc7, 0x03, 0xff, 0xff, 0xff, 0xff), 64); /* mov qword [rbx], -1 */
    CU_ASSERT(i.source == VMX_OPERAND_IMMEDIATE && i.immediate == UINT64_MAX && i.operand_size == 8);
    i = decoded(BYTES(0x66, 0x0f, 0xb6, 0x03), 64); /* movzx ax, byte [rbx] */
    CU_ASSERT(i.operand_size == 2 && i.rm_size == 1 && i.reg_is_destination);
    i = decoded(BYTES(0x0f, 0xb7, 0x03), 64); /* movzx eax, word [rbx] */
    CU_ASSERT(i.operand_size == 4 && i.rm_size == 2);
    i = decoded(BYTES(0x48, 0x63, 0x03), 64); /* movsxd rax, dword [rbx] */
    CU_ASSERT(i.op == VMX_OP_MOVSX && i.operand_size == 8 && i.rm_size == 4);
    i = decoded(BYTES(0xa1, 1, 2, 3, 4, 5, 6, 7, 8), 64); /* mov eax, [moffs64] */
    CU_ASSERT(i.length == 9 && i.rm == VMX_OPERAND_MEMORY && i.displacement == 0x0807060504030201 && i.reg_is_destination && i.reg == 0);
    i = decoded(BYTES(0x67, 0xa3, 1, 2, 3, 4), 64);
    CU_ASSERT(i.length == 6 && !i.reg_is_destination && i.source == VMX_OPERAND_REGISTER);
    i = decoded(BYTES(0x49, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8), 64); /* mov r8, imm64 */
    CU_ASSERT(i.length == 10 && i.rm == VMX_OPERAND_REGISTER && i.rm_register == 8 && i.source == VMX_OPERAND_IMMEDIATE);
    CU_ASSERT_EQUAL(i.immediate, 0x0807060504030201);
    i = decoded(BYTES(0x64, 0xa5), 32); /* movs with FS */
    CU_ASSERT(i.op == VMX_OP_MOVS && i.segment == VMX_FS && i.operand_size == 4);
    i = decoded(BYTES(0x64, 0xab), 32); /* stos is never overridden */
    CU_ASSERT_EQUAL(i.segment, VMX_ES);
    i = decoded(BYTES(0x9a, 1, 2, 3, 4, 5, 6), 32);
    CU_ASSERT_EQUAL(i.immediate, 0x060504030201);
    i = decoded(BYTES(0x2e, 0x89, 0x03), 64); /* CS override is nothing in 64-bit mode */
    CU_ASSERT_EQUAL(i.segment, VMX_DS);
}

static void ports_and_sizes_of_io_are_named(void)
{
    struct vmx_instruction i = decoded(BYTES(0xe6, 0xf0), 64);
    CU_ASSERT(i.op == VMX_OP_OUT && i.immediate_port && i.immediate == 0xf0 && i.operand_size == 1);
    i = decoded(BYTES(0x66, 0xed), 64);
    CU_ASSERT(i.op == VMX_OP_IN && !i.immediate_port && i.operand_size == 2);
    i = decoded(BYTES(0x48, 0xef), 64); /* there is no 64-bit port access */
    CU_ASSERT_EQUAL(i.operand_size, 4);
    i = decoded(BYTES(0xf3, 0x65, 0x67, 0x6e), 64);
    CU_ASSERT(i.op == VMX_OP_OUTS && i.rep && i.segment == VMX_GS && i.address_size == 4 && i.operand_size == 1);
}

static void addresses_follow_mode_and_size(void)
{
    static struct vmx_state s;
    memset(&s, 0, sizeof s);
    s.seg[VMX_SS].base = 0x1000;
    s.seg[VMX_DS].base = 0xfffff000;
    s.seg[VMX_FS].base = UINT64_C(0xffff800000000000);
    s.gpr[VMX_RBX] = 0xffff;
    s.gpr[VMX_RSI] = 0x10;
    s.gpr[VMX_RBP] = 0x20;
    CU_ASSERT_EQUAL(vmx_code_bits(&s), 16);
    struct vmx_instruction i = decoded(BYTES(0x89, 0x00), 16); /* [bx+si] wraps at 64 KBytes */
    CU_ASSERT_EQUAL(vmx_effective_address(&s, &i), 0xf);
    CU_ASSERT_EQUAL(vmx_operand_linear(&s, &i), 0xfffff00f);
    i = decoded(BYTES(0x89, 0x02), 16); /* [bp+si] is in the stack segment */
    CU_ASSERT_EQUAL(vmx_operand_linear(&s, &i), 0x1030);
    s.gpr[VMX_RBX] = 0x2000;
    s.seg[VMX_CS].access_rights = 1u << 14;
    CU_ASSERT_EQUAL(vmx_code_bits(&s), 32);
    i = decoded(BYTES(0x89, 0x03), 32); /* linear addresses wrap at 4 GBytes */
    CU_ASSERT_EQUAL(vmx_operand_linear(&s, &i), 0x1000);
    s.seg[VMX_CS].access_rights = 1u << 13;
    s.efer = 1u << 10;
    CU_ASSERT_EQUAL(vmx_code_bits(&s), 64);
    i = decoded(BYTES(0x89, 0x03), 64); /* DS has no base */
    CU_ASSERT_EQUAL(vmx_operand_linear(&s, &i), 0x2000);
    i = decoded(BYTES(0x64, 0x89, 0x03), 64); /* FS has one */
    CU_ASSERT_EQUAL(vmx_operand_linear(&s, &i), UINT64_C(0xffff800000002000));
    s.rip = 0x400000;
    i = decoded(BYTES(0x89, 0x05, 0x10, 0, 0, 0), 64); /* RIP-relative: from the next instruction */
    CU_ASSERT_EQUAL(vmx_operand_linear(&s, &i), 0x400016);
    s.gpr[VMX_RBX] = UINT64_C(0x100000004);
    i = decoded(BYTES(0x67, 0x89, 0x03), 64);
    CU_ASSERT_EQUAL(vmx_operand_linear(&s, &i), 4);
}

static void instruction_information_has_its_layout(void)
{
    static const struct {
        const char *what;
        uint8_t bytes[15];
        uint8_t code_bits;
        uint32_t info, mask;
    } rows[] = {
        {"rep outsb fs", {0xf3, 0x64, 0x6e}, 64, 2u << 7 | 4u << 15, 7u << 7 | 7u << 15},
        {"ins", {0x6d}, 32, 1u << 7, 7u << 7},
        {"invept rcx,[rbx+rsi*2]",
         {0x66, 0x0f, 0x38, 0x80, 0x0c, 0x73},
         64,
         1 | 2u << 7 | 3u << 15 | 6u << 18 | 3u << 23 | 1u << 28,
         3 | 7u << 7 | 1u << 10 | 7u << 15 | 15u << 18 | 1u << 22 | 15u << 23 | 1u << 27 | 15u << 28},
        {"invvpid eax,[disp32]",
         {0x66, 0x0f, 0x38, 0x81, 0x05, 1, 2, 3, 4},
         32,
         1u << 7 | 3u << 15 | 1u << 22 | 1u << 27,
         7u << 7 | 1u << 10 | 7u << 15 | 1u << 22 | 1u << 27 | 15u << 28},
        {"lgdt [ebx]",
         {0x0f, 0x01, 0x13},
         32,
         1u << 7 | 1u << 11 | 3u << 15 | 1u << 22 | 3u << 23 | 2u << 28,
         7u << 7 | 3u << 10 | 7u << 15 | 1u << 22 | 15u << 23 | 1u << 27 | 3u << 28},
        {"sidt [rbx]",
         {0x0f, 0x01, 0x0b},
         64,
         2u << 7 | 3u << 15 | 1u << 22 | 3u << 23 | 1u << 28,
         7u << 7 | 1u << 10 | 7u << 15 | 1u << 22 | 15u << 23 | 1u << 27 | 3u << 28},
        {"ltr dx", {0x0f, 0x00, 0xda}, 64, 2u << 3 | 1u << 10 | 3u << 28, 15u << 3 | 1u << 10 | 3u << 28},
        {"str [bp+di]",
         {0x0f, 0x00, 0x0b},
         16,
         2u << 15 | 7u << 18 | 5u << 23 | 1u << 28,
         3 | 7u << 7 | 1u << 10 | 7u << 15 | 15u << 18 | 1u << 22 | 15u << 23 | 1u << 27 | 3u << 28},
        {"rdrand r9", {0x49, 0x0f, 0xc7, 0xf1}, 64, 9u << 3 | 2u << 11, 15u << 3 | 3u << 11},
        {"rdseed cx", {0x66, 0x0f, 0xc7, 0xf9}, 32, 1u << 3, 15u << 3 | 3u << 11},
        {"tpause edx", {0x66, 0x0f, 0xae, 0xf2}, 64, 2u << 3 | 1u << 11, 15u << 3 | 3u << 11},
        {"vmptrld [r8]",
         {0x41, 0x0f, 0xc7, 0x30},
         64,
         2u << 7 | 3u << 15 | 1u << 22 | 8u << 23,
         7u << 7 | 1u << 10 | 7u << 15 | 1u << 22 | 15u << 23 | 1u << 27},
        {"vmread rcx,rax", {0x0f, 0x78, 0xc1}, 64, 1u << 3 | 1u << 10, 15u << 3 | 1u << 10 | 15u << 28},
        {"vmwrite r15,[rax]",
         {0x44, 0x0f, 0x79, 0x38},
         64,
         2u << 7 | 3u << 15 | 1u << 22 | 15u << 28,
         7u << 7 | 1u << 10 | 7u << 15 | 1u << 22 | 15u << 23 | 1u << 27 | 15u << 28},
        {"loadiwkey xmm1,xmm2", {0xf3, 0x0f, 0x38, 0xdc, 0xca}, 64, 1u << 3 | 2u << 28, 15u << 3 | 15u << 28},
        {"xsaves [rsp]",
         {0x0f, 0xc7, 0x2c, 0x24},
         64,
         2u << 7 | 2u << 15 | 1u << 22 | 4u << 23,
         7u << 7 | 1u << 10 | 7u << 15 | 1u << 22 | 15u << 23 | 1u << 27},
        {"cpuid", {0x0f, 0xa2}, 64, 0, 0},
    };
    for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        const struct vmx_instruction i = decoded(rows[n].bytes, rows[n].code_bits);
        const uint32_t info = vmx_instruction_information(&i, rows[n].code_bits), mask = vmx_instruction_information_mask(&i, rows[n].code_bits);
        if (info != rows[n].info || mask != rows[n].mask)
            printf("\n%s: %x %x", rows[n].what, info, mask);
        CU_ASSERT_EQUAL(info, rows[n].info);
        CU_ASSERT_EQUAL(mask, rows[n].mask);
        CU_ASSERT_EQUAL(info & ~mask, 0);
    }
}

SUITE("vmx-model/decode", {"agrees_with_capstone_in_16bit_code", agrees_with_capstone_in_16bit_code},
      {"agrees_with_capstone_in_32bit_code", agrees_with_capstone_in_32bit_code},
      {"agrees_with_capstone_in_64bit_code", agrees_with_capstone_in_64bit_code}, {"names_what_vmx_cares_about", names_what_vmx_cares_about},
      {"over_15_bytes_is_too_long", over_15_bytes_is_too_long}, {"forms_that_do_not_exist_are_invalid", forms_that_do_not_exist_are_invalid},
      {"operands_of_moves_are_named", operands_of_moves_are_named}, {"ports_and_sizes_of_io_are_named", ports_and_sizes_of_io_are_named},
      {"addresses_follow_mode_and_size", addresses_follow_mode_and_size},
      {"instruction_information_has_its_layout", instruction_information_has_its_layout})
