/* `lpc targets`: the known targets with their figures. */
#include "tools/lpc/command.h"

typedef struct Bytes {
    char text[24];
} Bytes;

/* "512 KiB", "8 GB": binary units for caches, decimal ones for memory. */
static Bytes bytes(int64_t count)
{
    static const char *const binary[] = {"B", "KiB", "MiB", "GiB"};
    static const char *const decimal[] = {"B", "kB", "MB", "GB"};
    const char *const *names = count % 1024 == 0 && count < (int64_t)1 << 28 ? binary : decimal;
    double step = names == binary ? 1024 : 1000, value = (double)count;
    Bytes out = {"-"};
    int unit = 0;
    if (!count) return out;
    while (value >= step && unit < 3) value /= step, unit++;
    bool whole = value >= 10 || value == (double)(int)value;
    snprintf(out.text, sizeof out.text, "%.*f %s", whole ? 0 : 1, value, names[unit]);
    return out;
}

static void print_table(const lpc_target *targets, size_t count)
{
    printf("%-11s %-8s %-18s %-12s %4s %8s %5s  %7s %7s %7s %8s %7s %7s  %s\n", "target", "alias",
           "triple", "cpu", "bits", "dot", "cores", "l1d", "l2", "l3", "memory", "GFLOPS", "GB/s",
           "here");
    for (size_t i = 0; i < count; i++) {
        const lpc_target *t = &targets[i];
        printf("%-11s %-8s %-18s %-12s %4d %8s %5d  %7s %7s %7s %8s %7.0f %7.0f  %s\n", t->name,
               t->aliases, t->triple, t->cpu, t->vector_bits, t->dot, t->cores,
               bytes(t->l1d_bytes).text, bytes(t->l2_bytes).text, bytes(t->l3_bytes).text,
               bytes(t->memory_bytes).text, t->gflops, t->memory_bandwidth / 1e9, t->here);
    }
    printf("\n");
    for (size_t i = 0; i < count; i++)
        printf("%-11s %s\n", targets[i].name, targets[i].description);
    printf("\n");
    print_backends();
}

void print_backends(void)
{
    lpc_backend list[16];
    size_t count = lpc_backends(list, sizeof list / sizeof *list);
    for (size_t i = 0; i < count; i++)
        printf("%s--emit %-5s %s%s\n", i ? "        " : "Code:   ", list[i].name, list[i].help,
               i ? "" : " (the default)");
}

int command_targets(lpc_compiler *c, const Words *words)
{
    (void)words;
    if (lpc_get(c, "json")) {
        const char *json;
        lpc_status status = lpc_targets_json(c, &json);
        if (json) puts(json);
        return (int)status;
    }
    const lpc_target *targets;
    size_t count;
    lpc_status status = lpc_targets(c, &targets, &count);
    if (count) print_table(targets, count);
    return (int)status;
}
