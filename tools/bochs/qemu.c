/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU with KVM and nested VMX as a machine for the hardware image. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern const uint8_t bochs_kernel[], bochs_kernel_end[];

enum { MODULE_BYTES_MAX = 256 << 20, NOT_STARTED = 127, SILENCE_SECONDS = 30 };

static bool fail(struct sim_error *error, const char *what, const char *why)
{
    *error = (struct sim_error){.file = "qemu"};
    snprintf(error->message, sizeof error->message, "%s%s%.180s", what, why[0] != '\0' ? ": " : "", why);
    return false;
}

static const char *host_processor(const char *profile)
{
    (void)profile;
    return "host";
}

static size_t module_room(void)
{
    return MODULE_BYTES_MAX;
}

static bool processor_has_vmx(void)
{
    char line[8192];
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool found = file == NULL; /* then QEMU says it */
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, "flags", 5) == 0 && strstr(line, " vmx ") != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

/* KVM offers VMX to its guests when its module was loaded so; where that cannot be told, the image says it. */
static bool vmx_offered(struct sim_error *error)
{
    char nested[4] = "";
    if (!processor_has_vmx())
        return fail(error, "this computer has no VT-x (no vmx among the flags in /proc/cpuinfo); `--on bochs` needs none", "");
    const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        return fail(error,
                    errno == ENOENT ? "this computer has no /dev/kvm: VT-x is off in the firmware, or the module kvm_intel is not loaded"
                                    : "/dev/kvm cannot be used",
                    errno == ENOENT ? "" : strerror(errno));
    close(kvm);
    FILE *file = fopen("/sys/module/kvm_intel/parameters/nested", "r");
    const bool told = file != NULL && fgets(nested, sizeof nested, file) != NULL;
    if (file != NULL)
        fclose(file);
    return !told || nested[0] == 'Y' || nested[0] == '1' ||
           fail(error, "KVM does not offer VMX to its guests: reload its module with `modprobe -r kvm_intel; modprobe kvm_intel nested=1`", "");
}

static int file_with(const void *data, size_t size)
{
    const int file = memfd_create("vmxbench", 0);
    if (file < 0 || write(file, data, size) == (ssize_t)size)
        return file;
    close(file);
    return -1;
}

/* The child. Its serial port is its standard output, what it complains of goes to `complaints`. Does not return. */
static _Noreturn void become_qemu(const struct hw_boot *boot, const int files[2], int out, int complaints)
{
    char kernel[32], modules[32], memory[16], cpus[16];
    const int in = open("/dev/null", O_RDONLY);
    if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(complaints, 2) < 0)
        _exit(NOT_STARTED);
    snprintf(kernel, sizeof kernel, "/proc/self/fd/%d", files[0]);
    snprintf(modules, sizeof modules, "/proc/self/fd/%d", files[1]);
    snprintf(memory, sizeof memory, "%uM", boot->memory_mbytes);
    snprintf(cpus, sizeof cpus, "%u", boot->cpus);
    execlp("qemu-system-x86_64", "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host,+vmx", "-m", memory, "-smp", cpus, "-kernel", kernel, "-initrd",
           modules, "-serial", "stdio", "-display", "none", "-monitor", "none", "-no-reboot", (char *)NULL);
    _exit(NOT_STARTED);
}

/* What QEMU said on its standard error, in one line. */
static void complaint_of(int file, char *text, size_t size)
{
    const ssize_t got = pread(file, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
}

static bool run_qemu(const struct hw_boot *boot, const int files[2], int complaints, struct bytes *serial, bool *stuck, struct sim_error *error)
{
    int ends[2], status = 0;
    char text[200];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(error, "a run cannot be prepared", strerror(errno));
    const pid_t child = fork();
    if (child == 0)
        become_qemu(boot, files, ends[1], complaints);
    close(ends[1]);
    if (child > 0) {
        *stuck = line_collect(ends[0], SILENCE_SECONDS, SILENCE_SECONDS, serial) == LINE_SILENT;
        (void)kill(child, SIGKILL);
        (void)waitpid(child, &status, 0);
    }
    close(ends[0]);
    if (child < 0)
        return fail(error, "a run cannot be prepared", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_STARTED)
        return fail(error, "QEMU is not installed (Debian: qemu-system-x86)", "");
    complaint_of(complaints, text, sizeof text);
    return serial->size != 0 || fail(error, "QEMU did not start the image", text);
}

static bool boot(const struct hw_machine *machine, const struct hw_boot *what, struct bytes *serial, bool *stuck, struct sim_error *error)
{
    (void)machine;
    if (!vmx_offered(error))
        return false;
    const int files[] = {file_with(bochs_kernel, (size_t)(bochs_kernel_end - bochs_kernel)), file_with(what->module->data, what->module->size)};
    const int complaints = memfd_create("vmxbench", MFD_CLOEXEC);
    const bool there = files[0] >= 0 && files[1] >= 0 && complaints >= 0;
    const bool done = there ? run_qemu(what, files, complaints, serial, stuck, error) : fail(error, "a run cannot be prepared", strerror(errno));
    for (unsigned i = 0; i < 2; i++)
        if (files[i] >= 0)
            close(files[i]);
    if (complaints >= 0)
        close(complaints);
    return done;
}

bool qemu_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error)
{
    static const struct hw_machine machine = {.name = "image", .model = host_processor, .module_room = module_room, .boot = boot};
    return hw_run(&machine, scenarios, count, trace, outcomes, error);
}
