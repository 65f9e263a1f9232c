/* SPDX-License-Identifier: MIT */
/* The VMCS: its fields, their encodings and access rules, and its region. SDM 3C, "Virtual Machine Control Structures". */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmx_caps;

/* enum vmcs_field: VMCS_GUEST_RIP ..., an index, in the order of vmcs_fields.def; vmcs_fields[f].encoding is what VMREAD and VMWRITE name. */
enum vmcs_field {
#define VMCS_FIELD(encoding, symbol, ...) VMCS_##symbol,
#include "vmcs_fields.def"
#undef VMCS_FIELD
    VMCS_FIELD_COUNT,
    VMCS_NO_FIELD = VMCS_FIELD_COUNT
};

enum vmcs_width { VMCS_16, VMCS_64, VMCS_32, VMCS_NATURAL };
enum vmcs_type { VMCS_CONTROL, VMCS_EXIT_INFORMATION, VMCS_GUEST, VMCS_HOST };

/* Groups of fields that entry checks and guest-state loading treat together. */
enum vmcs_group {
    VMCS_GROUP_CONTROLS = 1u << 0,
    VMCS_GROUP_INJECTION = 1u << 1, /* VM-entry interruption information, error code, instruction length */
    VMCS_GROUP_HOST = 1u << 2,
    VMCS_GROUP_GUEST_IP = 1u << 3,      /* RIP, RSP, RFLAGS */
    VMCS_GROUP_GUEST_CONTROL = 1u << 4, /* CR0, CR3, CR4, EFER, PDPTEs */
    VMCS_GROUP_GUEST_SEGMENTS = 1u << 5,
    VMCS_GROUP_GUEST_TABLES = 1u << 6,
    VMCS_GROUP_GUEST_DEBUG = 1u << 7,  /* DR7, DEBUGCTL */
    VMCS_GROUP_GUEST_MSR = 1u << 8,    /* SYSENTER, PAT and the other MSRs */
    VMCS_GROUP_GUEST_EVENT = 1u << 9,  /* interruptibility, activity, pending debug exceptions */
    VMCS_GROUP_GUEST_OTHER = 1u << 10, /* link pointer, interrupt status, PML index, timer, SMBASE, UINV, deadline */
    VMCS_GROUP_EXIT_INFORMATION = 1u << 11,
    VMCS_GROUP_ALL = (1u << 12) - 1
};

struct vmcs_field_row {
    uint32_t encoding;
    const char *name;     /* "GUEST_RIP", as KVM spells it */
    const char *sdm_name; /* "guest RIP" */
    uint32_t group;       /* enum vmcs_group */
    const char *exists;   /* "always", "never ...", or controls and capabilities, "A or B", of which one must be allowed */
};
extern const struct vmcs_field_row vmcs_fields[VMCS_FIELD_COUNT];

/* What VM entry is told to inject: the fields of VMCS_GROUP_INJECTION. */
struct vmcs_injection {
    uint32_t info, error_code, instruction_length;
    uint32_t held; /* 1: all rules have held with it, as the rest stands */
};

/* A VMCS region of 4096 bytes as VMPTRLD names it: revision identifier, abort indicator, then data in a format of the processor's own. */
struct vmcs {
    uint32_t revision; /* 30:0 revision identifier, 31 shadow-VMCS indicator */
    uint32_t abort_indicator;
    uint32_t launched;                    /* 1: launch state is "launched" */
    uint32_t unchecked;                   /* enum vmcs_group: written since entry checks last passed over it */
    uint32_t unloaded;                    /* enum vmcs_group: written since the guest state was last loaded from it */
    uint32_t checked_for;                 /* facts of the processor that entry checks last passed for, as checks.c packs them; 0: none */
    uint64_t checked_rip, checked_rflags; /* what they found then */
    struct vmcs_injection injection[2];   /* by bit 31 of `info`: VM exits clear it, so that both come in turn */
    uint64_t field[VMCS_FIELD_COUNT];
};
_Static_assert(sizeof(struct vmcs) <= 4096, "the VMCS region is one page");

static inline enum vmcs_width vmcs_width(enum vmcs_field f)
{
    return (enum vmcs_width)((vmcs_fields[f].encoding >> 13) & 3u);
}
static inline enum vmcs_type vmcs_type(enum vmcs_field f)
{
    return (enum vmcs_type)((vmcs_fields[f].encoding >> 10) & 3u);
}
static inline uint64_t vmcs_get(const struct vmcs *v, enum vmcs_field f)
{
    return v->field[f];
}

/* Writes a field cut to its width and marks its group as written. The model's own door: no access rule is applied. */
void vmcs_set(struct vmcs *v, enum vmcs_field f, uint64_t value);

/* The field whose full encoding this is (high-access encodings give their field too); VMCS_NO_FIELD for none. */
enum vmcs_field vmcs_field_of_encoding(uint64_t encoding);
/* By name: "GUEST_RIP", "VMCS_GUEST_RIP", "guest RIP", compared as vmx_name_equal() does; VMCS_NO_FIELD for none. */
enum vmcs_field vmcs_field_of_name(const char *name);
/* True iff the processor with these capabilities has the field. */
bool vmcs_field_exists(const struct vmx_caps *caps, enum vmcs_field f);

/* VMREAD and VMWRITE by encoding with every access rule (SDM 3C, "VMREAD", "VMWRITE"): returns 0, or VM-instruction error 12 or 13.
   mode64: in 64-bit mode, where operands are 64 bits; else 32. */
unsigned vmcs_read(const struct vmcs *v, const struct vmx_caps *caps, uint64_t encoding, bool mode64, uint64_t *value);
unsigned vmcs_write(struct vmcs *v, const struct vmx_caps *caps, uint64_t encoding, bool mode64, uint64_t value);

#endif
