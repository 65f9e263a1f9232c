-- SSE arithmetic: MXCSR's flags stick, an unmasked one is #XM (#UD without CR4.OSXMMEXCPT) before the destination is written; DAZ, FTZ, reserved bits.
-- SDM 1, "Handling SIMD Floating-Point Exceptions".
local cr4 = { GUEST_CR4 = 0x2620 }
local function load(mxcsr, a, b)
  return ("mov dword [0x9000], 0x%x\nmov dword [0x9010], 0x%x\nmov dword [0x9014], 0x%x\nldmxcsr [0x9000]\nmovss xmm0, [0x9010]\nmovss xmm1, [0x9014]\n")
         :format(mxcsr, a, b)
end
local function flags(name, mxcsr, a, b, code, result, after)
  return scenario {
    name = name, vmcs = cr4, guest = asm(load(mxcsr, a, b) .. code .. "\nstmxcsr [0x9000]\nmov eax, [0x9000]\nmovd ebx, xmm0\nvmcall"),
    steps = { expect "VMCALL" { rax = after, rbx = result } },
  }
end
local function faults(name, mxcsr, a, b, code, vector, after, vmcs)
  return scenario {
    name = name, vmcs = vmcs or cr4, exception_bitmap = { "#XM", "#UD", "#GP" }, policy = { exceptions = "reflect" },
    idt = { [6] = "handler", [13] = "handler", [19] = "handler" },
    guest = asm(load(mxcsr, a, b) .. "here: " .. code .. "\nvmcall\nhandler: stmxcsr [0x9000]\nmov eax, [0x9000]\nmovd ebx, xmm0\nvmcall"),
    steps = { expect "EXCEPTION_NMI" { vector = vector, rip = "here" }, expect "VMCALL" { rax = after, rbx = a } },
  }
end
local one, half, third, smallest, denormal, largest, infinite, signaling = 0x3f800000, 0x3f000000, 0x3eaaaaab, 0x00800000, 1, 0x7f7fffff, 0x7f800000, 0x7f800001
return {
  flags("exact-sets-nothing", 0x1f80, one, half, "addss xmm0, xmm1", 0x3fc00000, 0x1f80),
  flags("precision", 0x1f80, one, third, "addss xmm0, xmm1", 0x3faaaaab, 0x1fa0),
  flags("divide-by-zero", 0x1f80, one, 0, "divss xmm0, xmm1", infinite, 0x1f84),
  flags("invalid", 0x1f80, signaling, one, "mulss xmm0, xmm1", 0x7fc00001, 0x1f81),
  flags("denormal", 0x1f80, denormal, one, "mulss xmm0, xmm1", denormal, 0x1f82),
  flags("denormals-are-zeros", 0x1fc0, denormal, one, "addss xmm0, xmm1", one, 0x1fc0),
  flags("overflow", 0x1f80, largest, largest, "mulss xmm0, xmm1", infinite, 0x1fa8),
  flags("underflow", 0x1f80, smallest, third, "mulss xmm0, xmm1", 0x002aaaab, 0x1fb0),
  flags("tiny-and-exact", 0x1f80, smallest, half, "mulss xmm0, xmm1", 0x00400000, 0x1f80),
  flags("flush-to-zero", 0x9f80, smallest, half, "mulss xmm0, xmm1", 0, 0x9fb0),
  flags("flags-stick", 0x1f81, one, third, "addss xmm0, xmm1\nsubss xmm0, xmm0\ndivss xmm1, xmm0\nmovss xmm0, xmm1", infinite, 0x1fa5),
  faults("unmasked-divide-by-zero", 0x1d80, one, 0, "divss xmm0, xmm1", "#XM", 0x1d84),
  faults("unmasked-invalid", 0x1f00, signaling, one, "addss xmm0, xmm1", "#XM", 0x1f01),
  faults("unmasked-denormal", 0x1e80, denormal, one, "maxss xmm0, xmm1", "#XM", 0x1e82),
  faults("unmasked-precision", 0x0f80, one, third, "subss xmm0, xmm1", "#XM", 0x0fa0),
  faults("unmasked-underflow-of-an-exact-result", 0x1780, smallest, half, "mulss xmm0, xmm1", "#XM", 0x1790),
  faults("masked-flags-beside-it", 0x1d80, one, 0, "divps xmm0, xmm1", "#XM", 0x1d85),
  faults("comparison", 0x1f00, signaling, one, "comiss xmm0, xmm1", "#XM", 0x1f01),
  faults("conversion", 0x1f00, infinite, one, "cvtss2si eax, xmm0", "#XM", 0x1f01),
  faults("without-osxmmexcpt", 0x1d80, one, 0, "divss xmm0, xmm1", "#UD", 0x1d84, { GUEST_CR4 = 0x2220 }),
  faults("ldmxcsr-reserved", 0x1f80, one, 0x11f80, "ldmxcsr [0x9014]", "#GP", 0x1f80),
}
