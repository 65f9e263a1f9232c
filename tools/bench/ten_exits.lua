-- Ten exits, for the time from process start to verdict that `vmxbench bench` measures.
local steps = {}
for i = 1, 10 do
  steps[i] = expect "CPUID" { length = 2 }
end
return scenario {
  name  = "bench-ten-exits",
  mode  = "long",
  guest = asm [[
        times 10 cpuid
        hlt
  ]],
  steps = steps,
}
