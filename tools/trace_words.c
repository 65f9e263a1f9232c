/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words that the forms of a trace share. */
#include "trace_writers.h"

#include "../handlers/bench/packed.h"

const char *trace_stop_text(uint64_t stop)
{
    static const char *const texts[] = {
        [TRACE_STOP_STEPS] = "all steps done",         [TRACE_STOP_HALTED] = "guest halted for good", [TRACE_STOP_POWER_OFF] = "guest powered off",
        [TRACE_STOP_HANDLER] = "stopped by a handler", [TRACE_STOP_LIMIT] = "instruction limit",      [TRACE_STOP_ENTRY_FAIL] = "VM entry failed",
        [TRACE_STOP_HOST_ERROR] = "machine error",
    };
    return stop < sizeof texts / sizeof texts[0] ? texts[stop] : "unknown";
}

const char *trace_stimulus_text(uint64_t kind)
{
    static const char *const texts[] = {
        [STEP_EXPECT] = "expectation",
        [STEP_EXPECT_ENTRY_FAILURE] = "expected entry failure",
        [STEP_INTERRUPT] = "external interrupt",
        [STEP_NMI] = "NMI",
        [STEP_QUEUE_INTERRUPT] = "virtual interrupt queued",
        [STEP_QUEUE_NMI] = "virtual NMI queued",
        [STEP_WRITE_FIELD] = "VMCS field written",
        [STEP_WRITE_REGISTER] = "register written",
        [STEP_WRITE_MEMORY] = "memory written",
        [STEP_CONTROL] = "controls changed",
        [STEP_INIT] = "INIT",
        [STEP_SIPI] = "SIPI",
        [STEP_MACHINE_CHECK_AT_ENTRY] = "machine check at entry",
        [STEP_EPT] = "EPT changed",
        [STEP_MTF] = "single-stepping",
        [STEP_INVEPT] = "INVEPT",
        [STEP_INVVPID] = "INVVPID",
        [STEP_MOVE] = "moves to physical CPU",
    };
    return kind < sizeof texts / sizeof texts[0] && texts[kind] != NULL ? texts[kind] : "stimulus";
}

size_t utf8_length(const unsigned char *byte, size_t left)
{
    const size_t length = byte[0] < 0x80                      ? 1
                          : byte[0] >= 0xc2 && byte[0] < 0xe0 ? 2
                          : (byte[0] & 0xf0) == 0xe0          ? 3
                          : byte[0] >= 0xf0 && byte[0] < 0xf5 ? 4
                                                              : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
    if ((byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xed && byte[1] >= 0xa0) || (byte[0] == 0xf0 && byte[1] < 0x90) ||
        (byte[0] == 0xf4 && byte[1] >= 0x90))
        return 0;
    return length;
}

void json_string(FILE *to, const void *text, size_t length)
{
    const unsigned char *byte = text;
    fputc('"', to);
    while (length != 0) {
        const size_t bytes = utf8_length(byte, length);
        if (bytes == 0)
            fputs("\\ufffd", to);
        else if (*byte < 0x20)
            fprintf(to, "\\u%04x", *byte);
        else if (*byte == '"' || *byte == '\\')
            fprintf(to, "\\%c", *byte);
        else
            fwrite(byte, 1, bytes, to);
        byte += bytes == 0 ? 1 : bytes;
        length -= bytes == 0 ? 1 : bytes;
    }
    fputc('"', to);
}
