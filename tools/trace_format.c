/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A binary trace in the forms that other tools read: which form, and the walk over the records. */
#include "trace_format.h"

#include <string.h>

#include "trace_writers.h"

static const struct {
    const char *name;
    const struct trace_form *form;
} forms[] = {
    [TRACE_FORMAT_TEXT] = {"text", &trace_form_text},
    [TRACE_FORMAT_JSON] = {"json", &trace_form_json},
    [TRACE_FORMAT_FTRACE] = {"ftrace", &trace_form_ftrace},
    [TRACE_FORMAT_CHROME] = {"chrome", &trace_form_chrome},
};

bool trace_format_of_name(const char *name, enum trace_format *format)
{
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].name, name) == 0) {
            *format = (enum trace_format)i;
            return true;
        }
    }
    return false;
}

bool trace_format_write(FILE *to, enum trace_format format, const uint8_t *trace, size_t size)
{
    const struct trace_form *const form = forms[format].form;
    struct trace_progress progress = {.to = to};
    struct trace_reader reader;
    struct trace_record record;
    int next = -1;
    form->begin(&progress);
    if (size != 0 && trace_open(&reader, trace, size) == NULL)
        while ((next = trace_next(&reader, &record)) == 1) {
            if (record.kind == TRACE_SCENARIO) {
                progress.scenarios++;
                progress.exits = 0;
                memset(progress.vcpu, 0, sizeof progress.vcpu);
            }
            if (record.kind == TRACE_EXIT)
                progress.exits++;
            form->record(&progress, &record);
            if (record.kind == TRACE_END)
                progress.base_ticks += record.number[2];
        }
    form->end(&progress);
    return (size == 0 || next == 0) && fflush(to) == 0 && ferror(to) == 0;
}
