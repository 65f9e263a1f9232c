-- Breakpoints of DR0 to DR3: instructions break before they run, data and ports behind the instruction; what a shadow of MOV SS holds.
local function guest(name, code, steps, more)
  local t = { name = name, exception_bitmap = { "#DB" }, guest = asm(code), steps = steps }
  for key, value in pairs(more or {}) do t[key] = value end
  return scenario(t)
end

return {
  guest("an-instruction-breakpoint-is-a-fault", [[
            mov eax, b
            mov dr1, rax
            mov eax, 0x404                       ; L1, any length but 1 is undefined
            mov dr7, rax
            nop
      b:    nop
            vmcall
    ]], { expect "EXCEPTION_NMI" { vector = 1, rip = "b", qualification = 2 } }),
  guest("a-disabled-breakpoint-matches-beside-it", [[
            mov eax, b
            mov dr0, rax
            mov dr1, rax
            mov eax, 0x401                       ; L0
            mov dr7, rax
      b:    vmcall
    ]], { expect "EXCEPTION_NMI" { vector = 1, rip = "b", qualification = 1 } }),
  guest("a-data-breakpoint-is-a-trap", [[
            mov eax, 0x9004
            mov dr2, rax
            mov eax, 0x0d000410                  ; L2, writes, 4 bytes
            mov dr7, rax
            mov ecx, [0x9004]
            mov [0x9007], cl
      b:    vmcall
    ]], { expect "EXCEPTION_NMI" { vector = 1, rip = "b", qualification = 4 } }),
  guest("reads-hit-a-breakpoint-on-both", [[
            mov eax, 0x9000
            mov dr0, rax
            mov eax, 0x000b0401                  ; L0, reads and writes, 8 bytes
            mov dr7, rax
            mov ecx, [0x9008]
            mov ecx, [0x9006]
      b:    vmcall
    ]], { expect "EXCEPTION_NMI" { vector = 1, rip = "b", qualification = 1 } }),
  guest("a-shadow-of-mov-ss-holds-a-data-breakpoint", [[
            mov eax, 0x9000
            mov dr1, rax
            mov word [0x9000], 0x10
            mov eax, 0x00f00404                  ; L1, reads and writes, 4 bytes
            mov dr7, rax
            mov ss, [0x9000]
            nop
      b:    vmcall
    ]], { expect "EXCEPTION_NMI" { vector = 1, rip = "b", qualification = 2 } }),
  guest("a-repeated-string-breaks-behind-the-iteration", [[
            mov eax, 0x9003
            mov dr3, rax
            mov eax, 0x10000440                  ; L3, writes, 1 byte
            mov dr7, rax
            mov edi, 0x9000
            mov ecx, 10
      r:    rep stosb
            vmcall
    ]], { expect "EXCEPTION_NMI" { vector = 1, rip = "r", qualification = 8, rcx = 6 } }),
  guest("general-detect-faults-before-the-access", [[
            mov eax, 0x2400                      ; GD
            mov dr7, rax
      b:    mov rax, dr3
            vmcall
    ]], { expect "EXCEPTION_NMI" { vector = 1, rip = "b", qualification = 0x2000 } }),
  -- It is a fault: the handler finds RF = 1 among the flags.
  scenario {
    name  = "general-detect-saves-rf",
    idt   = { [1] = "debug" },
    guest = asm [[
            mov eax, 0x2400
            mov dr7, rax
            mov rax, dr3
      debug:
            mov rbx, [rsp + 16]
            vmcall
    ]],
    steps = { expect "VMCALL" { rbx = { value = 0x10000, mask = 0x10000 } } },
  },
  -- The handler of INT1 is one of a debug exception: it may read the debug registers.
  scenario {
    name  = "general-detect-ends-with-int1",
    idt   = { [1] = "debug" },
    guest = asm [[
            mov eax, 0x2400
            mov dr7, rax
            int1
    debug:  mov rax, dr7
    b:      vmcall
    ]],
    steps = { expect "VMCALL" { rip = "b", rax = 0x400 } },
  },
  -- The processors that have no RTM have no bit 11.
  scenario {
    name    = "dr7-without-rtm",
    profile = "bochs-skylake-x",
    guest   = asm [[
            mov eax, 0x0900
            mov dr7, rax
            mov rax, dr7
            vmcall
    ]],
    steps = { expect "VMCALL" { rax = 0x500 } },
  },
  guest("single-steps-and-breakpoints-merge", [[
            mov eax, 0x9000
            mov dr0, rax
            mov eax, 0x000d0401
            mov dr7, rax
            push 0x102
            popf
            mov [0x9000], eax
      b:    vmcall
    ]], { expect "EXCEPTION_NMI" { vector = 1, rip = "b", qualification = 0x4001 } }),
  -- The handler returns with RF, so that the instruction runs; DR6 tells.
  scenario {
    name  = "resume-flag-passes-a-breakpoint-once",
    idt   = { [1] = "debug" },
    guest = asm [[
            mov eax, b
            mov dr0, rax
            mov eax, 0x401
            mov dr7, rax
            mov ecx, 3
      b:    inc ebx
            loop b
            vmcall
      debug:
            inc esi
            mov rdx, dr6
            or dword [rsp + 16], 0x10000
            iretq
    ]],
    steps = { expect "VMCALL" { rbx = 3, rsi = 3, rdx = 0xffff0ff1 } },
  },
}
