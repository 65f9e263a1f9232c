-- MOV to CR0 and CR4: it exits iff a bit that the host owns differs from the read shadow. Each bit alone, owned and not.
local scenarios = {}

local function cr0(bit, owned, shadow, written)
  local mask = owned and bit or 0
  local base = 0x80010031                                   -- PG, WP, NE, ET, PE
  local exits = owned and shadow ~= written
  scenarios[#scenarios + 1] = scenario {
    name  = string.format("cr0-%05x-%s-shadow-%d-write-%d", bit, owned and "host" or "guest", shadow, written),
    vmcs  = { CR0_GUEST_HOST_MASK = mask, CR0_READ_SHADOW = shadow * bit },
    guest = asm(string.format("mov eax, 0x%x\nhere: mov cr0, rax\nvmcall", (base & ~bit) | written * bit)),
    steps = { exits and expect "CR_ACCESS" { cr = 0, cr_type = "mov_to", rip = "here" } or expect "VMCALL" {} },
  }
end

for _, bit in ipairs { 0x2, 0x4, 0x8, 0x10000, 0x40000 } do       -- MP, EM, TS, WP, AM
  for shadow = 0, 1 do
    for written = 0, 1 do
      cr0(bit, true, shadow, written)
      cr0(bit, false, shadow, written)
    end
  end
end

local function cr4(bit, owned, shadow, written)
  local exits = owned and shadow ~= written
  scenarios[#scenarios + 1] = scenario {
    name  = string.format("cr4-%05x-%s-shadow-%d-write-%d", bit, owned and "host" or "guest", shadow, written),
    vmcs  = { CR4_GUEST_HOST_MASK = 0x2000 | (owned and bit or 0), CR4_READ_SHADOW = shadow * bit },
    guest = asm(string.format("mov eax, 0x%x\nhere: mov cr4, rax\nvmcall", 0x20 | written * bit)),
    steps = { exits and expect "CR_ACCESS" { cr = 4, cr_type = "mov_to", rip = "here" } or expect "VMCALL" {} },
  }
end

for _, bit in ipairs { 0x4, 0x8, 0x10, 0x80, 0x200 } do           -- TSD, DE, PSE, PGE, OSFXSR
  for shadow = 0, 1 do
    for written = 0, 1 do
      cr4(bit, true, shadow, written)
      cr4(bit, false, shadow, written)
    end
  end
end
return scenarios
