-- Which encodings are instructions: forms that do not exist, forms that are hints, and features that a processor lacks.

-- Runs each instruction (bytes in hexadecimal), with RBX and RSI at a page of data: R14 counts those that are #UD, R13 those that run.
local function case(over)
  local code = { "mov ebx, 0x9000\nmov esi, ebx\nxor ecx, ecx\nxor r13d, r13d\nxor r14d, r14d" }
  local function add(list, kind)
    for _, bytes in ipairs(list or {}) do
      local label = kind .. #code
      local db = string.gsub(bytes, "%x%x", "0x%0,")
      code[#code + 1] = string.format("lea r15, [rel %s]\ndb %s 0x90\nnop\nnop\nnop\nnop\nadd r13, %d\n%s:", label, db, kind == "ud" and 0x10000 or 1, label)
    end
    return #(list or {})
  end
  local undefined, runs = add(over.undefined, "ud"), add(over.runs, "run")
  over.undefined, over.runs = nil, nil
  code[#code + 1] = "vmcall\ninvalid: add r14, 1\nmov [rsp], r15\niretq"
  over.guest = asm(table.concat(code, "\n"))
  over.idt = { [6] = "invalid" }
  over.vmcs = over.vmcs or { GUEST_CR4 = 0x2620 }
  over.steps = { expect "VMCALL" { r13 = runs, r14 = undefined } }
  return scenario(over)
end

return {
  case {
    name = "forms-that-do-not-exist",
    undefined = {
      "8F C9", "8F 0B", "8F 7B 00",                     -- POP has /0 alone
      "C6 4B 00 00", "C7 C8 00 00 00 00",               -- MOV has /0 alone
      "FE D1", "FF FB", "FF D9", "FF E9",               -- group 4 and 5; far transfers through a register
      "0F 50 03", "66 0F 50 03",                        -- MOVMSKPS of memory
      "0F 71 13 01", "66 0F 72 23 01", "66 0F 73 1B 01", -- shifts by an immediate
      "66 0F 12 C1", "66 0F 16 C1",                     -- MOVLPD, MOVHPD of a register
      "F3 0F 2B 03", "F2 0F 2B 03",                     -- MOVNTSS, MOVNTSD are not Intel's
      "66 0F 78 C1 01 01", "F2 0F 79 C1",               -- nor is SSE4a
      "66 0F AE 03", "F3 0F AE 0B", "F2 0F AE 13",      -- FXSAVE, FXRSTOR, LDMXCSR take no prefix
      "66 0F C3 03", "F3 0F C3 03", "F3 0F D6 03", "F2 0F D6 03",
      "F0 01 C1", "F0 8B 03", "F0 0F A3 0B", "F0 F6 03 01", -- LOCK
      "0F 04", "0F 0A", "0F 24 C1", "0F 36", "0F 39", "0F A6 C1", "0F 3A 00 C1 00", "0F 38 0C C1",
    },
  },
  -- Hints of a register, TEST's other name, bits 7:3 of a comparison.
  case {
    name = "forms-that-exist",
    runs = {
      "0F 18 C1", "0F 18 D9", "66 0F 18 C1", "0F 0D C1", "0F 0D F9", "0F 18 23", "0F 19 C1", "0F 1A 03", "0F 1A C1", "0F 1B C1", "66 0F 1A C1",
      "F3 0F 1B 03", "0F 1C C1", "F3 0F 1E C9", "F3 0F 1E FA", "F3 0F 1E FB", "0F 1F C1", "F6 C9 01", "F7 C9 01 00 00 00", "F6 0B 01",
      "F7 0B 01 00 00 00", "66 F7 C9 01 00", "48 F7 C9 01 00 00 00", "0F C2 C1 08", "66 0F C2 C1 1F", "F3 0F C2 C1 FF", "F2 0F C2 03 88", "C6 03 01",
    },
  },
  scenario {
    name  = "forms-that-exist-compute",
    vmcs  = { GUEST_CR4 = 0x2620 },
    guest = asm [[
            mov eax, 0x80
            db 0xf6, 0xc8, 0x80             ; TEST AL, 80H: SF, and not ZF
            pushfq
            mov dword [0x9000], 0x3f800000
            movss xmm0, [0x9000]
            xorps xmm1, xmm1
            db 0x0f, 0xc2, 0xc1, 0x0a       ; as predicate 2: less or equal
            movd ebx, xmm0
            movss xmm0, [0x9000]
            db 0xf3, 0x0f, 0xc2, 0xc1, 0xfd ; as predicate 5: not less
            movd edx, xmm0
            pop rcx
            and ecx, 0x8c5
            vmcall
    ]],
    steps = { expect "VMCALL" { rax = 0x80, rbx = 0, rcx = 0x80, rdx = 0xffffffff } },
  },
  scenario {
    name  = "lock-neg-flags",
    guest = asm [[
            mov dword [0x9000], 1
            lock neg dword [0x9000]
            pushfq
            mov byte [0x9000], 0x80
            mov ebx, 0x9000
            gs lock neg byte [rbx]
            pushfq
            pop rcx
            and ecx, 0x8d5
            pop rax
            and eax, 0x8d5
            mov edx, [0x9000]
            vmcall
    ]],
    steps = { expect "VMCALL" { rax = 0x95, rcx = 0x881, rdx = 0xffffff80 } },
  },
  -- AVX, TSX, CET, SHA, GFNI, PTWRITE and WAITPKG are absent; without MPX and CET some of their encodings are hints, above.
  case {
    name    = "absent-features",
    undefined = {
      "C5 F8 58 C1", "C5 F9 6F 03", "C5 F8 77", "C4 E2 79 00 C1", "C4 E3 79 0F C1 00", "C4 E2 7D 58 C1", "62 F1 7C 48 58 C1",
      "C4 E2 7C F2 C1", "C4 E2 79 F2 C1", "C4 E2 78 F3 C1", "66 C4 E2 78 F2 C1", "F3 C4 E2 78 F7 C1", "48 C4 E2 78 F2 C1",
      "C7 F8 00 00 00 00", "C6 F8 01", "0F 01 D5", "0F 01 D6", "F3 0F AE E9", "F3 48 0F AE E9", "F3 0F 01 2B", "F3 0F AE 33", "F3 0F 01 E8",
      "F3 0F 01 EA", "0F 38 F6 03", "66 0F 38 F5 03", "0F 38 C8 C1", "66 0F 38 CF C1", "66 0F 3A CE C1 00", "0F 38 F9 03", "66 0F 38 F8 0B",
      "F3 0F AE E1", "F3 0F AE 23", "F3 0F AE F1", "66 0F AE F1", "F2 0F AE F1", "66 0F AE E9", "F3 0F AE FB",
    },
  },
  case {
    name    = "nehalem",
    profile = "nehalem",
    runs      = { "F3 0F B8 C1", "66 0F 38 00 C1", "66 0F 3A 0E C1 00", "66 0F 38 37 C1", "F2 0F 7C C1", "66 0F 3A 60 C1 00", "48 0F C7 0B", "0F 0D 0B",
                  "F3 0F BC C1", "F3 0F BD C1", "F3 0F 1E C9" },
    undefined = { "0F 38 F0 03", "66 0F 38 DC C1", "66 0F 3A 44 C1 00", "66 0F 3A DF C1 00", "C4 E2 78 F2 C1", "C4 E2 7B F5 C1", "66 0F 38 F6 C1",
                  "F3 0F 38 F6 C1", "0F 01 CA", "0F 01 CB", "0F C7 F1", "0F C7 F9", "F3 0F AE C1", "66 0F AE 3B", "66 0F AE 33", "0F AE 23",
                  "0F AE 33", "0F 01 D0", "0F 01 EE", "66 0F 38 82 03", "F3 0F C7 F9" },
  },
  -- Without BMI1 and LZCNT the prefix is ignored: BSF and BSR, which leave their destination alone where the source is 0.
  scenario {
    name    = "nehalem-scans",
    profile = "nehalem",
    guest   = asm [[
            mov ecx, 0x00400040
            tzcnt eax, ecx
            lzcnt edx, ecx
            mov ebx, 7
            xor ecx, ecx
            tzcnt ebx, ecx
            vmcall
    ]],
    steps = { expect "VMCALL" { rax = 6, rdx = 22, rbx = 7 } },
  },
  scenario {
    name    = "haswell-counts",
    profile = "haswell",
    guest   = asm [[
            mov ecx, 0x00400040
            tzcnt eax, ecx
            lzcnt edx, ecx
            mov ebx, 7
            xor ecx, ecx
            tzcnt ebx, ecx
            vmcall
    ]],
    steps = { expect "VMCALL" { rax = 6, rdx = 9, rbx = 32 } },
  },
  case {
    name      = "haswell",
    profile   = "haswell",
    runs      = { "C4 E2 78 F2 C1", "C4 E2 78 F3 C9", "C4 E2 78 F7 C1", "C4 E2 7B F5 C1", "C4 E2 7A F5 C1", "C4 E2 7B F6 C1", "C4 E2 79 F7 C1",
                  "C4 E3 7B F0 C1 03", "0F 38 F0 03", "66 0F 38 DC C1", "66 0F 3A 44 C1 00" },
    undefined = { "66 0F 38 F6 C1", "0F 01 CB", "0F C7 F9", "66 0F AE 3B", "66 0F AE 33", "C4 E2 7C F2 C1", "C4 E3 73 F0 C1 03" },
  },
  case {
    name      = "skylake",
    profile   = "skylake-sp",
    runs      = { "66 0F 38 F6 C1", "F3 0F 38 F6 C1", "66 0F AE 3B", "66 0F AE 33" },
    undefined = { "F3 0F AE F1", "66 0F AE F1", "F3 0F C7 F9" },
  },
  case {
    name      = "sapphire-rapids",
    profile   = "sapphire-rapids",
    runs      = { "F3 0F AE F3" }, -- UMONITOR RBX
    undefined = { "0F 01 E8", "66 0F 38 F8 0B", "F3 0F AE E9", "C5 F8 58 C1" },
  },
  -- Outside of 64-bit mode C4 and C5 are LES and LDS with memory, VEX otherwise; real-address mode has no VEX.
  scenario {
    name    = "vex-and-les",
    mode    = "protected",
    profile = "haswell",
    idt     = { [6] = "invalid" },
    guest   = asm [[
            mov ecx, 0xff
            mov eax, 0x0f
            db 0xc4, 0xe2, 0x78, 0xf2, 0xd1 ; ANDN EDX, EAX, ECX
            mov word [0x9004], ds
            mov dword [0x9000], 0x1234
            les ebx, [0x9000]
            db 0xc5, 0xf8, 0x58, 0xc1       ; VADDPS
    invalid: vmcall
    ]],
    steps = { expect "VMCALL" { rdx = 0xf0, rbx = 0x1234 } },
  },
  scenario {
    name    = "vex-in-real-mode",
    mode    = "real",
    profile = "haswell",
    exception_bitmap = { "#UD" },
    guest   = asm [[ here: db 0xc4, 0xe2, 0x78, 0xf2, 0xd1 ]],
    steps   = { expect "EXCEPTION_NMI" { vector = "#UD", rip = "here" } },
  },
}
