/* SPDX-License-Identifier: MIT */
/* Checks on VM-execution and VM-exit control fields. SDM 3C, "VM-Execution Control Fields", "VM-Exit Control Fields". */
#include "checks_internal.h"

static bool pin_forced(const struct check_env *e)
{
    return check_forced(e->control[VMX_WORD_PIN], e->caps->pin);
}

static bool pin_offered(const struct check_env *e)
{
    return check_offered(e->control[VMX_WORD_PIN], e->caps->pin);
}

static bool primary_forced(const struct check_env *e)
{
    return check_forced(e->control[VMX_WORD_PRIMARY], e->caps->primary);
}

static bool primary_offered(const struct check_env *e)
{
    return check_offered(e->control[VMX_WORD_PRIMARY], e->caps->primary);
}

static bool secondary_forced(const struct check_env *e)
{
    return !check_enabled(e, VMX_WORD_PRIMARY, VMX_PRI_ACTIVATE_SECONDARY) || check_forced(e->control[VMX_WORD_SECONDARY], e->caps->secondary);
}

static bool secondary_offered(const struct check_env *e)
{
    return check_offered(e->control[VMX_WORD_SECONDARY], e->caps->secondary);
}

static bool tertiary_offered(const struct check_env *e)
{
    return (e->control[VMX_WORD_TERTIARY] & ~e->caps->tertiary) == 0;
}

static bool cr3_target_count(const struct check_env *e)
{
    const uint64_t supported = e->caps->misc >> 16 & 0x1ff;
    return check_field(e, VMCS_CR3_TARGET_COUNT) <= supported;
}

static bool tpr_threshold_reserved(const struct check_env *e)
{
    return !check_enabled(e, VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW) || check_enabled(e, VMX_WORD_SECONDARY, VMX_SEC_VIRTUAL_INTR_DELIVERY) ||
           check_field(e, VMCS_TPR_THRESHOLD) >> 4 == 0;
}

static bool tpr_threshold_not_above_vtpr(const struct check_env *e)
{
    enum { VTPR = 0x80 };
    if (!check_enabled(e, VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW) ||
        check_enabled(e, VMX_WORD_SECONDARY, VMX_SEC_VIRTUALIZE_APIC_ACCESSES | VMX_SEC_VIRTUAL_INTR_DELIVERY))
        return true;
    const uint32_t vtpr = check_read32(e, check_field(e, VMCS_VIRTUAL_APIC_PAGE_ADDR) + VTPR);
    return (check_field(e, VMCS_TPR_THRESHOLD) & 0xf) <= (vtpr >> 4 & 0xf);
}

static bool eptp_memory_type(const struct check_env *e)
{
    const uint64_t type = check_field(e, VMCS_EPT_POINTER) & 7;
    return !e->ept || (type == 0 && (e->caps->ept_vpid & VMX_EPTCAP_MT_UC) != 0) || (type == 6 && (e->caps->ept_vpid & VMX_EPTCAP_MT_WB) != 0);
}

static bool eptp_walk_length(const struct check_env *e)
{
    const uint64_t levels = (check_field(e, VMCS_EPT_POINTER) >> 3 & 7) + 1;
    return !e->ept || (levels == 4 && (e->caps->ept_vpid & VMX_EPTCAP_PWL4) != 0) || (levels == 5 && (e->caps->ept_vpid & VMX_EPTCAP_PWL5) != 0);
}

static bool eptp_accessed_dirty(const struct check_env *e)
{
    return !e->ept || (e->caps->ept_vpid & VMX_EPTCAP_AD) != 0 || (check_field(e, VMCS_EPT_POINTER) & 1u << 6) == 0;
}

static bool eptp_shadow_stack(const struct check_env *e)
{
    return !e->ept || (e->caps->ept_vpid & VMX_EPTCAP_SSS) != 0 || (check_field(e, VMCS_EPT_POINTER) & 1u << 7) == 0;
}

static bool eptp_width(const struct check_env *e)
{
    return !e->ept || check_field(e, VMCS_EPT_POINTER) >> e->physical_bits == 0;
}

static bool vm_functions_offered(const struct check_env *e)
{
    return (e->control[VMX_WORD_VMFUNC] & ~e->caps->vmfunc) == 0;
}

/* Not while tracing: IA32_RTIT_CTL of the processor itself. */
static bool rtit_load_while_tracing(const struct check_env *e)
{
    enum { TRACE_EN = 1u << 0 };
    return !check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_LOAD_RTIT_CTL) || (e->cpu->state.rtit_ctl & TRACE_EN) == 0;
}

static bool hlat_pointer(const struct check_env *e)
{
    enum { HLATP_RESERVED = 0x7fu << 5 | 7u };
    const uint64_t pointer = check_field(e, VMCS_HLAT_POINTER);
    return !check_enabled(e, VMX_WORD_TERTIARY, VMX_TER_ENABLE_HLAT) || ((pointer & HLATP_RESERVED) == 0 && pointer >> e->physical_bits == 0);
}

static bool hlat_prefix_size(const struct check_env *e)
{
    const uint64_t maximum = e->caps->ept_vpid >> 48 & 0x3f;
    return !check_enabled(e, VMX_WORD_TERTIARY, VMX_TER_ENABLE_HLAT) || check_field(e, VMCS_HLAT_PREFIX_SIZE) <= maximum;
}

static bool pid_table_width(const struct check_env *e)
{
    return !check_enabled(e, VMX_WORD_TERTIARY, VMX_TER_IPI_VIRT) || check_field(e, VMCS_PID_POINTER_TABLE) >> e->physical_bits == 0;
}

static bool pid_table_last(const struct check_env *e)
{
    const uint64_t first = check_field(e, VMCS_PID_POINTER_TABLE), last = first + 8 * check_field(e, VMCS_LAST_PID_POINTER_INDEX);
    return !check_enabled(e, VMX_WORD_TERTIARY, VMX_TER_IPI_VIRT) || (last >= first && last >> e->physical_bits == 0);
}

/* A control that is 1 needs another to be 1. */
static bool needs(const struct check_env *e, const struct check_rule *r)
{
    return !check_applies(e, r) || check_enabled(e, r->other_word, r->other_control);
}

/* A control that is 1 needs another to be 0. */
static bool excludes(const struct check_env *e, const struct check_rule *r)
{
    return !check_applies(e, r) || !check_enabled(e, r->other_word, r->other_control);
}

#define NEEDS(row, word_, bit, other, other_bit)                                                                                                     \
    {                                                                                                                                                \
        .check = VMX_CHECK_##row, .holds_for = needs, .word = VMX_WORD_##word_, .control = VMX_##bit, .other_word = VMX_WORD_##other,                \
        .other_control = VMX_##other_bit                                                                                                             \
    }
#define EXCLUDES(row, word_, bit, other, other_bit)                                                                                                  \
    {                                                                                                                                                \
        .check = VMX_CHECK_##row, .holds_for = excludes, .word = VMX_WORD_##word_, .control = VMX_##bit, .other_word = VMX_WORD_##other,             \
        .other_control = VMX_##other_bit                                                                                                             \
    }
#define CLEAR(row, word_, bit, field_, bits_)                                                                                                        \
    {                                                                                                                                                \
        .check = VMX_CHECK_##row, .holds_for = check_bits_clear, .word = VMX_WORD_##word_, .control = VMX_##bit, .field = VMCS_##field_,             \
        .bits = (bits_)                                                                                                                              \
    }
#define WIDTH(row, word_, bit, field_)                                                                                                               \
    {                                                                                                                                                \
        .check = VMX_CHECK_##row, .holds_for = check_width, .word = VMX_WORD_##word_, .control = VMX_##bit, .field = VMCS_##field_                   \
    }
#define NOT_ZERO(row, word_, bit, field_)                                                                                                            \
    {                                                                                                                                                \
        .check = VMX_CHECK_##row, .holds_for = check_not_zero, .word = VMX_WORD_##word_, .control = VMX_##bit, .field = VMCS_##field_                \
    }
/* The address of a page: the two rows that follow each other in the manual. */
#define PAGE(row, word, bit, field) CLEAR(row##_ALIGN, word, bit, field, 0xfff), WIDTH(row##_WIDTH, word, bit, field)

static const struct check_rule execution_rules[] = {
    {.check = VMX_CHECK_CTL_PIN_ALLOWED0, .holds = pin_forced},
    {.check = VMX_CHECK_CTL_PIN_ALLOWED1, .holds = pin_offered},
    {.check = VMX_CHECK_CTL_PRIMARY_ALLOWED0, .holds = primary_forced},
    {.check = VMX_CHECK_CTL_PRIMARY_ALLOWED1, .holds = primary_offered},
    {.check = VMX_CHECK_CTL_SECONDARY_ALLOWED0, .holds = secondary_forced},
    {.check = VMX_CHECK_CTL_SECONDARY_ALLOWED1, .holds = secondary_offered},
    {.check = VMX_CHECK_CTL_TERTIARY_ALLOWED1, .holds = tertiary_offered},
    {.check = VMX_CHECK_CTL_CR3_TARGET_COUNT, .holds = cr3_target_count},
    PAGE(CTL_IO_BITMAP_A, PRIMARY, PRI_USE_IO_BITMAPS, IO_BITMAP_A),
    PAGE(CTL_IO_BITMAP_B, PRIMARY, PRI_USE_IO_BITMAPS, IO_BITMAP_B),
    PAGE(CTL_MSR_BITMAP, PRIMARY, PRI_USE_MSR_BITMAPS, MSR_BITMAP),
    PAGE(CTL_VIRTUAL_APIC, PRIMARY, PRI_USE_TPR_SHADOW, VIRTUAL_APIC_PAGE_ADDR),
    {.check = VMX_CHECK_CTL_TPR_THRESHOLD_RESERVED, .holds = tpr_threshold_reserved},
    {.check = VMX_CHECK_CTL_TPR_THRESHOLD_VTPR, .holds = tpr_threshold_not_above_vtpr},
    NEEDS(CTL_NMI_VIRTUAL_NEEDS_EXITING, PIN, PIN_VIRTUAL_NMIS, PIN, PIN_NMI_EXITING),
    NEEDS(CTL_NMI_WINDOW_NEEDS_VIRTUAL, PRIMARY, PRI_NMI_WINDOW_EXITING, PIN, PIN_VIRTUAL_NMIS),
    PAGE(CTL_APIC_ACCESS, SECONDARY, SEC_VIRTUALIZE_APIC_ACCESSES, APIC_ACCESS_ADDR),
    NEEDS(CTL_TPR_SHADOW_OFF_X2APIC, SECONDARY, SEC_VIRTUALIZE_X2APIC, PRIMARY, PRI_USE_TPR_SHADOW),
    NEEDS(CTL_TPR_SHADOW_OFF_APIC_REG, SECONDARY, SEC_APIC_REGISTER_VIRT, PRIMARY, PRI_USE_TPR_SHADOW),
    NEEDS(CTL_TPR_SHADOW_OFF_VID, SECONDARY, SEC_VIRTUAL_INTR_DELIVERY, PRIMARY, PRI_USE_TPR_SHADOW),
    NEEDS(CTL_TPR_SHADOW_OFF_IPI, TERTIARY, TER_IPI_VIRT, PRIMARY, PRI_USE_TPR_SHADOW),
    EXCLUDES(CTL_X2APIC_EXCLUSIVE, SECONDARY, SEC_VIRTUALIZE_X2APIC, SECONDARY, SEC_VIRTUALIZE_APIC_ACCESSES),
    NEEDS(CTL_VID_EXT_INTR, SECONDARY, SEC_VIRTUAL_INTR_DELIVERY, PIN, PIN_EXT_INTR_EXITING),
    NEEDS(CTL_PI_VID, PIN, PIN_PROCESS_POSTED_INTR, SECONDARY, SEC_VIRTUAL_INTR_DELIVERY),
    NEEDS(CTL_PI_ACK_ON_EXIT, PIN, PIN_PROCESS_POSTED_INTR, EXIT, EXITCTL_ACK_INTR_ON_EXIT),
    CLEAR(CTL_PI_NV, PIN, PIN_PROCESS_POSTED_INTR, POSTED_INTR_NV, 0xff00),
    CLEAR(CTL_PI_DESC_ALIGN, PIN, PIN_PROCESS_POSTED_INTR, POSTED_INTR_DESC_ADDR, 0x3f),
    WIDTH(CTL_PI_DESC_WIDTH, PIN, PIN_PROCESS_POSTED_INTR, POSTED_INTR_DESC_ADDR),
    NOT_ZERO(CTL_VPID_NONZERO, SECONDARY, SEC_ENABLE_VPID, VIRTUAL_PROCESSOR_ID),
    {.check = VMX_CHECK_CTL_EPTP_MEMTYPE, .holds = eptp_memory_type},
    {.check = VMX_CHECK_CTL_EPTP_PWL, .holds = eptp_walk_length},
    {.check = VMX_CHECK_CTL_EPTP_AD, .holds = eptp_accessed_dirty},
    {.check = VMX_CHECK_CTL_EPTP_SSS, .holds = eptp_shadow_stack},
    CLEAR(CTL_EPTP_RESERVED_LOW, SECONDARY, SEC_ENABLE_EPT, EPT_POINTER, 0xf00),
    {.check = VMX_CHECK_CTL_EPTP_RESERVED_HIGH, .holds = eptp_width},
    NEEDS(CTL_PML_EPT, SECONDARY, SEC_ENABLE_PML, SECONDARY, SEC_ENABLE_EPT),
    PAGE(CTL_PML_ADDR, SECONDARY, SEC_ENABLE_PML, PML_ADDRESS),
    NEEDS(CTL_UG_EPT, SECONDARY, SEC_UNRESTRICTED_GUEST, SECONDARY, SEC_ENABLE_EPT),
    NEEDS(CTL_MBEC_EPT, SECONDARY, SEC_MODE_BASED_EPT_EXEC, SECONDARY, SEC_ENABLE_EPT),
    NEEDS(CTL_SPP_EPT, SECONDARY, SEC_SPP, SECONDARY, SEC_ENABLE_EPT),
    PAGE(CTL_SPP_ADDR, SECONDARY, SEC_SPP, SPP_TABLE_POINTER),
    {.check = VMX_CHECK_CTL_VMFUNC_RESERVED, .holds = vm_functions_offered},
    NEEDS(CTL_VMFUNC_EPTP_SWITCHING_EPT, VMFUNC, VMFUNC_EPTP_SWITCHING, SECONDARY, SEC_ENABLE_EPT),
    PAGE(CTL_VMFUNC_EPTP_LIST, VMFUNC, VMFUNC_EPTP_SWITCHING, EPTP_LIST_ADDRESS),
    PAGE(CTL_SHADOW_VMREAD_BITMAP, SECONDARY, SEC_VMCS_SHADOWING, VMREAD_BITMAP),
    PAGE(CTL_SHADOW_VMWRITE_BITMAP, SECONDARY, SEC_VMCS_SHADOWING, VMWRITE_BITMAP),
    PAGE(CTL_VE_INFO, SECONDARY, SEC_EPT_VIOLATION_VE, VE_INFORMATION_ADDRESS),
    {.check = VMX_CHECK_CTL_PT_LOAD_RTIT_TRACEEN, .holds = rtit_load_while_tracing},
    NEEDS(CTL_PT_GPA_EPT, SECONDARY, SEC_PT_USE_GPA, SECONDARY, SEC_ENABLE_EPT),
    NEEDS(CTL_PT_GPA_LOAD_RTIT, SECONDARY, SEC_PT_USE_GPA, ENTRY, ENTRYCTL_LOAD_RTIT_CTL),
    NEEDS(CTL_PT_GPA_CLEAR_RTIT, SECONDARY, SEC_PT_USE_GPA, EXIT, EXITCTL_CLEAR_RTIT_CTL),
    NOT_ZERO(CTL_TSC_SCALING_NONZERO, SECONDARY, SEC_TSC_SCALING, TSC_MULTIPLIER),
    PAGE(CTL_PASID_LOW_DIR, SECONDARY, SEC_PASID_TRANSLATION, LOW_PASID_DIR_ADDR),
    PAGE(CTL_PASID_HIGH_DIR, SECONDARY, SEC_PASID_TRANSLATION, HIGH_PASID_DIR_ADDR),
    NEEDS(CTL_HLAT_EPT, TERTIARY, TER_ENABLE_HLAT, SECONDARY, SEC_ENABLE_EPT),
    {.check = VMX_CHECK_CTL_HLAT_PTR_RESERVED, .holds = hlat_pointer},
    {.check = VMX_CHECK_CTL_HLAT_PREFIX, .holds = hlat_prefix_size},
    NEEDS(CTL_EPT_PW_EPT, TERTIARY, TER_EPT_PAGING_WRITE, SECONDARY, SEC_ENABLE_EPT),
    NEEDS(CTL_GPV_EPT, TERTIARY, TER_GUEST_PAGING_VERIFICATION, SECONDARY, SEC_ENABLE_EPT),
    CLEAR(CTL_IPIV_TABLE_ALIGN, TERTIARY, TER_IPI_VIRT, PID_POINTER_TABLE, 7),
    {.check = VMX_CHECK_CTL_IPIV_TABLE_WIDTH, .holds = pid_table_width},
    {.check = VMX_CHECK_CTL_IPIV_TABLE_LAST, .holds = pid_table_last},
    NEEDS(CTL_APICTIMER_VID, TERTIARY, TER_APIC_TIMER_VIRT, SECONDARY, SEC_VIRTUAL_INTR_DELIVERY),
    EXCLUDES(CTL_APICTIMER_RDTSC, TERTIARY, TER_APIC_TIMER_VIRT, PRIMARY, PRI_RDTSC_EXITING),
    CLEAR(CTL_APICTIMER_VECTOR, TERTIARY, TER_APIC_TIMER_VIRT, VIRTUAL_TIMER_VECTOR, 0xff00),
};
const struct check_table vmx_execution_rules = CHECK_TABLE(execution_rules);

static bool exit_forced(const struct check_env *e)
{
    return check_forced(e->control[VMX_WORD_EXIT], e->caps->exit);
}

static bool exit_offered(const struct check_env *e)
{
    return check_offered(e->control[VMX_WORD_EXIT], e->caps->exit);
}

static bool exit2_offered(const struct check_env *e)
{
    return (e->control[VMX_WORD_EXIT2] & ~e->caps->exit2) == 0;
}

static const struct check_rule exit_control_rules[] = {
    {.check = VMX_CHECK_CTL_EXIT_ALLOWED0, .holds = exit_forced},
    {.check = VMX_CHECK_CTL_EXIT_ALLOWED1, .holds = exit_offered},
    {.check = VMX_CHECK_CTL_EXIT2_ALLOWED1, .holds = exit2_offered},
    NEEDS(CTL_EXIT_SAVE_PREEMPTION_TIMER, EXIT, EXITCTL_SAVE_PREEMPTION_TIMER, PIN, PIN_VMX_PREEMPTION_TIMER),
    CHECK_MSR_LIST(CTL_EXIT_MSR_STORE, VM_EXIT_MSR_STORE),
    CHECK_MSR_LIST(CTL_EXIT_MSR_LOAD, VM_EXIT_MSR_LOAD),
};
const struct check_table vmx_exit_control_rules = CHECK_TABLE(exit_control_rules);
