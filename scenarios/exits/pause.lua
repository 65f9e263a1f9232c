-- PAUSE exiting. The handlers let another virtual CPU go first where one shares the physical CPU.
return {
  scenario {
    name     = "pause",
    controls = { primary = { "pause_exiting" } },
    guest    = asm [[
        here: pause
              vmcall
    ]],
    steps = {
      expect "PAUSE_INSTRUCTION" { rip = "here", length = 2 },
      expect "VMCALL" {},
    },
  },
  -- It waits for what the other one writes: one PAUSE is enough, though a turn would last for a million instructions.
  scenario {
    name          = "pause-yields-the-physical-cpu",
    controls      = { primary = { "pause_exiting" } },
    vcpus         = 2,
    physical_cpus = 1,
    quantum       = 1000000,
    start         = { [1] = "writer" },
    guest         = asm [[
              xor ebx, ebx
        spin: inc ebx
              pause
              cmp byte [0x9000], 0
              je spin
              vmcall
      writer: mov byte [0x9000], 1
              vmcall
              hlt
    ]],
    steps = {
      expect "PAUSE_INSTRUCTION" {},
      expect "VMCALL" { vcpu = 1 },
      expect "VMCALL" { rbx = 1 },
    },
  },
}
