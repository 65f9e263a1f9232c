-- 20000 CPUID exits on Bochs for `vmxbench bench`: the difference of two such runs is free of the boot. R14 counts the exits.
return scenario {
  name      = "bench-bochs-few",
  mode      = "long",
  registers = { r14 = 20000 },
  guest     = asm [[
        round:  xor eax, eax
                cpuid
                dec r14
                jnz round
                hlt
  ]],
  steps = {},
  rest  = "any",
}
