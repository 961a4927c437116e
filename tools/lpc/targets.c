/* `lpc targets`: the known targets with their figures. */
#include "tools/lpc/command.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "512 KiB", "8 GB": binary units for caches, decimal ones for memory. */
static const char *cache_text(Arena *arena, int64_t bytes)
{
    static const char *const binary[] = {"B", "KiB", "MiB", "GiB"};
    static const char *const decimal[] = {"B", "kB", "MB", "GB"};
    if (bytes == 0) return "-";
    const char *const *names = bytes % 1024 == 0 && bytes < (int64_t)1 << 28 ? binary : decimal;
    double step = names == binary ? 1024 : 1000, value = (double)bytes;
    int unit = 0;
    while (value >= step && unit < 3) value /= step, unit++;
    return arena_printf(arena, value < 10 && value != (double)(int)value ? "%.1f %s" : "%.0f %s",
                        value, names[unit]);
}

static const char *status(const Target *t)
{
    if (!target_has_program(t->cc)) return "no compiler";
    if (t->native) return "runs here";
    if (target_has_program(t->emulator)) return "emulated";
    return "builds";
}

static void print_table(Arena *arena, Target *const *targets, const char *const *aliases, int count)
{
    printf("%-11s %-8s %-18s %-12s %4s %8s %5s  %7s %7s %7s %8s %7s %7s  %s\n", "target", "alias",
           "triple", "cpu", "bits", "dot", "cores", "l1d", "l2", "l3", "memory", "GFLOPS", "GB/s",
           "here");
    for (int i = 0; i < count; i++) {
        const Target *t = targets[i];
        printf("%-11s %-8s %-18s %-12s %4d %8s %5d  %7s %7s %7s %8s %7.0f %7.0f  %s\n", t->name,
               aliases[i], t->triple, t->cpu, t->vector_bits, dot_name(t->dot), t->cores,
               cache_text(arena, t->l1d), cache_text(arena, t->l2), cache_text(arena, t->l3),
               cache_text(arena, t->memory), t->gflops, t->memory_bandwidth / 1e9, status(t));
    }
    printf("\n");
    for (int i = 0; i < count; i++) printf("%-11s %s\n", targets[i]->name, targets[i]->description);
    printf("\n");
    print_backends();
}

void print_backends(void)
{
    int count;
    const Backend *list = backend_list(&count);
    for (int i = 0; i < count; i++)
        printf("%s--emit %-5s %s%s\n", i ? "        " : "Code:   ", list[i].name, list[i].help,
               i ? "" : " (the default)");
}

static cJSON *string_list(const char *const *list, int count)
{
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < count; i++) cJSON_AddItemToArray(array, cJSON_CreateString(list[i]));
    return array;
}

static cJSON *target_json(const Target *t, const char *aliases)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "name", t->name);
    cJSON_AddStringToObject(j, "description", t->description);
    cJSON_AddStringToObject(j, "aliases", aliases);
    cJSON_AddStringToObject(j, "triple", t->triple);
    cJSON_AddStringToObject(j, "cpu", t->cpu);
    cJSON_AddStringToObject(j, "features", t->features);
    cJSON_AddNumberToObject(j, "vector_bits", t->vector_bits);
    cJSON_AddNumberToObject(j, "vector_registers", t->vector_registers);
    cJSON_AddBoolToObject(j, "fma", t->fma);
    cJSON_AddBoolToObject(j, "fp16", t->fp16);
    cJSON_AddStringToObject(j, "dot", dot_name(t->dot));
    cJSON_AddNumberToObject(j, "cores", t->cores);
    cJSON_AddNumberToObject(j, "l1d", (double)t->l1d);
    cJSON_AddNumberToObject(j, "l2", (double)t->l2);
    cJSON_AddNumberToObject(j, "l3", (double)t->l3);
    cJSON_AddNumberToObject(j, "memory", (double)t->memory);
    cJSON_AddNumberToObject(j, "gflops", t->gflops);
    cJSON_AddNumberToObject(j, "memory_bandwidth", t->memory_bandwidth);
    cJSON_AddNumberToObject(j, "call_overhead", t->call_overhead);
    cJSON_AddItemToObject(j, "cflags", string_list(t->cflags, t->cflag_count));
    cJSON_AddItemToObject(j, "cc", string_list(t->cc, t->cc_count));
    cJSON_AddItemToObject(j, "linker", string_list(t->linker, t->linker_count));
    cJSON_AddItemToObject(j, "link_flags", string_list(t->link_flags, t->link_flag_count));
    cJSON_AddItemToObject(j, "emulator", string_list(t->emulator, t->emulator_count));
    cJSON_AddStringToObject(j, "here", status(t));
    return j;
}

static void print_json(Target *const *targets, const char *const *aliases, int count)
{
    cJSON *root = cJSON_CreateArray();
    for (int i = 0; i < count; i++) cJSON_AddItemToArray(root, target_json(targets[i], aliases[i]));
    char *text = cJSON_Print(root);
    if (text) puts(text);
    free(text);
    cJSON_Delete(root);
}

int command_targets(Options *o, Diag *diag)
{
    Target **targets = NULL;
    const char **aliases = NULL;
    int count = 0;
    int code = target_list(diag, o->arena, o->compile.target_dirs, o->compile.target_dir_count,
                           &targets, &aliases, &count);
    if (o->json)
        print_json(targets, aliases, count);
    else if (count)
        print_table(o->arena, targets, aliases, count);
    return code;
}
