/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bare machine: processors, RAM and devices without a hypervisor under them. What is booted may be one. */
#ifndef SIM_BARE_H
#define SIM_BARE_H

#include "board.h"

enum { SIM_BARE_CPUS_MAX = SIM_VCPUS_MAX };
#define SIM_BARE_RAM_MIN (UINT64_C(1) << 20)
#define SIM_BARE_RAM_MAX (UINT64_C(3) << 30) /* what lies above belongs to devices and the ROM */
#define SIM_BARE_ROM_MAX (UINT64_C(4) << 20)

struct sim_bare_options {
    const struct vmx_caps *caps; /* NULL: the default profile */
    uint64_t ram_bytes;          /* whole MiB, SIM_BARE_RAM_MIN to SIM_BARE_RAM_MAX */
    unsigned cpus;               /* 1 to SIM_BARE_CPUS_MAX */
    uint64_t limit;              /* instructions, exits and deliveries of all processors; 0: none */
    bool fw_cfg;                 /* offer the firmware configuration ports */
    const void *rom;             /* firmware that ends at 4 GiB and is copied below 1 MiB; NULL: none */
    uint64_t rom_bytes;          /* a multiple of 64 KiB, at most SIM_BARE_ROM_MAX */
    void *context;               /* of the calls below, any of which may be NULL */
    void (*output)(void *context, unsigned port, uint8_t byte);
    void (*report)(void *context, const char *text);
};

/* The bootstrap processor stands at the reset vector, the others wait for a SIPI. NULL: *message says why. Freed by sim_machine_free(). */
struct bk_machine *sim_bare_new(const struct sim_bare_options *options, const char **message);

/* Runs to the end, which comes for every guest that makes no progress when there is a limit; or up to machine->pause, in the measure of the limit, from
   where another call goes on. *status: of SIM_BOARD_STATUS. */
enum sim_board_end sim_bare_run(struct bk_machine *machine, unsigned *status);

/* Puts processor 0 where a multiboot loader leaves it: 32-bit protected mode without paging, flat segments, interrupts off, EAX and EBX as given. */
void sim_bare_start_at(struct bk_machine *machine, uint32_t entry, uint32_t eax, uint32_t ebx);

#endif
