/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explains a VMCS that was dumped elsewhere. */
#ifndef TOOLS_EXPLAIN_DUMP_H
#define TOOLS_EXPLAIN_DUMP_H

#include <stdio.h>

#include "../vmx-model/caps.h"
#include "vmcs_dump.h"

/* Prints what is wrong with it for a processor with these capabilities; how many rules are violated. */
unsigned explain_dump(FILE *to, const struct vmcs_dump *dump, const struct vmx_caps *caps);

#endif
