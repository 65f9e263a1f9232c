-- Instructions at their edges: 15 bytes at most, string I/O at ports without a device.
local scenarios = {}

for _, case in ipairs {
  { "nop", 14, "nop" }, { "nop", 15, "nop", "#GP" }, { "cpuid", 13, "cpuid" }, { "cpuid", 14, "cpuid", "#GP" }, { "ud2", 13, "ud2", "#UD" },
  { "ud2", 14, "ud2", "#GP" },
} do
  scenarios[#scenarios + 1] = scenario {
    name  = string.format("%s-behind-%d-prefixes", case[1], case[2]),
    exception_bitmap = { "#GP", "#UD" },
    policy = { exceptions = "stop" },
    guest = asm(string.format("here: times %d db 0x66\n%s\nvmcall", case[2], case[3])),
    steps = {
      case[4] and expect "EXCEPTION_NMI" { vector = case[4], rip = "here" } or case[1] == "cpuid" and expect "CPUID" { rip = "here", length = 15 } or
        expect "VMCALL" { rip = 0x8000 + case[2] + 1 },
    },
  }
end

scenarios[#scenarios + 1] = scenario {
  name  = "string-io-without-a-device",
  guest = asm [[
          mov ecx, 5
          mov edx, 0x80
          mov esi, 0x9000
          rep outsb
          mov edi, 0x9010
          mov ecx, 3
          rep insw
          insb
          std
          outsd
          rep insb                ; RCX = 0
          vmcall
  ]],
  steps = { expect "VMCALL" { rcx = 0, rsi = 0x9001, rdi = 0x9017 } },
  final = { memory = { [0x9010] = "\xff\xff\xff\xff\xff\xff\xff\0" }, instructions = 11 },
}
scenarios[#scenarios + 1] = scenario {
  name   = "string-io-faults-at-its-iteration",
  pages  = { { linear = 0xa000, present = false } },
  exception_bitmap = { "#PF" },
  policy = { exceptions = "stop" },
  guest  = asm [[
          mov ecx, 5
          mov edx, 0x80
          mov edi, 0x9ffe
    ins:  rep insb
  ]],
  steps = { expect "EXCEPTION_NMI" { vector = "#PF", rip = "ins", rcx = 3, rdi = 0xa000, qualification = 0xa000 } },
  final = { memory = { [0x9ffe] = "\xff\xff" } },
}

-- The edges of operands: a count of all bits, a source of 0, masks and controls with bits above the operand.
scenarios[#scenarios + 1] = scenario {
  name  = "bits-at-their-edges",
  vmcs  = { GUEST_CR4 = 0x2620 },
  guest = asm [[
          mov rcx, 0x8000000000000003
          mov edx, 5
          pdep eax, edx, ecx        ; bits 31:0 of the mask alone
          pext rbx, rcx, rcx
          mov esi, 64
          bzhi r8, rcx, rsi         ; all of them: CF
          setc r9b
          mov esi, 63
          bzhi r10, rcx, rsi
          setc r11b
          xor edi, edi
          blsi rdi, rdi             ; nothing: no CF
          setc r12b
          blsi r13, rcx
          setc r14b
          mov esi, 0x2020
          bextr r15d, ecx, esi      ; from bit 32 on: nothing
          movzx r9d, r9b
          movzx r11d, r11b
          movzx r12d, r12b
          movzx r14d, r14b
          vmcall
  ]],
  steps = { expect "VMCALL" { rax = 1, rbx = 7, r8 = 0x8000000000000003, r9 = 1, r10 = 3, r11 = 0, rdi = 0, r12 = 0, r13 = 1, r14 = 1, r15 = 0 } },
}
scenarios[#scenarios + 1] = scenario {
  name  = "sixteen-bit-code",
  mode  = "real",
  vmcs  = { GUEST_CR4 = 0x2600 },
  guest = asm [[
          mov eax, 0xa1b2c3d4
          mov bx, 0x1000
          mov [bx], eax
          mov ecx, -1
          movbe cx, [bx]
          movbe edx, [bx]
          mov esi, -1
          popcnt si, ax
          popcnt edi, eax
          mov ebp, 0xaaaa7000
          enter 0x10, 1
          mov bx, sp
          vmcall
  ]],
  steps = { expect "VMCALL" { rcx = 0xffffd4c3, rdx = 0xd4c3b2a1, rsi = 0xffff0008, rdi = 15 } },
}
-- LOOPE and LOOPNE change no flag, however they end: by the counter, by ZF, or with a jump.
for _, case in ipairs { { "loope", 1, 0, 0 }, { "loope", 2, 0, 1 }, { "loopne", 1, 0, 0 }, { "loopne", 2, 0x10000, 1 } } do
  scenarios[#scenarios + 1] = scenario {
    name  = string.format("%s-leaves-the-flags-%d", case[1], case[2]),
    guest = asm(string.format([[
            mov ecx, %d
            mov eax, 0x7fffffff
            xor edx, edx
            add eax, 1              ; OF, SF, AF, PF
            %s taken
            jmp behind
    taken:  mov edx, 0x10000
    behind: pushfq
            pop rbx
            and ebx, 0x8d5
            vmcall
    ]], case[2], case[1])),
    steps = { expect "VMCALL" { rbx = 0x894, rdx = case[3], rcx = case[4] } },
  }
end
-- ENTER asks for the last stack pointer as if it wrote there.
scenarios[#scenarios + 1] = scenario {
  name   = "enter-ends-on-an-absent-page",
  pages  = { { linear = 0xa000, present = false } },
  exception_bitmap = { "#PF" },
  policy = { exceptions = "stop" },
  guest  = asm [[
          mov esp, 0xb800
          mov ebp, 0x1234
    here: enter 0x810, 0
          vmcall
  ]],
  steps = { expect "EXCEPTION_NMI" { vector = "#PF", error_code = 2, rip = "here", rsp = 0xb800, rbp = 0x1234, qualification = 0xafe8 } },
}
-- In 64-bit mode prefixes of CS, DS, ES and SS mean nothing, whatever bases there are.
scenarios[#scenarios + 1] = scenario {
  name  = "overrides-without-a-base",
  vmcs  = { GUEST_DS_BASE = 0x100, GUEST_ES_BASE = 0x100, GUEST_FS_BASE = 0x100 },
  guest = asm [[
          mov ebx, 0x9000
          mov dword [rbx], 1
          mov dword [rbx + 0x100], 2
          db 0x3e
          mov eax, [rbx]
          db 0x26
          mov ecx, [rbx]
          db 0x2e
          mov edx, [rbx]
          mov esi, [fs:rbx]
          vmcall
  ]],
  steps = { expect "VMCALL" { rax = 1, rcx = 1, rdx = 1, rsi = 2 } },
}
-- REX counts just before the opcode alone; of segment prefixes the last of FS and GS does. SDM 2A, "Instruction Prefixes"; SDM 3A, "Segmentation in IA-32e
-- Mode".
scenarios[#scenarios + 1] = scenario {
  name  = "prefixes-that-mean-nothing",
  vmcs  = { GUEST_CR4 = 0x2620, GUEST_DS_BASE = 0x100, GUEST_FS_BASE = 0x200, GUEST_GS_BASE = 0x300 },
  guest = asm [[
          mov ebx, 0x9000
          mov dword [rbx], 1
          mov dword [rbx + 0x200], 2
          mov dword [rbx + 0x300], 3
          mov rax, -1
          mov rcx, -1
          mov rdx, -1
          mov rsi, -1
          mov rdi, -1
          db 0x64, 0x3e, 0x8b, 0x03       ; FS, DS: mov eax, [rbx]
          db 0x65, 0x64, 0x2e, 0x26, 0x8b, 0x0b ; GS, FS, CS, ES: mov ecx, [rbx]
          db 0x36, 0x65, 0x8b, 0x13       ; SS, GS: mov edx, [rbx]
          db 0x48, 0x3e, 0x8b, 0x33       ; REX.W, DS: mov esi, [rbx]
          db 0x4c, 0x66, 0x89, 0xdf       ; REX.WR, 66H: mov di, bx
          mov r8, -1
          mov r9, -1
          db 0x49, 0x66, 0x41, 0x89, 0xd8 ; REX.WB, 66H, REX.B: mov r8w, bx
          db 0x48, 0x65, 0x3e, 0x4c, 0x8b, 0x0b ; REX.W, GS, DS, REX.WR: mov r9, [rbx]
          mov r10d, 0x77
          movd xmm0, r10d
          mov r10, -1
          db 0x49, 0x66, 0x0f, 0x7e, 0xc2 ; REX.WB, 66H: movd edx, xmm0
          mov eax, 0x1234
          db 0x40, 0x3e, 0x88, 0xe1       ; REX, DS: mov cl, ah, not spl
          vmcall
  ]],
  steps = { expect "VMCALL" { rax = 0x1234, rcx = 0x12, rdx = 0x77, rsi = 1, rdi = 0xffffffffffff9000, r8 = 0xffffffffffff9000, r9 = 3, r10 = -1 } },
}
-- The types of system descriptors that LAR and LSL take, a bit for each.
local function types(mode, lar, lsl)
  return scenario {
    name  = "types-of-lar-and-lsl-" .. mode,
    mode  = mode,
    guest = asm [[
            lgdt [table]
            xor ecx, ecx
            xor ebx, ebx
            xor esi, esi
    next:   mov eax, ecx
            shl eax, 8
            or eax, 0x8000
            mov [gdt + 0x1c], eax
            mov edx, 0x18
            lar eax, edx
            jnz no_lar
            bts ebx, ecx
    no_lar: lsl eax, edx
            jnz no_lsl
            bts esi, ecx
    no_lsl: inc ecx
            cmp ecx, 16
            jb next
            vmcall
            align 8
    gdt:    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0, 0
    table:  dw 39
            dd gdt, 0
    ]],
    steps = { expect "VMCALL" { rbx = lar, rsi = lsl } },
  }
end
scenarios[#scenarios + 1] = types("protected", 0x1a3e, 0x0a0e)
scenarios[#scenarios + 1] = types("long", 0x1a04, 0x0a04)
return scenarios
