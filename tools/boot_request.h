/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command line of `vmxbench boot` asks for. */
#ifndef TOOLS_BOOT_REQUEST_H
#define TOOLS_BOOT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "../sim/multiboot.h"

struct boot_request {
    const char *image, *bios; /* one of them is NULL */
    const char *append;
    const char *module[MULTIBOOT_MODULES_MAX]; /* FILE or FILE=TEXT */
    unsigned modules;
    const char *profile; /* NULL: the richest that runs here */
    const char *trace;
    const char *snapshot; /* where the machine is saved */
    uint64_t at;          /* and after how many instructions, exits and event deliveries */
    const char *name;     /* last part of the image's path */
    uint64_t memory_bytes, limit;
    unsigned cpus;
    bool explain, fw_cfg, verbose;
    const char *shapes; /* an option that says what the machine is made of; NULL: none was given */
};

/* -1: go on; otherwise the exit status, after a complaint or the help text. */
int boot_parse(struct boot_request *request, int argc, char **argv);

#endif
