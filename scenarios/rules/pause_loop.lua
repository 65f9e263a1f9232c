-- PAUSE-loop exiting: PAUSEs no more than PLE_GAP ticks apart make a loop; one that lasts longer than PLE_WINDOW exits.
local function spin(name, gap, window, body, steps, more)
  local s = {
    name     = name,
    controls = { secondary = { "pause_loop_exiting" } },
    vmcs     = { PLE_GAP = gap, PLE_WINDOW = window },
    guest    = asm("mov ecx, 50\nagain: pause\n" .. body .. "\ndec ecx\njnz again\nvmcall"),
    steps    = steps,
  }
  for key, value in pairs(more or {}) do s[key] = value end
  return scenario(s)
end

-- An iteration takes 3 ticks. The first PAUSE starts the window; PAUSE number n comes 3 (n - 1) ticks later.
return {
  spin("window-is-exceeded", 3, 30, "", { expect "PAUSE_INSTRUCTION" { rip = "again", length = 2, rcx = 50 - 11 } }),
  spin("window-is-just-long-enough", 3, 3 * 49, "", { expect "VMCALL" { rcx = 0 } }),
  spin("gap-is-exceeded", 2, 0, "", { expect "VMCALL" { rcx = 0 } }),
  spin("gap-is-just-long-enough", 4, 0, "nop", { expect "PAUSE_INSTRUCTION" { rcx = 49 } }),
  -- "PAUSE exiting" goes first.
  scenario {
    name     = "pause-exiting-goes-first",
    controls = { primary = { "pause_exiting" }, secondary = { "pause_loop_exiting" } },
    guest    = asm "here: pause",
    steps    = { expect "PAUSE_INSTRUCTION" { rip = "here" } },
  },
}
