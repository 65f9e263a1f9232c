/* SPDX-License-Identifier: MIT */
/* The Chinese rows of the users' exit reasons. */
#include "reasons_zh.h"

#include <stddef.h>

#include "names.h"

const struct vmx_reason_zh_row vmx_reasons_zh[] = {
#define VMX_REASON_ZH(seed, cause, explanation, resolution) {seed, cause, explanation, resolution},
#include "exit_reasons_zh.def"
#undef VMX_REASON_ZH
};
const unsigned vmx_reason_zh_count = sizeof vmx_reasons_zh / sizeof vmx_reasons_zh[0];

const struct vmx_reason_zh_row *vmx_reason_zh(const char *seed_name)
{
    for (unsigned i = 0; seed_name != NULL && i < vmx_reason_zh_count; i++)
        if (vmx_name_equal(vmx_reasons_zh[i].seed_name, seed_name))
            return &vmx_reasons_zh[i];
    return NULL;
}
