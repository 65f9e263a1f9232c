/* SPDX-License-Identifier: MIT */
/* The rows of the entry checks as data. */
#include "checks.h"

#include <stddef.h>

#define NAMES_1(a) #a
#define NAMES_2(a, b) #a " " #b
#define NAMES_3(a, ...) #a " " NAMES_2(__VA_ARGS__)
#define NAMES_4(a, ...) #a " " NAMES_3(__VA_ARGS__)
#define NAMES_5(a, ...) #a " " NAMES_4(__VA_ARGS__)
#define NAMES_6(a, ...) #a " " NAMES_5(__VA_ARGS__)
#define NAMES_7(a, ...) #a " " NAMES_6(__VA_ARGS__)
#define NTH(a1, a2, a3, a4, a5, a6, a7, macro, ...) macro
#define VMX_READS(...) NTH(__VA_ARGS__, NAMES_7, NAMES_6, NAMES_5, NAMES_4, NAMES_3, NAMES_2, NAMES_1, unused)(__VA_ARGS__)
#define VMX_READS_VM(...) VMX_READS(__VA_ARGS__) " GUEST_RFLAGS"
#define VMX_READS_PROCESSOR(...) VMX_READS(__VA_ARGS__)
#define VMX_READS_MEMORY(...) VMX_READS(__VA_ARGS__)
#define VMX_READS_NO_FIELD ""

const struct vmx_check_row vmx_check_rows[VMX_CHECK_COUNT] = {
    [VMX_CHECK_NONE] = {"", "", "", "", VMX_STAGE_COUNT, VMX_CHECK_UD, 0, NULL},
#define VMX_CHECK(symbol, id, section, rule, fields, stage, outcome, number, not_modelled)                                                           \
    [VMX_CHECK_##symbol] = {id, section, rule, fields, VMX_STAGE_##stage, VMX_CHECK_##outcome, number, not_modelled},
#include "entry_checks.def"
#undef VMX_CHECK
};
