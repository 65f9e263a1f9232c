/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changed control bits of a command line. */
#ifndef TOOLS_OVERRIDE_H
#define TOOLS_OVERRIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "../sim/scenario.h"

/* "primary.hlt_exiting=1", or "hlt_exiting=1" where one word alone has the name; the control as vmx_control_of_name() knows it. False: why says
   what would be right. */
bool override_parse(const char *text, struct sim_override *out, char *why, size_t why_size);

#endif
