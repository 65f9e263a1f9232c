/* SPDX-License-Identifier: MIT */
/* What leaves the machine: COM1, 115200 baud, and the VGA's text screen. */
#ifndef HW_CONSOLE_H
#define HW_CONSOLE_H

#include "../bench/console.h"

extern struct console hw_console;

void hw_console_init(void);
/* Ends the run: says why unless `reason` is NULL, waits until all is sent, powers Bochs off or halts. */
_Noreturn void hw_end(const char *reason);

#endif
