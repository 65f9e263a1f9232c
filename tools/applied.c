/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A script with changed control bits: the script as a function, and behind it what changes its scenarios. */
#define _DEFAULT_SOURCE
#include "applied.h"

#include <stdio.h>
#include <stdlib.h>

#include "files.h"

/* Words of controls are lists of names, or tables from name to true or false, or both. */
static const char behind[] = "\nend\n"
                             "local function apply(value)\n"
                             "  if value.__kind ~= 'scenario' then\n"
                             "    for _, each in ipairs(value) do apply(each) end\n"
                             "    return value\n"
                             "  end\n"
                             "  local controls = {}\n"
                             "  for word, names in pairs(value.controls or {}) do\n"
                             "    controls[word] = {}\n"
                             "    for key, given in pairs(names) do\n"
                             "      if math.type(key) == 'integer' then controls[word][given] = true else controls[word][key] = given end\n"
                             "    end\n"
                             "  end\n"
                             "  for word, names in pairs(changes) do\n"
                             "    controls[word] = controls[word] or {}\n"
                             "    for name, given in pairs(names) do controls[word][name] = given end\n"
                             "  end\n"
                             "  value.controls = controls\n"
                             "  return value\n"
                             "end\n"
                             "return apply(script())\n";

bool applied_write(const char *from, const char *to, const struct sim_override *changes, size_t count)
{
    uint8_t *bytes;
    char *text = NULL;
    size_t size, text_size = 0;
    if (!file_read(from, &bytes, &size))
        return false;
    FILE *out = open_memstream(&text, &text_size);
    if (out == NULL)
        abort();
    fputs("local changes = {} ", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "changes.%s = changes.%s or {} changes.%s.%s = %s ", changes[i].word, changes[i].word, changes[i].word, changes[i].control,
                changes[i].value ? "true" : "false");
    fputs("local function script() ", out);
    fwrite(bytes, 1, size, out);
    fputs(behind, out);
    fclose(out);
    free(bytes);
    const bool written = file_write(to, text, text_size);
    free(text);
    return written;
}
