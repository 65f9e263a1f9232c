-- Far transfers load descriptors and mark them as accessed, in the table and in what the VM exit saves.
-- SDM 3A, "Code- and Data-Segment Descriptor Types".
local function transfer(name, code)
  return scenario {
    name  = name,
    mode  = "protected",
    guest = asm([[
            lgdt [table]
    ]] .. code .. [[
    next:   mov eax, [gdt + 0x0c]
            mov ebx, [gdt + 0x14]
            vmcall
            align 8
    gdt:    dq 0
            dq 0x00cf9a000000ffff       ; code, not accessed
            dq 0x00cf92000000ffff       ; data, not accessed
    table:  dw 23
            dd gdt
    ]]),
    steps = {
      expect "VMCALL" { rax = { value = 0x9b00, mask = 0xff00 } },
    },
  }
end

return {
  transfer("jmp-far-marks-the-descriptor",  "jmp 0x08:next\n"),
  transfer("call-far-marks-the-descriptor", "call 0x08:next\n"),
  transfer("retf-marks-the-descriptor",     "push dword 0x08\npush dword next\nretf\n"),
  transfer("iret-marks-the-descriptor",     "pushfd\npush dword 0x08\npush dword next\niret\n"),
  scenario {
    name  = "an-outer-ring-marks-code-and-stack",
    mode  = "protected",
    guest = asm [[
            lgdt [table]
            push dword 0x13
            push dword 0x60000
            push dword 0x0b
            push dword next
            retf
    next:   mov eax, [ss:gdt + 0x0c]    ; DS is null now
            mov ebx, [ss:gdt + 0x14]
            cpuid
            align 8
    gdt:    dq 0
            dq 0x00cffa000000ffff
            dq 0x00cff2000000ffff
    table:  dw 23
            dd gdt
    ]],
    steps = {
      expect "CPUID" { rax = { value = 0xfb00, mask = 0xff00 }, rbx = { value = 0xf300, mask = 0xff00 } },
    },
  },
}
