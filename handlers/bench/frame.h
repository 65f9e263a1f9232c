/* SPDX-License-Identifier: MIT */
/* Frames that carry a trace over a line of text: "VMXF", u16 length, u16 number, payload, u32 CRC-32 of number and payload, little-endian. The number counts
   frames, modulo 65536. Their payloads in order are the trace. */
#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H

#include <stdbool.h>
#include <stdint.h>

enum { FRAME_HEAD_BYTES = 8, FRAME_PAYLOAD_MAX = 1024, FRAME_TAIL_BYTES = 4, FRAME_MAX = FRAME_HEAD_BYTES + FRAME_PAYLOAD_MAX + FRAME_TAIL_BYTES };

/* A frame that is being filled; zeroed for a new one. */
struct frame {
    uint32_t size; /* of the payload so far */
    uint16_t number;
    uint8_t bytes[FRAME_MAX];
};
/* Takes as many bytes as fit, and returns how many. */
uint32_t frame_add(struct frame *frame, const void *bytes, uint32_t size);
/* Ends the frame, which then stands in frame->bytes, and empties it for the next one. Its size; 0: it holds nothing. */
uint32_t frame_end(struct frame *frame);

/* What begins at `at` in `size` bytes of a line. */
enum frame_kind {
    FRAME_NONE,    /* no frame */
    FRAME_WHOLE,   /* a good one: *bytes in all, its *number */
    FRAME_DAMAGED, /* its checksum is wrong: *bytes in all, if its length is what was sent */
    FRAME_CUT      /* it is cut off, or its length makes no sense */
};
enum frame_kind frame_read(const uint8_t *at, uint64_t size, uint32_t *bytes, uint16_t *number);

#endif
