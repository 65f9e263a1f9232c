-- What accesses that read and write back, and the many of an event's delivery, show when they fault or cause EPT violations.
local taken = { { guest = 0x30000, bytes = 0x1000, rights = "" } }
local read_only = { { guest = 0x30000, bytes = 0x1000, rights = "r" } }
local hidden = { { linear = 0x600000, guest = 0x30000, bytes = 0x1000, present = false } }
local locked = { { linear = 0x600000, guest = 0x30000, bytes = 0x1000, write = false } }

-- CMPXCHG and CMPXCHG8B write whatever the comparison gives.
local modify = { "add [rbx], al", "lock add [rbx], eax", "adc word [rbx], 3", "inc dword [rbx]", "dec qword [rbx]", "not byte [rbx]", "neg dword [rbx]",
                 "xchg [rbx], eax", "xadd [rbx], eax", "cmpxchg [rbx], ecx", "cmpxchg8b [rbx]", "lock cmpxchg16b [rbx]", "bts [rbx], eax",
                 "btr dword [rbx], 3", "lock btc [rbx], ecx", "shl dword [rbx], 1", "sar byte [rbx], 3", "rcl dword [rbx], cl", "ror word [rbx], 2",
                 "shld [rbx], eax, 3", "shrd [rbx], eax, cl" }
local read = { "cmp [rbx], al", "cmp dword [rbx], 3", "test [rbx], eax", "test dword [rbx], 3", "bt [rbx], eax", "bt dword [rbx], 3", "mul dword [rbx]",
               "push qword [rbx]", "add eax, [rbx]", "movzx eax, byte [rbx]", "lodsb" }

local list = {}
-- The page is not there, and it is read-only: with EPT and with guest paging alike the access asks for both rights at once.
for _, code in ipairs(modify) do
  local function case(what, base, over)
    over.name = string.gsub(code, "[^%w]+", "-") .. what
    over.policy = { ept = "stop" }
    over.guest = asm("mov ebx, " .. base .. "\nhere: " .. code .. "\nvmcall")
    list[#list + 1] = scenario(over)
  end
  local violation = { rip = "here", write = true, guest_physical = 0x30000 }
  case("-absent-ept", "0x30000", { ept = taken, steps = { expect "EPT_VIOLATION" (violation) } })
  case("-read-only-ept", "0x30000", { ept = read_only, steps = { expect "EPT_VIOLATION" (violation) } })
  case("-absent", "0x600000", { pages = hidden, exception_bitmap = { "#PF" }, steps = { expect "EXCEPTION_NMI" { rip = "here", vector = "#PF", error_code = 2 } } })
  case("-read-only", "0x600000", { pages = locked, exception_bitmap = { "#PF" },
                                   steps = { expect "EXCEPTION_NMI" { rip = "here", vector = "#PF", error_code = 3 } } })
end
for _, code in ipairs(read) do
  list[#list + 1] = scenario {
    name   = string.gsub(code, "[^%w]+", "-") .. "-reads",
    ept    = taken,
    policy = { ept = "stop" },
    guest  = asm("mov ebx, 0x30000\nmov esi, ebx\nhere: " .. code .. "\nvmcall"),
    steps  = { expect "EPT_VIOLATION" { rip = "here", guest_physical = 0x30000, read = true, write = false } },
  }
end
-- A page that has been read alone, and is not dirty: the walk sets both flags for the read of the addition, and what is cached then serves both.
list[#list + 1] = scenario {
  name   = "cached-for-reads",
  ept    = read_only,
  policy = { ept = "stop" },
  guest  = asm [[
           mov ebx, 0x30000
           mov eax, [rbx]
           mov eax, [rbx + 8]
    here:  add [rbx], eax
  ]],
  steps  = { expect "EPT_VIOLATION" { rip = "here", guest_physical = 0x30000, write = true } },
}
-- An operand across a page boundary: the second page is the one that is read-only.
list[#list + 1] = scenario {
  name   = "across-pages",
  ept    = read_only,
  policy = { ept = "stop" },
  memory = { [0x2fffc] = "\1\2\3\4" },
  guest  = asm [[
           mov ebx, 0x2fffe
    here:  not dword [rbx]
  ]],
  steps  = { expect "EPT_VIOLATION" { rip = "here", guest_physical = 0x30000, guest_linear = 0x30000, write = true } },
  final  = { memory = { [0x2fffc] = "\1\2\3\4" } },
}
-- A segment that may not be written, ahead of a page that is not there.
list[#list + 1] = scenario {
  name   = "read-only-segment-first",
  mode   = "protected",
  exception_bitmap = { "#GP", "#PF" },
  vmcs   = { GUEST_DS_AR_BYTES = 0xc091 },
  guest  = asm [[
           mov ebx, 0x600000
    here:  add [ebx], eax
  ]],
  steps  = { expect "EXCEPTION_NMI" { rip = "here", vector = "#GP", error_code = 0 } },
}
list[#list + 1] =
  -- SS and RSP go to the page above, the first value that does not is RFLAGS.
  scenario {
    name      = "delivery-pushes-from-the-top",
    ept       = taken,
    policy    = { ept = "stop" },
    registers = { rsp = 0x31010 },
    idt       = { [6] = "here" },
    guest     = asm [[
      here:  ud2
    ]],
    steps = {
      expect "EPT_VIOLATION" { rip = "here", guest_linear = 0x30ff8, guest_physical = 0x30ff8, write = true, idt_vector = "#UD",
                               idt_type = "hardware_exception" },
    },
  }
return list
