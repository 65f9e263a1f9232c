-- Several virtual CPUs take turns on one machine. Each has its own VMCS, stack and descriptor tables; guest memory and EPT are one.
-- vCPU 1 has no start: it begins in the wait-for-SIPI state.
local function sipi(name, activity)
  return scenario {
    name = name,
    vcpus = 2,
    guest = asm [[
            mov qword [0x9000], 0
      spin: cmp byte [0x9000], 0x5a
            jne spin
            vmcall
    ]],
    memory = {
      [0xa000] = asm([[
            mov ax, cs
            cpuid
            xor bx, bx
            mov ds, bx
            mov byte [0x9000], 0x5a
      stop: jmp stop
      ]], { bits = 16 }),
    },
    steps = {
      on(1, inject.sipi(0x0a)),
      expect "SIPI_SIGNAL" { vcpu = 1, qualification = 0x0a, activity = activity },
      expect "CPUID" { vcpu = 1, rax = 0xa00, cr0 = { value = 0, mask = 1 } },
      expect "VMCALL" {},
    },
  }
end
return {
  scenario {
    name = "two-vcpus-hand-over-through-memory",
    vcpus = 2,
    controls = { primary = { "hlt_exiting" } },
    start = { [1] = "second" }, -- vCPU 0 starts at the first byte; RDI holds the vCPU's number
    guest = asm [[
            mov qword [0x9000], 1
      spin: pause
            cmp qword [0x9008], 0
            je spin
            mov rax, [0x9008]
      done: vmcall
    second:
            cmp qword [0x9000], 0
            je second
            mov ecx, edi
            mov eax, 1
      ask:  cpuid
            mov qword [0x9008], 0x1234
            hlt
    ]],
    steps = {
      expect "CPUID" { vcpu = 1, physical_cpu = 1, rip = "ask", rcx = 1, rdi = 1 },
      expect "VMCALL" { rip = "done", rax = 0x1234, rdi = 0 },
      expect "HLT" { vcpu = 1 },
    },
  },
  scenario {
    name = "every-vcpu-counts",
    vcpus = 8,
    start = { [1] = "all", [2] = "all", [3] = "all", [4] = "all", [5] = "all", [6] = "all", [7] = "all" },
    guest = asm [[
      all:  mov rcx, 5000
      add:  lock inc qword [0x9000]
            push rcx
            pop rcx
            dec rcx
            jnz add
            lock inc qword [0x9008]
            test edi, edi
            jnz all_done
      join: cmp qword [0x9008], 8
            jne join
            mov rax, [0x9000]
            vmcall
      all_done:
            jmp all_done
    ]],
    steps = { expect "VMCALL" { rax = 40000 } },
  },
  sipi("sipi-starts-a-waiting-vcpu", 3), sipi("a-vcpu-runs-from-its-sipi-on", nil),
  -- On hardware this is the processor that has just waited for a SIPI: nothing of that is left.
  scenario {
    name = "a-processor-after-a-sipi",
    vcpus = 2,
    start = { [1] = "second" },
    guest = asm [[
      spin: cmp byte [0x9000], 0
            je spin
            vmcall
    second:
            cpuid
            cpuid
            mov byte [0x9000], 1
      stop: jmp stop
    ]],
    steps = { expect "CPUID" { vcpu = 1, interruptibility = 0 }, expect "CPUID" { vcpu = 1, interruptibility = 0 }, expect "VMCALL" {} },
  },
}
