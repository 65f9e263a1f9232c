-- VMX instructions exit in non-root operation; the displacement of a memory operand is the qualification. The handlers offer no nesting: #UD, as on a
-- processor without VMX.
local function of(name, reason, source, values)
  values.rip = "here"
  return scenario {
    name  = name,
    idt   = { [6] = "ud" },
    guest = asm("here: " .. source .. "\nud: mov rbx, [rsp]\nvmcall"),
    steps = { expect(reason)(values), expect "VMCALL" { rbx = "here" } },
  }
end
return {
  of("vmclear", "VMCLEAR", "vmclear [rax + 0x40]", { qualification = 0x40 }),
  of("vmlaunch", "VMLAUNCH", "vmlaunch", { length = 3, qualification = 0 }),
  of("vmptrld", "VMPTRLD", "vmptrld [rbx - 8]", { qualification = -8 }),
  of("vmptrst", "VMPTRST", "vmptrst [rel here]", { qualification = 0x8000 }),
  of("vmread-register", "VMREAD", "vmread rcx, rdx", { qualification = 0, instruction_info = { value = 0x20000408, mask = 0xf0000478 } }),
  of("vmresume", "VMRESUME", "vmresume", { length = 3 }),
  of("vmwrite-memory", "VMWRITE", "vmwrite rdx, [rsi + rdi * 4 + 0x123]", { qualification = 0x123, instruction_info = { value = 0x2, mask = 0x403 } }),
  of("vmxoff", "VMOFF", "vmxoff", { length = 3 }),
  of("vmxon", "VMON", "vmxon [rax]", { qualification = 0 }),
  of("invept", "INVEPT", "invept rcx, [rax + 0x10]", { qualification = 0x10, instruction_info = { value = 0x10000000, mask = 0xf0000000 } }),
  of("invvpid", "INVVPID", "invvpid rdx, [rax + 0x20]", { qualification = 0x20, instruction_info = { value = 0x20000000, mask = 0xf0000000 } }),
}
