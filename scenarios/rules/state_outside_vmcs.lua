-- Guest state that no VMCS field holds starts as after reset: x87 and SSE control words, tags, registers, debug registers.
return {
  scenario {
    name  = "floating-point-state-as-after-reset",
    guest = asm [[
            mov rax, cr4
            or rax, 0x200               ; OSFXSR
            mov cr4, rax
            fxsave [0x20000]
            movzx eax, word [0x20000]   ; control word
            movzx ebx, word [0x20002]   ; status word
            movzx ecx, byte [0x20004]   ; tags: 1 is a register in use
            mov edx, [0x20018]          ; MXCSR
            mov rsi, [0x200a0]          ; XMM0
            mov rdi, [0x20190]          ; XMM15
            vmcall
            fninit                      ; another run's guest must not see what this one leaves
            fldpi
            movq xmm0, rcx
            movq xmm15, rcx
            mov dword [0x20400], 0x1fbf
            ldmxcsr [0x20400]
            vmcall
    ]],
    steps = {
      expect "VMCALL" { rax = 0x40, rbx = 0, rcx = 0xff, rdx = 0x1f80, rsi = 0, rdi = 0 },
      expect "VMCALL" {},
    },
  },
  scenario {
    name  = "floating-point-state-of-the-last-guest-is-gone",
    guest = asm [[
            mov rax, cr4
            or rax, 0x200
            mov cr4, rax
            fxsave [0x20000]
            movzx eax, word [0x20000]
            movzx ecx, byte [0x20004]
            mov edx, [0x20018]
            mov rsi, [0x200a0]
            mov rdi, [0x20190]
            vmcall
    ]],
    steps = { expect "VMCALL" { rax = 0x40, rcx = 0xff, rdx = 0x1f80, rsi = 0, rdi = 0 } },
  },
  scenario {
    name  = "floating-point-state-after-fninit",
    guest = asm [[
            fninit
            fnstenv [0x20000]
            movzx eax, word [0x20000]
            movzx ebx, word [0x20004]
            movzx ecx, word [0x20008]
            vmcall
    ]],
    steps = { expect "VMCALL" { rax = 0x37f, rbx = 0, rcx = 0xffff } },
  },
  scenario {
    name  = "debug-registers-as-after-reset",
    guest = asm [[
            mov rax, dr0
            mov rbx, dr3
            mov rcx, dr6
            mov rdx, dr7
            mov rsi, cr2
            vmcall
    ]],
    steps = { expect "VMCALL" { rax = 0, rbx = 0, rcx = 0xffff0ff0, rdx = 0x400, rsi = 0 } },
  },
}
