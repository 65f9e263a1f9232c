/* SPDX-License-Identifier: MIT */
/* VMX controls and capability bits by name. SDM 3D, "VMX Capability Reporting Facility". */
#ifndef VMX_CONTROLS_H
#define VMX_CONTROLS_H

#include <stdbool.h>
#include <stdint.h>

#include "caps.h"
#include "vmcs.h"

enum vmx_control_word {
    VMX_WORD_PIN,
    VMX_WORD_PRIMARY,
    VMX_WORD_SECONDARY,
    VMX_WORD_TERTIARY,
    VMX_WORD_EXIT,
    VMX_WORD_EXIT2,
    VMX_WORD_ENTRY,
    VMX_WORD_VMFUNC,
    VMX_WORD_EPT_VPID_CAP,
    VMX_WORD_MISC,
    VMX_WORD_BASIC,
    VMX_WORD_COUNT,
    VMX_WORD_CONTROLS = VMX_WORD_EPT_VPID_CAP /* words below this one are VMCS fields */
};

/* Bit masks: VMX_PIN_EXT_INTR_EXITING, VMX_PRI_USE_MSR_BITMAPS, VMX_SEC_ENABLE_EPT, VMX_TER_*, VMX_EXITCTL_HOST_ADDR_SPACE_SIZE,
   VMX_EXITCTL2_*, VMX_ENTRYCTL_IA32E_MODE_GUEST, VMX_VMFUNC_*, VMX_EPTCAP_*, VMX_VPIDCAP_*, VMX_MISC_*, VMX_BASIC_*: one row each of controls.def,
   of the width of their word. Bit ranges have the mask 0. */
#define VMX_TYPE_PIN uint32_t
#define VMX_TYPE_PRIMARY uint32_t
#define VMX_TYPE_SECONDARY uint32_t
#define VMX_TYPE_TERTIARY uint64_t
#define VMX_TYPE_EXIT uint32_t
#define VMX_TYPE_EXIT2 uint64_t
#define VMX_TYPE_ENTRY uint32_t
#define VMX_TYPE_VMFUNC uint64_t
#define VMX_TYPE_EPT_VPID_CAP uint64_t
#define VMX_TYPE_MISC uint64_t
#define VMX_TYPE_BASIC uint64_t
#define VMX_CONTROL(word, high, low, symbol, ...)                                                                                                    \
    static const VMX_TYPE_##word VMX_##symbol = (VMX_TYPE_##word)((high) == (low) ? UINT64_C(1) << (low) : 0);
#include "controls.def"
#undef VMX_CONTROL

struct vmx_control_row {
    enum vmx_control_word word;
    uint8_t high, low;     /* bit range; equal for a bit */
    const char *name;      /* as scripts write it: "use_io_bitmaps" */
    const char *sdm_name;  /* "use I/O bitmaps" */
    const char *qemu_name; /* "vmx-io-bitmap", or NULL */
    bool default1;         /* member of the default1 class */
    const char *depends;   /* "SECONDARY[1]=1", or "" */
    const char *notes;     /* or "" */
};
extern const struct vmx_control_row vmx_controls[];
extern const unsigned vmx_control_count;

/* The row of that name in a word: script name, SDM name or QEMU property name, compared as vmx_name_equal() does; NULL for none. */
const struct vmx_control_row *vmx_control_of_name(enum vmx_control_word word, const char *name);
/* The row that covers a bit of a word; NULL for a bit that the manual reserves. */
const struct vmx_control_row *vmx_control_of_bit(enum vmx_control_word word, unsigned bit);
/* "pin", "primary", "secondary", "tertiary", "exit", "exit2", "entry", "vmfunc", "ept_vpid_cap", "misc", "basic"; VMX_WORD_COUNT for none. */
enum vmx_control_word vmx_control_word_of_name(const char *name);
const char *vmx_control_word_name(enum vmx_control_word word);
/* The VMCS field that holds a word; VMCS_NO_FIELD for capability words. */
enum vmcs_field vmx_control_field(enum vmx_control_word word);
/* Which bits of a word the processor forces to 1 and allows to be 1; both are the value of the MSR for a capability word. */
void vmx_control_allowed(const struct vmx_caps *caps, enum vmx_control_word word, uint64_t *must_be_1, uint64_t *may_be_1);
/* True iff the processor allows this bit to be 1. */
bool vmx_control_may_be_1(const struct vmx_caps *caps, enum vmx_control_word word, unsigned bit);

/* The tables name controls in their texts as WORD[bit] or WORD[high:low], "SECONDARY[1]". */
struct vmx_control_reference {
    enum vmx_control_word word;
    unsigned high, low;
};
/* Finds the first such reference in a text; the place behind it, or NULL when there is none. */
const char *vmx_next_control_reference(const char *text, struct vmx_control_reference *reference);
/* Takes a feature away from a processor: the bit may no longer be 1, in the TRUE and in the default MSR. False: the bit is fixed to 1, or the
   processor does not offer it in the first place. */
bool vmx_control_take_away(struct vmx_caps *caps, enum vmx_control_word word, unsigned bit);
/* Where the processor says that a bit may be 1: capability MSR and bit in its 64 bits. */
void vmx_control_capability(enum vmx_control_word word, unsigned bit, uint32_t *msr, unsigned *msr_bit);

#endif
