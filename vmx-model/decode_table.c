/* SPDX-License-Identifier: MIT */
/* The one-byte and two-byte opcode maps and their groups. SDM 2, "Opcode Map". */
#include "decode_table.h"

#include "decode.h"

/* clang-format off */
#define ROW(f)          {(f), VMX_OP_OTHER, 0}
#define OP(name, f)     {(f), VMX_OP_##name, 0}
#define GROUP(table, f) {(f) | ROW_MODRM | ROW_BY_REG, VMX_OP_OTHER, (table)}
#define BY_RM(table)    {ROW_BY_RM, VMX_OP_OTHER, (table)}
#define BY_PREFIX(table, f) {(f) | ROW_BY_PREFIX, VMX_OP_OTHER, (table)}
#define UD              ROW(ROW_INVALID)
#define X4(...)         __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define X8(...)         X4(__VA_ARGS__), X4(__VA_ARGS__)
#define X16(...)        X8(__VA_ARGS__), X8(__VA_ARGS__)
#define PLAIN           ROW(0)
#define MODRM           ROW(ROW_MODRM)

/* Short names of flags, for the tables only. */
#define M    ROW_MODRM
#define B    ROW_BYTE
#define Ib   ROW_IMM_BYTE
#define Ibs  ROW_IMM_BYTE_SIGNED
#define Iw   ROW_IMM_WORD
#define Iz   ROW_IMM_Z
#define NP   ROW_NP
#define P66  ROW_66
#define PF3  ROW_F3
#define PF2  ROW_F2
#define NP66 (ROW_NP | ROW_66)
#define ALL  ROW_PREFIXES
#define NO64 ROW_NO64
#define D64  ROW_DEFAULT64
#define F64  ROW_FORCE64
#define MEM  ROW_MEM
#define REG  ROW_REG
#define LOCK ROW_LOCK
#define TO   ROW_TO_REG

/* Six forms of one arithmetic instruction; CMP takes no LOCK. */
#define ALU(name, lock) \
    OP(name, M | B | (lock)), OP(name, M | (lock)), OP(name, M | B | TO), OP(name, M | TO), OP(name, B | Ib | ROW_ACC), OP(name, Iz | ROW_ACC)
#define ALU_GROUP(name, f) \
    { OP(ADD, (f) | LOCK), OP(OR, (f) | LOCK), OP(ADC, (f) | LOCK), OP(SBB, (f) | LOCK), \
      OP(AND, (f) | LOCK), OP(SUB, (f) | LOCK), OP(XOR, (f) | LOCK), OP(CMP, (f)), \
      OP(ADD, (f)), OP(OR, (f)), OP(ADC, (f)), OP(SBB, (f)), OP(AND, (f)), OP(SUB, (f)), OP(XOR, (f)), OP(CMP, (f)) }

static const struct decode_row group1_eb_ib[16] = ALU_GROUP(1, M | B | Ib);
static const struct decode_row group1_ev_iz[16] = ALU_GROUP(1, M | Iz);
static const struct decode_row group1_ev_ib[16] = ALU_GROUP(1, M | Ibs);
static const struct decode_row group1a[16] = {OP(POP, M | D64), UD, UD, UD, UD, UD, UD, UD, OP(POP, M | D64), UD, UD, UD, UD, UD, UD, UD};

/* Group 3; /1 is TEST too on every processor. */
#define GROUP3(f, imm) \
    { OP(TEST, (f) | (imm)), OP(TEST, (f) | (imm)), OP(NOT, (f) | LOCK), OP(NEG, (f) | LOCK), ROW(f), ROW(f), ROW(f), ROW(f), \
      OP(TEST, (f) | (imm)), OP(TEST, (f) | (imm)), OP(NOT, (f)), OP(NEG, (f)), ROW(f), ROW(f), ROW(f), ROW(f) }
static const struct decode_row group3_eb[16] = GROUP3(M | B, Ib);
static const struct decode_row group3_ev[16] = GROUP3(M, Iz);
static const struct decode_row group4[16] = {
    OP(INC, M | B | LOCK), OP(DEC, M | B | LOCK), UD, UD, UD, UD, UD, UD,
    OP(INC, M | B), OP(DEC, M | B), UD, UD, UD, UD, UD, UD};
static const struct decode_row group5[16] = {
    OP(INC, M | LOCK), OP(DEC, M | LOCK), ROW(M | F64), OP(CALL_FAR, M), ROW(M | F64), OP(JMP_FAR, M), OP(PUSH, M | D64), UD,
    OP(INC, M), OP(DEC, M), ROW(M | F64), UD, ROW(M | F64), UD, OP(PUSH, M | D64), UD};
/* MOV to and from a segment register: there are six, and CS cannot be loaded. */
static const struct decode_row mov_from_segment[16] = {
    X4(ROW(M | ROW_MEM16)), ROW(M | ROW_MEM16), ROW(M | ROW_MEM16), UD, UD, X4(MODRM), MODRM, MODRM, UD, UD};
static const struct decode_row mov_to_segment[16] = {
    ROW(M | ROW_RM16), UD, X4(ROW(M | ROW_RM16)), UD, UD, ROW(M | ROW_RM16), UD, X4(ROW(M | ROW_RM16)), UD, UD};

/* Group 11: MOV immediate; in register form /7 with rm 0 is XABORT, XBEGIN. */
static const struct decode_row xabort[8] = {ROW(M | Ib), UD, UD, UD, UD, UD, UD, UD};
static const struct decode_row xbegin[8] = {ROW(M | Iz), UD, UD, UD, UD, UD, UD, UD};
static const struct decode_row group11_eb[16] = {
    OP(MOV, M | B | Ib), UD, UD, UD, UD, UD, UD, UD, OP(MOV, M | B | Ib), UD, UD, UD, UD, UD, UD, BY_RM(xabort)};
static const struct decode_row group11_ev[16] = {
    OP(MOV, M | Iz), UD, UD, UD, UD, UD, UD, UD, OP(MOV, M | Iz), UD, UD, UD, UD, UD, UD, BY_RM(xbegin)};
static const struct decode_row nop_pause[4] = {PLAIN, PLAIN, OP(PAUSE, 0), PLAIN};

const struct decode_row vmx_opcodes_one_byte[256] = {
    /* 00 */ ALU(ADD, LOCK), ROW(NO64), ROW(NO64), ALU(OR, LOCK), ROW(NO64), UD /* 0F: two-byte opcodes */,
    /* 10 */ ALU(ADC, LOCK), ROW(NO64), ROW(NO64), ALU(SBB, LOCK), ROW(NO64), ROW(NO64),
    /* 20 */ ALU(AND, LOCK), UD /* prefix */, ROW(NO64), ALU(SUB, LOCK), UD, ROW(NO64),
    /* 30 */ ALU(XOR, LOCK), UD, ROW(NO64), ALU(CMP, 0), UD, ROW(NO64),
    /* 40 */ X8(OP(INC, NO64 | ROW_OPREG)), X8(OP(DEC, NO64 | ROW_OPREG)),
    /* 50 */ X8(OP(PUSH, D64 | ROW_OPREG)), X8(OP(POP, D64 | ROW_OPREG)),
    /* 60 */ ROW(NO64), ROW(NO64), ROW(M | MEM | NO64), MODRM /* ARPL; MOVSXD in 64-bit mode */, UD, UD, UD, UD,
    /* 68 */ OP(PUSH, Iz | D64), ROW(M | Iz | TO), OP(PUSH, Ibs | D64), ROW(M | Ibs | TO),
    /* 6C */ OP(INS, B | ROW_TO_ES), OP(INS, ROW_NO_W | ROW_TO_ES), OP(OUTS, B), OP(OUTS, ROW_NO_W),
    /* 70 */ X16(ROW(Ibs | F64)),
    /* 80 */ GROUP(group1_eb_ib, 0), GROUP(group1_ev_iz, 0), GROUP(group1_eb_ib, NO64), GROUP(group1_ev_ib, 0),
    /* 84 */ OP(TEST, M | B), OP(TEST, M), OP(XCHG, M | B | LOCK), OP(XCHG, M | LOCK),
    /* 88 */ OP(MOV, M | B), OP(MOV, M), OP(MOV, M | B | TO), OP(MOV, M | TO),
    /* 8C */ GROUP(mov_from_segment, 0), ROW(M | MEM | TO), GROUP(mov_to_segment, 0), GROUP(group1a, 0),
    /* 90 */ BY_PREFIX(nop_pause, 0), X4(OP(XCHG, ROW_OPREG)), OP(XCHG, ROW_OPREG), OP(XCHG, ROW_OPREG), OP(XCHG, ROW_OPREG),
    /* 98 */ PLAIN, PLAIN, OP(CALL_FAR, ROW_IMM_FAR | NO64), PLAIN, OP(PUSHF, D64), OP(POPF, D64), PLAIN, PLAIN,
    /* A0 */ OP(MOV, B | ROW_IMM_MOFFSET | TO), OP(MOV, ROW_IMM_MOFFSET | TO), OP(MOV, B | ROW_IMM_MOFFSET), OP(MOV, ROW_IMM_MOFFSET),
    /* A4 */ OP(MOVS, B), OP(MOVS, 0), ROW(B), PLAIN, OP(TEST, B | Ib | ROW_ACC), OP(TEST, Iz | ROW_ACC),
    /* AA */ OP(STOS, B | ROW_TO_ES), OP(STOS, ROW_TO_ES), OP(LODS, B), OP(LODS, 0), ROW(B | ROW_TO_ES), ROW(ROW_TO_ES),
    /* B0 */ X8(OP(MOV, B | Ib | ROW_OPREG)), X8(OP(MOV, ROW_IMM_V | ROW_OPREG)),
    /* C0 */ ROW(M | B | Ib), ROW(M | Ib), ROW(Iw | F64), ROW(F64), ROW(M | MEM | NO64), ROW(M | MEM | NO64),
    /* C6 */ GROUP(group11_eb, 0), GROUP(group11_ev, 0),
    /* C8 */ ROW(ROW_IMM_ENTER | D64), ROW(D64), ROW(Iw), PLAIN, OP(INT3, 0), OP(INT_N, Ib), OP(INTO, NO64), OP(IRET, 0),
    /* D0 */ ROW(M | B), MODRM, ROW(M | B), MODRM, ROW(Ib | NO64), ROW(Ib | NO64), ROW(NO64), ROW(B),
    /* D8 */ X8(MODRM) /* x87 */,
    /* E0 */ X4(ROW(Ibs | F64)), OP(IN, B | Ib), OP(IN, Ib | ROW_NO_W), OP(OUT, B | Ib), OP(OUT, Ib | ROW_NO_W),
    /* E8 */ ROW(Iz | F64), ROW(Iz | F64), OP(JMP_FAR, ROW_IMM_FAR | NO64), ROW(Ibs | F64),
    /* EC */ OP(IN, B), OP(IN, ROW_NO_W), OP(OUT, B), OP(OUT, ROW_NO_W),
    /* F0 */ UD, OP(INT1, 0), UD, UD, OP(HLT, 0), PLAIN, GROUP(group3_eb, 0), GROUP(group3_ev, 0),
    /* F8 */ PLAIN, PLAIN, OP(CLI, 0), OP(STI, 0), PLAIN, PLAIN, GROUP(group4, 0), GROUP(group5, 0)};

static const struct decode_row group6[16] = {
    OP(SLDT, M | ROW_MEM16), OP(STR, M | ROW_MEM16), OP(LLDT, M | ROW_WORD), OP(LTR, M | ROW_WORD), ROW(M | ROW_WORD), ROW(M | ROW_WORD), UD, UD,
    OP(SLDT, M), OP(STR, M), OP(LLDT, M | ROW_WORD), OP(LTR, M | ROW_WORD), ROW(M | ROW_WORD), ROW(M | ROW_WORD), UD, UD};

/* Group 7 in register form: one instruction an rm. */
static const struct decode_row group7_0[8] = {
    OP(ENCLV, M | NP), OP(VMCALL, M | NP), OP(VMLAUNCH, M | NP), OP(VMRESUME, M | NP), OP(VMXOFF, M | NP), OP(PCONFIG, M | NP), UD, UD};
static const struct decode_row group7_1[8] = {OP(MONITOR, M | NP), OP(MWAIT, M | NP), ROW(M | NP), ROW(M | NP), UD, UD, UD, OP(ENCLS, M | NP)};
static const struct decode_row group7_2[8] = {
    OP(XGETBV, M | NP), OP(XSETBV, M | NP), UD, UD, OP(VMFUNC, M | NP), ROW(M | NP), ROW(M | NP), ROW(M | NP)};
static const struct decode_row group7_5[8] = {
    ROW(M | NP | PF3 | PF2), ROW(M | PF2), ROW(M | PF3), UD, UD, UD, ROW(M | NP), ROW(M | NP)};
static const struct decode_row group7_7[8] = {ROW(M | ROW_ONLY64), OP(RDTSCP, M), UD, UD, UD, UD, UD, UD};
static const struct decode_row group7[16] = {
    OP(SGDT, M | F64), OP(SIDT, M | F64), OP(LGDT, M | F64), OP(LIDT, M | F64), OP(SMSW, M | ROW_MEM16), ROW(M | PF3), OP(LMSW, M | ROW_WORD), OP(INVLPG, M),
    BY_RM(group7_0), BY_RM(group7_1), BY_RM(group7_2), UD, OP(SMSW, M), BY_RM(group7_5), OP(LMSW, M | ROW_WORD), BY_RM(group7_7)};

static const struct decode_row group8[16] = {
    UD, UD, UD, UD, OP(BT, M | Ib), OP(BTS, M | Ib | LOCK), OP(BTR, M | Ib | LOCK), OP(BTC, M | Ib | LOCK),
    UD, UD, UD, UD, OP(BT, M | Ib), OP(BTS, M | Ib), OP(BTR, M | Ib), OP(BTC, M | Ib)};

static const struct decode_row group9_6_memory[4] = {OP(VMPTRLD, M | ROW_NATURAL), OP(VMCLEAR, M | ROW_NATURAL), OP(VMXON, M | ROW_NATURAL), UD};
static const struct decode_row group9_7_register[4] = {OP(RDSEED, M), OP(RDSEED, M), OP(RDPID, M | ROW_NATURAL), UD};
static const struct decode_row group9[16] = {
    UD, ROW(M | LOCK), UD, OP(XRSTORS, M | NP), OP(XSAVEC, M | NP), OP(XSAVES, M | NP), BY_PREFIX(group9_6_memory, M), OP(VMPTRST, M | NP | ROW_NATURAL),
    UD, UD, UD, UD, UD, UD, OP(RDRAND, M | NP66), BY_PREFIX(group9_7_register, M)};

static const struct decode_row group12_13[16] = {
    UD, UD, UD, UD, UD, UD, UD, UD, UD, UD, ROW(M | Ib | NP66), UD, ROW(M | Ib | NP66), UD, ROW(M | Ib | NP66), UD};
static const struct decode_row group14[16] = {
    UD, UD, UD, UD, UD, UD, UD, UD, UD, UD, ROW(M | Ib | NP66), ROW(M | Ib | P66), UD, UD, ROW(M | Ib | NP66), ROW(M | Ib | P66)};

/* UMONITOR, UMWAIT and TPAUSE share an encoding with MFENCE; 66 is no operand-size prefix there. */
static const struct decode_row group15_6_register[4] = {ROW(M), OP(TPAUSE, M), ROW(M), OP(UMWAIT, M)};
static const struct decode_row group15_4_memory[4] = {OP(XSAVE, M), UD, ROW(M), UD};
static const struct decode_row group15_6_memory[4] = {OP(XSAVEOPT, M), ROW(M), ROW(M), UD};
static const struct decode_row group15[16] = {
    ROW(M | NP), ROW(M | NP), ROW(M | NP), ROW(M | NP), BY_PREFIX(group15_4_memory, M), OP(XRSTOR, M | NP), BY_PREFIX(group15_6_memory, M), ROW(M | NP66),
    X4(ROW(M | PF3 | ROW_ONLY64)), ROW(M | PF3), ROW(M | NP | PF3), BY_PREFIX(group15_6_register, M), ROW(M | NP)};

static const struct decode_row wbinvd[4] = {OP(WBINVD, 0), OP(WBINVD, 0), OP(WBNOINVD, 0), OP(WBINVD, 0)};
/* 66 forms that move half a register exist only with memory. */
static const struct decode_row movlps[4] = {MODRM, ROW(M | MEM), MODRM, MODRM};
static const struct decode_row movhps[4] = {MODRM, ROW(M | MEM), MODRM, UD};
static const struct decode_row movq2dq[4] = {UD, MODRM, ROW(M | REG), ROW(M | REG)};

#define SSE(prefixes) ROW(M | (prefixes))

const struct decode_row vmx_opcodes_0f[256] = {
    /* 00 */ GROUP(group6, 0), GROUP(group7, 0), ROW(M | TO), ROW(M | TO), UD, PLAIN, OP(CLTS, 0), PLAIN,
    /* 08 */ OP(INVD, 0), BY_PREFIX(wbinvd, 0), UD, PLAIN /* UD2 */, UD, MODRM, UD, UD,
    /* 10 */ SSE(ALL), SSE(ALL), BY_PREFIX(movlps, M), SSE(NP66 | MEM), SSE(NP66), SSE(NP66), BY_PREFIX(movhps, M), SSE(NP66 | MEM),
    /* 18 */ X8(MODRM),
    /* 20 */ OP(MOV_FROM_CR, M | ROW_NATURAL), OP(MOV_FROM_DR, M | ROW_NATURAL), OP(MOV_TO_CR, M | ROW_NATURAL), OP(MOV_TO_DR, M | ROW_NATURAL), UD, UD, UD, UD,
    /* 28 */ SSE(NP66), SSE(NP66), SSE(ALL), SSE(NP66 | MEM), SSE(ALL), SSE(ALL), SSE(NP66), SSE(NP66),
    /* 30 */ OP(WRMSR, 0), OP(RDTSC, 0), OP(RDMSR, 0), OP(RDPMC, 0), PLAIN, PLAIN, UD, OP(GETSEC, 0),
    /* 38 */ UD /* three-byte opcodes */, UD, UD, UD, UD, UD, UD, UD,
    /* 40 */ X16(ROW(M | TO)),
    /* 50 */ SSE(NP66 | REG), SSE(ALL), SSE(NP | PF3), SSE(NP | PF3), X4(SSE(NP66)),
    /* 58 */ SSE(ALL), SSE(ALL), SSE(ALL), SSE(NP66 | PF3), X4(SSE(ALL)),
    /* 60 */ X8(SSE(NP66)), X4(SSE(NP66)), SSE(P66), SSE(P66), SSE(NP66), SSE(NP66 | PF3),
    /* 70 */ SSE(ALL | Ib), GROUP(group12_13, 0), GROUP(group12_13, 0), GROUP(group14, 0), SSE(NP66), SSE(NP66), SSE(NP66), ROW(NP),
    /* 78 */ OP(VMREAD, M | NP | ROW_NATURAL), OP(VMWRITE, M | NP | ROW_NATURAL | TO), UD, UD, SSE(P66 | PF2), SSE(P66 | PF2), SSE(NP66 | PF3), SSE(NP66 | PF3),
    /* 80 */ X16(ROW(Iz | F64)),
    /* 90 */ X16(ROW(M | B)),
    /* A0 */ ROW(D64), ROW(D64), OP(CPUID, 0), OP(BT, M), ROW(M | Ib), MODRM, UD, UD,
    /* A8 */ ROW(D64), ROW(D64), OP(RSM, 0), OP(BTS, M | LOCK), ROW(M | Ib), MODRM, GROUP(group15, 0), ROW(M | TO),
    /* B0 */ OP(CMPXCHG, M | B | LOCK), OP(CMPXCHG, M | LOCK), ROW(M | MEM | TO), OP(BTR, M | LOCK), ROW(M | MEM | TO), ROW(M | MEM | TO),
    /* B6 */ OP(MOVZX, M | TO | ROW_RM8), OP(MOVZX, M | TO | ROW_RM16),
    /* B8 */ ROW(M | PF3 | TO), MODRM /* UD1 */, GROUP(group8, 0), OP(BTC, M | LOCK), ROW(M | TO), ROW(M | TO),
    /* BE */ OP(MOVSX, M | TO | ROW_RM8), OP(MOVSX, M | TO | ROW_RM16),
    /* C0 */ OP(XADD, M | B | LOCK), OP(XADD, M | LOCK), SSE(ALL | Ib), OP(MOV, M | NP | MEM) /* MOVNTI */, SSE(NP66 | Ib), SSE(NP66 | Ib | REG), SSE(NP66 | Ib), GROUP(group9, 0),
    /* C8 */ X8(ROW(ROW_OPREG)),
    /* D0 */ SSE(P66 | PF2), X4(SSE(NP66)), SSE(NP66), BY_PREFIX(movq2dq, M), SSE(NP66 | REG), X8(SSE(NP66)),
    /* E0 */ X4(SSE(NP66)), SSE(NP66), SSE(NP66), SSE(P66 | PF3 | PF2), SSE(NP66 | MEM), X8(SSE(NP66)),
    /* F0 */ SSE(PF2 | MEM), X4(SSE(NP66)), SSE(NP66), SSE(NP66), SSE(NP66 | REG), X4(SSE(NP66)), SSE(NP66), SSE(NP66), SSE(NP66), MODRM /* UD0 */};

/* clang-format on */
static const struct decode_row invalid = ROW(ROW_INVALID);
static const struct decode_row sse_np66 = ROW(M | NP66);
static const struct decode_row sse_66 = ROW(M | P66);
static const struct decode_row sse_np = ROW(M | NP);
static const struct decode_row sse_66_memory = ROW(M | P66 | MEM);
static const struct decode_row np66_memory_f2[4] = {ROW(M | MEM), ROW(M | MEM), UD, MODRM};
static const struct decode_row movbe_crc32 = BY_PREFIX(np66_memory_f2, M);
static const struct decode_row wrss_adx[4] = {ROW(M | MEM), MODRM, MODRM, UD};
static const struct decode_row wrss_adcx_adox = BY_PREFIX(wrss_adx, M);
static const struct decode_row direct_stores = ROW(M | MEM | P66 | PF2 | PF3);
static const struct decode_row movdiri = ROW(M | MEM | NP);
static const struct decode_row invept = OP(INVEPT, M | MEM | P66 | ROW_NATURAL | TO);
static const struct decode_row invvpid = OP(INVVPID, M | MEM | P66 | ROW_NATURAL | TO);
static const struct decode_row invpcid = OP(INVPCID, M | MEM | P66 | ROW_NATURAL | TO);
/* Key Locker shares opcodes with AES: F3 is the locker's. */
static const struct decode_row loadiwkey_rows[16] = {X8(MODRM), X8(OP(LOADIWKEY, M))};
static const struct decode_row loadiwkey_or_aes[4] = {UD, MODRM, {ROW_MODRM | ROW_BY_REG, VMX_OP_OTHER, loadiwkey_rows}, UD};
static const struct decode_row aesenc = BY_PREFIX(loadiwkey_or_aes, M);
static const struct decode_row aes_kl_rows[4] = {UD, MODRM, ROW(M | MEM), UD};
static const struct decode_row aes_kl = BY_PREFIX(aes_kl_rows, M);

const struct decode_row *vmx_opcode_0f38(uint8_t opcode)
{
    if (opcode <= 0x0b || (opcode >= 0x1c && opcode <= 0x1e))
        return &sse_np66;
    if (opcode == 0x2a)
        return &sse_66_memory;
    if (opcode == 0x10 || opcode == 0x14 || opcode == 0x15 || opcode == 0x17 || (opcode >= 0x20 && opcode <= 0x25) || opcode == 0x28 ||
        opcode == 0x29 || opcode == 0x2b || (opcode >= 0x30 && opcode <= 0x35) || (opcode >= 0x37 && opcode <= 0x41) || opcode == 0xcf ||
        opcode == 0xdb)
        return &sse_66;
    if (opcode >= 0xc8 && opcode <= 0xcd)
        return &sse_np;
    switch (opcode) {
    case 0x80:
        return &invept;
    case 0x81:
        return &invvpid;
    case 0x82:
        return &invpcid;
    case 0xdc:
        return &aesenc;
    case 0xdd:
    case 0xde:
    case 0xdf:
        return &aes_kl;
    case 0xf0:
    case 0xf1:
        return &movbe_crc32;
    case 0xf5:
        return &sse_66_memory;
    case 0xf6:
        return &wrss_adcx_adox;
    case 0xf8:
        return &direct_stores;
    case 0xf9:
        return &movdiri;
    }
    return &invalid;
}

static const struct decode_row imm_np66 = ROW(M | Ib | NP66);
static const struct decode_row imm_66 = ROW(M | Ib | P66);
static const struct decode_row imm_np = ROW(M | Ib | NP);

const struct decode_row *vmx_opcode_0f3a(uint8_t opcode)
{
    if (opcode == 0x0f)
        return &imm_np66;
    if (opcode == 0xcc)
        return &imm_np;
    if ((opcode >= 0x08 && opcode <= 0x0e) || (opcode >= 0x14 && opcode <= 0x17) || (opcode >= 0x20 && opcode <= 0x22) ||
        (opcode >= 0x40 && opcode <= 0x42) || opcode == 0x44 || (opcode >= 0x60 && opcode <= 0x63) || opcode == 0xce || opcode == 0xcf ||
        opcode == 0xdf)
        return &imm_66;
    return &invalid;
}
