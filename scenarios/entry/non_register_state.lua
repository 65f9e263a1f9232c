-- State beyond the registers that VM entry refuses: debug state, activity, pending debug exceptions, injection, named by the rule that is broken. The entry fails;
-- with the fields put right the guest runs.
local function fails(check, vmcs, repair, more)
  local steps = { expect_entry_failure { check = check } }
  for field, value in pairs(repair) do steps[#steps + 1] = write.field(field, value) end
  steps[#steps + 1] = expect "VMCALL" { rip = "here" }
  local table = { name = check, vmcs = vmcs, guest = asm "here: vmcall", steps = steps }
  for key, value in pairs(more or {}) do table[key] = value end
  return scenario(table)
end
local mov_ss, tf, bs = 2, 0x100, 0x4000
return {
  fails("GUEST.CR4.FIXED1", { GUEST_CR4 = 0x2020 | 1 << 15 }, { GUEST_CR4 = 0x2020 }),
  fails("GUEST.DEBUGCTL", { GUEST_IA32_DEBUGCTL = 1 << 16 }, { GUEST_IA32_DEBUGCTL = 0 }),
  fails("GUEST.S_CET.RESERVED", { GUEST_S_CET = 1 << 6 }, { GUEST_S_CET = 0 },
    { profile = "bochs-tigerlake", controls = { entry = { "load_cet_state" } } }),
  fails("GUEST.ACTIVITY.HLT_DPL",
    { GUEST_ACTIVITY_STATE = 1, GUEST_SS_AR_BYTES = 0xc0f3, GUEST_SS_SELECTOR = 0x13, GUEST_CS_AR_BYTES = 0xa0fb, GUEST_CS_SELECTOR = 0x0b },
    { GUEST_ACTIVITY_STATE = 0 }),
  fails("GUEST.ACTIVITY.BLOCKING", { GUEST_ACTIVITY_STATE = 1, GUEST_INTERRUPTIBILITY_INFO = mov_ss }, { GUEST_ACTIVITY_STATE = 0, GUEST_INTERRUPTIBILITY_INFO = 0 }),
  fails("GUEST.ACTIVITY.INJ_HLT", { GUEST_ACTIVITY_STATE = 1, VM_ENTRY_INTR_INFO_FIELD = 0x80000306 },
    { GUEST_ACTIVITY_STATE = 0, VM_ENTRY_INTR_INFO_FIELD = 0 }),
  fails("GUEST.ACTIVITY.INJ_SHUTDOWN", { GUEST_ACTIVITY_STATE = 2, VM_ENTRY_INTR_INFO_FIELD = 0x80000306 },
    { GUEST_ACTIVITY_STATE = 0, VM_ENTRY_INTR_INFO_FIELD = 0 }),
  fails("GUEST.INTR.EXTINT_MOVSS", { GUEST_INTERRUPTIBILITY_INFO = mov_ss, GUEST_RFLAGS = 0x202, VM_ENTRY_INTR_INFO_FIELD = 0x80000030 },
    { GUEST_INTERRUPTIBILITY_INFO = 0, VM_ENTRY_INTR_INFO_FIELD = 0 }),
  fails("GUEST.INTR.NMI_MOVSS", { GUEST_INTERRUPTIBILITY_INFO = mov_ss, VM_ENTRY_INTR_INFO_FIELD = 0x80000202 },
    { GUEST_INTERRUPTIBILITY_INFO = 0, VM_ENTRY_INTR_INFO_FIELD = 0 }),
  fails("GUEST.PDBG.BS_SET", { GUEST_INTERRUPTIBILITY_INFO = mov_ss, GUEST_RFLAGS = 2 | tf }, { GUEST_INTERRUPTIBILITY_INFO = 0, GUEST_RFLAGS = 2 }),
  fails("GUEST.PDBG.BS_CLEAR", { GUEST_INTERRUPTIBILITY_INFO = mov_ss, GUEST_PENDING_DBG_EXCEPTIONS = bs },
    { GUEST_INTERRUPTIBILITY_INFO = 0, GUEST_PENDING_DBG_EXCEPTIONS = 0 }),
  fails("GUEST.PDBG.RTM_BITS", { GUEST_PENDING_DBG_EXCEPTIONS = 1 << 16 }, { GUEST_PENDING_DBG_EXCEPTIONS = 0 }),
  fails("CTL.INJ.OTHER_VECTOR", { VM_ENTRY_INTR_INFO_FIELD = 0x80000701 }, { VM_ENTRY_INTR_INFO_FIELD = 0 }),
}
