-- A task switch exits always, after the checks on the new task's descriptor.
return scenario {
  name  = "task-switch",
  mode  = "protected",
  guest = asm [[
      here: jmp 0x20:0
  ]],
  steps = { expect "TASK_SWITCH" { rip = "here", source = "jmp", selector = 0x20, length = 7 } },
}
