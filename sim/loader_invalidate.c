/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps that change EPT, and steps that invalidate cached translations. */
#include "../vmx-model/vmx_instructions.h"
#include "loader.h"

bool load_ept_change(struct loader *loader, const struct script_value *value)
{
    struct load_ept_range range;
    const unsigned line = value->table->line;
    if (!load_ept_range(loader, line, value, &range))
        return false;
    if (range.page_size != 0)
        return load_fail(loader, line, "page", "ept between steps changes pages of 4 KBytes");
    const uint32_t no_invept = range.invept ? 0 : UINT32_C(1) << 31;
    load_pack_step(loader, &(struct packed_step){.kind = STEP_EPT, .line = line, .a = range.rights | no_invept, .b = range.guest, .c = range.bytes},
                   NULL, 0);
    return true;
}

bool load_invept(struct loader *loader, const struct script_table *table)
{
    static const struct load_name types[] = {{"single", VMX_INVEPT_SINGLE}, {"all", VMX_INVEPT_ALL}, {0}};
    const struct script_value *eptp = script_get(table, "eptp");
    uint64_t type = 0, value = 0;
    if (!load_name(loader, table->line, script_get(table, "type"), "invalidate.invept", types, &type) ||
        (eptp != NULL && !load_number(loader, table->line, eptp, "invalidate.invept", &value)))
        return false;
    if (!vmx_invept_offered(loader->caps, type))
        return load_fail(loader, table->line, NULL, "invalidate.invept: the processor %s does not offer this type", loader->caps->name);
    load_pack_step(loader, &(struct packed_step){.kind = STEP_INVEPT, .line = table->line, .a = (uint32_t)type, .b = value}, NULL, 0);
    return true;
}

bool load_invvpid(struct loader *loader, const struct script_table *table)
{
    static const struct load_name types[] = {{"address", VMX_INVVPID_ADDRESS},
                                             {"single", VMX_INVVPID_SINGLE},
                                             {"all", VMX_INVVPID_ALL},
                                             {"single_keep_globals", VMX_INVVPID_SINGLE_KEEP_GLOBAL},
                                             {0}};
    const struct script_value *given_vpid = script_get(table, "vpid"), *given_linear = script_get(table, "linear");
    uint64_t type = 0, vpid = loader->step_vcpu + 1u, linear = 0;
    if (!load_name(loader, table->line, script_get(table, "type"), "invalidate.invvpid", types, &type) ||
        (given_vpid != NULL && !load_number_to(loader, table->line, given_vpid, "invalidate.invvpid: VPID", UINT16_MAX, &vpid)) ||
        (given_linear != NULL && !load_number(loader, table->line, given_linear, "invalidate.invvpid: linear address", &linear)))
        return false;
    if (!vmx_invvpid_offered(loader->caps, type))
        return load_fail(loader, table->line, NULL, "invalidate.invvpid: the processor %s does not offer this type", loader->caps->name);
    if (vpid == 0)
        return load_fail(loader, table->line, NULL, "invalidate.invvpid: a VPID is 1 to 65535");
    load_pack_step(loader, &(struct packed_step){.kind = STEP_INVVPID, .line = table->line, .a = (uint32_t)type, .b = vpid, .c = linear}, NULL, 0);
    return true;
}
