/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that `vmxbench boot` starts from, in memory. */
#include "boot_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

static bool complain(const char *path, const char *why)
{
    fprintf(stderr, "vmxbench boot: %s: %s\n", path, why);
    return false;
}

/* zlib hands a file through that it has not packed. */
static bool read_unpacked(const char *path, struct boot_file *out)
{
    enum { PART = 1 << 20, MOST = 1 << 30 };
    struct stat status;
    if (stat(path, &status) != 0)
        return complain(path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return complain(path, "a regular file is wanted");
    gzFile file = gzopen(path, "rb");
    if (file == NULL)
        return complain(path, strerror(errno));
    int got = PART;
    const char *why = NULL;
    while (got == PART && why == NULL) {
        uint8_t *grown = out->size > MOST ? NULL : realloc(out->bytes, out->size + PART);
        if (grown == NULL) {
            why = "too large";
            break;
        }
        out->bytes = grown;
        got = gzread(file, out->bytes + out->size, PART);
        if (got < 0)
            why = "truncated or corrupted: gzip cannot unpack it";
        else
            out->size += (size_t)got;
    }
    if (gzclose(file) != Z_OK && why == NULL)
        why = "truncated or corrupted: gzip cannot unpack it";
    if (why == NULL && out->size == 0)
        why = "the file is empty";
    return why == NULL || complain(path, why);
}

/* FILE or FILE=TEXT. */
static bool read_module(const char *module, struct boot_file *out, const char **text)
{
    const char *equals = strchr(module, '=');
    const char *slash = strrchr(module, '/');
    if (equals == NULL) {
        *text = slash != NULL ? slash + 1 : module;
        return read_unpacked(module, out);
    }
    char *path = strndup(module, (size_t)(equals - module));
    *text = equals + 1;
    const bool good = path != NULL && read_unpacked(path, out);
    free(path);
    return good;
}

bool boot_read(const struct boot_request *request, struct boot_files *files)
{
    *files = (struct boot_files){.multiboot.module_count = request->modules};
    if (request->bios != NULL)
        return read_unpacked(request->bios, &files->bios);
    if (!read_unpacked(request->image, &files->kernel))
        return false;
    const size_t length = strlen(request->name) + strlen(request->append) + 2;
    files->command_line = malloc(length);
    if (files->command_line == NULL)
        return complain(request->image, "out of memory");
    snprintf(files->command_line, length, "%s%s%s", request->name, request->append[0] != '\0' ? " " : "", request->append);
    files->multiboot.kernel = (struct multiboot_file){files->kernel.bytes, files->kernel.size, files->command_line};
    files->multiboot.modules = files->modules;
    for (unsigned i = 0; i < request->modules; i++) {
        const char *text;
        if (!read_module(request->module[i], &files->module[i], &text))
            return false;
        files->modules[i] = (struct multiboot_file){files->module[i].bytes, files->module[i].size, text};
    }
    return true;
}

void boot_free(struct boot_files *files)
{
    free(files->bios.bytes);
    free(files->kernel.bytes);
    free(files->command_line);
    for (unsigned i = 0; i < MULTIBOOT_MODULES_MAX; i++)
        free(files->module[i].bytes);
}
