-- What must be canonical in 64-bit mode is looked at before anything changes: the instruction faults and can be run again. No state that a VM entry
-- would refuse gets into the machine. SDM 2, "RET", "IRET/IRETD/IRETQ", "JMP", "CALL", "WRFSBASE/WRGSBASE", "LLDT", "LTR", "WRMSR".
local vectors = { "#GP", "#UD", "#SS", "#PF", "#NP" }
local bad = "mov rax, 1 << 50\n"
local function faults(name, code, registers, rest)
  registers = registers or {}
  registers.vector = "#GP"
  registers.rip = "here"
  local s = {
    name = name, exception_bitmap = vectors, policy = { exceptions = "stop" }, guest = asm(code),
    steps = { expect "EXCEPTION_NMI" (registers) },
  }
  for key, value in pairs(rest or {}) do s[key] = value end
  return scenario(s)
end
local far_pointer = bad .. "mov [0x9000], rax\nmov word [0x9008], cs\n"
local frame = bad .. "mov ecx, cs\nmov edx, ss\nmov rbx, rsp\npush rdx\npush rbx\npushfq\npush rcx\npush rax\n"
-- A descriptor table with one descriptor of 16 bytes whose base is not canonical.
local function table_at(kind)
  return "mov word [0x9000], 0x1f\nmov qword [0x9002], 0x9010\nmov rax, 0x0000" .. kind .. "0000000067\nmov [0x9020], rax\n" ..
         "mov qword [0x9028], 1 << 18\nlgdt [0x9000]\nmov ax, 0x10\n"
end
local fsgsbase = { vmcs = { GUEST_CR4 = 0x10000 | 0x2620 } }
local list = {
  faults("jmp-memory", bad .. "mov [0x9000], rax\nhere: jmp [0x9000]", { rsp = 0x70000 }),
  faults("call-memory", bad .. "mov [0x9000], rax\nhere: call [0x9000]", { rsp = 0x70000 }),
  faults("retf", bad .. "mov ecx, cs\npush rcx\npush rax\nhere: o64 retf", { rsp = 0x6fff0, error_code = 0 }),
  faults("retf-to-ring-3", bad .. "push 0x33\npush 0x60000\npush 0x2b\npush rax\nhere: o64 retf", { rsp = 0x6ffe0 }),
  faults("iretq", frame .. "here: iretq", { rsp = 0x6ffd8, error_code = 0 }),
  faults("jmp-far", far_pointer .. "here: o64 jmp far [0x9000]", { rsp = 0x70000, error_code = 0 }),
  faults("call-far", far_pointer .. "here: o64 call far [0x9000]", { rsp = 0x70000, error_code = 0 }),
  faults("sysret", bad .. "mov rcx, rax\nmov r11, 2\nhere: o64 sysret", { rsp = 0x70000 }, { controls = { entry = { "load_ia32_efer" } }, vmcs = { GUEST_IA32_EFER = 0x501 } }),
  faults("sysexit-rip", bad .. "mov rdx, rax\nmov ecx, 0x60000\nhere: o64 sysexit", { rsp = 0x70000 }, { vmcs = { GUEST_SYSENTER_CS = 8 } }),
  faults("sysexit-rsp", bad .. "mov rcx, rax\nmov edx, 0x60000\nhere: o64 sysexit", { rsp = 0x70000 }, { vmcs = { GUEST_SYSENTER_CS = 8 } }),
  faults("wrfsbase", bad .. "here: wrfsbase rax", {}, fsgsbase),
  faults("wrgsbase", bad .. "mov r9, rax\nhere: wrgsbase r9", {}, fsgsbase),
  faults("lldt", table_at "82" .. "here: lldt ax", { error_code = 0x10 }),
  faults("ltr", table_at "89" .. "here: ltr ax", { error_code = 0x10 }),
}
-- MSRs that pass through, control and debug registers: what the next VM entry would refuse is #GP at once.
local through = { controls = { primary = { "use_msr_bitmaps" } }, msr_bitmap = {} }
for _, row in ipairs { { "fs-base", 0xc0000100 }, { "gs-base", 0xc0000101 }, { "kernel-gs-base", 0xc0000102 }, { "sysenter-esp", 0x175 },
                       { "sysenter-eip", 0x176 }, { "lstar", 0xc0000082 }, { "cstar", 0xc0000083 } } do
  list[#list + 1] = faults("wrmsr-" .. row[1], ("mov ecx, 0x%x\nmov edx, 1 << 18\nxor eax, eax\nhere: wrmsr"):format(row[2]), {}, through)
end
local high = "mov rax, 1 << 62\n"
list[#list + 1] = faults("wrmsr-efer", "mov ecx, 0xc0000080\nxor edx, edx\nmov eax, 1 << 9\nhere: wrmsr", {}, through)
list[#list + 1] = faults("wrmsr-pat", "mov ecx, 0x277\nxor edx, edx\nmov eax, 2\nhere: wrmsr", {}, through)
list[#list + 1] = faults("wrmsr-debugctl", "mov ecx, 0x1d9\nxor edx, edx\nmov eax, 1 << 4\nhere: wrmsr", {}, through)
list[#list + 1] = faults("mov-cr3", high .. "here: mov cr3, rax")
list[#list + 1] = faults("mov-cr0", "mov rax, cr0\nbts rax, 62\nhere: mov cr0, rax")
list[#list + 1] = faults("mov-cr4", high .. "here: mov cr4, rax")
list[#list + 1] = faults("mov-cr0-pg-without-pe", "mov rax, cr0\nand al, 0xfe\nhere: mov cr0, rax")
list[#list + 1] = faults("mov-cr4-pcide-with-a-pcid", "mov rax, cr3\nor al, 1\nmov cr3, rax\nmov rax, cr4\nbts rax, 17\nhere: mov cr4, rax")
list[#list + 1] = faults("mov-dr6", high .. "here: mov dr6, rax")
list[#list + 1] = faults("mov-dr7", high .. "here: mov dr7, rax")
-- All ones are taken as far as there are bits, and the next VM entry takes what comes of them.
local function survives(name, code)
  return scenario { name = name, guest = asm(code .. "\ncpuid\nvmcall"), steps = { expect "CPUID" {}, expect "VMCALL" {} } }
end
list[#list + 1] = survives("popfq-of-ones", "mov rax, ~0x100\npush rax\npopfq")
list[#list + 1] = survives("iretq-of-ones", "mov ecx, cs\nmov edx, ss\nmov rbx, rsp\npush rdx\npush rbx\nmov rax, ~0x24100\npush rax\npush rcx\npush next\niretq\nnext:")
list[#list + 1] = survives("dr6-and-dr7-of-ones", "mov eax, 0xffffffff\nmov dr6, rax\nmov eax, 0xffff5fff\nxor ax, ax\nmov dr7, rax")
list[#list + 1] = survives("null-segments", "xor eax, eax\nmov ds, eax\nmov es, eax\nmov fs, eax\nmov gs, eax\nmov ss, eax\nlldt ax")
return list
