/* SPDX-License-Identifier: MIT */
/* The users' 53 exit reasons in Chinese. */
#ifndef VMX_REASONS_ZH_H
#define VMX_REASONS_ZH_H

/* UTF-8 texts. */
struct vmx_reason_zh_row {
    const char *seed_name;
    const char *cause;       /* 原因 */
    const char *explanation; /* 说明 */
    const char *resolution;  /* 解决方法 */
};
extern const struct vmx_reason_zh_row vmx_reasons_zh[];
extern const unsigned vmx_reason_zh_count;

/* The row of a name from the users' list; NULL for any other. */
const struct vmx_reason_zh_row *vmx_reason_zh(const char *seed_name);

#endif
