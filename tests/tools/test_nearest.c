/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Suggestions: the nearest names, best first, and none when nothing is near. */
#include "tools/nearest.h"

#include "tests/support/suite.h"

static void offer_all(struct nearest *nearest)
{
    static const char *const names[] = {"run", "stat", "graph", "reasons", "fields", "controls", "checks", "bench"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        nearest_offer(nearest, names[i]);
}

static void suggests(const char *wanted, const char *expected)
{
    struct nearest nearest = {.wanted = wanted};
    char text[128];
    offer_all(&nearest);
    nearest_text(&nearest, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, expected);
}

static void a_slip_suggests_the_name(void)
{
    suggests("resaons", "reasons");
    suggests("stta", "stat");
    suggests("contrls", "controls");
    suggests("GRAPH", "graph");
}

static void a_part_suggests_the_whole(void)
{
    suggests("reason", "reasons");
    suggests("field", "fields");
}

static void nothing_near_suggests_nothing(void)
{
    suggests("zzzzzzzz", "");
    suggests("foo", "");
    suggests("ran", "run");
    suggests("sun", "run");
    suggests("rust", "");
    suggests("", "");
}

static void dashes_of_options_do_not_count(void)
{
    static const struct {
        const char *wanted, *expected;
    } rows[] = {{"--foo", ""}, {"--trac", "--trace"}, {"-trace", "--trace"}, {"--fooo", ""}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nearest nearest = {.wanted = rows[i].wanted};
        char text[128];
        nearest_offer(&nearest, "--on");
        nearest_offer(&nearest, "--json");
        nearest_offer(&nearest, "--trace");
        nearest_text(&nearest, text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, rows[i].expected);
    }
}

static void several_come_nearest_first_and_once(void)
{
    struct nearest nearest = {.wanted = "rdmsr"};
    char text[128];
    static const char *const names[] = {"WBINVD", "WRMSR", "RDMSR", "RDPMSR", "RDMSR", "URDMSR"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        nearest_offer(&nearest, names[i]);
    nearest_text(&nearest, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "RDMSR, RDPMSR or URDMSR");
}

SUITE("tools/nearest", {"a_slip_suggests_the_name", a_slip_suggests_the_name}, {"a_part_suggests_the_whole", a_part_suggests_the_whole},
      {"nothing_near_suggests_nothing", nothing_near_suggests_nothing}, {"dashes_of_options_do_not_count", dashes_of_options_do_not_count},
      {"several_come_nearest_first_and_once", several_come_nearest_first_and_once})
