-- Cached translations: a change of page tables or EPT shows once the translation is invalidated, by the guest or by the hypervisor, and no earlier; and
-- each operation invalidates just what the manual says. (A processor may drop translations sooner; this one does not.)
local LINEAR, OLD, NEW, PTE = 0x400000, 0x9000, 0xa000, 0x70000 -- a 4-KByte page; where it points before and after; its page-table entry
local P, W, G = 1, 2, 0x100
local TABLES = 0x4000
local scenarios = {}
local function add(s) scenarios[#scenarios + 1] = scenario(s) end

local function base(s)
  s.memory = { [OLD] = "old", [NEW] = "new", [0xb000] = string.pack("<I8I8", 0, LINEAR), [0xb010] = string.pack("<I8I8", 1, LINEAR) }
  s.pages  = { { linear = LINEAR, guest = OLD }, { linear = LINEAR + 0x1000, guest = OLD } }
  return s
end
local old, new = string.unpack("<I4", "old\0"), string.unpack("<I4", "new\0")

-- ---- the guest changes its page table ----
-- `operation` stands between the change and the load; `of` says which pages are seen afresh: "all", "local" (those that are not global) or "none".
for _, case in ipairs {
  { name = "nothing", operation = "nop", of = "none" },
  { name = "invlpg", operation = "invlpg [0x400abc]", of = "all" },
  { name = "invlpg-of-another-page", operation = "invlpg [0x401000]", of = "none" },
  { name = "mov-cr3", operation = "mov rax, cr3\nmov cr3, rax", of = "local" },
  { name = "cr4-pge", operation = "mov rax, cr4\nxor rax, 0x80\nmov cr4, rax\nxor rax, 0x80\nmov cr4, rax", of = "all" },
  { name = "cr0-wp", operation = "mov rax, cr0\nxor rax, 0x10000\nmov cr0, rax", of = "none" },
  { name = "invpcid-address", operation = "xor eax, eax\ninvpcid rax, [0xb000]", of = "local", invpcid = true },
  { name = "invpcid-context", operation = "mov eax, 1\ninvpcid rax, [0xb000]", of = "local", invpcid = true },
  { name = "invpcid-all", operation = "mov eax, 2\ninvpcid rax, [0xb000]", of = "all", invpcid = true },
  { name = "invpcid-all-but-globals", operation = "mov eax, 3\ninvpcid rax, [0xb000]", of = "local", invpcid = true },
} do
  for _, global in ipairs { false, true } do
    local fresh = case.of == "all" or (case.of == "local" and not global)
    local flags = P + W + (global and G or 0)
    add(base {
      name      = "guest-" .. case.name .. (global and "-global" or "-local"),
      controls  = { primary = { cr3_load_exiting = false, cr3_store_exiting = false, invlpg_exiting = false },
                    secondary = case.invpcid and { "enable_vpid", "enable_invpcid" } or { "enable_vpid" } },
      vmcs      = { GUEST_CR4 = 0x20b0, CR4_GUEST_HOST_MASK = 0x2000 },
      registers = { rsi = OLD + flags, rdi = NEW + flags },
      guest     = { asm([[
              mov [0x70000], rsi
              invlpg [0x400000]
              mov ebx, [0x400000]
              mov [0x70000], rdi
      ]] .. case.operation .. [[

              mov ecx, [0x400000]
              vmcall
      ]]) },
      steps = { expect "VMCALL" { rbx = old, rcx = fresh and new or old } },
    })
  end
end

-- PCIDs: translations of another PCID are not used, stay with bit 63 of the source, and go without it.
for _, case in ipairs {
  { name = "kept-with-bit-63", back = "bts rax, 63", sees = old },
  { name = "dropped-without", back = "", sees = new },
} do
  add(base {
    name     = "pcid-" .. case.name,
    controls = { primary = { cr3_load_exiting = false, cr3_store_exiting = false }, secondary = { "enable_vpid" } },
    vmcs     = { GUEST_CR4 = 0x22020, CR4_GUEST_HOST_MASK = 0x2000 },
    guest    = asm([[
            mov ebx, [0x400000]             ; cached for PCID 0
            mov qword [0x70000], 0xa003
            mov eax, 0x4001
            mov cr3, rax
            mov ecx, [0x400000]             ; PCID 1 has none
            mov eax, 0x4000
            ]] .. case.back .. [[

            mov cr3, rax
            mov edx, [0x400000]
            vmcall
    ]]),
    steps = { expect "VMCALL" { rbx = old, rcx = new, rdx = case.sees } },
  })
end

-- A right that the cached translation lacks is looked up in memory: no page fault is raised that the page table does not ask for.
add(base {
  name     = "a-right-that-was-added-needs-no-invlpg",
  controls = { secondary = { "enable_vpid" } },
  guest    = asm [[
          mov qword [0x70000], 0x9001
          invlpg [0x400000]
          mov ebx, [0x400000]
          mov qword [0x70000], 0xa003
          mov ecx, [0x400000]
          mov [0x400004], ecx              ; CR0.WP = 1: the old translation does not allow it
          mov edx, [0x400000]
          vmcall
  ]],
  vmcs     = { GUEST_CR0 = 0x80010031 },
  steps    = { expect "VMCALL" { rbx = old, rcx = old, rdx = new } },
})

-- A first store sets the dirty flag; a page that is cached as dirty does not get the flag again.
add(base {
  name     = "dirty-flags",
  controls = { secondary = { "enable_vpid" } },
  guest    = asm [[
          mov ebx, [0x400000]
          mov esi, [0x70000]
          mov [0x400004], ebx
          mov edi, [0x70000]
          and dword [0x70000], ~0x60
          mov [0x400004], ebx
          mov r8d, [0x70000]
          invlpg [0x400000]
          mov [0x400004], ebx
          mov r9d, [0x70000]
          vmcall
  ]],
  steps    = { expect "VMCALL" { rsi = { value = 0x20, mask = 0x60 }, rdi = { value = 0x60, mask = 0x60 }, r8 = { value = 0, mask = 0x60 },
                                 r9 = { value = 0x60, mask = 0x60 } } },
})

-- ---- VM exits, and INVVPID of the hypervisor ----
for _, case in ipairs {
  { name = "exit-without-vpid", vpid = false, of = "all" },
  { name = "exit-with-vpid", vpid = true, of = "none" },
  { name = "invvpid-address", vpid = true, step = function() return invalidate.invvpid("address", LINEAR + 0x123) end, of = "all" },
  { name = "invvpid-another-address", vpid = true, step = function() return invalidate.invvpid("address", LINEAR + 0x1000) end, of = "none" },
  { name = "invvpid-single", vpid = true, step = function() return invalidate.invvpid("single") end, of = "all" },
  { name = "invvpid-another-vpid", vpid = true, step = function() return invalidate.invvpid("single", 0, 2) end, of = "none" },
  { name = "invvpid-all", vpid = true, step = function() return invalidate.invvpid("all") end, of = "all" },
  { name = "invvpid-keep-globals", vpid = true, step = function() return invalidate.invvpid("single_keep_globals") end, of = "local" },
  { name = "invept-single", vpid = true, step = function() return invalidate.invept("single") end, of = "all" },
  { name = "invept-another-eptp", vpid = true, step = function() return invalidate.invept("single", 0x123401e) end, of = "none" },
  { name = "invept-all", vpid = true, step = function() return invalidate.invept("all") end, of = "all" },
} do
  for _, global in ipairs { false, true } do
    local fresh = case.of == "all" or (case.of == "local" and not global)
    local flags = P + W + (global and G or 0)
    local steps = { expect "VMCALL" { rbx = old }, write.memory(PTE, string.pack("<I8", NEW + flags)) }
    if case.step then steps[#steps + 1] = case.step() end
    steps[#steps + 1] = expect "VMCALL" { rcx = fresh and new or old }
    add(base {
      name      = "host-" .. case.name .. (global and "-global" or "-local"),
      controls  = { secondary = { enable_vpid = case.vpid } },
      vmcs      = { GUEST_CR4 = 0x20a0, CR4_GUEST_HOST_MASK = 0x2000 },
      registers = { rsi = OLD + flags },
      guest     = asm [[
              mov [0x70000], rsi
              invlpg [0x400000]
              mov ebx, [0x400000]
              vmcall
              mov ecx, [0x400000]
              vmcall
      ]],
      steps     = steps,
    })
  end
end

-- ---- changes of EPT ----
-- A page loses its rights. What is cached is served on until INVEPT of its EPTP, INVVPID, or an exit without VPID drops it.
for _, case in ipairs {
  { name = "exit-without-vpid", vpid = false, exits = true },
  { name = "nothing", vpid = true, exits = false },
  { name = "invept-single", vpid = true, step = function() return invalidate.invept("single") end, exits = true },
  { name = "invept-another-eptp", vpid = true, step = function() return invalidate.invept("single", 0x123401e) end, exits = false },
  { name = "invept-all", vpid = true, step = function() return invalidate.invept("all") end, exits = true },
  { name = "invvpid-single", vpid = true, step = function() return invalidate.invvpid("single") end, exits = true },
  { name = "invvpid-another-address", vpid = true, step = function() return invalidate.invvpid("address", LINEAR + 0x1000) end, exits = false },
} do
  local steps = { expect "VMCALL" { rbx = old }, ept { guest = OLD, bytes = 0x1000, rights = "", invept = false } }
  if case.step then steps[#steps + 1] = case.step() end
  if case.exits then steps[#steps + 1] = expect "EPT_VIOLATION" { guest_physical = OLD, guest_linear = LINEAR, rip = "again" } end
  steps[#steps + 1] = expect "VMCALL" { rcx = old }
  add(base {
    name     = "ept-" .. case.name,
    controls = { secondary = { enable_vpid = case.vpid } },
    guest    = asm [[
            mov ebx, [0x400000]
            vmcall
    again:  mov ecx, [0x400000]
            vmcall
    ]],
    steps    = steps,
  })
end

-- An EPT violation drops what is cached of its page: the handler that adds a right needs no INVEPT.
add(base {
  name     = "ept-violation-drops-its-page",
  controls = { secondary = { "enable_vpid" } },
  ept      = { { guest = OLD, rights = "r" } },
  guest    = asm [[
          mov ebx, [0x400000]
          mov [0x400004], ebx
          mov ecx, [0x400004]
          vmcall
  ]],
  steps    = { expect "EPT_VIOLATION" { write = true, guest_physical = OLD + 4 }, expect "VMCALL" { rcx = old } },
})
return scenarios
