-- Guest state that VM entry refuses: one field a scenario, named by the rule that it breaks. The entry fails with exit reason 33; with the
-- field put right the guest runs.
local function fails(check, vmcs, repair)
  local steps = { expect_entry_failure { check = check } }
  for field, value in pairs(repair) do steps[#steps + 1] = write.field(field, value) end
  steps[#steps + 1] = expect "VMCALL" { rip = "here" }
  return scenario { name = check, vmcs = vmcs, guest = asm "here: vmcall", steps = steps }
end
-- Segment registers as virtual-8086 mode wants them, so that no rule of theirs breaks; and those of the long preset, to go back.
local v86, back = { GUEST_RFLAGS = 0x20002 }, { GUEST_RFLAGS = 2 }
for _, segment in ipairs { "CS", "SS", "DS", "ES", "FS", "GS" } do
  local selector = segment == "CS" and 0x08 or 0x10
  local name = "GUEST_" .. segment
  v86[name .. "_SELECTOR"], v86[name .. "_BASE"], v86[name .. "_LIMIT"], v86[name .. "_AR_BYTES"] = selector, selector << 4, 0xffff, 0xf3
  back[name .. "_SELECTOR"], back[name .. "_BASE"], back[name .. "_LIMIT"] = selector, 0, 0xffffffff
  back[name .. "_AR_BYTES"] = segment == "CS" and 0xa09b or 0xc093
end
local wide, not_canonical = 1 << 52, 1 << 47
return {
  fails("GUEST.CR0.FIXED0", { GUEST_CR0 = 0x80010011 }, { GUEST_CR0 = 0x80010031 }),
  fails("GUEST.CR4.FIXED0", { GUEST_CR4 = 0x20 }, { GUEST_CR4 = 0x2020 }),
  fails("GUEST.IA32E.PAE", { GUEST_CR4 = 0x2000 }, { GUEST_CR4 = 0x2020 }),
  fails("GUEST.CR3.WIDTH", { GUEST_CR3 = wide }, { GUEST_CR3 = 0x4000 }),
  fails("GUEST.DR7.HIGH", { GUEST_DR7 = 1 << 32 }, { GUEST_DR7 = 0x400 }),
  fails("GUEST.SYSENTER_ESP", { GUEST_SYSENTER_ESP = not_canonical }, { GUEST_SYSENTER_ESP = 0 }),
  fails("GUEST.SYSENTER_EIP", { GUEST_SYSENTER_EIP = not_canonical }, { GUEST_SYSENTER_EIP = 0 }),
  fails("GUEST.EFER.RESERVED", { GUEST_IA32_EFER = 0xd03 }, { GUEST_IA32_EFER = 0xd01 }),
  fails("GUEST.EFER.LMA", { GUEST_IA32_EFER = 0x901 }, { GUEST_IA32_EFER = 0xd01 }),
  fails("GUEST.EFER.LME", { GUEST_IA32_EFER = 0xc01 }, { GUEST_IA32_EFER = 0xd01 }),
  fails("GUEST.TR.SEL_TI", { GUEST_TR_SELECTOR = 0x1c }, { GUEST_TR_SELECTOR = 0x18 }),
  fails("GUEST.SS.SEL_RPL", { GUEST_SS_SELECTOR = 0x13 }, { GUEST_SS_SELECTOR = 0x10 }),
  fails("GUEST.TR.BASE_CANONICAL", { GUEST_TR_BASE = not_canonical }, { GUEST_TR_BASE = 0x3000 }),
  fails("GUEST.FS.BASE_CANONICAL", { GUEST_FS_BASE = not_canonical }, { GUEST_FS_BASE = 0 }),
  fails("GUEST.CS.BASE_HIGH", { GUEST_CS_BASE = 1 << 32 }, { GUEST_CS_BASE = 0 }),
  fails("GUEST.CS.AR.TYPE", { GUEST_CS_AR_BYTES = 0xa093 }, { GUEST_CS_AR_BYTES = 0xa09b }),
  fails("GUEST.SS.AR.TYPE", { GUEST_SS_AR_BYTES = 0xc09b }, { GUEST_SS_AR_BYTES = 0xc093 }),
  fails("GUEST.DS.AR.TYPE_ACCESSED", { GUEST_DS_AR_BYTES = 0xc092 }, { GUEST_DS_AR_BYTES = 0xc093 }),
  fails("GUEST.CS.AR.S", { GUEST_CS_AR_BYTES = 0xa08b }, { GUEST_CS_AR_BYTES = 0xa09b }),
  fails("GUEST.DS.AR.P", { GUEST_DS_AR_BYTES = 0xc013 }, { GUEST_DS_AR_BYTES = 0xc093 }),
  fails("GUEST.CS.AR.RSVD_11_8", { GUEST_CS_AR_BYTES = 0xa19b }, { GUEST_CS_AR_BYTES = 0xa09b }),
  fails("GUEST.CS.AR.DB", { GUEST_CS_AR_BYTES = 0xe09b }, { GUEST_CS_AR_BYTES = 0xa09b }),
  fails("GUEST.CS.AR.G_HIGH", { GUEST_CS_AR_BYTES = 0x209b }, { GUEST_CS_AR_BYTES = 0xa09b }),
  fails("GUEST.TR.AR.TYPE_IA32E", { GUEST_TR_AR_BYTES = 0x89 }, { GUEST_TR_AR_BYTES = 0x8b }),
  fails("GUEST.TR.AR.UNUSABLE", { GUEST_TR_AR_BYTES = 0x1008b }, { GUEST_TR_AR_BYTES = 0x8b }),
  fails("GUEST.LDTR.AR.TYPE", { GUEST_LDTR_AR_BYTES = 0x83 }, { GUEST_LDTR_AR_BYTES = 0x10000 }),
  fails("GUEST.GDTR.BASE_CANONICAL", { GUEST_GDTR_BASE = not_canonical }, { GUEST_GDTR_BASE = 0x1000 }),
  fails("GUEST.GDTR.LIMIT_HIGH", { GUEST_GDTR_LIMIT = 0x10000 }, { GUEST_GDTR_LIMIT = 0x37 }),
  fails("GUEST.IDTR.LIMIT_HIGH", { GUEST_IDTR_LIMIT = 0x10000 }, { GUEST_IDTR_LIMIT = 0xfff }),
  fails("GUEST.RFLAGS.RSVD0", { GUEST_RFLAGS = 0x8002 }, { GUEST_RFLAGS = 2 }),
  fails("GUEST.RFLAGS.RSVD1", { GUEST_RFLAGS = 0 }, { GUEST_RFLAGS = 2 }),
  fails("GUEST.RFLAGS.VM_IA32E", v86, back),
  fails("GUEST.ACTIVITY.RANGE", { GUEST_ACTIVITY_STATE = 4 }, { GUEST_ACTIVITY_STATE = 0 }),
  fails("GUEST.INTR.RESERVED", { GUEST_INTERRUPTIBILITY_INFO = 0x20 }, { GUEST_INTERRUPTIBILITY_INFO = 0 }),
  fails("GUEST.INTR.STI_MOVSS", { GUEST_INTERRUPTIBILITY_INFO = 3, GUEST_RFLAGS = 0x202 }, { GUEST_INTERRUPTIBILITY_INFO = 0 }),
  fails("GUEST.INTR.STI_IF", { GUEST_INTERRUPTIBILITY_INFO = 1 }, { GUEST_INTERRUPTIBILITY_INFO = 0 }),
  fails("GUEST.INTR.SMI_OUTSIDE", { GUEST_INTERRUPTIBILITY_INFO = 4 }, { GUEST_INTERRUPTIBILITY_INFO = 0 }),
  fails("GUEST.PDBG.RESERVED", { GUEST_PENDING_DBG_EXCEPTIONS = 0x10 }, { GUEST_PENDING_DBG_EXCEPTIONS = 0 }),
  fails("GUEST.LINK.ALIGN", { VMCS_LINK_POINTER = 0x1001 }, { VMCS_LINK_POINTER = -1 }),
}
