/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads a multiboot image (version 1 of the specification) into a bare machine: ELF32, ELF64, or with addresses in its header. */
#ifndef SIM_MULTIBOOT_H
#define SIM_MULTIBOOT_H

#include "../handlers/bench/multiboot.h"
#include "bare.h"

enum { MULTIBOOT_ERROR_BYTES = 160 };

struct multiboot_file {
    const uint8_t *bytes;
    uint64_t size;
    const char *text; /* command line of the kernel; of a module the words behind its name */
};

struct multiboot_request {
    struct multiboot_file kernel;
    const struct multiboot_file *modules;
    unsigned module_count; /* at most MULTIBOOT_MODULES_MAX */
};

/* Writes image, modules, command lines, memory map and information structure; processor 0 stands at the image's entry. False: the image cannot be
   started; `error` says why in one line. */
bool sim_multiboot_load(struct bk_machine *machine, const struct multiboot_request *request, char error[MULTIBOOT_ERROR_BYTES]);

#endif
