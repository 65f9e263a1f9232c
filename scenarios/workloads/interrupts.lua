-- Four virtual CPUs on four physical CPUs, with a network card, a disk and timers whose interrupts all arrive at CPU 0, as firmware leaves them.
-- vCPU 0 and vCPU 3 compute; vCPU 1 serves the network, vCPU 2 the disk, both halted in between. vCPU 0 pays a VM exit for every interrupt of the others.
-- `vmxbench stat --pcpu` shows who pays for whom, `vmxbench advise` which interrupt to bind where, `vmxbench tune` the best set.
local receive, transmit, disk = 0x41, 0x42, 0x51
local checksum = string.pack("<I4", 0x9023ec91)
local timer = { [0] = 0x60, 0x61, 0x62, 0x63 }

return scenario {
  name     = "interrupts-of-four-vcpus",
  vcpus    = 4,
  start    = { [1] = "device", [2] = "device", [3] = "compute" },
  controls = { primary = { "hlt_exiting" } },
  sources  = {
    { vector = receive,  vcpu = 1, period = 6000,  jitter = 1500, seed = 1, count = 500 },
    { vector = transmit, vcpu = 1, period = 15000, jitter = 4000, seed = 2, count = 200 },
    { vector = disk,     vcpu = 2, period = 25000, jitter = 9000, seed = 3, count = 120 },
    { vector = timer[0], vcpu = 0, period = 100000, count = 30 },
    { vector = timer[1], vcpu = 1, period = 100000, first = 125000, count = 30 },
    { vector = timer[2], vcpu = 2, period = 100000, first = 150000, count = 30 },
    { vector = timer[3], vcpu = 3, period = 100000, first = 175000, count = 30 },
  },
  idt      = { [receive] = "received", [transmit] = "sent", [disk] = "done", [timer[0]] = "tick0", [timer[1]] = "tick1", [timer[2]] = "tick2",
               [timer[3]] = "tick3" },
  guest    = asm [[
      RECEIVED equ 0x9000
      SENT     equ 0x9004
      DONE     equ 0x9008
      TICKS    equ 0x900c             ; of four virtual CPUs

    compute:                          ; a checksum, with interrupts on
            sti
            mov ecx, 1200000
            xor eax, eax
      sum:  add eax, ecx
            rol eax, 3
            loop sum
            mov [0x9020 + rdi*4], eax
    idle:   hlt                       ; the sources come to their end, and all sleep
            jmp idle

    device:                           ; what there is to do is done by the interrupts
            sti
            jmp idle

    received:
            inc dword [RECEIVED]
            iretq
    sent:   inc dword [SENT]
            iretq
    done:   inc dword [DONE]
            iretq
    tick0:  inc dword [TICKS]
            iretq
    tick1:  inc dword [TICKS + 4]
            iretq
    tick2:  inc dword [TICKS + 8]
            iretq
    tick3:  inc dword [TICKS + 12]
            iretq
  ]],
  rest     = "any",
  limit    = 100000000,
  final    = { stop = "halted", memory = { [0x9020] = checksum, [0x902c] = checksum } },
}
