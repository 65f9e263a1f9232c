-- The MSR bitmaps at their edges: two ranges, reads and writes apart, everything else exits.
local scenarios = {}

-- Without an exit these MSRs read, or give #GP; either way the exception bitmap or VMCALL shows where the guest got to.
local function read(index, listed, exits)
  scenarios[#scenarios + 1] = scenario {
    name             = string.format("read-%08x-%s", index, listed and "listed" or "free"),
    controls         = { primary = { "use_msr_bitmaps" } },
    msr_bitmap       = { read = listed and { index } or {} },
    exception_bitmap = { "#GP" },
    guest            = asm(string.format("mov ecx, 0x%x\nhere: rdmsr\nvmcall", index)),
    steps            = {
      exits and expect "MSR_READ" { msr = index, rip = "here" }
             or expect(index == 0x1fff and "EXCEPTION_NMI" or index == 0xc0001fff and "EXCEPTION_NMI" or "VMCALL") {},
    },
  }
end

for _, index in ipairs { 0x10, 0x174, 0x1fff, 0xc0000080, 0xc0000102, 0xc0001fff } do
  read(index, false, false)
  read(index, true, true)
end
for _, index in ipairs { 0x2000, 0xbfffffff, 0xc0002000, 0xffffffff } do
  read(index, false, true)
end

-- The same for writes. An MSR that cannot be written gives #GP where nothing exits.
local function write(index, listed, exits)
  scenarios[#scenarios + 1] = scenario {
    name             = string.format("write-%08x-%s", index, listed and "listed" or "free"),
    controls         = { primary = { "use_msr_bitmaps" } },
    msr_bitmap       = { write = listed and { index } or {} },
    exception_bitmap = { "#GP" },
    guest            = asm(string.format("mov ecx, 0x%x\nxor eax, eax\nxor edx, edx\nhere: wrmsr\nvmcall", index)),
    steps            = {
      exits and expect "MSR_WRITE" { msr = index, rip = "here" }
             or expect((index == 0x1fff or index == 0xc0001fff) and "EXCEPTION_NMI" or "VMCALL") {},
    },
  }
end

for _, index in ipairs { 0x174, 0x175, 0x1fff, 0xc0000081, 0xc0000102, 0xc0001fff } do
  write(index, false, false)
  write(index, true, true)
end
for _, index in ipairs { 0x2000, 0xbfffffff, 0xc0002000, 0xffffffff } do
  write(index, false, true)
end

-- A neighbour's bit is a neighbour's.
for _, neighbour in ipairs { 0x173, 0x175 } do
  scenarios[#scenarios + 1] = scenario {
    name       = string.format("bit-of-%x-leaves-174-alone", neighbour),
    controls   = { primary = { "use_msr_bitmaps" } },
    msr_bitmap = { neighbour },
    guest      = asm "mov ecx, 0x174\nrdmsr\nwrmsr\nvmcall",
    steps      = { expect "VMCALL" {} },
  }
end

-- A bit of the read half does not touch writes, and the other way about.
scenarios[#scenarios + 1] = scenario {
  name       = "read-bit-leaves-writes-alone",
  controls   = { primary = { "use_msr_bitmaps" } },
  msr_bitmap = { read = { 0x174 } },
  guest      = asm [[
        mov ecx, 0x174
        mov eax, 8
        xor edx, edx
        wrmsr
  here: rdmsr
  ]],
  steps = { expect "MSR_READ" { msr = 0x174, rip = "here" } },
}
scenarios[#scenarios + 1] = scenario {
  name       = "write-bit-leaves-reads-alone",
  controls   = { primary = { "use_msr_bitmaps" } },
  msr_bitmap = { write = { 0xc0000102 } },
  guest      = asm [[
        mov ecx, 0xc0000102
        rdmsr
  here: wrmsr
  ]],
  steps = { expect "MSR_WRITE" { msr = 0xc0000102, rip = "here" } },
}
return scenarios
