-- Task gates of the IDT whose switch the hypervisor makes: a fault in it meets the event that the gate delivers. The new TSS on a page that is not there is a
-- fault of the old task; a segment that does not suit, or whose descriptor is not there, is one of the new task, which an interrupt has reached by then.
-- SDM 3A, "Interrupt 8: Double Fault Exception (#DF)", "Task Switching", "Error Code"; SDM 3C, "Treatment of Task Switches".
local IDT, GDT, TASK, DIRECTORY, TABLE = 0x2000, 0x1000, 0xe000, 0x18000, 0x19000
local HIDDEN, CODE, HANDLERS, LOCAL = 0xd000, 0x8000, 0x9000, 0x1a000
local SOFTWARE, EXTERNAL, NMI, HARDWARE = 4, 0, 2, 3
local DF, TS, GP, PF = 8, 10, 13, 14

-- The new task: it comes to "task" with a data segment, and its code, that may be wrong.
local function tss(t)
  return string.pack("<I4 I4I4I4I4I4I4 I4 I4I4 I4I4I4I4I4I4I4I4 I4I4I4I4I4I4 I4 I2I2", 0, 0, 0, 0, 0, 0, 0, DIRECTORY, t.eip or 0x9800, 2, 0, 0, 0, 0,
    t.esp or 0x60000, 0, 0, 0, 0x10, 0x08, 0x10, t.ds or 0x10, 0, 0, t.ldt or 0, 0, 0x68)
end
local function paging(hidden)
  local entries = {}
  for page = 0, 127 do entries[#entries + 1] = string.pack("<I4", page << 12 | ((page == HIDDEN >> 12 or page == hidden) and 6 or 7)) end
  return string.pack("<I4", TABLE | 7), table.concat(entries)
end
local function task_gate() return string.pack("<I2I2I2I2", 0, 0x20, 0x8500, 0) end
local function descriptor(base, limit, rights) return string.pack("<I2I2BBBB", limit, base & 0xffff, base >> 16, rights, 0, 0) end
local descriptors = descriptor(TASK, 0x67, 0x89) .. descriptor(LOCAL, 0xf, 0x82)

local firsts = {
  { name = "software-interrupt", code = "int 0x40", vector = 0x40, type = SOFTWARE, software = true },
  { name = "undefined", code = "ud2", vector = 6, type = HARDWARE },
  { name = "divide", code = "div bl", vector = 0, type = HARDWARE, contributory = true },
  { name = "protection", code = "mov ds, ax", vector = GP, type = HARDWARE, contributory = true, error = 0xff00 },
  { name = "page-fault", code = "mov al, [0xd000]", vector = PF, type = HARDWARE, page = true, error = 0 },
  { name = "interrupt", code = "nop", vector = 0x41, type = EXTERNAL, stimulus = queue.interrupt(0x41), flags = 0x202 },
  { name = "nmi", code = "nop", vector = 2, type = NMI, stimulus = queue.nmi() },
}
local seconds = {
  { name = "tss-not-there", hidden = TASK >> 12, vector = PF, error = 0, old = true },
  { name = "descriptor-not-there", hidden = LOCAL >> 12, tss = { ds = 0x0c, ldt = 0x28 }, vector = PF, error = 0 },
  { name = "bad-data-segment", tss = { ds = 0x58 }, vector = TS, error = 0x58, ext = true },
}
local scenarios = {}
for _, first in ipairs(firsts) do
  for _, second in ipairs(seconds) do
    do
      local double = first.contributory and second.vector ~= PF or first.page
      local vector = double and DF or second.vector
      local error = double and 0 or second.error | (second.ext and not first.software and 1 or 0)
      local directory, entries = paging(second.hidden)
      -- #PF as the first event has the task gate itself; the double fault comes by an interrupt gate.
      local idt = { [vector] = "handler" }
      if vector ~= second.vector and second.vector ~= first.vector then idt[second.vector] = "wrong" end
      local steps = {}
      if first.stimulus then steps[1] = first.stimulus end
      steps[#steps + 1] = expect "TASK_SWITCH" { rip = "here", source = "gate", selector = 0x20, idt_vector = first.vector }
      steps[#steps + 1] = expect "VMCALL" { rip = "told", rax = error, rbx = second.old and CODE or 0x9800, rdx = second.old and 0 or 0x4000 }
      -- An interrupt or NMI whose delivery the old task did not see comes again; one that the new task was entered for does not.
      local again = second.old and first.stimulus
      if again then
        steps[#steps + 1] = expect(first.type == NMI and "NMI_WINDOW" or "INTERRUPT_WINDOW") { rip = "here" }
        steps[#steps + 1] = expect "TASK_SWITCH" { source = "gate", idt_vector = first.vector, rip = "here" }
        steps[#steps + 1] = expect "VMCALL" { rip = "told" }
      end
      scenarios[#scenarios + 1] = scenario {
        name      = first.name .. "-meets-" .. second.name,
        mode      = "protected",
        controls  = { pin = { "virtual_nmis" } },
        vmcs      = { GUEST_CR0 = 0x80000031, GUEST_CR3 = DIRECTORY, GUEST_GDTR_LIMIT = 0x2f, GUEST_RFLAGS = first.flags or 2 },
        registers = { rax = 0xff00, rbx = 0 },
        idt       = idt,
        memory    = { [DIRECTORY] = directory, [TABLE] = entries, [GDT + 0x20] = descriptors, [TASK] = tss(second.tss or {}), [IDT + first.vector * 8] = task_gate() },
        guest     = { asm("here: " .. first.code .. "\nhlt"),
                      asm([[
            handler: pop eax                ; error code
                     mov ebx, [esp]         ; where it came from
                     pushfd
                     mov edx, [esp + 12]    ; flags: NT in the new task
                     and edx, 0x4000
                     add esp, 4
            told:    vmcall
                     iretd
                     times 0x800 - ($ - $$) nop
            task:    vmcall
            wrong:   vmcall
                      ]], { address = HANDLERS }) },
        steps     = steps,
      }
    end
  end
end
return scenarios
