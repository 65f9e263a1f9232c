/* SPDX-License-Identifier: MIT */
/* Which rows read which groups of VMCS fields and which other input, derived from the field lists of entry_checks.def when this file is compiled. */
#include "checks_internal.h"

enum field_group {
#define VMCS_FIELD(encoding, symbol, sdm_name, group, exists) GROUP_OF_##symbol = VMCS_GROUP_##group,
#include "vmcs_fields.def"
#undef VMCS_FIELD
};

#define GROUPS_1(a) GROUP_OF_##a
#define GROUPS_2(a, b) (GROUP_OF_##a | GROUP_OF_##b)
#define GROUPS_3(a, ...) (GROUP_OF_##a | GROUPS_2(__VA_ARGS__))
#define GROUPS_4(a, ...) (GROUP_OF_##a | GROUPS_3(__VA_ARGS__))
#define GROUPS_5(a, ...) (GROUP_OF_##a | GROUPS_4(__VA_ARGS__))
#define GROUPS_6(a, ...) (GROUP_OF_##a | GROUPS_5(__VA_ARGS__))
#define GROUPS_7(a, ...) (GROUP_OF_##a | GROUPS_6(__VA_ARGS__))
#define NTH(a1, a2, a3, a4, a5, a6, a7, macro, ...) macro
#define VMX_READS(...) (NTH(__VA_ARGS__, GROUPS_7, GROUPS_6, GROUPS_5, GROUPS_4, GROUPS_3, GROUPS_2, GROUPS_1, unused)(__VA_ARGS__))
#define VMX_READS_VM(...) (VMX_READS(__VA_ARGS__) | CHECK_GROUP_VM)
#define VMX_READS_PROCESSOR(...) (VMX_READS(__VA_ARGS__) | CHECK_GROUP_PROCESSOR)
#define VMX_READS_MEMORY(...) (VMX_READS(__VA_ARGS__) | CHECK_GROUP_MEMORY)
#define VMX_READS_NO_FIELD CHECK_GROUP_PROCESSOR

/* Groups of each row, as constants that the sets below are computed from. */
enum row_groups {
#define VMX_CHECK(symbol, id, section, rule, fields, stage, outcome, number, not_modelled) READS_##symbol = VMX_READS_OF(VMX_STAGE_##stage, fields),
#define VMX_READS_OF(stage, fields) ((stage) == VMX_STAGE_MSR_LOAD || (stage) == VMX_STAGE_MACHINE_CHECK ? 0 : (fields))
#include "entry_checks.def"
#undef VMX_CHECK
    ROW_GROUPS_END
};

/* READERS_WORD says which 64 rows, READERS_GROUP which group. */
#define VMX_CHECK(symbol, ...)                                                                                                                       \
    | (VMX_CHECK_##symbol / 64 == READERS_WORD && (READS_##symbol & READERS_GROUP) != 0 ? UINT64_C(1) << VMX_CHECK_##symbol % 64 : 0)

static const uint64_t readers[][CHECK_WORDS] = {
#define READERS_GROUP VMCS_GROUP_CONTROLS
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_INJECTION
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_HOST
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_GUEST_IP
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_GUEST_CONTROL
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_GUEST_SEGMENTS
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_GUEST_TABLES
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_GUEST_DEBUG
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_GUEST_MSR
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_GUEST_EVENT
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_GUEST_OTHER
#include "checks_readers.inc"
#define READERS_GROUP VMCS_GROUP_EXIT_INFORMATION
#include "checks_readers.inc"
#define READERS_GROUP CHECK_GROUP_VM
#include "checks_readers.inc"
#define READERS_GROUP CHECK_GROUP_PROCESSOR
#include "checks_readers.inc"
#define READERS_GROUP CHECK_GROUP_MEMORY
#include "checks_readers.inc"
};
_Static_assert(CHECK_WORDS == 6, "checks_readers.inc writes six words");
_Static_assert(CHECK_GROUP_MEMORY == 1u << (sizeof(readers) / sizeof(readers[0]) - 1), "one set of rows for each group");

void vmx_check_readers(uint64_t rows[CHECK_WORDS], uint32_t groups)
{
    for (unsigned w = 0; w < CHECK_WORDS; w++)
        rows[w] = 0;
    for (groups &= CHECK_GROUP_ALL; groups != 0; groups &= groups - 1)
        for (unsigned w = 0; w < CHECK_WORDS; w++)
            rows[w] |= readers[(unsigned)__builtin_ctz(groups)][w];
}
