-- A guest that exits for three reasons which control bits can take away: it reads the time, reads an MSR of its own and writes a port, a thousand times
-- each. `vmxbench advise` ranks the bits, `vmxbench whatif --set use_msr_bitmaps=1` shows one of them.
return scenario {
  name = "a-guest-to-tune",
  controls = { primary = { "rdtsc_exiting", "unconditional_io_exiting" } },
  guest = asm [[
          mov ebx, 1000
    next: rdtsc
          mov ecx, 0xc0000102      ; IA32_KERNEL_GS_BASE
          rdmsr
          mov ecx, 40
    work: loop work
          mov dx, 0x80
          out dx, al
          dec ebx
          jnz next
    done: vmcall
          hlt
  ]],
  policy = { vmcall_stops = false },
  rest = "any",
  final = { stop = "halted", rbx = 0, exits = 3001 },
}
