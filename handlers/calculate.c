/* SPDX-License-Identifier: MIT */
/* Results and status flags of the arithmetic that handlers do in a guest's place. SDM 1, "EFLAGS Register"; SDM 2, "Instruction Set Reference". */
#include "handlers.h"

enum { CF = 1u << 0, PF = 1u << 2, AF = 1u << 4, ZF = 1u << 6, SF = 1u << 7, OF = 1u << 11, STATUS = CF | PF | AF | ZF | SF | OF };

static uint64_t cut(uint64_t value, unsigned size)
{
    return size >= 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static uint64_t top_bit(unsigned size)
{
    return UINT64_C(1) << (8 * size - 1);
}

static uint64_t flags_of_result(uint64_t r, unsigned size)
{
    return (r == 0 ? ZF : 0u) | ((r & top_bit(size)) != 0 ? SF : 0u) | (__builtin_parity((unsigned)r & 0xffu) == 0 ? PF : 0u);
}

static uint64_t add(uint64_t a, uint64_t b, bool carry, unsigned size, uint64_t *flags)
{
    const uint64_t r = cut(a + b + carry, size);
    *flags = flags_of_result(r, size) | (r < a || (carry && r == a) ? CF : 0u) | ((~(a ^ b) & (a ^ r) & top_bit(size)) != 0 ? OF : 0u);
    *flags |= (a ^ b ^ r) & AF;
    return r;
}

static uint64_t subtract(uint64_t a, uint64_t b, bool borrow, unsigned size, uint64_t *flags)
{
    const uint64_t r = cut(a - b - borrow, size);
    *flags = flags_of_result(r, size) | (a < b || (borrow && a == b) ? CF : 0u) | (((a ^ b) & (a ^ r) & top_bit(size)) != 0 ? OF : 0u);
    *flags |= (a ^ b ^ r) & AF;
    return r;
}

static uint64_t logic(enum vmx_op op, uint64_t a, uint64_t b, unsigned size, uint64_t *flags)
{
    const uint64_t r = op == VMX_OP_OR ? a | b : op == VMX_OP_XOR ? a ^ b : a & b;
    *flags = flags_of_result(r, size);
    return r;
}

static uint64_t change_bit(enum vmx_op op, uint64_t a, uint64_t number, unsigned size)
{
    const uint64_t mask = UINT64_C(1) << number % (8 * size);
    return op == VMX_OP_BTS ? a | mask : op == VMX_OP_BTR ? a & ~mask : op == VMX_OP_BTC ? a ^ mask : a;
}

bool hv_can_calculate(enum vmx_op op)
{
    static const uint8_t ops[] = {VMX_OP_AND, VMX_OP_OR,  VMX_OP_XOR, VMX_OP_ADD, VMX_OP_SUB, VMX_OP_CMP, VMX_OP_TEST, VMX_OP_ADC, VMX_OP_SBB,
                                  VMX_OP_INC, VMX_OP_DEC, VMX_OP_NOT, VMX_OP_NEG, VMX_OP_BT,  VMX_OP_BTS, VMX_OP_BTR,  VMX_OP_BTC, VMX_OP_XADD};
    for (unsigned i = 0; i < sizeof(ops); i++)
        if (ops[i] == op)
            return true;
    return false;
}

bool hv_only_compares(enum vmx_op op)
{
    return op == VMX_OP_CMP || op == VMX_OP_TEST || op == VMX_OP_BT;
}

uint64_t hv_calculate(enum vmx_op op, uint64_t a, uint64_t b, unsigned size, uint64_t *rflags)
{
    const bool carry = (*rflags & CF) != 0;
    uint64_t r, flags, changed = STATUS;
    if (op == VMX_OP_NOT)
        return cut(~a, size);
    if (op == VMX_OP_BT || op == VMX_OP_BTS || op == VMX_OP_BTR || op == VMX_OP_BTC) {
        r = change_bit(op, a, b, size);
        flags = a >> b % (8 * size) & CF;
        changed = CF;
    } else if (op == VMX_OP_ADD || op == VMX_OP_XADD || op == VMX_OP_ADC || op == VMX_OP_INC) {
        r = add(a, b, op == VMX_OP_ADC && carry, size, &flags);
    } else if (op == VMX_OP_NEG) {
        r = subtract(0, a, false, size, &flags);
    } else if (op == VMX_OP_SUB || op == VMX_OP_CMP || op == VMX_OP_SBB || op == VMX_OP_DEC) {
        r = subtract(a, b, op == VMX_OP_SBB && carry, size, &flags);
    } else {
        r = logic(op, a, b, size, &flags);
    }
    if (op == VMX_OP_INC || op == VMX_OP_DEC)
        changed &= ~(uint64_t)CF;
    *rflags = (*rflags & ~changed) | (flags & changed);
    return r;
}
