-- EPT entry by entry: misconfigurations, walks of five levels, mode-based execute control, sub-page write permissions, virtualization exceptions.
-- The hierarchy stands in guest memory and maps the first 2 MBytes of guest RAM one to one, but for what a scenario puts in its place.
local ROOT, INFO = 0x20000, 0x30000
local RWX, WB, LARGE, USER_EXECUTE = 7, 6 << 3, 1 << 7, 1 << 10
local PAGE = 0x9000
local scenarios = {}

-- `levels` is 4 or 5; `over` replaces entries by level (5 to 1): the one that leads to PAGE.
local function hierarchy(levels, over)
  local memory, at = {}, ROOT
  for level = levels, 2, -1 do
    memory[at] = string.pack("<I8", over[level] or (host(at + 0x1000) | RWX | USER_EXECUTE))
    at = at + 0x1000
  end
  local entries = {}
  for i = 0, 511 do entries[#entries + 1] = string.pack("<I8", i == 9 and over[1] or (host(i * 0x1000) | WB | RWX | USER_EXECUTE)) end
  memory[at] = table.concat(entries)
  memory[PAGE] = "\x0f\x01\xc1"                             -- vmcall
  return memory, host(ROOT) | 6 | levels - 1 << 3
end

local function add(name, t)
  local memory, eptp = hierarchy(t.levels or 4, t.over or {})
  for address, bytes in pairs(t.memory or {}) do memory[address] = bytes end
  local vmcs = { EPT_POINTER = eptp }
  for field, value in pairs(t.vmcs or {}) do vmcs[field] = value end
  scenarios[#scenarios + 1] = scenario {
    name = name, profile = t.profile, controls = t.controls, vmcs = vmcs, memory = memory, pages = t.pages, idt = t.idt, guest = asm(t.guest),
    exception_bitmap = t.exception_bitmap, policy = t.policy or { ept = "stop", exceptions = "stop" }, steps = t.steps, final = t.final,
  }
end

-- ---- misconfigurations ----
local READ = "here: mov eax, [0x9000]\nvmcall"
local frame, at_level = host(PAGE) | WB, function(level) return host(ROOT + 0x1000 * (5 - level)) end
for name, over in pairs {
  ["write-without-read"] = { [1] = frame | 2 },
  ["write-and-execute-without-read"] = { [1] = frame | 6 },
  ["write-without-read-in-a-table"] = { [2] = at_level(2) | 2 },
  ["memory-type-2"] = { [1] = host(PAGE) | 2 << 3 | RWX },
  ["memory-type-3"] = { [1] = host(PAGE) | 3 << 3 | RWX },
  ["memory-type-7"] = { [1] = host(PAGE) | 7 << 3 | RWX },
  ["address-too-wide"] = { [1] = frame | RWX | 1 << 51 },
  ["address-too-wide-in-a-table"] = { [3] = at_level(3) | RWX | 1 << 51 },
  ["pml4e-bit-7"] = { [4] = at_level(4) | RWX | LARGE },
  ["pml4e-bit-3"] = { [4] = at_level(4) | RWX | 8 },
  ["pdpte-bit-6"] = { [3] = at_level(3) | RWX | 64 },
  ["pde-bit-3"] = { [2] = at_level(2) | RWX | 8 },
  ["large-page-bit-12"] = { [2] = host(0) | WB | RWX | LARGE | 0x1000 },
  ["large-page-bit-20"] = { [2] = host(0) | WB | RWX | LARGE | 0x100000 },
  ["large-page-memory-type-2"] = { [2] = host(0) | 2 << 3 | RWX | LARGE },
} do
  local above = over[1] == nil                              -- the code does not run either
  add("misconfigured-" .. name, {
    over  = over, guest = READ,
    steps = { expect "EPT_MISCONFIG" { rip = "here", guest_physical = above and { value = 0, mask = ~0x1fffff } or PAGE, qualification = 0 } },
  })
end

-- Well-formed entries of all permissions: what a read, a write and a fetch get.
for rights, allowed in pairs { [1] = "r", [3] = "rw", [4] = "x", [5] = "rx", [7] = "rwx", [0] = "" } do
  for access, code in pairs { r = READ, w = "here: mov [0x9000], eax\nvmcall", x = "mov eax, 0x9000\njmp rax" } do
    local bit = ({ r = 1, w = 2, x = 4 })[access]
    add(string.format("rights-%d-access-%s", rights, access), {
      over  = { [1] = rights == 0 and 0 or frame | rights | (rights & 4 ~= 0 and USER_EXECUTE or 0) },
      guest = code,
      steps = {
        allowed:find(access) and expect "VMCALL" {}
          or expect "EPT_VIOLATION" { guest_physical = PAGE, guest_linear = PAGE, qualification = { value = bit | rights << 3 | 0x180, mask = 0x1bf } },
      },
    })
  end
end

-- ---- five levels ----
add("five-levels", { profile = "icelake-sp", levels = 5, guest = READ, steps = { expect "VMCALL" {} } })
add("five-levels-misconfigured-pml5e", {
  profile = "icelake-sp", levels = 5, over = { [5] = host(ROOT + 0x1000) | RWX | LARGE }, guest = READ, steps = { expect "EPT_MISCONFIG" {} },
})
add("five-levels-without-rights-at-the-top", {
  profile = "icelake-sp", levels = 5, over = { [5] = host(ROOT + 0x1000) | 3 }, guest = READ,
  steps = { expect "EPT_VIOLATION" { fetch = true, qualification = { value = 0x19c, mask = 0x1bf } } },
})

-- ---- mode-based execute control: bit 2 is for supervisor-mode addresses, bit 10 for user-mode ones ----
for _, user in ipairs { false, true } do
  for rights = 0, 3 do
    local xs, xu = rights & 1, rights >> 1
    local allowed = (user and xu or xs) == 1
    add(string.format("mode-based-execute-of-a-%s-page-xs-%d-xu-%d", user and "user" or "supervisor", xs, xu), {
      profile  = "skylake-sp",
      controls = { secondary = { "mode_based_execute_control_for_ept" } },
      pages    = { { linear = 0x400000, guest = PAGE, user = user } },
      over     = { [1] = frame | 3 | xs << 2 | xu << 10 },
      guest    = "mov eax, 0x400000\njmp rax",
      steps    = {
        allowed and expect "VMCALL" {}
          or expect "EPT_VIOLATION" { fetch = true, guest_linear = 0x400000, qualification = { value = 0x19c | xs << 5 | xu << 6, mask = 0x1ff } },
      },
    })
  end
end

-- ---- virtualization exceptions: a violation goes to the guest unless bit 63 of the entry, or a busy information area, keeps it an exit ----
for _, case in ipairs {
  { name = "of-an-entry-that-is-not-present", entry = 0, converted = true, qualification = 0x181 },
  { name = "of-an-entry-that-may-be-fetched", entry = frame | 4 | USER_EXECUTE, converted = true, qualification = 0x1a1 },
  { name = "suppressed-by-bit-63", entry = 1 << 63, converted = false, qualification = 0x181 },
  { name = "with-a-busy-area", entry = 0, converted = false, qualification = 0x181, busy = 1 },
} do
  add("virtualization-exception-" .. case.name, {
    profile  = "icelake-sp",
    controls = { secondary = { "ept_violation_ve" } },
    vmcs     = { VE_INFORMATION_ADDRESS = host(INFO), EPTP_INDEX = 0x1234 },
    memory   = { [INFO] = string.pack("<I4I4I8I8I8I2", 0, case.busy or 0, 0, 0, 0, 0) },
    over     = { [1] = case.entry },
    idt      = { [20] = "ve" },
    guest    = "here: mov eax, [0x9008]\nve: mov rbx, [rsp]\nmov rcx, [0x30000]\nmov rdx, [0x30008]\nmov rsi, [0x30010]\nmov rdi, [0x30018]\n" ..
               "movzx r8, word [0x30020]\nvmcall",
    steps    = {
      case.converted
        and expect "VMCALL" {
          rbx = "here", rcx = 0xffffffff00000030, rdx = { value = case.qualification, mask = 0x1ff }, rsi = PAGE + 8, rdi = PAGE + 8, r8 = 0x1234,
        }
        or expect "EPT_VIOLATION" { rip = "here", guest_physical = PAGE + 8, qualification = { value = case.qualification, mask = 0x1ff } },
    },
  })
end

-- ---- sub-page write permissions: two bits for each 128 bytes of a page whose entry has bit 61 set and may not be written ----
local SPP, SUB_PAGE = 0x40000, 1 << 61
local function sub_pages(bits, missing)
  local memory = {}
  for level = 4, 2, -1 do
    local table = SPP + 0x1000 * (4 - level)
    memory[table] = string.pack("<I8", missing == level and 0 or host(table + 0x1000) | 1)
  end
  memory[SPP + 0x3000 + 8 * 9] = string.pack("<I8", bits)
  return memory
end
local function sub_page(name, offset, bits, steps, t)
  t = t or {}
  add("sub-page-" .. name, {
    profile  = "bochs-tigerlake",
    controls = { secondary = { "sub_page_write_permissions_for_ept" } },
    vmcs     = { SPP_TABLE_POINTER = host(SPP) },
    memory   = sub_pages(bits, t.missing),
    over     = { [1] = frame | (t.rights or 1) | SUB_PAGE },
    guest    = string.format("here: mov [0x%x], al\nvmcall", PAGE + offset),
    steps    = steps,
    policy   = t.policy,
  })
end
for _, case in ipairs { { 0, 0 }, { 127, 0 }, { 128, 1 }, { 4095, 31 } } do
  local offset, index = case[1], case[2]
  sub_page("allowed-at-" .. offset, offset, 1 << 2 * index, { expect "VMCALL" {} })
  sub_page("refused-at-" .. offset, offset, 0x5555555555555555 & ~(1 << 2 * index), {
    expect "EPT_VIOLATION" { rip = "here", write = true, guest_physical = PAGE + offset, qualification = { value = 0x18a, mask = 0x1bf } },
  })
end
sub_page("of-a-page-that-may-be-written", 0, 0, { expect "VMCALL" {} }, { rights = 3 })
sub_page("reserved-bit", 0, 1 | 1 << 63, { expect "SPP_RELATED_EVENT" { rip = "here", guest_physical = PAGE, qualification = 0 } })
-- A missing entry is filled in, with all sub-pages writable, and the write is tried again.
for level = 2, 4 do
  sub_page("missing-level-" .. level, 0, 1, {
    expect "SPP_RELATED_EVENT" { rip = "here", guest_physical = PAGE, qualification = 0x800 }, expect "VMCALL" {},
  }, { missing = level, policy = { ept = "map" } })
end
return scenarios
