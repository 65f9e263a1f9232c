/* SPDX-License-Identifier: MIT */
/* Bits of control registers, flags, debug registers and MSRs by their names. SDM 3A, "System Architecture Overview". */
#ifndef VMX_REGISTERS_H
#define VMX_REGISTERS_H

#include <stdint.h>

#define VMX_BIT(n) (UINT64_C(1) << (n))

#define VMX_CR0_PE VMX_BIT(0)
#define VMX_CR0_TS VMX_BIT(3)
#define VMX_CR0_ET VMX_BIT(4)
#define VMX_CR0_NE VMX_BIT(5)
#define VMX_CR0_WP VMX_BIT(16)
#define VMX_CR0_AM VMX_BIT(18)
#define VMX_CR0_NW VMX_BIT(29)
#define VMX_CR0_CD VMX_BIT(30)
#define VMX_CR0_PG VMX_BIT(31)
#define VMX_CR0_DEFINED UINT64_C(0xe005003f) /* writes to the others of bits 31:0 are ignored */
#define VMX_CR0_KEPT UINT64_C(0x7ffaffd0)    /* VM entry and VM exit leave these: 30, 29, 28:19, 17, 15:6, 4 */
#define VMX_CR0_LMSW UINT64_C(0xf)

#define VMX_CR4_VME VMX_BIT(0)
#define VMX_CR4_PVI VMX_BIT(1)
#define VMX_CR4_TSD VMX_BIT(2)
#define VMX_CR4_DE VMX_BIT(3)
#define VMX_CR4_PSE VMX_BIT(4)
#define VMX_CR4_PAE VMX_BIT(5)
#define VMX_CR4_MCE VMX_BIT(6)
#define VMX_CR4_PGE VMX_BIT(7)
#define VMX_CR4_PCE VMX_BIT(8)
#define VMX_CR4_UMIP VMX_BIT(11)
#define VMX_CR4_LA57 VMX_BIT(12)
#define VMX_CR4_VMXE VMX_BIT(13)
#define VMX_CR4_SMXE VMX_BIT(14)
#define VMX_CR4_PCIDE VMX_BIT(17)
#define VMX_CR4_OSXSAVE VMX_BIT(18)
#define VMX_CR4_KL VMX_BIT(19)
#define VMX_CR4_SMEP VMX_BIT(20)
#define VMX_CR4_SMAP VMX_BIT(21)
#define VMX_CR4_PKE VMX_BIT(22)
#define VMX_CR4_CET VMX_BIT(23)
#define VMX_CR4_PKS VMX_BIT(24)
#define VMX_CR4_LAM_SUP VMX_BIT(28)
#define VMX_CR4_FRED VMX_BIT(32)

#define VMX_EFER_SCE VMX_BIT(0)
#define VMX_EFER_LME VMX_BIT(8)
#define VMX_EFER_LMA VMX_BIT(10)
#define VMX_EFER_NXE VMX_BIT(11)

#define VMX_RFLAGS_CF VMX_BIT(0)
#define VMX_RFLAGS_FIXED_1 VMX_BIT(1)
#define VMX_RFLAGS_ZF VMX_BIT(6)
#define VMX_RFLAGS_TF VMX_BIT(8)
#define VMX_RFLAGS_IF VMX_BIT(9)
#define VMX_RFLAGS_DF VMX_BIT(10)
#define VMX_RFLAGS_IOPL UINT64_C(0x3000)
#define VMX_RFLAGS_NT VMX_BIT(14)
#define VMX_RFLAGS_RF VMX_BIT(16)
#define VMX_RFLAGS_VM VMX_BIT(17)
#define VMX_RFLAGS_AC VMX_BIT(18)
#define VMX_RFLAGS_VIF VMX_BIT(19)
#define VMX_RFLAGS_VIP VMX_BIT(20)
#define VMX_RFLAGS_DEFINED UINT64_C(0x3f7fd7) /* with bit 1 */
#define VMX_RFLAGS_ARITHMETIC UINT64_C(0x8d5) /* OF, SF, ZF, AF, PF, CF */

#define VMX_DEBUGCTL_BTF VMX_BIT(1)

#define VMX_DR7_GD VMX_BIT(13)
#define VMX_DR7_FIXED_1 VMX_BIT(10)

/* "Pending debug exceptions"; the bits of a #DB qualification stand where they stand here. */
#define VMX_PENDING_B UINT64_C(0xf)
#define VMX_PENDING_BLD VMX_BIT(11)
#define VMX_PENDING_ENABLED VMX_BIT(12)
#define VMX_PENDING_BS VMX_BIT(14)
#define VMX_PENDING_BT VMX_BIT(15) /* of a task switch outside VMX non-root operation: no VMCS holds it */
#define VMX_PENDING_RTM VMX_BIT(16)
#define VMX_DB_BD VMX_BIT(13) /* of a #DB qualification */

/* Access rights of a segment in the VMCS's form. */
#define VMX_AR_TYPE 0xfu
#define VMX_AR_CODE (1u << 3)
#define VMX_AR_EXPAND_DOWN (1u << 2) /* data */
#define VMX_AR_WRITABLE (1u << 1)    /* data; readable for code */
#define VMX_AR_S (1u << 4)
#define VMX_AR_DPL (3u << 5)
#define VMX_AR_P (1u << 7)
#define VMX_AR_L (1u << 13)
#define VMX_AR_DB (1u << 14)
#define VMX_AR_G (1u << 15)
#define VMX_AR_UNUSABLE (1u << 16)
#define VMX_AR_DEFINED 0x1f0ffu

/* IA32_FEATURE_CONTROL */
enum { VMX_FEATURE_CONTROL_LOCK = 1 << 0, VMX_FEATURE_CONTROL_OUTSIDE_SMX = 1 << 2 };
/* IA32_APIC_BASE */
enum { VMX_APIC_BASE_BSP = 1 << 8, VMX_APIC_BASE_X2APIC = 1 << 10, VMX_APIC_BASE_ENABLE = 1 << 11 };

/* Registers of a local APIC by their offsets in its page, virtual or not; the MSR of one in x2APIC mode is 800H + offset / 16. IRR and ISR (TMR, too) hold 32
   vectors in the low 4 bytes of each 16. */
enum vmx_apic_register {
    VMX_APIC_ID = 0x20,
    VMX_APIC_TPR = 0x80,
    VMX_APIC_PPR = 0xa0,
    VMX_APIC_EOI = 0xb0,
    VMX_APIC_LDR = 0xd0,
    VMX_APIC_DFR = 0xe0,
    VMX_APIC_SPURIOUS = 0xf0,
    VMX_APIC_ISR = 0x100,
    VMX_APIC_IRR = 0x200,
    VMX_APIC_ICR_LOW = 0x300,
    VMX_APIC_ICR_HIGH = 0x310,
    VMX_APIC_LVT_TIMER = 0x320,
    VMX_APIC_LVT_LINT0 = 0x350,
    VMX_APIC_LVT_LINT1 = 0x360,
    VMX_APIC_LVT_ERROR = 0x370,
    VMX_APIC_TIMER_INITIAL = 0x380,
    VMX_APIC_SELF_IPI = 0x3f0
};

enum vmx_msr_index {
    VMX_MSR_TSC = 0x10,
    VMX_MSR_PLATFORM_ID = 0x17,
    VMX_MSR_APIC_BASE = 0x1b,
    VMX_MSR_FEATURE_CONTROL = 0x3a,
    VMX_MSR_TSC_ADJUST = 0x3b,
    VMX_MSR_SPEC_CTRL = 0x48,
    VMX_MSR_PRED_CMD = 0x49,
    VMX_MSR_BIOS_UPDT_TRIG = 0x79,
    VMX_MSR_BIOS_SIGN_ID = 0x8b,
    VMX_MSR_SMM_MONITOR_CTL = 0x9b,
    VMX_MSR_SMBASE = 0x9e,
    VMX_MSR_MTRRCAP = 0xfe,
    VMX_MSR_SYSENTER_CS = 0x174,
    VMX_MSR_SYSENTER_ESP = 0x175,
    VMX_MSR_SYSENTER_EIP = 0x176,
    VMX_MSR_MCG_CAP = 0x179,
    VMX_MSR_MCG_STATUS = 0x17a,
    VMX_MSR_MISC_ENABLE = 0x1a0,
    VMX_MSR_DEBUGCTL = 0x1d9,
    VMX_MSR_PAT = 0x277,
    VMX_MSR_MTRR_DEF_TYPE = 0x2ff,
    VMX_MSR_PERF_GLOBAL_CTRL = 0x38f,
    /* IA32_VMX_BASIC to IA32_VMX_EXIT_CTLS2: the capabilities of VMX. */
    VMX_MSR_VMX_BASIC = 0x480,
    VMX_MSR_VMX_PINBASED = 0x481,
    VMX_MSR_VMX_PROCBASED = 0x482,
    VMX_MSR_VMX_EXIT = 0x483,
    VMX_MSR_VMX_ENTRY = 0x484,
    VMX_MSR_VMX_MISC = 0x485,
    VMX_MSR_VMX_CR0_FIXED0 = 0x486,
    VMX_MSR_VMX_CR0_FIXED1 = 0x487,
    VMX_MSR_VMX_CR4_FIXED0 = 0x488,
    VMX_MSR_VMX_CR4_FIXED1 = 0x489,
    VMX_MSR_VMX_VMCS_ENUM = 0x48a,
    VMX_MSR_VMX_PROCBASED2 = 0x48b,
    VMX_MSR_VMX_EPT_VPID = 0x48c,
    VMX_MSR_VMX_TRUE_PINBASED = 0x48d,
    VMX_MSR_VMX_TRUE_PROCBASED = 0x48e,
    VMX_MSR_VMX_TRUE_EXIT = 0x48f,
    VMX_MSR_VMX_TRUE_ENTRY = 0x490,
    VMX_MSR_VMX_VMFUNC = 0x491,
    VMX_MSR_VMX_PROCBASED3 = 0x492,
    VMX_MSR_VMX_EXIT2 = 0x493,
    VMX_MSR_CAPABILITY_FIRST = VMX_MSR_VMX_BASIC,
    VMX_MSR_CAPABILITY_LAST = VMX_MSR_VMX_EXIT2,
    VMX_MSR_RTIT_CTL = 0x570,
    VMX_MSR_S_CET = 0x6a2,
    VMX_MSR_INTERRUPT_SSP_TABLE = 0x6a8,
    VMX_MSR_PKRS = 0x6e1,
    VMX_MSR_X2APIC_FIRST = 0x800,
    VMX_MSR_X2APIC_TPR = 0x808,
    VMX_MSR_X2APIC_EOI = 0x80b,
    VMX_MSR_X2APIC_SELF_IPI = 0x83f,
    VMX_MSR_X2APIC_LAST = 0x8ff,
    VMX_MSR_BNDCFGS = 0xd90,
    VMX_MSR_PASID = 0xd93,
    VMX_MSR_XSS = 0xda0,
    VMX_MSR_LBR_CTL = 0x14ce
};
/* Beyond the range of an enumeration constant. */
#define VMX_MSR_EFER 0xc0000080u
#define VMX_MSR_STAR 0xc0000081u
#define VMX_MSR_LSTAR 0xc0000082u
#define VMX_MSR_CSTAR 0xc0000083u
#define VMX_MSR_FMASK 0xc0000084u
#define VMX_MSR_FS_BASE 0xc0000100u
#define VMX_MSR_GS_BASE 0xc0000101u
#define VMX_MSR_KERNEL_GS_BASE 0xc0000102u
#define VMX_MSR_TSC_AUX 0xc0000103u

#endif
