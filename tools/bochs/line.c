/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A computer at the other end of a serial line that boots the hardware image; a recording of the line serves as well. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { MODULE_BYTES_MAX = 1 << 30, BOOT_SECONDS = 600, SILENCE_SECONDS = 60, MILLISECONDS = 1000, NOISE_BYTES = 1 << 20 };

static bool fail(struct sim_error *error, const char *path, const char *what, const char *why)
{
    *error = (struct sim_error){.file = "image"};
    snprintf(error->message, sizeof error->message, "%.120s: %s%s%s", path, what, why[0] != '\0' ? ": " : "", why);
    return false;
}

static bool starts_line(const struct bytes *serial, size_t at, const char *word)
{
    const size_t length = strlen(word);
    return (at == 0 || serial->data[at - 1] == '\n') && serial->size - at >= length && memcmp(serial->data + at, word, length) == 0;
}

/* Every run begins with it. */
static const char image_says[] = "vmxbench-hw";

/* The image says no more after one of these lines. `from`: what stands before it was looked at already. */
static bool ended(const struct bytes *serial, size_t *from)
{
    for (size_t at = *from; at < serial->size; at++) {
        if (serial->data[at] != '\n')
            continue;
        size_t first = at;
        while (first > 0 && serial->data[first - 1] != '\n' && at - first < 200)
            first--;
        if (starts_line(serial, first, "vmxbench-hw: stopped: ") || starts_line(serial, first, "end "))
            return true;
        *from = at + 1;
    }
    return false;
}

enum line_end line_collect(int file, unsigned first_seconds, unsigned silent_seconds, struct bytes *serial)
{
    uint8_t part[4096];
    size_t looked = 0;
    bool heard = false;
    for (;;) {
        struct pollfd wanted = {.fd = file, .events = POLLIN};
        const int ready = poll(&wanted, 1, (int)(serial->size == 0 ? first_seconds : silent_seconds) * MILLISECONDS);
        if (ready == 0)
            return LINE_SILENT;
        if (ready < 0 && errno != EINTR)
            return LINE_CLOSED;
        const ssize_t got = ready > 0 ? read(file, part, sizeof part) : -1;
        if (got < 0 && (ready < 0 || errno == EINTR))
            continue;
        if (got <= 0 || !bytes_add(serial, part, (size_t)got))
            return LINE_CLOSED;
        heard = heard || memmem(serial->data, serial->size, image_says, sizeof image_says - 1) != NULL;
        if (ended(serial, &looked))
            return LINE_ENDED;
        if (!heard && serial->size > NOISE_BYTES)
            return LINE_NOISE;
    }
}

/* What may stand behind a name: a serial line; a pipe or a file, which are read as they are. */
static bool is_line(const char *path, struct stat *status, struct sim_error *error)
{
    if (stat(path, status) != 0)
        return fail(error, path, "cannot be opened", strerror(errno));
    return S_ISCHR(status->st_mode) || S_ISFIFO(status->st_mode) || S_ISREG(status->st_mode) ||
           fail(error, path, "is no serial line, no pipe and no recording of one", "");
}

/* A serial port without carrier would keep open() waiting, but for O_NONBLOCK; a pipe is to wait for its writer. */
static int open_line(const char *path, mode_t mode)
{
    const int file = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC | (S_ISCHR(mode) ? O_NONBLOCK : 0));
    return file >= 0 && fcntl(file, F_SETFL, 0) != 0 ? -1 : file;
}

/* 115200 baud, 8 data bits, no parity, nothing translated. */
static bool set_line(int file, mode_t mode)
{
    struct termios settings;
    if (!S_ISCHR(mode))
        return true;
    if (tcgetattr(file, &settings) != 0)
        return false;
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    return cfsetspeed(&settings, B115200) == 0 && tcsetattr(file, TCSANOW, &settings) == 0;
}

static const char *any_processor(const char *profile)
{
    (void)profile;
    return "";
}

static size_t module_room(void)
{
    return MODULE_BYTES_MAX;
}

static bool boot(const struct hw_machine *machine, const struct hw_boot *what, struct bytes *serial, bool *stuck, struct sim_error *error)
{
    (void)what;
    struct stat status;
    if (!is_line(machine->where, &status, error))
        return false;
    const int file = open_line(machine->where, status.st_mode);
    if (file < 0)
        return fail(error, machine->where, "cannot be opened", strerror(errno));
    if (!set_line(file, status.st_mode)) {
        close(file);
        return errno == ENOTTY ? fail(error, machine->where, "is no serial line", "")
                               : fail(error, machine->where, "the serial line cannot be set to 115200 baud", strerror(errno));
    }
    if (isatty(2) && S_ISCHR(status.st_mode))
        fprintf(stderr, "waiting for the image on %s\n", machine->where);
    const enum line_end end = line_collect(file, machine->wait_seconds != 0 ? machine->wait_seconds : BOOT_SECONDS,
                                           machine->wait_seconds != 0 ? machine->wait_seconds : SILENCE_SECONDS, serial);
    close(file);
    *stuck = end == LINE_SILENT;
    if (end == LINE_NOISE)
        return fail(error, machine->where, "what comes is nothing that the image says (115200 baud, 8N1?)", "");
    if (serial->size == 0 && end == LINE_SILENT)
        return fail(error, machine->where, "nothing came; --wait SECONDS waits longer", "");
    return serial->size != 0 || fail(error, machine->where, "nothing came", "");
}

bool line_run(const struct line *line, const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes,
              struct sim_error *error)
{
    const struct hw_machine machine = {.name = "image",
                                       .model = any_processor,
                                       .module_room = module_room,
                                       .boot = boot,
                                       .where = line->path,
                                       .wait_seconds = line->wait_seconds,
                                       .boots_once = true};
    return hw_run(&machine, scenarios, count, trace, outcomes, error);
}
