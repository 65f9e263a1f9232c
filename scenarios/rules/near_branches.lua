-- A near branch to where code must not be faults itself: beyond the limit of CS, or in 64-bit mode to an address that is not canonical.
local function faults(name, mode, code, change, registers)
  registers.rip, registers.vector = "here", "#GP"
  return scenario {
    name = name, mode = mode, vmcs = change, exception_bitmap = { "#GP" }, policy = { exceptions = "stop" },
    guest = asm(code),
    steps = { expect "EXCEPTION_NMI" (registers) },
  }
end
local small = { GUEST_CS_LIMIT = 0xffff, GUEST_CS_AR_BYTES = 0x409b } -- protected mode: what 16 bits reach
local odd = { GUEST_CS_LIMIT = 0x9fff, GUEST_CS_AR_BYTES = 0x409b }
local far = "mov rax, 1 << 50\n"
local list = {
  faults("real-jmp", "real", "here: o32 jmp dword 0x12345", {}, {}),
  faults("real-jmp-register", "real", "mov eax, 0x12345\nhere: o32 jmp eax", {}, {}),
  faults("real-call", "real", "here: o32 call dword 0x12345", {}, { rsp = 0xfff0 }),
  faults("real-ret", "real", "push dword 0x12345\nhere: o32 ret 8", {}, { rsp = 0xffec }),
  faults("real-jcc", "real", "xor ax, ax\nhere: o32 jz near 0x12345", {}, {}),
  faults("long-jmp", "long", far .. "here: jmp rax", {}, {}),
  faults("long-call", "long", far .. "here: call rax", {}, { rsp = 0x70000 }),
  faults("long-ret", "long", far .. "push rax\nhere: ret 0x10", {}, { rsp = 0x6fff8 }),
}
for _, row in ipairs { { "protected", small, 0x10000 }, { "odd-limit", odd, 0xa000 } } do
  local name, change, target = row[1], row[2], row[3]
  list[#list + 1] = faults(name .. "-jmp", "protected", "here: jmp " .. target, change, {})
  list[#list + 1] = faults(name .. "-call-register", "protected", "mov ebx, " .. target .. "\nhere: call ebx", change, { rsp = 0x70000 })
  list[#list + 1] = faults(name .. "-ret", "protected", "push " .. target .. "\nhere: ret", change, { rsp = 0x6fffc })
end
-- CALL looks at its target before it pushes: what stands below the stack pointer stays.
local function pushes_nothing(name, mode, below, code, change)
  return scenario {
    name = "pushes-nothing-" .. name, mode = mode, vmcs = change, exception_bitmap = { "#GP" }, policy = { exceptions = "stop" }, guest = asm(code),
    steps = { expect "EXCEPTION_NMI" { vector = "#GP", rip = "here" } },
    final = { memory = { [below] = "untouched" } },
    memory = { [below] = "untouched" },
  }
end
list[#list + 1] = pushes_nothing("real-call", "real", 0xffe7, "here: o32 call dword 0x12345", {})
list[#list + 1] = pushes_nothing("real-call-register", "real", 0xffe7, "mov eax, 0x12345\nhere: o32 call eax", {})
list[#list + 1] = pushes_nothing("long-call", "long", 0x6fff7, far .. "here: call rax", {})
list[#list + 1] = pushes_nothing("long-call-memory", "long", 0x6fff7, far .. "mov [0x9000], rax\nhere: call [0x9000]", {})
list[#list + 1] = pushes_nothing("protected-call", "protected", 0x6fff7, "here: call 0x10000", small)
list[#list + 1] = pushes_nothing("odd-limit-call", "protected", 0x6fff7, "here: call 0xa000", odd)
list[#list + 1] = pushes_nothing("odd-limit-call-of-16-bits", "protected", 0x6fff7, "here: db 0x66, 0xe8\ndw 0x1ffc", odd)
list[#list + 1] = pushes_nothing("real-call-far", "real", 0xffe7, "here: o32 call dword 0x1234:0x12345", {})
-- Far branches of real-address mode: a new CS has the limit of the old one. Nothing has been loaded when the instruction faults.
list[#list + 1] = faults("real-jmp-far", "real", "here: jmp dword 0x1234:0x12345", {}, { rsp = 0xfff0 })
list[#list + 1] = faults("real-jmp-far-memory", "real", "mov dword [0x9000], 0x12345\nmov word [0x9004], 0x1234\nhere: jmp dword far [0x9000]", {}, { rsp = 0xfff0 })
list[#list + 1] = faults("real-call-far", "real", "here: call dword 0x1234:0x12345", {}, { rsp = 0xfff0 })
list[#list + 1] = faults("real-retf", "real", "push dword 0x1234\npush dword 0x12345\nhere: o32 retf", {}, { rsp = 0xffe8 })
list[#list + 1] = faults("real-retf-releases", "real", "push dword 0x1234\npush dword 0x12345\nhere: o32 retf 8", {}, { rsp = 0xffe8 })
list[#list + 1] = faults("real-iret", "real", "pushfd\npush dword 0x1234\npush dword 0x12345\nhere: o32 iret", {}, { rsp = 0xffe4 })
-- The last bytes of the segment; a branch that is not taken ends with it, and what follows faults for itself.
local function edge(name, code, registers)
  registers.vector = "#GP"
  return scenario {
    name = name, mode = "protected", vmcs = { GUEST_CS_LIMIT = 0x801f, GUEST_CS_AR_BYTES = 0x409b }, exception_bitmap = { "#GP" },
    policy = { exceptions = "stop" }, guest = asm(code), steps = { expect "EXCEPTION_NMI" (registers) },
  }
end
list[#list + 1] = edge("loop-beyond-the-end", "mov ecx, 7\njmp here\ntimes 0x1e - ($ - $$) nop\nhere: loop $ + 6", { rip = "here", rcx = 7 })
list[#list + 1] = edge("not-taken-at-the-end", "mov ecx, 1\njmp here\ntimes 0x1e - ($ - $$) nop\nhere: loop $ + 6\nbehind: nop", { rip = "behind", rcx = 0 })
-- Single-stepping sees no branch that has not happened.
list[#list + 1] = scenario {
  name = "single-stepped-call", exception_bitmap = { "#GP" }, policy = { exceptions = "stop" },
  guest = asm "vmcall\nmov rax, 1 << 50\nhere: call rax",
  steps = { expect "VMCALL" {}, step_over(3), expect "MONITOR_TRAP_FLAG" { rip = "here" }, expect "EXCEPTION_NMI" { rip = "here", rsp = 0x70000 } },
}
return list
