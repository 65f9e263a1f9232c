-- EPTP switching: VMFUNC 0 takes an EPTP from the list, without an exit and without an invalidation: translations of each EPTP are cached apart.
-- Here further hierarchies stand in guest memory. They map the first 2 MBytes as the one in use at the start does, but the second one page 9000H to what
-- the guest calls A000H.
local LIST, ROOT, OTHER_ROOT = 0x20000, 0x21000, 0x28000
local RWX, WRITE_BACK = 7, 6 << 3
local old, new = string.unpack("<I4", "old\0"), string.unpack("<I4", "new\0")

local function entries(count, entry)
  local bytes = {}
  for i = 0, count - 1 do bytes[#bytes + 1] = string.pack("<I8", entry(i)) end
  return table.concat(bytes)
end

-- A hierarchy of four tables from `root` on; page 9000H is the guest's page `ninth`.
local function hierarchy(memory, root, ninth)
  memory[root]          = string.pack("<I8", host(root + 0x1000) | RWX)
  memory[root + 0x1000] = string.pack("<I8", host(root + 0x2000) | RWX)
  memory[root + 0x2000] = string.pack("<I8", host(root + 0x3000) | RWX)
  memory[root + 0x3000] = entries(512, function(i) return host((i == 9 and ninth or i) * 0x1000) | WRITE_BACK | RWX end)
  return memory
end

-- EPTP: write-back tables (6), a walk of 4 levels (3 in bits 5:3).
local SECOND, THIRD = host(ROOT) | 6 | 3 << 3, host(OTHER_ROOT) | 6 | 3 << 3

-- `second` stands in entries 0 and 1 of the list, another hierarchy, which maps page 9000H to itself, in entry 2.
local function switching(name, source, steps, second)
  local memory = hierarchy(hierarchy({ [0x9000] = "old", [0xa000] = "new" }, ROOT, 10), OTHER_ROOT, 9)
  memory[LIST] = string.pack("<I8I8I8", second or SECOND, second or SECOND, THIRD)
  return scenario {
    name     = name,
    controls = { secondary = { "enable_vpid", "enable_vm_functions" }, vmfunc = { "eptp_switching" } },
    vmcs     = { EPTP_LIST_ADDRESS = host(LIST) },
    memory   = memory,
    guest    = asm(source),
    steps    = steps,
  }
end

local SWITCH = [[
        mov ebx, [0x9000]
        xor eax, eax
        mov ecx, 1
  call: vmfunc
        mov edx, [0x9000]
]]
return {
  -- The switch shows at once; and what is cached of the new hierarchy outlives its tables, until INVEPT of that EPTP.
  switching("a-switch-shows-at-once", SWITCH .. "vmcall", { expect "VMCALL" { rbx = old, rdx = new } }),
  switching("translations-of-the-new-eptp-are-cached", SWITCH .. [[
        mov rsi, [0x24000 + 8 * 9]
        sub rsi, 0x1000
        mov [0x24000 + 8 * 9], rsi
        mov edi, [0x9000]
        vmcall
        mov ebx, [0x9000]
        vmcall
  ]], {
    expect "VMCALL" { rdx = new, rdi = new },
    invalidate.invept("single", SECOND),
    expect "VMCALL" { rbx = old },
  }),
  switching("invept-of-another-eptp-leaves-them", SWITCH .. [[
        mov rsi, [0x24000 + 8 * 9]
        sub rsi, 0x1000
        mov [0x24000 + 8 * 9], rsi
        vmcall
        mov ebx, [0x9000]
        vmcall
  ]], {
    expect "VMCALL" { rdx = new },
    invalidate.invept("single", 0x123401e),
    expect "VMCALL" { rbx = new },
  }),
  -- There and back: what was cached of an EPTP serves again, though its tables say otherwise by now.
  switching("translations-of-two-eptps-are-apart", SWITCH .. [[
        mov ecx, 2
        vmfunc
        mov esi, [0x9000]
        mov rdi, [0x24000 + 8 * 9]
        sub rdi, 0x1000
        mov [0x24000 + 8 * 9], rdi
        mov ecx, 1
        vmfunc
        mov edi, [0x9000]
        vmcall
  ]], { expect "VMCALL" { rbx = old, rdx = new, rsi = old, rdi = new } }),
  -- What VMFUNC refuses exits: a function or an index that is not there, an EPTP that VM entry would refuse.
  switching("function-1", "mov eax, 1\nxor ecx, ecx\ncall: vmfunc", { expect "VMFUNC" { rip = "call", length = 3 } }),
  switching("function-63", "mov eax, 63\nxor ecx, ecx\ncall: vmfunc", { expect "VMFUNC" { rip = "call" } }),
  switching("index-511-is-empty", "xor eax, eax\nmov ecx, 511\ncall: vmfunc", { expect "VMFUNC" { rip = "call" } }),
  switching("index-512", "xor eax, eax\nmov ecx, 512\ncall: vmfunc", { expect "VMFUNC" { rip = "call" } }),
  switching("memory-type", SWITCH, { expect "VMFUNC" { rip = "call" } }, SECOND ~ 5),
  switching("walk-length", SWITCH, { expect "VMFUNC" { rip = "call" } }, SECOND ~ 1 << 3),
  switching("reserved-bit", SWITCH, { expect "VMFUNC" { rip = "call" } }, SECOND | 1 << 11),
  -- Function numbers above 63 are undefined instructions.
  scenario {
    name             = "function-64",
    controls         = { secondary = { "enable_vm_functions" }, vmfunc = { "eptp_switching" } },
    exception_bitmap = { "#UD" },
    guest            = asm "mov eax, 64\ncall: vmfunc",
    steps            = { expect "EXCEPTION_NMI" { vector = "#UD", rip = "call" } },
  },
}
