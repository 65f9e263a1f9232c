/* SPDX-License-Identifier: MIT */
/* Texts for people: why a guest was stopped, and reports; a small formatter in place of printf. */
#include "handlers.h"

struct text {
    char *at, *end; /* end: where the terminating zero stands at the latest */
};

static void put(struct text *t, char c)
{
    if (t->at < t->end)
        *t->at++ = c;
}

static void put_string(struct text *t, const char *s)
{
    for (; *s != 0; s++)
        put(t, *s);
}

static void put_number(struct text *t, uint64_t value, unsigned base, unsigned width)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (; width > count; width--)
        put(t, '0');
    while (count > 0)
        put(t, digits[--count]);
}

/* NOLINTBEGIN(clang-analyzer-valist.Uninitialized): the callers have started the list */
void hv_format(char *buffer, unsigned size, const char *format, va_list arguments)
{
    struct text t = {buffer, buffer + size - 1};
    for (const char *f = format; *f != 0; f++) {
        if (*f != '%') {
            put(&t, *f);
            continue;
        }
        unsigned width = 0;
        for (f++; *f >= '0' && *f <= '9'; f++)
            width = width * 10 + (unsigned)(*f - '0');
        const bool is_long = *f == 'l';
        f += is_long;
        if (*f == 's') {
            put_string(&t, va_arg(arguments, const char *));
        } else if (*f == 'u' || *f == 'x') {
            const uint64_t value = is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned);
            put_number(&t, value, *f == 'x' ? 16 : 10, width);
        } else {
            put(&t, *f);
        }
    }
    *t.at = 0;
}
/* NOLINTEND(clang-analyzer-valist.Uninitialized) */

enum hv_action hv_stop(struct hv_vcpu *vcpu, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    hv_format(vcpu->stop_reason, sizeof(vcpu->stop_reason), format, arguments);
    va_end(arguments);
    return HV_STOP;
}

void hv_report(struct hv_vcpu *vcpu, const char *format, ...)
{
    const struct hv_vm *vm = vcpu->vm;
    if (vm->report == NULL)
        return;
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    hv_format(text, sizeof(text), format, arguments);
    va_end(arguments);
    vm->report(vm->context, vcpu->index, text);
}
