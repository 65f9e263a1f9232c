/* SPDX-License-Identifier: MIT */
/* CPUID feature bits by name: VMX_CPUID_SSE3 is the mask of the bit in the register of the leaf that cpuid_bits.def says. */
#ifndef VMX_CPUID_BITS_H
#define VMX_CPUID_BITS_H

#include <stdint.h>

#define VMX_CPUID_BIT(leaf, subleaf, register, bit, symbol) static const uint32_t VMX_CPUID_##symbol = UINT32_C(1) << (bit);
#include "cpuid_bits.def"
#undef VMX_CPUID_BIT

#endif
