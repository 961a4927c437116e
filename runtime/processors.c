/* How many processors there are for this process: those that it may run on (sched_setaffinity), and no more than the
 * CPU quota of its control groups lets it use (Linux, Documentation/admin-guide/cgroup-v2.rst, "cpu.max";
 * scheduler/sched-bwc.rst for version 1). No memory is taken, files are read into the stack. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "processor.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MOST = 1024 };

static int read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 1;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    return got <= 0;
}

/* Microseconds of a file in the group's folder; 0: there is no such file, or no limit. */
static double number_in(const char *folder, const char *file)
{
    char path[PATH_MOST + 64], text[64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (read_text(path, text, sizeof text)) return 0;
    double number = strtod(text, NULL);
    return number > 0 ? number : 0;
}

/* Processors' worth of time that the group of that folder may take; 0: there is no limit. */
static double quota_of(const char *folder)
{
    char path[PATH_MOST + 64], text[64], *end;
    double quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (!read_text(path, text, sizeof text)) {
        quota = strtod(text, &end); /* "max" is no number */
        period = strtod(end, NULL);
    } else {
        quota = number_in(folder, "cpu.cfs_quota_us");
        period = number_in(folder, "cpu.cfs_period_us");
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

/* The least quota of a group and those that it lies in, up to the root of its tree. */
static double least_quota(const char *root, const char *group)
{
    char folder[PATH_MOST];
    size_t top = strlen(root);
    double least = 0;
    if (snprintf(folder, sizeof folder, "%s%s", root, group) >= (int)sizeof folder) return 0;
    for (char *slash;; *slash = 0) {
        double quota = quota_of(folder);
        if (quota > 0 && (least <= 0 || quota < least)) least = quota;
        slash = strrchr(folder, '/');
        if (!slash || slash < folder + top) return least;
    }
}

static int has_cpu(const char *controllers)
{
    for (const char *at = controllers; *at; at += *at == ',') {
        size_t length = strcspn(at, ",");
        if (length == 3 && !strncmp(at, "cpu", 3)) return 1;
        at += length;
    }
    return 0;
}

/* Each line of /proc/self/cgroup is NUMBER:CONTROLLERS:GROUP; without controllers it is of version 2. */
double lpc_cpu_quota(void)
{
    char text[4096], *rest = text, *line;
    double least = 0;
    if (read_text("/proc/self/cgroup", text, sizeof text)) return 0;
    while ((line = strsep(&rest, "\n"))) {
        char *controllers = strchr(line, ':'), *group;
        if (!controllers || !(group = strchr(++controllers, ':'))) continue;
        *group++ = 0;
        if (*controllers && !has_cpu(controllers)) continue;
        double one = least_quota(*controllers ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup", group);
        if (one > 0 && (least <= 0 || one < least)) least = one;
    }
    return least;
}

int lpc_processors(void)
{
    cpu_set_t set;
    long count =
        sched_getaffinity(0, sizeof set, &set) ? sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);
    double limit = lpc_cpu_quota();
    if (limit > 0 && limit < (double)count) count = limit < 1 ? 1 : (long)(limit + 0.5);
    return count < 1 ? 1 : (int)count;
}
