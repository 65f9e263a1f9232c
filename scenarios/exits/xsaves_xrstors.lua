-- XSAVES and XRSTORS exit for state components that EDX:EAX, IA32_XSS and the XSS-exiting bitmap all name; without their control they are undefined.
-- Where they exit nobody wants them: the handlers answer with #GP(0).
local function exits(name, instruction, reason)
  return scenario {
    name     = name,
    profile  = "sapphire-rapids",                            -- IA32_XSS has a bit there: 8, Intel PT state
    controls = { primary = { "use_msr_bitmaps" }, secondary = { "enable_xsaves_xrstors" } },
    vmcs     = { GUEST_CR4 = 0x42020, CR4_READ_SHADOW = 0x40020, XSS_EXIT_BITMAP = 0x100 },
    idt      = { [13] = "gp" },
    guest    = asm([[
              mov ecx, 0xda0
              mov eax, 0x100
              xor edx, edx
              wrmsr
              rdmsr
              mov ebx, 0x9000
        here: ]] .. instruction .. [[

        gp:   pop rsi                                        ; the error code
              mov rdi, [rsp]                                 ; where it happened
              vmcall
    ]]),
    steps = {
      expect(reason) { rip = "here", length = 4, rax = 0x100, rcx = 0xda0, rbx = 0x9000 },
      expect "VMCALL" { rsi = 0, rdi = "here" },
    },
  }
end

return {
  exits("xsaves-of-a-supervisor-component", "xsaves64 [rbx]", "XSAVES"),
  exits("xrstors-of-a-supervisor-component", "xrstors64 [rbx]", "XRSTORS"),
  scenario {
    name             = "xsaves-not-enabled",
    vmcs             = { GUEST_CR4 = 0x42020, CR4_READ_SHADOW = 0x40020 },
    exception_bitmap = { "#UD" },
    guest            = asm [[
              mov eax, 1
              xor edx, edx
        here: xsaves64 [0x9000]
    ]],
    steps = { expect "EXCEPTION_NMI" { vector = "#UD", rip = "here" } },
  },
  scenario {
    name     = "xsaves-without-an-exit",                     -- pi goes out and comes back by a compacted area of XCR0's only component, x87
    controls = { secondary = { "enable_xsaves_xrstors" } },
    vmcs     = { GUEST_CR4 = 0x42020, CR4_READ_SHADOW = 0x40020 },
    guest    = asm [[
              mov eax, -1
              mov edx, eax
              fninit
              fldpi
              xsaves64 [0x9000]
              fninit
              xrstors64 [0x9000]
              fstp qword [0x9800]
              mov rbx, [0x9800]
              mov rax, [0x9000 + 512]
              mov rcx, [0x9000 + 520]
              vmcall
    ]],
    steps = { expect "VMCALL" { rbx = 0x400921fb54442d18, rax = 1, rcx = 0x8000000000000001 } },
  },
}
