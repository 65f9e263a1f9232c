/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every reason of the users' list has its Chinese row, and no row is for another. */
#include "tests/support/suite.h"
#include "vmx-model/reasons.h"
#include "vmx-model/reasons_zh.h"

static void every_seed_reason_has_a_full_row(void)
{
    unsigned seeds = 0;
    for (unsigned i = 0; i < VMX_REASON_LIMIT + vmx_reason_flag_count; i++) {
        const struct vmx_reason_row *row = i < VMX_REASON_LIMIT ? &vmx_reasons[i] : &vmx_reason_flags[i - VMX_REASON_LIMIT];
        if (row->seed_name == NULL)
            continue;
        seeds++;
        const struct vmx_reason_zh_row *zh = vmx_reason_zh(row->seed_name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(zh);
        CU_ASSERT(zh->cause[0] != '\0' && zh->explanation[0] != '\0' && zh->resolution[0] != '\0');
    }
    CU_ASSERT_EQUAL(seeds, 53);
    CU_ASSERT_EQUAL(vmx_reason_zh_count, seeds);
}

static void another_name_has_none(void)
{
    CU_ASSERT_PTR_NULL(vmx_reason_zh("GETSEC"));
    CU_ASSERT_PTR_NULL(vmx_reason_zh(NULL));
}

SUITE("vmx-model/reasons_zh", {"every_seed_reason_has_a_full_row", every_seed_reason_has_a_full_row},
      {"another_name_has_none", another_name_has_none})
