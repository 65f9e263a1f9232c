-- A guest of 16 MBytes for `vmxbench bench`: it writes all of them and exits, then writes one page in a hundred between exits.
return scenario {
  name      = "bench-touch",
  mode      = "long",
  guest_ram = 0x1000000,
  controls  = { secondary = { "enable_vpid" } },
  guest     = asm [[
                mov edi, 0x100000
        fill:   mov [rdi], rdi
                add rdi, 4096
                cmp rdi, 0x1000000
                jb fill
        round:  cpuid
                mov edi, 0x100000
                mov ecx, 41
        touch:  inc qword [rdi + 8]
                add rdi, 4096 * 90
                dec ecx
                jnz touch
                jmp round
  ]],
  steps = {},
  rest  = "any",
  limit = 4000000000,
}
