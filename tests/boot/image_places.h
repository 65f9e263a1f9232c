/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions that put VMX structures where none belong, and that reach other processors. */
#ifndef TESTS_IMAGE_PLACES_H
#define TESTS_IMAGE_PLACES_H

#include "tests/fuzz/guest_code.h"

enum { IMAGE_START = 0x7000, IMAGE_START_BYTES = 0x900 };

/* A physical address: of a structure, of code and tables, at RAM's end, of devices, of nothing. */
uint32_t image_place(struct random *random);
/* Each appends at most 24 bytes. A structure gets a place; a control that makes use of one, or a number of one, is changed. */
void image_structure_append(struct guest_code *code);
void image_control_append(struct guest_code *code);
void image_number_append(struct guest_code *code);
/* An interrupt, an NMI, INIT or a SIPI for other processors: of 16-bit code by an x2APIC, else by a local APIC in memory. */
void image_message_append(struct guest_code *code);
/* What the other processors run at IMAGE_START behind a SIPI; all vectors of real-address mode lead there as well. */
void image_start(uint8_t page[IMAGE_START_BYTES], struct random *random, unsigned cpus);

#endif
