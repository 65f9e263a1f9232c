-- Host state that VM entry refuses: VMfailValid with VM-instruction error 8, and the guest does not run.
local function fails(check, vmcs)
  return scenario { name = check, vmcs = vmcs, guest = asm "vmcall", steps = { expect_entry_failure { check = check } } }
end
local not_canonical = 1 << 47
return {
  fails("HOST.CR0.FIXED0", { HOST_CR0 = 0x80000011 }),
  fails("HOST.CR4.FIXED0", { HOST_CR4 = 0x20 }),
  fails("HOST.CR3.WIDTH", { HOST_CR3 = 1 << 52 }),
  fails("HOST.SYSENTER_ESP", { HOST_IA32_SYSENTER_ESP = not_canonical }),
  fails("HOST.SYSENTER_EIP", { HOST_IA32_SYSENTER_EIP = not_canonical }),
  fails("HOST.EFER.LMA", { HOST_IA32_EFER = 0x100 }),
  fails("HOST.EFER.LME", { HOST_IA32_EFER = 0x400 }),
  fails("HOST.ES.SEL_RPL", { HOST_ES_SELECTOR = 3 }),
  fails("HOST.CS.SEL_TI", { HOST_CS_SELECTOR = 0x0c }),
  fails("HOST.CS.NOT_NULL", { HOST_CS_SELECTOR = 0 }),
  fails("HOST.TR.NOT_NULL", { HOST_TR_SELECTOR = 0 }),
  fails("HOST.FS.BASE_CANONICAL", { HOST_FS_BASE = not_canonical }),
  fails("HOST.GDTR.BASE_CANONICAL", { HOST_GDTR_BASE = not_canonical }),
  fails("HOST.TR.BASE_CANONICAL", { HOST_TR_BASE = not_canonical }),
  fails("HOST.ASIZE.64.RIP", { HOST_RIP = not_canonical }),
}
