/* See services.h. What a service needs is found here, once; how that is written in compose.c and kubernetes.c. */
#include "lib/deploy/services.h"

#include "backend/host/output.h"

#include <ctype.h>
#include <string.h>

enum { LABEL_MOST = 63, TAG_DIGITS = 12 };
/* Beside what the plan counts: what a container's own start takes. */
static const int64_t MARGIN_BYTES = 16 << 20;

/* Containers talk on a network of theirs. A file of keys is its owner's alone, whom the containers do not run as. */
static const char insecure[] = "--insecure";

struct ServicesKind {
    const char *name, *file;
    void (*text)(const Services *services, Text *out);
};

static const ServicesKind kinds[] = {{"compose", "compose.yaml", compose_text},
                                     {"kubernetes", "kubernetes.yaml", kubernetes_text}};

const ServicesKind *services_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i].name) == 0) return &kinds[i];
    return NULL;
}

/* --- names --- */

/* A label of DNS as Kubernetes has it for services (RFC 1035): small letters, digits and, within, hyphens; first a
 * letter. */
static char *label_of(Arena *arena, const char *text)
{
    while (*text && !isalpha((unsigned char)*text)) text++;
    char *label = arena_printf(arena, "%.*s", LABEL_MOST, text);
    for (char *c = label; *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '-';
    for (size_t end = strlen(label); end && label[end - 1] == '-';) label[--end] = 0;
    return *label ? label : arena_strdup(arena, "stage");
}

static bool is_taken(const Services *services, const char *name)
{
    for (int i = 0; i < services->count; i++)
        if (strcmp(services->list[i].name, name) == 0) return true;
    return false;
}

/* A label that no service has yet. */
static const char *free_label(const Services *services, Arena *arena, const char *text)
{
    const char *label = label_of(arena, text), *name = label;
    for (int i = 2; is_taken(services, name); i++)
        name = arena_printf(arena, "%.*s-%d", LABEL_MOST - 5, label, i);
    return name;
}

/* --- what runs --- */

static const char *platform_of(const char *triple)
{
    static const char *const platforms[][2] = {
        {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"riscv64", "riscv64"}, {"arm", "arm"}};
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        if (triple && strncmp(triple, platforms[i][0], strlen(platforms[i][0])) == 0)
            return platforms[i][1];
    return NULL;
}

typedef struct Words {
    Arena *arena;
    const char **list;
    int count;
} Words;

static void add(Words *words, const char *text)
{
    arena_push(words->arena, words->list, words->count) = text;
}

static void add_pair(Words *words, const char *option, const char *value)
{
    add(words, option);
    add(words, value);
}

static const char *port_of(Arena *arena, const char *host, int port)
{
    return arena_printf(arena, "%s:%d", host, port);
}

static int stage_service(Arena *arena, Diag *diag, const PackageStage *stage, const Service *after,
                         Service *service)
{
    Words words = {.arena = arena};
    if (!stage->program)
        return diag_error(diag,
                          "stage '%s' has no program: the toolchain of target '%s' was missing "
                          "when it was compiled",
                          stage->name, stage->target);
    add(&words, "%s/stage");
    add_pair(&words, "--listen", port_of(arena, "*", SERVICE_PORT));
    if (after) add_pair(&words, "--forward", port_of(arena, after->name, SERVICE_PORT));
    add(&words, "--serve");
    add(&words, insecure);
    if (stage->predicted_cores > 0)
        add_pair(&words, "--threads", arena_printf(arena, "%d", stage->predicted_cores));
    add(&words, NULL);
    service->folder = stage->name;
    service->platform = platform_of(stage->triple);
    service->words = words.list;
    service->cores = stage->predicted_cores;
    if (stage->memory_bytes > 0)
        service->memory_bytes = (int64_t)stage->memory_bytes + MARGIN_BYTES;
    return LPC_OK;
}

static void gateway_service(const Services *services, Arena *arena, Service *service)
{
    Words words = {.arena = arena};
    const Service *first = services->list, *last = &services->list[services->count - 1];
    add(&words, "lpc");
    add(&words, "serve");
    add(&words, "%s");
    add_pair(&words, "--connect", port_of(arena, first->name, SERVICE_PORT));
    if (last != first) add_pair(&words, "--collect", port_of(arena, last->name, SERVICE_PORT));
    add_pair(&words, "--listen", port_of(arena, "*", SERVICE_WIRE_PORT));
    add_pair(&words, "--http", port_of(arena, "*", SERVICE_HTTP_PORT));
    add(&words, insecure);
    add(&words, NULL);
    service->name = free_label(services, arena, "gateway");
    service->words = words.list;
}

static int make(Services *services, Arena *arena, Diag *diag, const Package *package)
{
    Text tag;
    int stages = package->stage_count;
    text_init(&tag, arena);
    for (int i = 0; i < TAG_DIGITS / 2; i++) text_printf(&tag, "%02x", package->build_id[i]);
    const char *slash = package->model ? strrchr(package->model, '/') : NULL;
    *services = (Services){.name = label_of(arena, slash            ? slash + 1
                                                   : package->model ? package->model
                                                                    : "model"),
                           .tag = tag.data,
                           .list = arena_array(arena, (size_t)stages + 1, sizeof *services->list)};
    for (; services->count < stages; services->count++)
        services->list[services->count].name =
            free_label(services, arena, package->stages[services->count].name);
    for (int i = 0; i < stages; i++)
        TRY(stage_service(arena, diag, &package->stages[i],
                          i + 1 < stages ? &services->list[i + 1] : NULL, &services->list[i]));
    gateway_service(services, arena, &services->list[stages]);
    services->count++;
    return LPC_OK;
}

int services_write(const ServicesKind *kind, Arena *arena, Diag *diag, const Package *package,
                   const char **path)
{
    Services services;
    Text out;
    text_init(&out, arena);
    TRY(make(&services, arena, diag, package));
    kind->text(&services, &out);
    *path = arena_printf(arena, "%s/%s", package->folder, kind->file);
    return output_write(diag, *path, out.data, out.length);
}
