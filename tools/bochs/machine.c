/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One headless run of Bochs in a folder of its own. */
#define _DEFAULT_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../sim/temporary.h"

enum { SILENCE_SECONDS = 30, POLL_MILLISECONDS = 10, NOT_STARTED = 127 };

static const char *const file_names[] = {"rom.bin", "vga.bin", "bochsrc", "start", "serial", "log", "output"};
enum file { FILE_ROM, FILE_VGA, FILE_CONFIGURATION, FILE_START, FILE_SERIAL, FILE_LOG, FILE_OUTPUT, FILE_COUNT };

struct folder {
    char path[TEMPORARY_BYTES];
    char file[FILE_COUNT][TEMPORARY_INSIDE_BYTES];
};

static bool fail(struct sim_error *error, const char *what, const char *why)
{
    *error = (struct sim_error){.line = 0};
    snprintf(error->file, sizeof error->file, "bochs");
    snprintf(error->message, sizeof error->message, "%s%s%s", what, why[0] != '\0' ? ": " : "", why);
    return false;
}

static bool make_folder(struct folder *folder, struct sim_error *error)
{
    char why[512];
    if (!temporary_folder(folder->path, why, sizeof why))
        return fail(error, why, "");
    for (unsigned i = 0; i < FILE_COUNT; i++)
        snprintf(folder->file[i], sizeof folder->file[i], "%s/%s", folder->path, file_names[i]);
    return true;
}

static void remove_folder(const struct folder *folder)
{
    for (unsigned i = 0; i < FILE_COUNT; i++)
        (void)unlink(folder->file[i]);
    (void)rmdir(folder->path);
}

static bool write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    const bool written = fwrite(data, 1, size, file) == size;
    return fclose(file) == 0 && written;
}

static bool read_file(const char *path, struct bytes *to)
{
    uint8_t part[4096];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    size_t size;
    bool read = true;
    while (read && (size = fread(part, 1, sizeof part, file)) != 0)
        read = bytes_add(to, part, size);
    fclose(file);
    return read;
}

/* Files by the names that they have in the folder: Bochs' syntax has no place for every path. Time comes from executed instructions alone; slow "instructions per second" make bytes of the serial port cheap. */
static bool write_configuration(const struct folder *folder, const char *model, unsigned memory_mbytes, unsigned cpus)
{
    FILE *file = fopen(folder->file[FILE_CONFIGURATION], "w");
    if (file == NULL)
        return false;
    fprintf(file, "config_interface: textconfig\ndisplay_library: term\n");
    fprintf(file, "cpu: model=%s, count=%u, ips=1000000, reset_on_triple_fault=0, ignore_bad_msrs=0\n", model, cpus);
    fprintf(file, "memory: guest=%u, host=%u\n", memory_mbytes, memory_mbytes);
    fprintf(file, "romimage: file=%s\nvgaromimage: file=%s\n", file_names[FILE_ROM], file_names[FILE_VGA]);
    fprintf(file, "vga: extension=none, update_freq=1\npci: enabled=0\nfloppy_bootsig_check: disabled=1\n");
    fprintf(file, "clock: sync=none, time0=946684800\ncom1: enabled=1, mode=file, dev=%s\n", file_names[FILE_SERIAL]);
    fprintf(file, "sound: waveoutdrv=dummy\nspeaker: enabled=0\n");
    fprintf(file, "panic: action=fatal\nerror: action=ignore\ninfo: action=ignore\ndebug: action=ignore\nlog: %s\n", file_names[FILE_LOG]);
    return fclose(file) == 0;
}

static bool write_inputs(const struct folder *folder, const struct bytes *rom, const char *model, unsigned memory_mbytes, unsigned cpus)
{
    static const uint8_t vga[512] = {0x55, 0xaa, 1}; /* an empty adapter ROM: Bochs wants one, nothing runs it */
    static const char start[] = "c\n";               /* the debugger's "continue" */
    return write_file(folder->file[FILE_ROM], rom->data, rom->size) && write_file(folder->file[FILE_VGA], vga, sizeof vga) &&
           write_file(folder->file[FILE_START], start, sizeof start - 1) && write_configuration(folder, model, memory_mbytes, cpus);
}

/* The child: in the folder, without a terminal, its output in a file. Does not return. */
static _Noreturn void become_bochs(const struct folder *folder)
{
    const int in = open("/dev/null", O_RDONLY), out = open(folder->file[FILE_OUTPUT], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)setsid();
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(folder->path) != 0)
        _exit(NOT_STARTED);
    (void)setenv("TERM", "vt100", 1);
    (void)setenv("LINES", "25", 1);
    (void)setenv("COLUMNS", "80", 1);
    execlp("bochs", "bochs", "-q", "-f", file_names[FILE_CONFIGURATION], "-rc", file_names[FILE_START], (char *)NULL);
    _exit(NOT_STARTED);
}

static off_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : 0;
}

/* Waits for the end, or ends it when the serial port was silent for long. The exit status means nothing: what came over the port does. */
static int wait_for(pid_t child, const char *serial, bool *stuck)
{
    const struct timespec pause = {.tv_nsec = POLL_MILLISECONDS * 1000000L};
    off_t seen = 0;
    unsigned silent = 0;
    int status = 0;
    *stuck = false;
    while (waitpid(child, &status, WNOHANG) == 0) {
        const off_t size = size_of(serial);
        silent = size != seen ? 0 : silent + 1;
        seen = size;
        if (silent > SILENCE_SECONDS * 1000 / POLL_MILLISECONDS && !*stuck) {
            *stuck = true;
            (void)kill(child, SIGKILL);
        }
        (void)nanosleep(&pause, NULL);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The last line of a text file that says something. */
static void last_line(const char *path, char *line, size_t size)
{
    struct bytes text = {NULL, 0, 0};
    line[0] = '\0';
    if (read_file(path, &text) && bytes_add(&text, "", 1)) {
        char *save = NULL;
        for (char *at = strtok_r((char *)text.data, "\r\n", &save); at != NULL; at = strtok_r(NULL, "\r\n", &save))
            if (strlen(at) > 3)
                snprintf(line, size, "%.160s", at);
    }
    free(text.data);
}

static bool collect(const struct folder *folder, int status, struct bytes *serial, struct sim_error *error)
{
    char line[200];
    if (status == NOT_STARTED)
        return fail(error, "Bochs is not installed (Debian: bochs, bochs-term)", "");
    if (read_file(folder->file[FILE_SERIAL], serial) && serial->size != 0)
        return true;
    last_line(folder->file[FILE_LOG], line, sizeof line);
    if (line[0] == '\0')
        last_line(folder->file[FILE_OUTPUT], line, sizeof line);
    return fail(error, "Bochs did not start the image", line);
}

bool bochs_boot(const struct bytes *rom, const char *model, unsigned memory_mbytes, unsigned cpus, struct bytes *serial, bool *stuck,
                struct sim_error *error)
{
    struct folder folder;
    if (!make_folder(&folder, error))
        return false;
    bool done = write_inputs(&folder, rom, model, memory_mbytes, cpus);
    const pid_t child = done ? fork() : -1;
    if (child == 0)
        become_bochs(&folder);
    if (child < 0)
        done = fail(error, "a run cannot be prepared", strerror(errno));
    else
        done = collect(&folder, wait_for(child, folder.file[FILE_SERIAL], stuck), serial, error);
    remove_folder(&folder);
    return done;
}
