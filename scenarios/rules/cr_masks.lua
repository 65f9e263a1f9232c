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

-- Every bit that exists, owned by the host and written otherwise than the shadow says: it exits, whatever the value would do.
for number, bits in pairs {
  [0] = { 0, 1, 2, 3, 4, 5, 16, 18, 29, 30, 31 },
  [4] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16, 17, 18, 20, 21 },
} do
  for _, bit in ipairs(bits) do
    local base = number == 0 and 0x80010031 or 0x20
    local mask, shadow = string.format("CR%d_GUEST_HOST_MASK", number), string.format("CR%d_READ_SHADOW", number)
    scenarios[#scenarios + 1] = scenario {
      name  = string.format("cr%d-bit-%d-of-the-host", number, bit),
      vmcs  = { [mask] = 1 << bit | (number == 4 and 0x2000 or 0), [shadow] = ~base & 1 << bit },
      guest = asm(string.format("mov eax, 0x%x\nhere: mov cr%d, rax", base, number)),
      steps = { expect "CR_ACCESS" { cr = number, cr_type = "mov_to", gpr = "rax", rip = "here", length = 3 } },
    }
  end
end

-- MOV to CR3 with CR3-load exiting: as many target values as the count says are compared.
for count = 0, 4 do
  for value = 0, 4 do
    local targets = { CR3_TARGET_COUNT = count }
    for i = 0, 3 do targets["CR3_TARGET_VALUE" .. i] = 0x4000 + 8 * (i % 4) end
    local exits = value >= count
    scenarios[#scenarios + 1] = scenario {
      name     = string.format("cr3-value-%d-of-%d-targets", value, count),
      controls = { primary = { "cr3_load_exiting" } },
      vmcs     = targets,
      guest    = asm(string.format("mov eax, 0x%x\nhere: mov cr3, rax\nvmcall", 0x4000 + (value < 4 and 8 * value or 0x10000))),
      steps    = { exits and expect "CR_ACCESS" { cr = 3, cr_type = "mov_to", rip = "here" } or expect "VMCALL" {} },
    }
  end
end

-- LMSW exits when one of its four bits would differ from the shadow in an owned place; a source bit 0 of 0 never counts, for LMSW cannot clear PE.
for bit = 0, 3 do
  for shadow = 0, 1 do
    for written = 0, 1 do
      for _, owned in ipairs { true, false } do
        local exits = owned and (bit == 0 and written > shadow or bit ~= 0 and written ~= shadow)
        scenarios[#scenarios + 1] = scenario {
          name  = string.format("lmsw-bit-%d-%s-shadow-%d-source-%d", bit, owned and "host" or "guest", shadow, written),
          vmcs  = { CR0_GUEST_HOST_MASK = owned and 1 << bit or 0, CR0_READ_SHADOW = shadow << bit },
          guest = asm(string.format("mov eax, 0x%x\nhere: lmsw ax\nvmcall", written << bit)),
          steps = { exits and expect "CR_ACCESS" { cr = 0, cr_type = "lmsw", rip = "here", qualification = 0x30 | written << bit + 16 } or expect "VMCALL" {} },
        }
      end
    end
  end
end

-- CLTS exits iff TS is the host's and the guest sees it set; SMSW and MOV from CR0 show the shadow.
for shadow = 0, 1 do
  for _, owned in ipairs { true, false } do
    local exits = owned and shadow == 1
    scenarios[#scenarios + 1] = scenario {
      name  = string.format("clts-%s-shadow-%d", owned and "host" or "guest", shadow),
      vmcs  = { CR0_GUEST_HOST_MASK = owned and 8 or 0, CR0_READ_SHADOW = shadow * 8, GUEST_CR0 = 0x80010039 },
      guest = asm "smsw rbx\nmov rcx, cr0\nhere: clts\nmov rdx, cr0\nvmcall",
      steps = {
        exits and expect "CR_ACCESS" { cr = 0, cr_type = "clts", rip = "here" } or {},
        expect "VMCALL" {
          rbx = owned and 0x80010031 + 8 * shadow or 0x80010039, rcx = owned and 0x80010031 + 8 * shadow or 0x80010039, rdx = 0x80010031,
        },
      },
    }
  end
end
return scenarios
