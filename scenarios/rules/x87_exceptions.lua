-- x87: an unmasked exception waits for the next waiting instruction and is #MF there; masked ones leave flags, and the stack knows what is empty.
-- SDM 1, "x87 FPU Exception Handling", "Stack Overflow or Underflow Exception (#IS)".
local extra = { GUEST_CR4 = 0x2620 }
local function flags(name, code, status, rest)
  return scenario {
    name = name, vmcs = extra, guest = asm("fninit\n" .. code .. "\nfnstsw ax\nmovzx eax, ax\nvmcall"),
    steps = { expect "VMCALL" { rax = { value = status, mask = rest or 0x3aff } } },
  }
end
-- ZE is unmasked; the division leaves its operands, and what does not wait goes on.
local function pending(name, code, vector)
  return scenario {
    name = name, vmcs = extra, exception_bitmap = { "#MF", "#NM", "#GP" }, policy = { exceptions = "stop" },
    guest = asm("fninit\nmov word [0x9000], 0x37b\nfldcw [0x9000]\nfldz\nfld1\nfdiv st1\nfnstsw ax\nmovzx eax, ax\nmov ecx, 1\nhere: " .. code .. "\nvmcall"),
    steps = { vector and expect "EXCEPTION_NMI" { vector = vector, rip = "here", rcx = 1, rax = 0xb084 } or expect "VMCALL" { rax = 0xb084 } },
  }
end
return {
  flags("nothing", "fld1\nfadd st0", 0x3800),
  flags("precision-rounds-up", "fld1\nmov dword [0x9000], 3\nfidiv dword [0x9000]", 0x3a20),
  flags("precision-rounds-down", "fld1\nmov dword [0x9000], 5\nfidiv dword [0x9000]\nfld1\nmov dword [0x9000], 10\nfidivr dword [0x9000]\nfld1\nmov dword [0x9000], 7\nfidiv dword [0x9000]", 0x2820, 0x38ff),
  flags("zero-divide", "fld1\nfldz\nfdivp", 0x3804),
  flags("invalid", "fldz\nfldz\nfdivp", 0x3801),
  flags("denormal", "mov dword [0x9000], 1\nfld dword [0x9000]", 0x3802),
  flags("overflow", "fld1\nfchs\nmov dword [0x9000], 0x7fff\nfild dword [0x9000]\nfld1\nfscale\nfscale", 0x2828, 0x38ff),
  flags("stack-underflow", "fld st3", 0x3841),
  flags("stack-overflow", string.rep("fld1\n", 9), 0x3a41),
  flags("empty-operand", "fld1\nfadd st1", 0x3841),
  flags("store-of-nothing", "fstp dword [0x9000]", 0x0841),
  flags("comparison-with-nothing", "fcom st1", 0x4541, 0x7fff),
  pending("pending-at-x87", "fld1", "#MF"),
  pending("pending-at-a-load-from-nowhere", "fld qword [0x9000]", "#MF"),
  pending("pending-at-wait", "fwait", "#MF"),
  pending("pending-at-mmx", "paddb mm0, mm1", "#MF"),
  pending("pending-at-emms", "emms", "#MF"),
  pending("pending-not-at-sse", "addps xmm0, xmm1", nil),
  pending("pending-not-at-fnclex", "fnclex\nfld1", nil),
  pending("pending-not-at-fninit", "fninit\nfld1", nil),
  pending("pending-not-behind-fnstenv", "fnstenv [0x9000]\nfld1", nil),
  scenario {
    name = "ts-comes-first", vmcs = extra, exception_bitmap = { "#MF", "#NM" }, policy = { exceptions = "stop" },
    guest = asm "fninit\nmov word [0x9000], 0x37b\nfldcw [0x9000]\nfldz\nfld1\nfdiv st1\nmov rax, cr0\nor al, 8\nmov cr0, rax\nhere: fld1\nvmcall",
    steps = { expect "EXCEPTION_NMI" { vector = "#NM", rip = "here" } },
  },
  scenario {
    name = "fxrstor-reserved-mxcsr", vmcs = extra, exception_bitmap = { "#GP" }, policy = { exceptions = "stop" },
    guest = asm "fninit\nfxsave [0x9000]\nmov dword [0x9018], 0x11f80\nhere: fxrstor [0x9000]\nvmcall",
    steps = { expect "EXCEPTION_NMI" { vector = "#GP", rip = "here" } },
  },
  scenario {
    name = "xrstor-reserved-mxcsr", vmcs = { GUEST_CR4 = 0x42620 }, exception_bitmap = { "#GP" }, policy = { exceptions = "stop" },
    guest = asm "fninit\nmov eax, 3\nxor edx, edx\nxor ecx, ecx\nxsetbv\nxsave [0x9000]\nmov dword [0x9018], 0x11f80\nhere: xrstor [0x9000]\nvmcall",
    steps = { expect "XSETBV" {}, expect "EXCEPTION_NMI" { vector = "#GP", rip = "here" } },
  },
  scenario {
    name = "images", vmcs = extra,
    guest = asm "fninit\nfld1\nplace: fadd dword [0x9100]\no64 fxsave [0x9000]\nmov rax, [0x9008]\nmovzx ecx, byte [0x9004]\nvmcall",
    steps = { expect "VMCALL" { rax = "place", rcx = 0x80 } },
  },
}
