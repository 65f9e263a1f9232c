/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest in VMX non-root operation for tests of decisions and executions: real instruction bytes in, outcome out. */
#ifndef TESTS_RUNNING_GUEST_H
#define TESTS_RUNNING_GUEST_H

#include "tests/support/valid_vmcs.h"
#include "vmx-model/decide.h"

/* Long-mode guests map the first GByte to itself by this table; a processor that offers everything. */
enum { RUNNING_PDPT = 0x9000, RUNNING_FREE = 0xa000 };

/* A machine whose native root software has entered the guest with exactly these controls on top of the least valid ones. Aborts when entry fails. */
void running_guest(struct valid_machine *m, enum valid_guest guest, uint32_t pin, uint32_t primary, uint32_t secondary);

void set_cpl(struct valid_machine *m, unsigned cpl);

/* Decodes the bytes (a string literal; zeros follow) in the guest's mode. Aborts when they are no instruction. */
#define DECODE(m, text) decode_bytes((m), (text), sizeof(text) - 1)
struct vmx_instruction decode_bytes(const struct valid_machine *m, const char *bytes, unsigned size);

#define DECIDE(m, text) decide_bytes((m), (text), sizeof(text) - 1)
struct vmx_outcome decide_bytes(struct valid_machine *m, const char *bytes, unsigned size);

/* Decides, and executes when nothing stands in the way. */
#define STEP(m, text) step_bytes((m), (text), sizeof(text) - 1)
struct vmx_outcome step_bytes(struct valid_machine *m, const char *bytes, unsigned size);

bool is_fault(const struct vmx_outcome *outcome, unsigned vector);
bool is_exit(const struct vmx_outcome *outcome, unsigned reason);
bool is_run(const struct vmx_outcome *outcome);
bool is_done(const struct vmx_outcome *outcome);

#endif
