/* SPDX-License-Identifier: MIT */
/* What the files of entry checks share: the facts of one entry, gathered once, and the form of a rule. */
#ifndef VMX_CHECKS_INTERNAL_H
#define VMX_CHECKS_INTERNAL_H

#include <stddef.h>

#include "checks.h"
#include "controls.h"
#include "registers.h"

/* One attempt at VM entry. Words of controls that are not activated count as 0. */
struct check_env {
    const struct vmx_cpu *cpu;
    const struct vmx_caps *caps;
    const struct vmcs *vmcs; /* NULL: there is no current VMCS, and all below is 0 */
    bool resume;
    bool native;                           /* the root software is native code: cpu->state is not what VM entry finds */
    uint64_t control[VMX_WORD_VMFUNC + 1]; /* by enum vmx_control_word */
    uint64_t cr0, cr4, rflags;             /* of the guest */
    unsigned physical_bits, address_bits;  /* address_bits: of addresses in the VMCS, 32 where IA32_VMX_BASIC[48] is 1 */
    bool v86, ia32e, unrestricted, ept;    /* ia32e: "IA-32e mode guest" */
    bool injecting;                        /* the VM-entry interruption information is valid */
    uint8_t event_type, event_vector;      /* of the event that is injected, else 0 */
    uint32_t blocking, activity;           /* interruptibility state, activity state */
    unsigned ss_dpl;
    bool fred; /* guest CR4.FRED, where the processor has it */
};

/* A rule and what it is about. Rules with a second argument take their subject from the row: a rule that depends on a control has it in
   word and control (0: the rule always applies). */
struct check_rule {
    bool (*holds)(const struct check_env *e);
    bool (*holds_for)(const struct check_env *e, const struct check_rule *r);
    uint64_t control, other_control, bits;
    uint16_t check;              /* enum vmx_check */
    uint16_t field, count_field; /* enum vmcs_field */
    uint8_t word, other_word;    /* enum vmx_control_word */
    uint8_t segment;             /* enum vmx_segment_name, or the number of a PDPTE */
};

/* Rules in row order; together the tables name every row once. */
struct check_table {
    const struct check_rule *rule;
    unsigned count;
};
extern const struct check_table vmx_basic_rules, vmx_execution_rules, vmx_exit_control_rules, vmx_entry_control_rules, vmx_smm_rules, vmx_host_rules,
    vmx_guest_control_rules, vmx_guest_segment_rules, vmx_guest_rip_rules, vmx_guest_event_rules, vmx_guest_link_rules;
#define CHECK_TABLE(rules)                                                                                                                           \
    {                                                                                                                                                \
        (rules), sizeof(rules) / sizeof((rules)[0])                                                                                                  \
    }

void vmx_check_gather(struct check_env *e, const struct vmx_cpu *cpu, bool resume);

enum { CHECK_WORDS = (VMX_CHECK_COUNT + 63) / 64 };
/* Input of rules besides the groups of fields, as groups after those of enum vmcs_group. */
enum check_group {
    CHECK_GROUP_VM = VMCS_GROUP_ALL + 1, /* RFLAGS.VM of the guest */
    CHECK_GROUP_PROCESSOR = CHECK_GROUP_VM * 2,
    CHECK_GROUP_MEMORY = CHECK_GROUP_VM * 4, /* and pointers to it */
    CHECK_GROUP_ALL = CHECK_GROUP_VM * 8 - 1
};
/* The rows that read any of these groups, as a set of bits. */
void vmx_check_readers(uint64_t rows[CHECK_WORDS], uint32_t groups);

/* The tables in row order: basic checks, controls, return from SMM, host state, guest state. */
enum { CHECK_TABLES = 11 };
extern const struct check_table *const vmx_check_tables[CHECK_TABLES];

static inline bool check_rule_holds(const struct check_env *e, const struct check_rule *r)
{
    return r->holds != NULL ? r->holds(e) : r->holds_for(e, r);
}

static inline unsigned check_event_type(uint32_t info)
{
    return info >> 8 & 7u;
}

static inline unsigned check_dpl(uint32_t access_rights)
{
    return access_rights >> 5 & 3u;
}

static inline uint64_t check_field(const struct check_env *e, unsigned field)
{
    return vmcs_get(e->vmcs, (enum vmcs_field)field);
}

/* Does the rule apply, by the control of its row? */
static inline bool check_applies(const struct check_env *e, const struct check_rule *r)
{
    return r->control == 0 || (e->control[r->word] & r->control) != 0;
}

static inline bool check_enabled(const struct check_env *e, enum vmx_control_word word, uint64_t control)
{
    return (e->control[word] & control) != 0;
}

/* Is an event of this type injected? */
static inline bool check_injects(const struct check_env *e, unsigned type)
{
    return e->injecting && e->event_type == type;
}

/* True iff bits 63 down to `width` are all equal to each other. */
static inline bool check_sign_extended(uint64_t address, unsigned width)
{
    const uint64_t high = address >> width;
    return high == 0 || high == UINT64_MAX >> width;
}

static inline bool check_canonical_address(const struct check_env *e, uint64_t address)
{
    return check_sign_extended(address, e->caps->linear_bits - 1);
}

/* Do the controls have every bit that the processor forces to 1, and none that it does not offer? */
static inline bool check_forced(uint64_t control, struct vmx_allowed allowed)
{
    return (~control & allowed.must_be_1) == 0;
}
static inline bool check_offered(uint64_t control, struct vmx_allowed allowed)
{
    return (control & ~(uint64_t)allowed.may_be_1) == 0;
}

static inline uint32_t check_revision(const struct check_env *e)
{
    return (uint32_t)e->caps->basic & UINT32_C(0x7fffffff);
}

bool check_not_modelled(const struct check_env *e); /* holds */
/* Rules that more than one table uses; each applies as check_applies() says. */
bool check_bits_clear(const struct check_env *e, const struct check_rule *r);   /* field & bits is 0 */
bool check_not_zero(const struct check_env *e, const struct check_rule *r);     /* field is not 0 */
bool check_width(const struct check_env *e, const struct check_rule *r);        /* field has no bit beyond the width of addresses */
bool check_canonical(const struct check_env *e, const struct check_rule *r);    /* field without its low `bits` is canonical, and those are 0 */
bool check_memory_types(const struct check_env *e, const struct check_rule *r); /* each byte of the field is a memory type of the PAT */
bool check_msr_list_aligned(const struct check_env *e, const struct check_rule *r);
bool check_msr_list_width(const struct check_env *e, const struct check_rule *r);
bool check_msr_list_last(const struct check_env *e, const struct check_rule *r);

bool check_fred_config(const struct check_env *e, const struct check_rule *r);
bool check_s_cet_reserved(const struct check_env *e, const struct check_rule *r);
bool check_cr3(const struct check_env *e, uint64_t cr3);
/* Is each byte a memory type that a PAT entry may have? */
bool check_pat(uint64_t pat);

/* The three rows of an MSR list in the order of the manual. */
#define CHECK_MSR_LIST(row, name)                                                                                                                    \
    {.check = VMX_CHECK_##row##_ALIGN, .holds_for = check_msr_list_aligned, .field = VMCS_##name##_ADDR, .count_field = VMCS_##name##_COUNT},        \
        {.check = VMX_CHECK_##row##_WIDTH, .holds_for = check_msr_list_width, .field = VMCS_##name##_ADDR, .count_field = VMCS_##name##_COUNT},      \
    {                                                                                                                                                \
        .check = VMX_CHECK_##row##_LAST, .holds_for = check_msr_list_last, .field = VMCS_##name##_ADDR, .count_field = VMCS_##name##_COUNT           \
    }

/* Physical memory; where there is none it reads as ones. */
uint32_t check_read32(const struct check_env *e, hpa_t address);
uint64_t check_read64(const struct check_env *e, hpa_t address);

/* Bits of fields that have no register. */
#define CHECK_CR0_FREE (VMX_CR0_NW | VMX_CR0_CD) /* not checked */
#define CHECK_AR_RESERVED_11_8 0xf00u
#define CHECK_AR_RESERVED_31_17 0xfffe0000u
#define CHECK_INFO_VALID (1u << 31)
#define CHECK_INFO_ERROR_CODE (1u << 11)
#define CHECK_INFO_NESTED (1u << 13)
#define CHECK_ENCLAVE_INTERRUPTION (1u << 4) /* of the interruptibility state */
#define CHECK_PENDING_DEFINED (VMX_PENDING_B | VMX_PENDING_ENABLED | VMX_PENDING_BS | VMX_PENDING_RTM)
#define CHECK_HIGH_HALF UINT64_C(0xffffffff00000000)

#endif
