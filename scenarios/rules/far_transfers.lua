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

local list = {
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

-- What is moved has to be within the stack segment, the target within the code segment: both are looked at before anything happens. SDM 2, "CALL", "JMP",
-- "RET", "IRET/IRETD/IRETQ".
local function faults(name, code, vmcs, registers, below)
  registers.rip = "here"
  list[#list + 1] = scenario {
    name = name, mode = "protected", vmcs = vmcs, exception_bitmap = { "#GP", "#SS", "#TS", "#NP" }, policy = { exceptions = "stop" },
    guest = asm(code), steps = { expect "EXCEPTION_NMI" (registers) },
    memory = below and { [below] = "untouched!!!" }, final = below and { memory = { [below] = "untouched!!!" } },
  }
end
local stack = { GUEST_SS_LIMIT = 0x6fff7, GUEST_SS_AR_BYTES = 0x4093 }
local small_code = [[
        align 8
gdt:    dq 0
        dq 0x00409a000000ffff           ; 08H: code of 64 KBytes
        dq 0x00cf92000000ffff           ; 10H: data
table:  dw 23
        dd gdt
]]
faults("jmp-far-beyond-the-limit", "lgdt [table]\nhere: jmp 0x08:0x10000\n" .. small_code, {}, { vector = "#GP", error_code = 0, rsp = 0x70000 })
faults("call-far-beyond-the-limit", "lgdt [table]\nhere: call 0x08:0x10000\n" .. small_code, {}, { vector = "#GP", error_code = 0, rsp = 0x70000 })
faults("pushes-nothing-call-far", "lgdt [table]\nhere: call 0x08:0x10000\n" .. small_code, {},
       { vector = "#GP", error_code = 0, rsp = 0x70000 }, 0x6fff4)
faults("retf-beyond-the-limit", "lgdt [table]\npush dword 8\npush dword 0x10000\nhere: retf\n" .. small_code, {}, { vector = "#GP", error_code = 0, rsp = 0x6fff8 })
faults("call-far-without-a-stack", "mov esp, 0x70000\nhere: call 0x08:0x9000", stack, { vector = "#SS", error_code = 0, rsp = 0x70000 })
faults("call-far-with-half-a-stack", "mov esp, 0x6fffc\nhere: call 0x08:0x9000", stack, { vector = "#SS", error_code = 0, rsp = 0x6fffc })
faults("retf-of-half-a-frame", "mov esp, 0x6fff4\nhere: retf", stack, { vector = "#SS", error_code = 0, rsp = 0x6fff4 })
faults("retf-of-16-bits-behind-the-stack", "mov esp, 0x6fff8\nhere: o16 retf", stack, { vector = "#SS", error_code = 0, rsp = 0x6fff8 })
faults("iret-of-two-thirds-of-a-frame", "mov esp, 0x6fff0\nhere: iret", stack, { vector = "#SS", error_code = 0, rsp = 0x6fff0 })
faults("retf-to-ring-3-of-half-a-frame", "mov esp, 0x6fff8\npush dword 0x2b\npush dword 0x9000\nhere: retf", stack, { vector = "#SS", error_code = 0, rsp = 0x6fff0 })
faults("retf-to-ring-3-that-releases-the-rest", "mov esp, 0x6fff0\npush dword 0x2b\npush dword 0x9000\nhere: retf 4", stack,
       { vector = "#SS", error_code = 0, rsp = 0x6ffe8 })
faults("iret-to-ring-3-of-half-a-frame", "mov esp, 0x6fff8\npushfd\npush dword 0x2b\npush dword 0x9000\nhere: iret", stack,
       { vector = "#SS", error_code = 0, rsp = 0x6ffec })
faults("iret-to-virtual-8086-mode-of-half-a-frame", "mov esp, 0x6fff8\npush dword 0x20002\npush dword 0\npush dword 0x9000\nhere: iret", stack,
       { vector = "#SS", error_code = 0, rsp = 0x6ffec })
-- The code segment is looked at before the frame of an outer ring.
faults("retf-to-data-with-half-a-frame", "mov esp, 0x6fff8\npush dword 0x33\npush dword 0x9000\nhere: retf", stack, { vector = "#GP", error_code = 0x30, rsp = 0x6fff0 })

-- Through a call gate from ring 3: the task's stack has to hold parameters and frame, then the gate has to lead into the code segment.
local function gate(name, code_limit, stack_limit, esp, registers, untouched)
  registers.rip = "here"
  list[#list + 1] = scenario {
    name = name, mode = "protected", exception_bitmap = { "#GP", "#SS", "#TS", "#NP" }, policy = { exceptions = "stop" },
    memory = untouched, final = untouched and { memory = untouched },
    guest = asm(([[
            lgdt [table]
            mov ax, 0x30
            ltr ax
            push dword 0x23
            push dword 0x50000
            push dword 0x1b
            push dword user
            retf
    user:   push dword 1
            push dword 2
    here:   call 0x3b:0
            align 8
    gdt:    dq 0
            dq 0x00409a000000%04x           ; 08H: code
            dq 0x00cf92000000ffff           ; 10H: data
            dq 0x00cffa000000ffff           ; 18H: user's code
            dq 0x00cff2000000ffff           ; 20H: user's data
            dq 0x0045920000000000 + 0x%04x  ; 28H: the stack
            dw 0x67, task, 0x8900, 0        ; 30H: the task
            dw 0xa000, 0x08, 0xec02, 0      ; 38H: a gate of two parameters
    table:  dw 63
            dd gdt
            align 8
    task:   dd 0, 0x%x, 0x28
            times 23 dd 0
    ]]):format(code_limit, stack_limit, esp)),
    steps = { expect "EXCEPTION_NMI" (registers) },
  }
end
gate("gate-without-a-stack", 0xffff, 0xffff, 0x60010, { vector = "#SS", error_code = 0x28, rsp = 0x4fff8 })
gate("gate-with-a-stack-that-is-too-small", 0xffff, 0xffff, 0x14, { vector = "#SS", error_code = 0x28, rsp = 0x4fff8 })
gate("gate-beyond-the-limit", 0x9fff, 0xffff, 0x5fffc, { vector = "#GP", error_code = 0, rsp = 0x4fff8 })
gate("pushes-nothing-gate", 0x9fff, 0xffff, 0x5fffc, { vector = "#GP", error_code = 0, rsp = 0x4fff8 }, { [0x5ffe0] = ("."):rep(32) })
-- The upper half of the offset is none of a gate of 16 bits.
list[#list + 1] = scenario {
  name = "gate-of-16-bits-with-an-upper-half", mode = "protected",
  guest = asm [[
          lgdt [table]
          mov ax, next
          mov [gdt + 16], ax
          call 0x10:0
          align 8
  gdt:    dq 0
          dq 0x00cf9a000000ffff           ; 08H: code
          dw 0, 0x08, 0x8400, 0x1234      ; 10H: the gate
  table:  dw 23
          dd gdt
  next:   vmcall
  ]],
  steps = { expect "VMCALL" { rip = "next", rsp = 0x6fffc } },
}

-- Operands of 16 and 32 bits in IA-32e mode: 64-bit code has its stack at RSP whatever SS is.
local function narrow(name, code, exit)
  list[#list + 1] = scenario {
    name = name, mode = "long", pages = { { linear = 0x140000000, guest = 0x50000 } },
    exception_bitmap = { "#GP", "#SS", "#NP", "#PF" }, policy = { exceptions = "stop" },
    guest = asm([[
            lgdt [table]
            mov rsp, 0x140000800
    ]] .. code .. [[
    
    next:   vmcall
    bits 64
            align 8
    gdt:    dq 0
            dq 0x00af9a000000ffff           ; 08H: 64-bit code
            dq 0x00cf92000000ffff           ; 10H: data
            dq 0x00affa000000ffff           ; 18H: user's code
            dq 0x00cff2000000ffff           ; 20H: user's data
            dq 0x00cf9a000000ffff           ; 28H: 32-bit code
            dq 0x00cf72000000ffff           ; 30H: user's data that is not present
            dq 0x00cfba000000ffff           ; 38H: 32-bit code of ring 1
    table:  dw 63
            dq gdt
    ]]), steps = { exit },
  }
end
local function frame(size, ...)
  local text = ""
  for i, item in ipairs { ... } do text = text .. ("mov %s [rsp + %d], %s\n"):format(size == 4 and "dword" or "word", (i - 1) * size, item) end
  return text
end
local function goes(name, code, registers)
  registers.rip = registers.rip or "next"
  narrow(name, code, expect "VMCALL" (registers))
end
local to_compatibility = "mov rsp, 0x60000\n" .. frame(4, "compat", 0x28) .. "retf\nbits 32\ncompat:\n"
goes("retf-of-32-bits-above-4-gbytes", frame(4, "next", 8) .. "retf 16", { rsp = 0x140000818 })
goes("retf-of-16-bits-above-4-gbytes", frame(2, "next", 8) .. "o16 retf", { rsp = 0x140000804 })
goes("retf-of-32-bits-to-ring-3", frame(4, "next", 0x1b, 0, 0, 0x60000, 0x23) .. "retf 8", { rsp = 0x60008 })
goes("retf-of-32-bits-to-32-bit-code", "mov rsp, 0x60000\n" .. frame(4, "next", 0x28) .. "retf", { rsp = 0x60008 })
goes("retf-of-32-bits-without-a-stack-segment", "xor eax, eax\nmov ss, eax\n" .. frame(4, "next", 8) .. "retf", { rsp = 0x140000808 })
goes("iret-in-64-bit-mode-of-32-bits", frame(4, "next", 8, 0x202, 0x70000, 0x10) .. "iret", { rsp = 0x70000, rflags = 0x202 })
goes("iret-in-64-bit-mode-of-16-bits", "push 0x200202\npopfq\n" .. frame(2, "next", 8, 2, 0xf000, 0x10) .. "o16 iret", { rsp = 0xf000, rflags = 0x200002 })
goes("call-far-of-32-bits-above-4-gbytes", [[
  mov dword [0x9000], there
  mov word [0x9004], 8
  call far dword [0x9000]
  back: nop
  there: mov eax, [rsp]
  mov ebx, [rsp + 4]
]], { rsp = 0x1400007f8, rax = "back", rbx = 8 })
goes("call-far-of-16-bits-above-4-gbytes", [[
  mov word [0x9000], there
  mov word [0x9002], 8
  call far word [0x9000]
  back: nop
  there: movzx eax, word [rsp]
  movzx ebx, word [rsp + 2]
]], { rsp = 0x1400007fc, rax = "back", rbx = 8 })
goes("iret-of-compatibility-mode-ignores-vm", to_compatibility .. "push dword 0x20202\npush dword 0x28\npush dword next\niret", { rsp = 0x60008, rflags = 0x202 })
goes("iret-of-16-bits-in-compatibility-mode", to_compatibility .. "push word 0x202\npush word 0x28\npush word next\no16 iret", { rsp = 0x60008 })
goes("retf-of-compatibility-mode-to-64-bit-code", to_compatibility .. "push dword 8\npush dword next\nretf 8", { rsp = 0x60010 })
-- The stack of an outer ring, or that of IRET.
local function refused(name, code, vector, error_code)
  narrow(name, code, expect "EXCEPTION_NMI" { vector = vector, error_code = error_code, rip = "here", rsp = 0x140000800 })
end
refused("retf-to-a-stack-that-is-not-present", frame(4, "next", 0x1b, 0x60000, 0x33) .. "here: retf", "#SS", 0x30)
refused("iret-to-a-stack-that-is-not-present", frame(4, "next", 0x1b, 2, 0x60000, 0x33) .. "here: iret", "#SS", 0x30)
refused("retf-to-32-bit-code-without-a-stack-segment", frame(4, "next", 0x39, 0x60000, 1) .. "here: retf", "#GP", 0)
return list
