-- What virtual CPUs have in common: memory, code in it, and a final state that does not depend on the length of turns or on how many share a physical CPU.
local scenarios = {}
local function add(s) scenarios[#scenarios + 1] = scenario(s) end

for _, quantum in ipairs { 1, 13, 1000, 100000 } do
  for _, cpus in ipairs { 1, 2, 4 } do
    add {
      name = string.format("quantum-%d-on-%d", quantum, cpus),
      vcpus = 4, physical_cpus = cpus, quantum = quantum,
      start = { [1] = "all", [2] = "all", [3] = "all" },
      guest = asm [[
        all:  mov rcx, 100
        add:  lock inc qword [0x9000]
              mov eax, 7
        take: xchg [0x9010], eax              ; a lock: 0 is free
              test eax, eax
              jz mine
              pause
              jmp take
        mine: rdtsc
              shl rdx, 32
              or rax, rdx
              cmp rax, [0x9020]               ; when the lock was taken before
              jae on
              inc qword [0x9028]              ; time went back
        on:   mov [0x9020], rax
              add qword [0x9018], 3           ; not atomic by itself
              mov dword [0x9010], 0
              dec rcx
              jnz add
              mov eax, 0
              cpuid                           ; an exit
              lock inc qword [0x9008]
              test edi, edi
              jnz rest
        join: pause
              cmp qword [0x9008], 4
              jne join
              vmcall
        rest: jmp rest
      ]],
      memory = { [0x9010] = "\0" },
      steps = {
        expect "CPUID" {}, expect "CPUID" { vcpu = 1 }, expect "CPUID" { vcpu = 2 }, expect "CPUID" { vcpu = 3 },
        expect "VMCALL" {},
      },
      final = { memory = { [0x9000] = string.pack("<I8I8", 400, 4), [0x9018] = string.pack("<I8", 1200), [0x9028] = string.pack("<I8", 0) } },
    }
  end
end

-- Four vCPUs that have all run the same code: what any of them writes there all of them run.
for _, cpus in ipairs { 1, 2, 4 } do
  add {
    name = "code-written-by-each-of-four-on-" .. cpus,
    vcpus = 4, physical_cpus = cpus,
    start = { [1] = "all", [2] = "all", [3] = "all" },
    guest = asm [[
      all:   xor ebx, ebx                   ; rounds
      again: lock inc qword [0x9000]
             lea rcx, [rbx * 8 + 4]
      meet:  pause
             cmp [0x9000], rcx
             jb meet
             cmp edi, ebx                   ; the writer of this round
             jne run
             lea eax, [rbx + 10]
             mov [value + 1], al
      run:   lock inc qword [0x9000]
             add rcx, 4
      wait_: pause
             cmp [0x9000], rcx
             jb wait_
             call value
             sub eax, ebx
             cmp eax, 10
             je good
             lock inc qword [0x9008]
      good:  inc ebx
             cmp ebx, 4
             jb again
             lock inc qword [0x9010]
             test edi, edi
             jnz rest
      join:  pause
             cmp qword [0x9010], 4
             jne join
             vmcall
      rest:  pause
             jmp rest
             align 16
      value: mov eax, 1
             ret
    ]],
    steps = { expect "VMCALL" {} },
    final = { memory = { [0x9008] = string.pack("<I8I8", 0, 4) } },
  }
end

-- Code that one vCPU writes is what the other one runs, on the same physical CPU or another.
for _, cpus in ipairs { 1, 2 } do
  add {
    name = "code-written-by-another-vcpu-on-" .. cpus,
    vcpus = 2, physical_cpus = cpus,
    start = { [1] = "second" },
    guest = asm [[
            mov ecx, 3000
      work: loop work
            mov dword [patch + 1], 2
      spin: cmp byte [0x9000], 1
            jne spin
            mov word [hold], 0x9090           ; two NOPs in place of the jump
      join: cmp byte [0x9000], 2
            jne join
            vmcall
      second:
      patch: mov eax, 1
            cmp eax, 2
            jne second
            mov byte [0x9000], 1
      hold: jmp hold
            mov byte [0x9000], 2
      rest: jmp rest
    ]],
    steps = { expect "VMCALL" {} },
  }
  -- What the host writes, as a device would, reaches code and data of a vCPU that runs.
  add {
    name = "memory-written-by-the-host-on-" .. cpus,
    vcpus = 2, physical_cpus = cpus,
    start = { [1] = "second" },
    guest = asm [[
            mov ecx, 3000
      work: loop work
            cpuid
      spin: cmp byte [0x9000], 1
            jne spin
            cpuid
      join: cmp byte [0x9000], 2
            jne join
            vmcall
      second:
            cmp dword [0xa000], 0x1234
            jne second
            mov byte [0x9000], 1
      hold: jmp hold
            mov byte [0x9000], 2
      rest: jmp rest
    ]],
    steps = {
      expect "CPUID" {}, write.memory(0xa000, "\x34\x12\0\0"),
      expect "CPUID" {}, write.memory("hold", "\x90\x90"),
      expect "VMCALL" {},
    },
  }
  -- EPT rights that the hypervisor takes away are gone for the other vCPU too.
  add {
    name = "rights-taken-away-on-" .. cpus,
    vcpus = 2, physical_cpus = cpus,
    start = { [1] = "second" },
    guest = asm [[
            mov ecx, 3000
      work: loop work
            cpuid
      rest: jmp rest
      second:
            inc dword [0xa000]
            jmp second
    ]],
    steps = {
      expect "CPUID" {}, ept { guest = 0xa000, bytes = 0x1000, rights = "r" },
      expect "EPT_VIOLATION" { vcpu = 1, rip = "second", guest_physical = 0xa000 },
    },
  }
end
return scenarios
