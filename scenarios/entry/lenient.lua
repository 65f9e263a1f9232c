-- Rules of VM entry that an emulated processor is known to judge otherwise: tools/bochs/deviations.c lists each of these scenarios.
-- The first of these processors lacks the monitor trap flag, the second takes an error code with any hardware exception.
local function fails(check, change)
  local s = change
  s.name, s.profile, s.steps = s.name or check, s.profile or "bochs-skylake-x", { expect_entry_failure { check = check } }
  s.guest = s.guest or asm "vmcall"
  return scenario(s)
end
local function enters(name, change)
  local s = change
  s.name, s.profile, s.guest = name, s.profile or "bochs-skylake-x", asm "here: vmcall"
  s.steps = s.steps or { expect "VMCALL" { rip = "here" } }
  return scenario(s)
end
local high = 1 << 32
local code_as_data = { selector = 0x13, rights = 0xc09b } -- a nonconforming code segment: its DPL is below the RPL
local function data_segment(name)
  return fails("GUEST." .. name .. ".AR.DPL", {
    vmcs = { ["GUEST_" .. name .. "_SELECTOR"] = code_as_data.selector, ["GUEST_" .. name .. "_AR_BYTES"] = code_as_data.rights },
  })
end
-- What SS has to be where its selector is null, though 64-bit mode uses none of it.
local function null_stack(check, change)
  change.GUEST_SS_SELECTOR = 0
  return fails("GUEST.SS." .. check, { vmcs = change })
end
-- Segment registers as virtual-8086 mode wants them, with CR0.PE = 0.
local v86 = { GUEST_RFLAGS = 0x20002, GUEST_CR0 = 0x30 }
for _, segment in ipairs { "CS", "SS", "DS", "ES", "FS", "GS" } do
  local name = "GUEST_" .. segment
  v86[name .. "_SELECTOR"], v86[name .. "_BASE"], v86[name .. "_LIMIT"], v86[name .. "_AR_BYTES"] = 0, 0, 0xffff, 0xf3
end
return {
  fails("CTL.INJ.TYPE_OTHER", { vmcs = { VM_ENTRY_INTR_INFO_FIELD = 0x80000700 } }),
  fails("CTL.INJ.ERRCODE_REALMODE", { profile = "bochs-tigerlake", mode = "real", idt = { [13] = 0x8000 }, vmcs = { VM_ENTRY_INTR_INFO_FIELD = 0x80000b0d } }),
  fails("CTL.INJ.ERRCODE_TYPE", {
    profile = "bochs-tigerlake", idt = { [0x80] = 0x8000 }, vmcs = { VM_ENTRY_INTR_INFO_FIELD = 0x80000c80, VM_ENTRY_INSTRUCTION_LEN = 2 },
  }),
  fails("HOST.PERF_GLOBAL_CTRL", { controls = { exit = { "load_ia32_perf_global_ctrl" } }, vmcs = { HOST_IA32_PERF_GLOBAL_CTRL = 1 << 63 } }),
  fails("GUEST.PERF_GLOBAL_CTRL", { controls = { entry = { "load_ia32_perf_global_ctrl" } }, vmcs = { GUEST_IA32_PERF_GLOBAL_CTRL = 1 << 63 } }),
  fails("GUEST.DEBUGCTL", { vmcs = { GUEST_IA32_DEBUGCTL = 0x10000 } }),
  data_segment "DS", data_segment "ES", data_segment "FS", data_segment "GS",
  fails("GUEST.CS.AR.DPL_NONCONF", { mode = "protected", vmcs = { GUEST_CS_SELECTOR = 0x2b, GUEST_CS_AR_BYTES = 0xc0fb } }),
  null_stack("AR.TYPE", { GUEST_SS_AR_BYTES = 0xc092 }), null_stack("AR.S", { GUEST_SS_AR_BYTES = 0xc083 }),
  null_stack("AR.P", { GUEST_SS_AR_BYTES = 0xc013 }),
  null_stack("AR.RSVD_11_8", { GUEST_SS_AR_BYTES = 0xc193 }), null_stack("AR.RSVD_31_17", { GUEST_SS_AR_BYTES = 0x2c093 }),
  null_stack("AR.G_LOW", { GUEST_SS_LIMIT = 0x1000, GUEST_SS_AR_BYTES = 0xc093 }), null_stack("AR.G_HIGH", { GUEST_SS_AR_BYTES = 0x4093 }),
  null_stack("BASE_HIGH", { GUEST_SS_BASE = high }),
  fails("GUEST.PDBG.RESERVED", { vmcs = { GUEST_PENDING_DBG_EXCEPTIONS = high } }),
  fails("HOST.CR4.CET_WP", { profile = "bochs-tigerlake", vmcs = { HOST_CR4 = 0x802020, HOST_CR0 = 0x80000033 } }),
  fails("GUEST.IA32E.PG", { controls = { secondary = { "unrestricted_guest" } }, vmcs = { GUEST_CR0 = 0x10031 } }),
  fails("GUEST.RFLAGS.VM_REAL", { mode = "protected", vmcs = v86 }),
  fails("GUEST.INTR.NMI_STI", {
    vmcs = { VM_ENTRY_INTR_INFO_FIELD = 0x80000202, GUEST_INTERRUPTIBILITY_INFO = 1, GUEST_RFLAGS = 0x202 },
  }),
  fails("GUEST.INTR.NMI_VIRTUAL", {
    controls = { pin = { "virtual_nmis" } }, idt = { [2] = 0x8000 },
    vmcs = { VM_ENTRY_INTR_INFO_FIELD = 0x80000202, GUEST_INTERRUPTIBILITY_INFO = 8 },
  }),
  fails("MSRLOAD.WRMSR_GP", {
    name = "msr-list-of-4-gbytes", vmcs = { VM_ENTRY_MSR_LOAD_COUNT = 0x10000000, VM_ENTRY_MSR_LOAD_ADDR = 0 },
  }),
  fails("GUEST.RIP.WIDTH", { vmcs = { GUEST_RIP = 1 << 48 } }),
  fails("GUEST.ACTIVITY.INJ_HLT", { idt = { [13] = 0x8000 }, vmcs = { GUEST_ACTIVITY_STATE = 1, VM_ENTRY_INTR_INFO_FIELD = 0x80000b0d } }),
  fails("GUEST.PDBG.BS_SET", { vmcs = { GUEST_RFLAGS = 0x102, GUEST_INTERRUPTIBILITY_INFO = 2 } }),
  fails("GUEST.PDBG.BS_CLEAR", { idt = { [1] = 0x8000 }, vmcs = { GUEST_INTERRUPTIBILITY_INFO = 2, GUEST_PENDING_DBG_EXCEPTIONS = 0x4000 } }),
  enters("code-rpl-is-free", { mode = "protected", vmcs = { GUEST_CS_SELECTOR = 0x09 } }),
  fails("MSRLOAD.WRMSR_GP", { name = "fmask-high-half", msr_load = { { index = 0xc0000084, value = high } } }),
  fails("MSRLOAD.WRMSR_GP", { name = "tsc-aux-high-half", msr_load = { { index = 0xc0000103, value = high } } }),
  fails("MSRLOAD.WRMSR_GP", { name = "xss-of-absent-states", msr_load = { { index = 0xda0, value = 0x1800 } } }),
  enters("ssp-that-is-not-canonical", {
    profile = "bochs-tigerlake", controls = { entry = { "load_cet_state" } }, vmcs = { GUEST_SSP = 1 << 47 },
  }),
  enters("conditions-under-blocking", {
    vmcs = { GUEST_PENDING_DBG_EXCEPTIONS = 8, GUEST_INTERRUPTIBILITY_INFO = 2 },
    steps = { expect "VMCALL" { rip = "here", pending_debug = 8 } },
  }),
  enters("conditions-in-the-halt-state", {
    vmcs = { GUEST_PENDING_DBG_EXCEPTIONS = 0x1001, GUEST_ACTIVITY_STATE = 1 }, idt = { [1] = "here" },
    steps = { expect "VMCALL" { rip = "here", activity = "active" } },
  }),
  enters("conditions-behind-an-injected-interrupt", { -- as those of a MOV SS are that INT n follows
    vmcs = {
      GUEST_PENDING_DBG_EXCEPTIONS = 0x1001, GUEST_INTERRUPTIBILITY_INFO = 2, VM_ENTRY_INTR_INFO_FIELD = 0x80000420, VM_ENTRY_INSTRUCTION_LEN = 2,
    },
    idt = { [32] = "here" }, exception_bitmap = { "#DB" },
    steps = { expect "EXCEPTION_NMI" { vector = "#DB", rip = "here", qualification = 1 } },
  }),
  enters("enabled-breakpoint-alone", {
    vmcs = { GUEST_PENDING_DBG_EXCEPTIONS = 0x1000 }, idt = { [1] = 0x8000 }, exception_bitmap = { "#DB" },
    steps = { expect "EXCEPTION_NMI" { vector = "#DB", event_type = "hardware_exception" } },
  }),
}
