/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit reasons by the names that scripts use. */
#ifndef SIM_LOADER_REASON_H
#define SIM_LOADER_REASON_H

#include "../vmx-model/reasons.h"
#include "loader.h"

/* The row of a basic exit reason; NULL: there is none, the error names the nearest. */
const struct vmx_reason_row *load_reason(const struct loader *loader, unsigned line, const char *name);

#endif
