/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unicorn's public interface: the engine room's, and that of the stock program that the benchmark compares with. */
#ifndef SIM_UNICORN_API_H
#define SIM_UNICORN_API_H

#include <unicorn/unicorn.h>

#endif
