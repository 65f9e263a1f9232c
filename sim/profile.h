/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU profiles by name: those of the model, and those that the hardware image has measured, from files. */
#ifndef SIM_PROFILE_H
#define SIM_PROFILE_H

#include <stdbool.h>

#include "../vmx-model/caps.h"
#include "scenario.h"

/* Reads a file with the image's lines "profile msr", "profile cpuid" and "profile sum", whatever stands between them, so that a recording of its serial line will do. The
   profile is known by the file's path, and named after the file. False: *error says why. */
bool sim_profile_read(const char *path, struct sim_error *error);
/* By name, or by the path that it was read from; NULL when there is none. */
const struct vmx_caps *sim_profile(const char *name);

#endif
