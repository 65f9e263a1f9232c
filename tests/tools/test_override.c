/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of a command line, and how they are written again. */
#define _DEFAULT_SOURCE
#include "tools/override.h"

#include <stdlib.h>

#include "tests/support/suite.h"

static struct override_list list;
static char why[256];

static bool affinity(const char *text)
{
    list.count = 0;
    return override_add_affinity(&list, text, why, sizeof why);
}

static void affinities_are_pairs_of_vector_and_processor(void)
{
    CU_ASSERT_TRUE_FATAL(affinity("0x40=1,65=0"));
    CU_ASSERT_EQUAL_FATAL(list.count, 2);
    CU_ASSERT_STRING_EQUAL(list.change[0].word, SIM_OVERRIDE_AFFINITY);
    CU_ASSERT(list.change[0].key == 0x40 && list.change[0].number == 1);
    CU_ASSERT(list.change[1].key == 65 && list.change[1].number == 0);
}

static void wrong_affinities_are_refused(void)
{
    static const char *const wrong[] = {"",        "0x40",           "0x40=", "=1",  "0x40=8",  "15=1",   "256=0",
                                        "0x40=1;", "0x40=1,,0x41=1", "-64=1", "x=1", "0x40 =1", "0x40= 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_FALSE(affinity(wrong[i]));
        CU_ASSERT_PTR_NOT_NULL(strstr(why, "VECTOR=CPU[,...]"));
    }
}

static void bindings_are_pairs_of_virtual_and_physical_cpu(void)
{
    static const char *const wrong[] = {"", "1", "8=0", "0=8", "1=0,", "1=0x"};
    char text[OVERRIDE_NAME];
    list.count = 0;
    CU_ASSERT_TRUE_FATAL(override_add_pin(&list, "1=0,0=3", why, sizeof why));
    CU_ASSERT_EQUAL_FATAL(list.count, 2);
    CU_ASSERT(list.change[0].key == 1 && list.change[0].number == 0 && list.change[1].key == 0 && list.change[1].number == 3);
    override_name(&list.change[0], text);
    CU_ASSERT_STRING_EQUAL(text, "pin 1=0");
    override_line(&list.change[1], text);
    CU_ASSERT_STRING_EQUAL(text, "pin = { [0] = 3 }");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_FALSE(override_add_pin(&list, wrong[i], why, sizeof why));
        CU_ASSERT_PTR_NOT_NULL(strstr(why, "VCPU=PCPU[,...]"));
    }
}

static void there_is_room_for_so_many(void)
{
    list.count = 0;
    for (unsigned i = 0; i < OVERRIDES_MAX; i++)
        CU_ASSERT_TRUE(override_add(&list, "primary.hlt_exiting=1", why, sizeof why));
    CU_ASSERT_FALSE(override_add(&list, "primary.hlt_exiting=1", why, sizeof why));
    CU_ASSERT_FALSE(override_add_affinity(&list, "0x40=1", why, sizeof why));
}

static void changes_of_the_same_thing_are_the_same(void)
{
    CU_ASSERT_TRUE_FATAL(affinity("0x40=1,0x40=2,0x41=1"));
    CU_ASSERT_TRUE(override_same(&list.change[0], &list.change[1]));
    CU_ASSERT_FALSE(override_same(&list.change[0], &list.change[2]));
}

static void changes_are_written_as_a_script_has_them(void)
{
    char text[OVERRIDE_NAME], *lines = NULL;
    size_t size = 0;
    CU_ASSERT_TRUE_FATAL(affinity("0x40=1,0x51=2"));
    CU_ASSERT_TRUE_FATAL(override_add_pin(&list, "1=0", why, sizeof why));
    CU_ASSERT_TRUE_FATAL(override_add(&list, "hlt_exiting=0", why, sizeof why));
    CU_ASSERT_TRUE_FATAL(override_add(&list, "pin.process_posted_interrupts=1", why, sizeof why));
    CU_ASSERT_TRUE_FATAL(override_add(&list, "primary.rdtsc_exiting=1", why, sizeof why));
    override_name(&list.change[0], text);
    CU_ASSERT_STRING_EQUAL(text, "affinity 0x40=1");
    override_line(&list.change[0], text);
    CU_ASSERT_STRING_EQUAL(text, "affinity = { [0x40] = 1 }");
    override_line(&list.change[3], text);
    CU_ASSERT_STRING_EQUAL(text, "controls = { primary = { hlt_exiting = false } }");
    FILE *to = open_memstream(&lines, &size);
    override_print(to, &list, "  ");
    fclose(to);
    CU_ASSERT_STRING_EQUAL(lines,
                           "  controls = { pin = { process_posted_interrupts = true }, primary = { hlt_exiting = false, rdtsc_exiting = true } }\n"
                           "  pin = { [1] = 0 }\n"
                           "  affinity = { [0x40] = 1, [0x51] = 2 }\n");
    free(lines);
}

/* A name that is none: the nearest ones of its kind, or where they stand. */
static void unknown_controls_are_told_with_their_nearest(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"primry.hlt_exiting=1", "no word of controls 'primry'; did you mean primary?"},
        {"xyzzy.hlt_exiting=1", "no word of controls 'xyzzy'; `vmxbench controls` lists the controls"},
        {"primary.hlt_exitng=1", "no primary control 'hlt_exitng'; did you mean hlt_exiting?"},
        {"secondary.hlt_exiting=1", "no secondary control 'hlt_exiting'; `vmxbench controls` lists the controls"},
        {"hlt_exitng=1", "no control 'hlt_exitng'; did you mean hlt_exiting or nmi_exiting?"},
        {"xyzzyxyzzy=1", "no control 'xyzzyxyzzy'; `vmxbench controls` lists the controls"},
        {"primary.hlt_exiting=2", "it is CONTROL=0 or CONTROL=1, for example primary.hlt_exiting=1"},
        {"primary.hlt_exiting", "it is CONTROL=0 or CONTROL=1, for example primary.hlt_exiting=1"},
        {"=1", "it is CONTROL=0 or CONTROL=1, for example primary.hlt_exiting=1"},
    };
    struct sim_override change;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_FALSE(override_parse(rows[i].text, &change, why, sizeof why));
        CU_ASSERT_STRING_EQUAL(why, rows[i].why);
    }
    CU_ASSERT_TRUE(override_parse("hlt_exiting=0", &change, why, sizeof why));
    CU_ASSERT_STRING_EQUAL(change.word, "primary");
    CU_ASSERT_STRING_EQUAL(change.control, "hlt_exiting");
    CU_ASSERT_FALSE(change.value);
}

SUITE("tools/override", {"affinities_are_pairs_of_vector_and_processor", affinities_are_pairs_of_vector_and_processor},
      {"wrong_affinities_are_refused", wrong_affinities_are_refused},
      {"bindings_are_pairs_of_virtual_and_physical_cpu", bindings_are_pairs_of_virtual_and_physical_cpu},
      {"there_is_room_for_so_many", there_is_room_for_so_many}, {"changes_of_the_same_thing_are_the_same", changes_of_the_same_thing_are_the_same},
      {"changes_are_written_as_a_script_has_them", changes_are_written_as_a_script_has_them},
      {"unknown_controls_are_told_with_their_nearest", unknown_controls_are_told_with_their_nearest})
