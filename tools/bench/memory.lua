-- A guest of 16 MBytes for `vmxbench bench`: it writes all of them, then makes CPUID exits without end.
return scenario {
  name      = "bench-memory",
  mode      = "long",
  guest_ram = 0x1000000,
  controls  = { secondary = { "enable_vpid" } },
  guest     = asm [[
                mov edi, 0x100000
        fill:   mov [rdi], rdi
                add rdi, 4096
                cmp rdi, 0x1000000
                jb fill
        round:  xor eax, eax
                cpuid
                jmp round
  ]],
  steps = {},
  rest  = "any",
  limit = 400000000000,
}
