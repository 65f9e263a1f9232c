-- Which of two faults, or of a fault and a VM exit, an instruction gives at CPL 3.
local function user(name, code, controls, steps)
  return scenario {
    name     = name,
    controls = controls,
    vmcs     = { GUEST_CS_SELECTOR = 0x2b, GUEST_CS_AR_BYTES = 0xa0fb, GUEST_SS_SELECTOR = 0x33, GUEST_SS_AR_BYTES = 0xc0f3 },
    exception_bitmap = { "#UD", "#GP" }, policy = { exceptions = "stop" },
    guest    = asm(code), steps = steps,
  }
end
local function fault(vector) return { expect "EXCEPTION_NMI" { vector = vector, rip = "here" } } end
local function null_stack(rpl, steps)
  return scenario {
    name   = "null-stack-selector-with-rpl-" .. rpl,
    exception_bitmap = { "#GP" }, policy = { exceptions = "stop" },
    guest  = asm("mov eax, " .. rpl .. "\nhere: mov ss, ax\nmov eax, 16\nmov ss, ax\nvmcall"), steps = steps,
  }
end
return {
  null_stack(0, { expect "VMCALL" {} }),
  null_stack(2, { expect "EXCEPTION_NMI" { vector = "#GP", error_code = 0, rip = "here" } }),
  null_stack(3, { expect "EXCEPTION_NMI" { vector = "#GP", error_code = 0, rip = "here" } }),
  user("xsetbv-without-osxsave", "here: xsetbv", nil, fault "#UD"),
  user("mov-dr-exits-before-the-level", "here: mov dr3, rax", { primary = { "mov_dr_exiting" } }, { expect "DR_ACCESS" { dr = 3, rip = "here" } }),
  user("mov-dr-at-cpl-3", "here: mov dr3, rax", nil, fault "#GP"),
  user("mov-cr-at-cpl-3", "here: mov cr0, rax", nil, fault "#GP"),
  user("hlt-at-cpl-3", "here: hlt", { primary = { "hlt_exiting" } }, fault "#GP"),
  user("rdmsr-at-cpl-3", "here: rdmsr", nil, fault "#GP"),
  user("invlpg-at-cpl-3", "here: invlpg [rax]", { primary = { "invlpg_exiting" } }, fault "#GP"),
  user("wbinvd-at-cpl-3", "here: wbinvd", { secondary = { "wbinvd_exiting" } }, fault "#GP"),
}
