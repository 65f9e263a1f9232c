/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparisons of strings in vectors. Unicorn forgets the matches of "equal ordered" that the end of the vector cuts off, and the upper halves of lengths in
   64-bit registers. SDM 1, "String and Text Processing Instructions"; SDM 2, "Imm8 Control Byte Operation for PCMPESTRI / PCMPESTRM / PCMPISTRI / PCMPISTRM". */
#include <string.h>

#include "engine_internal.h"

enum { BYTES = 16, CF = 1 << 0, ZF = 1 << 6, SF = 1 << 7, OF = 1 << 11 };
enum {
    OF_WORDS = 1 << 0,
    OF_SIGNED = 1 << 1,
    AGGREGATION_SHIFT = 2,
    NEGATIVE = 1 << 4,
    MASKED = 1 << 5,
    LAST_OR_EXPANDED = 1 << 6,
    LENGTHS_OF_64_BITS = 1 << 8 /* the library's way to tell of REX.W */
};
enum aggregation { EQUAL_ANY, RANGES, EQUAL_EACH, EQUAL_ORDERED };

/* One comparison: `set` is the first operand, which is looked for in the second one, `text`. */
struct comparison {
    uint8_t set[BYTES], text[BYTES];
    unsigned control, elements, set_length, text_length;
};

static int element(const struct comparison *c, const uint8_t *vector, unsigned i)
{
    uint16_t word;
    if ((c->control & OF_WORDS) == 0)
        return c->control & OF_SIGNED ? (int8_t)vector[i] : vector[i];
    memcpy(&word, vector + 2 * (size_t)i, sizeof word);
    return c->control & OF_SIGNED ? (int16_t)word : word;
}

static bool are_equal(const struct comparison *c, unsigned in_set, unsigned in_text)
{
    return element(c, c->set, in_set) == element(c, c->text, in_text);
}

static bool is_any(const struct comparison *c, unsigned at)
{
    for (unsigned i = 0; i < c->set_length && at < c->text_length; i++)
        if (are_equal(c, i, at))
            return true;
    return false;
}

static bool is_in_range(const struct comparison *c, unsigned at)
{
    for (unsigned i = 0; i + 1 < c->set_length && at < c->text_length; i += 2) {
        const int value = element(c, c->text, at);
        if (value >= element(c, c->set, i) && value <= element(c, c->set, i + 1))
            return true;
    }
    return false;
}

static bool is_each(const struct comparison *c, unsigned at)
{
    const bool in_set = at < c->set_length, in_text = at < c->text_length;
    return in_set && in_text ? are_equal(c, at, at) : in_set == in_text;
}

/* What is beyond the vector is not compared. */
static bool begins_here(const struct comparison *c, unsigned at)
{
    for (unsigned i = 0; i < c->set_length && at + i < c->elements; i++)
        if (at + i >= c->text_length || !are_equal(c, i, at + i))
            return false;
    return true;
}

static bool holds(const struct comparison *c, unsigned at)
{
    switch ((enum aggregation)(c->control >> AGGREGATION_SHIFT & 3)) {
    case EQUAL_ANY:
        return is_any(c, at);
    case RANGES:
        return is_in_range(c, at);
    case EQUAL_EACH:
        return is_each(c, at);
    case EQUAL_ORDERED:
        return begins_here(c, at);
    }
    return false;
}

static struct comparison begin(const void *first, const void *second, uint32_t control)
{
    struct comparison c = {.control = control, .elements = control & OF_WORDS ? BYTES / 2 : BYTES};
    memcpy(c.set, first, BYTES);
    memcpy(c.text, second, BYTES);
    return c;
}

/* Answers a bit for each element, and sets the flags. */
static uint32_t compare(struct unicorn_env *env, const struct comparison *c)
{
    uint32_t result = 0;
    for (unsigned i = 0; i < c->elements; i++) {
        const bool inverted = (c->control & NEGATIVE) != 0 && ((c->control & MASKED) == 0 || i < c->text_length);
        result |= (uint32_t)(holds(c, i) != inverted) << i;
    }
    env->cc_src = (result != 0 ? (uint64_t)CF : 0) | (c->text_length < c->elements ? (uint64_t)ZF : 0) |
                  (c->set_length < c->elements ? (uint64_t)SF : 0) | ((result & 1) != 0 ? (uint64_t)OF : 0);
    return result;
}

static void set_index(struct unicorn_env *env, const struct comparison *c, uint32_t result)
{
    enum { HIGHEST = 31 };
    unsigned index = c->elements;
    if (result != 0)
        index = c->control & LAST_OR_EXPANDED ? (unsigned)(HIGHEST - __builtin_clz(result)) : (unsigned)__builtin_ctz(result);
    env->regs[VMX_RCX] = index;
}

static void set_mask(struct unicorn_env *env, const struct comparison *c, uint32_t result)
{
    uint8_t mask[BYTES] = {0};
    if ((c->control & LAST_OR_EXPANDED) == 0)
        memcpy(mask, &result, sizeof result);
    else
        for (unsigned i = 0; i < BYTES; i++)
            mask[i] = (result >> (c->control & OF_WORDS ? i / 2 : i) & 1) != 0 ? UINT8_MAX : 0;
    memcpy(env->sse[0], mask, sizeof mask);
}

/* ---- lengths ---- */
static unsigned implicit_length(const struct comparison *c, const uint8_t *vector)
{
    unsigned length = 0;
    while (length < c->elements && element(c, vector, length) != 0)
        length++;
    return length;
}

/* The absolute value, as far as the vector goes. */
static unsigned explicit_length(const struct comparison *c, uint64_t reg)
{
    const int64_t value = c->control & LENGTHS_OF_64_BITS ? (int64_t)reg : (int32_t)(uint32_t)reg;
    const uint64_t length = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    return length < c->elements ? (unsigned)length : c->elements;
}

#define COMPARISON(name, set_lengths, set_result)                                                                                                    \
    void __wrap_helper_##name##_xmm_x86_64(struct unicorn_env *env, const void *first, const void *second, uint32_t control);                        \
    void __wrap_helper_##name##_xmm_x86_64(struct unicorn_env *env, const void *first, const void *second, uint32_t control)                         \
    {                                                                                                                                                \
        struct comparison c = begin(first, second, control);                                                                                         \
        set_lengths(env, &c);                                                                                                                        \
        set_result(env, &c, compare(env, &c));                                                                                                       \
    }

static void set_implicit(const struct unicorn_env *env, struct comparison *c)
{
    (void)env;
    c->set_length = implicit_length(c, c->set);
    c->text_length = implicit_length(c, c->text);
}

static void set_explicit(const struct unicorn_env *env, struct comparison *c)
{
    c->set_length = explicit_length(c, env->regs[VMX_RAX]);
    c->text_length = explicit_length(c, env->regs[VMX_RDX]);
}

COMPARISON(pcmpestri, set_explicit, set_index)
COMPARISON(pcmpestrm, set_explicit, set_mask)
COMPARISON(pcmpistri, set_implicit, set_index)
COMPARISON(pcmpistrm, set_implicit, set_mask)
