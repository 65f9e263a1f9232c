-- A task switch exits always, after the checks on the new task's descriptor; the hypervisor makes the switch.
local TASK = 0x3100 -- the second TSS of the preset, selector 20H
-- Field by field from offset 0: link, stacks, CR3, EIP, EFLAGS, eight registers, six segments, LDT.
local function tss(eip, t)
  t = t or {}
  return string.pack("<I4 I4I4I4I4I4I4 I4 I4I4 I4I4I4I4I4I4I4I4 I4I4I4I4I4I4 I4 I2I2", t.link or 0, 0, 0, 0, 0, 0, 0, 0, eip, t.eflags or 2,
    0xa, 0xc, 0xd, 0xb, t.esp or 0x60000, 0xeb, 0x51, 0xd1, t.es or 0x10, t.cs or 0x08, 0x10, 0x10, 0, 0, 0, 0, 0x68)
end
return {
  scenario {
    name   = "task-switch",
    mode   = "protected",
    guest  = asm [[
        here:  jmp 0x20:0
    ]],
    memory = { [TASK] = tss(0x9000), [0x9000] = asm("vmcall", { bits = 32 }) },
    steps  = {
      expect "TASK_SWITCH" { rip = "here", source = "jmp", selector = 0x20, length = 7 },
      expect "VMCALL" { rip = 0x9000, rax = 0xa, rcx = 0xc, rdx = 0xd, rbx = 0xb, rsi = 0x51, rdi = 0xd1, rsp = 0x60000, rflags = 2, cr0 = { value = 8, mask = 8 } },
    },
    -- The old task's TSS is available again, the new one's busy; where the old task goes on stands in its TSS.
    final  = { memory = { [0x101d] = "\x89", [0x1025] = "\x8b", [0x3020] = string.pack("<I4", 0x8007) } },
  },
  scenario {
    name   = "call-and-return",
    mode   = "protected",
    guest  = asm [[
               mov esi, 0x1234
        there: call 0x20:0
        back:  vmcall
    ]],
    memory = { [TASK] = tss(0x9000), [0x9000] = asm("mov edi, 5\nvmcall\niret", { bits = 32 }) },
    steps  = {
      expect "TASK_SWITCH" { rip = "there", source = "call" },
      expect "VMCALL" { rip = 0x9005, rdi = 5, rflags = 0x4002 },
      expect "TASK_SWITCH" { rip = 0x9008, source = "iret", selector = 0x18, length = 1 },
      expect "VMCALL" { rip = "back", rsi = 0x1234, rflags = { value = 0, mask = 0x4000 } },
    },
    final  = { memory = { [0x101d] = "\x8b", [0x1025] = "\x89", [TASK] = string.pack("<I4", 0x18), [0x3124] = string.pack("<I4", 2) } },
  },
}
