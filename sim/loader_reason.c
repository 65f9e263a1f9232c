/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit reasons by the names that scripts use. */
#include "loader_reason.h"

static const char *reason_name_at(size_t index, const void *context)
{
    (void)context;
    return vmx_reasons[index].name;
}

const struct vmx_reason_row *load_reason(const struct loader *loader, unsigned line, const char *name)
{
    const struct vmx_reason_row *row = vmx_reason_of_name(name);
    if (row >= vmx_reasons && row < vmx_reasons + VMX_REASON_LIMIT)
        return row;
    const char *near = load_nearest(name, reason_name_at, VMX_REASON_LIMIT, NULL);
    (void)load_fail(loader, line, name, "no such exit reason '%s'%s%s%s", name, near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                    near != NULL ? "'?" : "");
    return NULL;
}
