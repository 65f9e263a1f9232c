-- Control fields that VM entry refuses: VMfailValid with VM-instruction error 7.
local function fails(check, controls, vmcs)
  return scenario { name = check, controls = controls, vmcs = vmcs, guest = asm "vmcall", steps = { expect_entry_failure { check = check } } }
end
local wide = 1 << 52
return {
  fails("CTL.PIN.ALLOWED0", { pin = { reserved_1 = false } }),
  fails("CTL.PRIMARY.ALLOWED0", { primary = { reserved_1 = false } }),
  fails("CTL.EXIT.ALLOWED0", { exit = { reserved_0 = false } }),
  fails("CTL.ENTRY.ALLOWED0", { entry = { reserved_0 = false } }),
  fails("CTL.CR3_TARGET_COUNT", nil, { CR3_TARGET_COUNT = 5 }),
  fails("CTL.IO_BITMAP_A.ALIGN", { primary = { "use_io_bitmaps" } }, { IO_BITMAP_A = 0x10001 }),
  fails("CTL.IO_BITMAP_B.WIDTH", { primary = { "use_io_bitmaps" } }, { IO_BITMAP_B = wide }),
  fails("CTL.MSR_BITMAP.ALIGN", { primary = { "use_msr_bitmaps" } }, { MSR_BITMAP = 0x800 }),
  fails("CTL.VIRTUAL_APIC.ALIGN", { primary = { "use_tpr_shadow" } }, { VIRTUAL_APIC_PAGE_ADDR = 0x10 }),
  fails("CTL.NMI.VIRTUAL_NEEDS_EXITING", { pin = { "virtual_nmis", nmi_exiting = false } }),
  fails("CTL.NMI.WINDOW_NEEDS_VIRTUAL", { primary = { "nmi_window_exiting" } }),
  fails("CTL.TPR_SHADOW_OFF.APIC_REG", { secondary = { "apic_register_virtualization" } }),
  fails("CTL.VPID.NONZERO", { secondary = { "enable_vpid" } }, { VIRTUAL_PROCESSOR_ID = 0 }),
  fails("CTL.EPTP.MEMTYPE", nil, { EPT_POINTER = 0x1000000 | 0x1f }),
  fails("CTL.EPTP.RESERVED_LOW", nil, { EPT_POINTER = 0x1000000 | 0x81e }),
  fails("CTL.UG.EPT", { secondary = { "unrestricted_guest", enable_ept = false } }),
  fails("CTL.EXIT.SAVE_PREEMPTION_TIMER", { exit = { "save_vmx_preemption_timer_value" } }),
  fails("CTL.INJ.NMI_VECTOR", nil, { VM_ENTRY_INTR_INFO_FIELD = 0x80000203 }),
  fails("CTL.INJ.HWEXC_VECTOR", nil, { VM_ENTRY_INTR_INFO_FIELD = 0x80000320 }),
  fails("CTL.INJ.TYPE_RESERVED", nil, { VM_ENTRY_INTR_INFO_FIELD = 0x80000120 }),
  fails("CTL.INJ.RESERVED", nil, { VM_ENTRY_INTR_INFO_FIELD = 0x80001306 }),
  fails("CTL.INJ.ILEN_MAX", nil, { VM_ENTRY_INTR_INFO_FIELD = 0x80000480, VM_ENTRY_INSTRUCTION_LEN = 16 }),
  fails("CTL.ENTRY.MSR_LOAD.ALIGN", nil, { VM_ENTRY_MSR_LOAD_COUNT = 1, VM_ENTRY_MSR_LOAD_ADDR = 8 }),
  fails("CTL.EXIT.MSR_STORE.ALIGN", nil, { VM_EXIT_MSR_STORE_COUNT = 1, VM_EXIT_MSR_STORE_ADDR = 8 }),
}
