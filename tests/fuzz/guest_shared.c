/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests whose virtual CPUs share everything. */
#include "guest_shared.h"

#include <string.h>

#include "handlers/bench/packed.h"
#include "shared_code.h"

enum { START_BYTES = 0x40 };

/* Ring 0 starts its local APIC first; one in eight waits for a SIPI, which others send, or a stimulus. */
static void start(struct maker *m, uint32_t vcpu)
{
    uint8_t room[START_BYTES];
    const uint32_t address = MAKER_STARTS + vcpu * START_BYTES;
    const uint64_t payload[2] = {vcpu, address};
    const enum stream_mode mode = m->stream->mode;
    struct guest_code c = {.random = &m->random, .bits = stream_mode_bits[mode], .at = room};
    if (vcpu != 0 && maker_chance(m, 8)) {
        const struct packed_step sipi = {.kind = STEP_SIPI, .vcpu = vcpu, .a = MAKER_CODE >> 12, .b = maker_below(m, 500)};
        maker_record(m, PACKED_STEP, &sipi, sizeof sipi);
        return;
    }
    if (mode != STREAM_USER_32 && mode != STREAM_VIRTUAL_8086 && mode != STREAM_USER_64)
        shared_code_start_apic(&c);
    c.offset = address + (uint32_t)(c.at - room);
    shared_code_jump(&c, MAKER_CODE + STREAM_BLOCK_BYTES * maker_below(m, STREAM_BLOCKS));
    maker_memory(m, address, room, (uint32_t)(c.at - room));
    maker_record(m, PACKED_START, payload, sizeof payload);
}

static void source(struct maker *m, uint32_t physical_cpus)
{
    const uint32_t period = 3000 + maker_below(m, 30000), jitter = maker_below(m, period / 2); /* an exit and an entry take some thousand ticks */
    const uint32_t words[4] = {0x20 + maker_below(m, 0xe0), maker_below(m, m->stream->vcpus), maker_below(m, physical_cpus), 0};
    const uint64_t numbers[5] = {period, jitter, jitter + maker_below(m, 500), 1 + maker_below(m, 40), random_next(&m->random)};
    uint8_t payload[PACKED_SOURCE_BYTES];
    memcpy(payload, words, sizeof words);
    memcpy(payload + sizeof words, numbers, sizeof numbers);
    maker_record(m, PACKED_SOURCE, payload, sizeof payload);
}

/* Short turns, so that much happens between them. */
void shared_machine(struct maker *m)
{
    const uint32_t vcpus = m->stream->vcpus, physical_cpus = 1 + maker_below(m, 2), devices[4] = {PACKED_POLICY_DEVICES, 0, 1, 0};
    const uint64_t quantum = 1 + maker_below(m, maker_chance(m, 2) ? 20 : 300);
    maker_record(m, PACKED_VCPUS, &vcpus, sizeof vcpus);
    maker_record(m, PACKED_PHYSICAL_CPUS, &physical_cpus, sizeof physical_cpus);
    maker_record(m, PACKED_QUANTUM, &quantum, sizeof quantum);
    maker_record(m, PACKED_POLICY, devices, sizeof devices);
    for (uint32_t i = 0; i < vcpus; i++) {
        const uint32_t pin[2] = {i, maker_below(m, physical_cpus)};
        maker_record(m, PACKED_PIN, pin, sizeof pin);
        start(m, i);
    }
    for (unsigned i = maker_below(m, 3); i > 0; i--)
        source(m, physical_cpus);
    if (physical_cpus > 1 && maker_chance(m, 2)) {
        const struct packed_step move = {.kind = STEP_MOVE, .a = maker_below(m, 2), .b = 1 + maker_below(m, 1000), .c = maker_below(m, vcpus)};
        maker_record(m, PACKED_STEP, &move, sizeof move);
    }
}
