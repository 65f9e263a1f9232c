/* SPDX-License-Identifier: MIT */
/* The CPU profiles and the capability MSRs and CPUID leaves that they answer. */
#include "caps.h"

#include <stddef.h>

#include "names.h"
#include "registers.h"

/* Bit positions, since static initializers need constants. */
enum {
#define VMX_CONTROL(word, high, low, symbol, ...) BIT_##symbol = (low),
#include "controls.def"
#undef VMX_CONTROL
#define VMX_CPUID_BIT(leaf, subleaf, register, bit, symbol) CPUID_BIT_##symbol = (bit),
#include "cpuid_bits.def"
#undef VMX_CPUID_BIT
};
enum {
    CR4_VME = 0,
    CR4_PVI = 1,
    CR4_TSD = 2,
    CR4_DE = 3,
    CR4_PSE = 4,
    CR4_PAE = 5,
    CR4_MCE = 6,
    CR4_PGE = 7,
    CR4_PCE = 8,
    CR4_OSFXSR = 9,
    CR4_OSXMMEXCPT = 10,
    CR4_UMIP = 11,
    CR4_LA57 = 12,
    CR4_VMXE = 13,
    CR4_SMXE = 14,
    CR4_FSGSBASE = 16,
    CR4_PCIDE = 17,
    CR4_OSXSAVE = 18,
    CR4_SMEP = 20,
    CR4_SMAP = 21,
    CR4_PKE = 22,
    CR4_CET = 23,
    CR4_PKS = 24
};

/* The default1 class of each word that has one. */
enum { IS_PIN, IS_PRIMARY, IS_SECONDARY, IS_TERTIARY, IS_EXIT, IS_EXIT2, IS_ENTRY, IS_VMFUNC, IS_EPT_VPID_CAP, IS_MISC, IS_BASIC };
#define DEFAULT1_BIT(row_word, word, default1, low) ((default1) && (row_word) == (word) ? UINT32_C(1) << ((low) % 32) : 0)
enum {
#define VMX_CONTROL(row_word, high, low, symbol, name, sdm, qemu, default1, ...) | DEFAULT1_BIT(IS_##row_word, IS_PIN, default1, low)
    DEFAULT1_PIN = 0
#include "controls.def"
    ,
#undef VMX_CONTROL
#define VMX_CONTROL(row_word, high, low, symbol, name, sdm, qemu, default1, ...) | DEFAULT1_BIT(IS_##row_word, IS_PRIMARY, default1, low)
    DEFAULT1_PRIMARY = 0
#include "controls.def"
    ,
#undef VMX_CONTROL
#define VMX_CONTROL(row_word, high, low, symbol, name, sdm, qemu, default1, ...) | DEFAULT1_BIT(IS_##row_word, IS_EXIT, default1, low)
    DEFAULT1_EXIT = 0
#include "controls.def"
    ,
#undef VMX_CONTROL
#define VMX_CONTROL(row_word, high, low, symbol, name, sdm, qemu, default1, ...) | DEFAULT1_BIT(IS_##row_word, IS_ENTRY, default1, low)
    DEFAULT1_ENTRY = 0
#include "controls.def"
#undef VMX_CONTROL
};

#define C(symbol) (UINT64_C(1) << BIT_##symbol)
#define F(symbol) (UINT32_C(1) << CPUID_BIT_##symbol)
#define R(symbol) (UINT64_C(1) << CR4_##symbol)
#define CR3_TARGETS(count) ((uint64_t)(count) << BIT_MISC_CR3_TARGETS)
#define REGION_BYTES(bytes) ((uint64_t)(bytes) << BIT_BASIC_REGION_SIZE)
#define MEMORY_TYPE_WB (UINT64_C(6) << BIT_BASIC_MEM_TYPE)

#define VMX_CPUID_TABLE(symbol, ...) static const struct vmx_cpuid_entry cpuid_##symbol[] = {__VA_ARGS__};
#define VMX_PROFILE(symbol, ...)
#include "profiles.def"
#undef VMX_CPUID_TABLE
#undef VMX_PROFILE

/* Bits of the default1 class that the processor offers as a control may be 0; the others are fixed to 1. The default MSRs, for software that knows
   no control of the class, claim that all of it is fixed. SDM 3D, "Reserved Controls and Default Settings". */
#define TRUE_ALLOWED(default1, offered)                                                                                                              \
    {                                                                                                                                                \
        (uint32_t)((default1) & ~(offered)), (uint32_t)((default1) | (offered))                                                                      \
    }
#define DEFAULT_ALLOWED(default1, offered)                                                                                                           \
    {                                                                                                                                                \
        (uint32_t)(default1), (uint32_t)((default1) | (offered))                                                                                     \
    }

#define FIXED0_CR0 UINT64_C(0x80000021) /* PG, NE, PE */
#define FIXED1_CR0 UINT64_C(0xffffffff)
#define EFER_BITS UINT64_C(0xd01)      /* SCE, LME, LMA, NXE */
#define DEBUGCTL_BITS UINT64_C(0x5fc3) /* LBR, BTF, TR, BTS, BTINT, BTS_OFF_OS, BTS_OFF_USR, FREEZE_LBRS, FREEZE_PERFMON, UNCORE, FREEZE_WHILE_SMM */
#define PERF_GLOBAL_BITS UINT64_C(0x70000000f) /* four general and three fixed counters */

#define VMX_CPUID_TABLE(symbol, ...)
#define VMX_PROFILE(symbol, name_, description_, revision_, highest_index_, physical_, linear_, rate_, pin_, primary_, secondary_, exit_, entry_,    \
                    ept_vpid_, misc_, basic_, cr4_, nmi_sti_blocks_)                                                                                 \
    {.name = (name_),                                                                                                                                \
     .description = (description_),                                                                                                                  \
     .basic = (basic_) | (revision_),                                                                                                                \
     .misc = (misc_) | (rate_),                                                                                                                      \
     .cr0_fixed0 = FIXED0_CR0,                                                                                                                       \
     .cr0_fixed1 = FIXED1_CR0,                                                                                                                       \
     .cr4_fixed0 = R(VMXE),                                                                                                                          \
     .cr4_fixed1 = (cr4_),                                                                                                                           \
     .vmcs_enum = (uint64_t)(highest_index_) << 1,                                                                                                   \
     .ept_vpid = (ept_vpid_),                                                                                                                        \
     .vmfunc = C(VMFUNC_EPTP_SWITCHING) * (((secondary_)&C(SEC_ENABLE_VMFUNC)) != 0),                                                                \
     .pin = TRUE_ALLOWED(DEFAULT1_PIN, pin_),                                                                                                        \
     .primary = TRUE_ALLOWED(DEFAULT1_PRIMARY, primary_),                                                                                            \
     .secondary = TRUE_ALLOWED(0, secondary_),                                                                                                       \
     .exit = TRUE_ALLOWED(DEFAULT1_EXIT, exit_),                                                                                                     \
     .entry = TRUE_ALLOWED(DEFAULT1_ENTRY, entry_),                                                                                                  \
     .pin_default = DEFAULT_ALLOWED(DEFAULT1_PIN, pin_),                                                                                             \
     .primary_default = DEFAULT_ALLOWED(DEFAULT1_PRIMARY, primary_),                                                                                 \
     .exit_default = DEFAULT_ALLOWED(DEFAULT1_EXIT, exit_),                                                                                          \
     .entry_default = DEFAULT_ALLOWED(DEFAULT1_ENTRY, entry_),                                                                                       \
     .physical_bits = (physical_),                                                                                                                   \
     .linear_bits = (linear_),                                                                                                                       \
     .efer_valid = EFER_BITS,                                                                                                                        \
     .debugctl_valid = DEBUGCTL_BITS,                                                                                                                \
     .perf_global_valid = PERF_GLOBAL_BITS,                                                                                                          \
     .nmi_sti_blocks = (nmi_sti_blocks_),                                                                                                            \
     .cpuid = cpuid_##symbol,                                                                                                                        \
     .cpuid_count = sizeof cpuid_##symbol / sizeof cpuid_##symbol[0]},

const struct vmx_caps vmx_profiles[] = {
#include "profiles.def"
};
const unsigned vmx_profile_count = sizeof vmx_profiles / sizeof vmx_profiles[0];

/* "skylake" for "skylake-sp". */
static bool is_family(const char *name, const char *profile)
{
    char family[32];
    size_t length = 0;
    while (profile[length] != '\0' && profile[length] != '-' && length + 1 < sizeof family) {
        family[length] = profile[length];
        length++;
    }
    family[length] = '\0';
    return vmx_name_equal(family, name);
}

const struct vmx_caps *vmx_profile(const char *name)
{
    const struct vmx_caps *of_family = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < vmx_profile_count; i++) {
        if (vmx_name_equal(vmx_profiles[i].name, name))
            return &vmx_profiles[i];
        if (is_family(name, vmx_profiles[i].name)) {
            of_family = &vmx_profiles[i];
            count++;
        }
    }
    return count == 1 ? of_family : NULL;
}

const struct vmx_caps *vmx_default_profile(void)
{
    return vmx_profile("skylake-sp");
}

const struct vmx_caps *vmx_richest_profile(void)
{
    return vmx_profile("sapphire-rapids");
}

static uint64_t msr_of(struct vmx_allowed allowed)
{
    return (uint64_t)allowed.may_be_1 << 32 | allowed.must_be_1;
}

bool vmx_capability_msr(const struct vmx_caps *caps, uint32_t index, uint64_t *value)
{
    const bool true_controls = (caps->basic & C(BASIC_TRUE_CTLS)) != 0;
    const uint32_t secondary = caps->secondary.may_be_1;
    const struct {
        uint64_t value;
        bool exists;
    } msrs[] = {
        [0x00] = {caps->basic, true},
        [0x01] = {msr_of(caps->pin_default), true},
        [0x02] = {msr_of(caps->primary_default), true},
        [0x03] = {msr_of(caps->exit_default), true},
        [0x04] = {msr_of(caps->entry_default), true},
        [0x05] = {caps->misc, true},
        [0x06] = {caps->cr0_fixed0, true},
        [0x07] = {caps->cr0_fixed1, true},
        [0x08] = {caps->cr4_fixed0, true},
        [0x09] = {caps->cr4_fixed1, true},
        [0x0a] = {caps->vmcs_enum, true},
        [0x0b] = {msr_of(caps->secondary), (caps->primary.may_be_1 & C(PRI_ACTIVATE_SECONDARY)) != 0},
        [0x0c] = {caps->ept_vpid, (secondary & (C(SEC_ENABLE_EPT) | C(SEC_ENABLE_VPID))) != 0},
        [0x0d] = {msr_of(caps->pin), true_controls},
        [0x0e] = {msr_of(caps->primary), true_controls},
        [0x0f] = {msr_of(caps->exit), true_controls},
        [0x10] = {msr_of(caps->entry), true_controls},
        [0x11] = {caps->vmfunc, (secondary & C(SEC_ENABLE_VMFUNC)) != 0},
        [0x12] = {caps->tertiary, (caps->primary.may_be_1 & C(PRI_ACTIVATE_TERTIARY)) != 0},
        [0x13] = {caps->exit2, (caps->exit.may_be_1 & C(EXITCTL_ACTIVATE_SECONDARY)) != 0},
    };
    enum { FIRST = VMX_MSR_CAPABILITY_FIRST };
    const bool exists = index >= FIRST && index < FIRST + sizeof msrs / sizeof msrs[0] && msrs[index - FIRST].exists;
    if (exists)
        *value = msrs[index - FIRST].value;
    return exists;
}

bool vmx_set_capability_msr(struct vmx_caps *caps, uint32_t index, uint64_t value)
{
    enum { FIRST = VMX_MSR_CAPABILITY_FIRST };
    uint64_t *const numbers[] = {[0x00] = &caps->basic,      [0x05] = &caps->misc,       [0x06] = &caps->cr0_fixed0, [0x07] = &caps->cr0_fixed1,
                                 [0x08] = &caps->cr4_fixed0, [0x09] = &caps->cr4_fixed1, [0x0a] = &caps->vmcs_enum,  [0x0c] = &caps->ept_vpid,
                                 [0x11] = &caps->vmfunc,     [0x12] = &caps->tertiary,   [0x13] = &caps->exit2};
    struct vmx_allowed *const words[] = {[0x01] = &caps->pin_default,  [0x02] = &caps->primary_default,
                                         [0x03] = &caps->exit_default, [0x04] = &caps->entry_default,
                                         [0x0b] = &caps->secondary,    [0x0d] = &caps->pin,
                                         [0x0e] = &caps->primary,      [0x0f] = &caps->exit,
                                         [0x10] = &caps->entry};
    if (index < FIRST || index >= FIRST + sizeof numbers / sizeof numbers[0])
        return false;
    const uint32_t at = index - FIRST;
    if (numbers[at] != NULL)
        *numbers[at] = value;
    else
        *words[at] = (struct vmx_allowed){.must_be_1 = (uint32_t)value, .may_be_1 = (uint32_t)(value >> 32)};
    return true;
}

static const struct vmx_cpuid_entry *find_leaf(const struct vmx_caps *caps, uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < caps->cpuid_count; i++)
        if (caps->cpuid[i].leaf == leaf && caps->cpuid[i].subleaf == subleaf)
            return &caps->cpuid[i];
    return NULL;
}

/* Leaves whose answer depends on ECX. */
static bool has_subleaves(uint32_t leaf)
{
    static const uint32_t leaves[] = {0x4, 0x7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1d, 0x1f};
    for (unsigned i = 0; i < sizeof leaves / sizeof leaves[0]; i++)
        if (leaves[i] == leaf)
            return true;
    return false;
}

/* Sixteen bytes of the processor brand string, which names the profile. */
static void brand_string(const struct vmx_caps *caps, uint32_t part, uint32_t out[4])
{
    uint32_t position = 0;
    for (const char *text = caps->description; *text != '\0'; text++, position++)
        if (position / 16 == part)
            out[position % 16 / 4] |= (uint32_t)(unsigned char)*text << 8 * (position % 4);
}

void vmx_cpuid(const struct vmx_caps *caps, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const struct vmx_cpuid_entry *basic = find_leaf(caps, 0, 0);
    const uint32_t limit = leaf < 0x80000000 ? basic->eax : find_leaf(caps, 0x80000000, 0)->eax;
    if (leaf > limit)
        leaf = basic->eax;
    const struct vmx_cpuid_entry *entry = find_leaf(caps, leaf, has_subleaves(leaf) ? subleaf : 0);
    for (unsigned i = 0; i < 4; i++)
        out[i] = 0;
    if (entry != NULL) {
        out[0] = entry->eax;
        out[1] = entry->ebx;
        out[2] = entry->ecx;
        out[3] = entry->edx;
    } else if (leaf >= 0x80000002 && leaf <= 0x80000004) {
        brand_string(caps, leaf - 0x80000002, out);
    } else if (leaf == 0xb) {
        out[2] = subleaf & 0xff;
    }
}

void vmx_complete_caps(struct vmx_caps *caps)
{
    enum { EAX, EBX, ECX, EDX };
    uint32_t sizes[4], extended[4], features[4];
    vmx_cpuid(caps, 0x80000008, 0, sizes);
    vmx_cpuid(caps, 0x80000001, 0, extended);
    vmx_cpuid(caps, 7, 0, features);
    caps->physical_bits = sizes[EAX] & 0xff;
    caps->linear_bits = sizes[EAX] >> 8 & 0xff;
    caps->efer_valid = EFER_BITS & ~((extended[EDX] & F(EXECUTE_DISABLE)) != 0 ? 0 : VMX_EFER_NXE);
    caps->debugctl_valid = DEBUGCTL_BITS;
    caps->perf_global_valid = PERF_GLOBAL_BITS;
    caps->sgx = (features[EBX] >> 2 & 1) != 0;
    caps->rtm = (features[EBX] >> 11 & 1) != 0;
    caps->bus_lock_db = (features[ECX] >> 24 & 1) != 0;
    if ((caps->basic & C(BASIC_TRUE_CTLS)) != 0)
        return;
    caps->pin = caps->pin_default;
    caps->primary = caps->primary_default;
    caps->exit = caps->exit_default;
    caps->entry = caps->entry_default;
}
