-- The tight loop that `vmxbench bench` times: blocks of three instructions. R14 counts the rounds; the guest halts at the end.
return scenario {
  name      = "bench-tight",
  mode      = "long",
  registers = { r14 = 60000000 },
  guest     = asm [[
        round:  add rax, r14
                dec r14
                jnz round
                hlt
  ]],
  steps = {},
  rest  = "any",
  limit = 4000000000,
}
