-- A loop of CPUID exits for `vmxbench bench`: engine, model, handler, trace record, entry. R14 counts the exits; the guest halts at the end.
return scenario {
  name      = "bench-cpuid",
  mode      = "long",
  controls  = { secondary = { "enable_vpid" } },
  registers = { r14 = 300000 },
  guest     = asm [[
        round:  xor eax, eax
                cpuid
                dec r14
                jnz round
                hlt
  ]],
  steps = {},
  rest  = "any",
  limit = 4000000000,
}
