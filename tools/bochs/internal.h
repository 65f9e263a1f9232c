/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the Bochs runner share. */
#ifndef TOOLS_BOCHS_INTERNAL_H
#define TOOLS_BOCHS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bochs_run.h"

struct bytes {
    uint8_t *data;
    size_t size, capacity;
};
/* ---- bytes.c ---- */
/* False: no memory. */
bool bytes_add(struct bytes *to, const void *data, size_t size);

/* ---- image.c ---- */
/* Bochs takes a ROM of this size at most, with what it holds besides scenarios. */
enum { BOCHS_ROM_MAX = 2 << 20, BOCHS_LOADER_BYTES = 64 << 10 };
/* Bytes of packed scenarios that go into one ROM. */
size_t bochs_module_room(void);
/* The ROM that starts the hardware image with one boot module (none when it has no bytes), in a machine of so many MBytes. False: it does not fit. */
bool bochs_make_rom(struct bytes *rom, const void *module, size_t module_size, unsigned memory_mbytes);
/* Code and data that lie at one address. */
struct bochs_flat_kernel {
    const void *bytes;
    size_t size;
    uint32_t address, entry;
};
/* The ROM that starts another multiboot kernel. False: it does not fit. */
bool bochs_make_rom_of(struct bytes *rom, const struct bochs_flat_kernel *kernel, unsigned memory_mbytes);

/* ---- machine.c ---- */
/* Boots a ROM and returns what came over the serial port. False: Bochs could not run, *error says why. *stuck: it was ended after a long silence. */
bool bochs_boot(const struct bytes *rom, const char *model, unsigned memory_mbytes, unsigned cpus, struct bytes *serial, bool *stuck,
                struct sim_error *error);

/* ---- bochs_run.c ---- */
/* What one boot wants. */
struct hw_boot {
    const struct bytes *module;
    const char *model; /* of the processor, in the machine's words */
    unsigned memory_mbytes, cpus;
};
/* A machine that boots the hardware image. */
struct hw_machine {
    const char *name;                          /* "bochs", for complaints */
    const char *(*model)(const char *profile); /* the processor for a CPU profile; scenarios of one boot share it */
    size_t (*module_room)(void);               /* bytes of packed scenarios that go into one boot */
    /* As bochs_boot(). */
    bool (*boot)(const struct hw_machine *machine, const struct hw_boot *what, struct bytes *serial, bool *stuck, struct sim_error *error);
    const char *where;     /* the line to a computer that somebody else boots, */
    unsigned wait_seconds; /* which may be silent for so long; 0: as struct line says */
    bool boots_once;       /* scenarios that it did not come to are lost */
};
/* As bochs_run(), on any such machine. */
bool hw_run(const struct hw_machine *machine, const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace,
            struct bochs_outcome *outcomes, struct sim_error *error);

/* ---- line.c ---- */
enum line_end { LINE_ENDED /* the image said that it is through */, LINE_CLOSED, LINE_SILENT, LINE_NOISE /* much, but nothing of an image */ };
/* Reads a serial stream up to the image's last line. Silence: nothing at all for so many seconds at first, and later. */
enum line_end line_collect(int file, unsigned first_seconds, unsigned silent_seconds, struct bytes *serial);

/* ---- serial.c ---- */
/* What the serial port said of one scenario. */
struct bochs_report {
    bool begun, ran, refused;
    bool damaged;             /* some of its frames did not arrive whole */
    struct bytes trace;       /* payloads of its frames */
    char text[160], note[48]; /* note: what the image adds, like a control that the processor lacks */
    bool in_dump;
    char dump[4096]; /* of its VMCSs */
};
/* Takes a serial stream apart: frames and the lines "begin N", "note: text", "ran N: text", "refused N: text"; the last other line
   since the last "begin" goes to `last`. */
void bochs_parse(const struct bytes *serial, struct bochs_report *reports, size_t count, char last[160]);

#endif
