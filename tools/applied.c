/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A script with changes: the script as a function, and behind it what changes its scenarios. */
#define _DEFAULT_SOURCE
#include "applied.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

/* Words of controls are lists of names, or tables from name to true or false, or both. */
static const char behind[] = "\nend\n"
                             "local function add(value, name, concerns)\n"
                             "  local map, any = {}, false\n"
                             "  for key, given in pairs(value[name] or {}) do map[key], any = given, true end\n"
                             "  for key, given in pairs(maps[name] or {}) do\n"
                             "    if concerns(key) then map[key], any = given, true end\n"
                             "  end\n"
                             "  if any then value[name] = map end\n"
                             "end\n"
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
                             "  add(value, 'affinity', function(vector)\n"
                             "    for _, source in ipairs(value.sources or {}) do if source.vector == vector then return true end end\n"
                             "  end)\n"
                             "  add(value, 'pin', function(vcpu) return vcpu < (value.vcpus or 1) end)\n"
                             "  return value\n"
                             "end\n"
                             "return apply(script())\n";

/* On the script's first line, so that its lines keep their numbers. */
static void put_change(FILE *out, const struct sim_override *change)
{
    const bool pin = strcmp(change->word, SIM_OVERRIDE_PIN) == 0;
    const char *word = pin ? "pin" : change->word;
    if (pin || strcmp(word, SIM_OVERRIDE_AFFINITY) == 0)
        fprintf(out, "maps.%s = maps.%s or {} maps.%s[%u] = %u ", word, word, word, change->key, change->number);
    else
        fprintf(out, "changes.%s = changes.%s or {} changes.%s.%s = %s ", word, word, word, change->control, change->value ? "true" : "false");
}

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
    fputs("local changes, maps = {}, {} ", out);
    for (size_t i = 0; i < count; i++)
        put_change(out, &changes[i]);
    fputs("local function script() ", out);
    fwrite(bytes, 1, size, out);
    fputs(behind, out);
    fclose(out);
    free(bytes);
    const bool written = file_write(to, text, text_size);
    free(text);
    return written;
}
