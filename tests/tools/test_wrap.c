/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text keeps to 100 columns, wide characters counted as two. */
#include "tools/wrap.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

static char *wrapped(unsigned at, const char *text)
{
    char *out = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&out, &size);
    wrap_text(to, at, text);
    fclose(to);
    return out;
}

static void gives(unsigned at, const char *text, const char *expected)
{
    char *out = wrapped(at, text);
    CU_ASSERT_STRING_EQUAL(out, expected);
    free(out);
}

static void short_text_stays_on_its_line(void)
{
    gives(10, "a few words", "a few words\n");
    gives(10, "", "\n");
    gives(10, "  blanks  shrink ", "blanks shrink\n");
}

static void long_text_breaks_at_blanks_and_is_indented(void)
{
    gives(90, "12345 6789 abcdef", "12345 6789\n                                                                                          abcdef\n");
}

static void a_word_longer_than_the_line_is_kept_whole(void)
{
    gives(98, "abcdef gh", "abcdef\n                                                                                                  gh\n");
}

static void wide_characters_count_twice_and_break_anywhere(void)
{
    CU_ASSERT_EQUAL(text_columns("abc"), 3);
    CU_ASSERT_EQUAL(text_columns("\xe5\x8e\x9f\xe5\x9b\xa0"), 4);
    CU_ASSERT_EQUAL(text_columns("\xff"), 1);
    gives(96, "\xe5\x8e\x9f\xe5\x9b\xa0\xe5\x8e\x9f",
          "\xe5\x8e\x9f\xe5\x9b\xa0\n                                                                                                \xe5\x8e\x9f\n");
}

static void a_full_stop_stays_with_its_character(void)
{
    gives(96, "\xe5\x8e\x9f\xe5\x9b\xa0\xe3\x80\x82",
          "\xe5\x8e\x9f\n                                                                                                \xe5\x9b\xa0\xe3\x80\x82\n");
}

static void an_opening_mark_stays_with_what_it_opens(void)
{
    gives(94, "\u539f\u56e0\u201c\u56e0\u201d",
          "\u539f\u56e0\n                                                                                              \u201c\u56e0\u201d\n");
}

static void latin_words_among_wide_characters_are_kept_whole(void)
{
    gives(94,
          "\u539f\u56e0"
          "EPT\u56e0",
          "\u539f\u56e0\n                                                                                              EPT\u56e0\n");
}

SUITE("tools/wrap", {"short_text_stays_on_its_line", short_text_stays_on_its_line},
      {"long_text_breaks_at_blanks_and_is_indented", long_text_breaks_at_blanks_and_is_indented},
      {"a_word_longer_than_the_line_is_kept_whole", a_word_longer_than_the_line_is_kept_whole},
      {"wide_characters_count_twice_and_break_anywhere", wide_characters_count_twice_and_break_anywhere},
      {"a_full_stop_stays_with_its_character", a_full_stop_stays_with_its_character},
      {"an_opening_mark_stays_with_what_it_opens", an_opening_mark_stays_with_what_it_opens},
      {"latin_words_among_wide_characters_are_kept_whole", latin_words_among_wide_characters_are_kept_whole})
