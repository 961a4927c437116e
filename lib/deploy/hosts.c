/* The hosts' file, {"hosts": {"pi": {"ssh": "user@pi.local", "port": 7002}}}, and OUT/deployed.json:
 *
 *     {"format": 1, "stages": {"pi": {"asked": 7002, "port": 7003, "host": "pi-b"}}}
 *
 * the port that a stage was to have and the one that it has, and the spare that it is on; "insecure": true, where links
 * are plain. */
#include "lib/deploy/deploy.h"

#include "ir/schema.h"
#include "runtime/stage.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_PORT = 7001 };

/* ---- The hosts ---- */

static bool is_destination(const char *text)
{
    return text[0] != '-' && !strpbrk(text, " \t/");
}

static int check_ssh(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    (void)r, (void)f, (void)json;
    return !is_destination(((DeployHost *)to)->ssh);
}

static int check_address(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    (void)r, (void)f, (void)json;
    return strpbrk(((DeployHost *)to)->address, " \t'/") != NULL;
}

/* clang-format off */
static const JsonField host_fields[] = {
    {"local", JSON_FLAG, false, offsetof(DeployHost, local), 0, 0, 0, NULL, NULL, NULL},
    {"spare", JSON_FLAG, false, offsetof(DeployHost, spare), 0, 0, 0, NULL, NULL, NULL},
    {"target", JSON_LINE, false, offsetof(DeployHost, target), 0, 0, 0, NULL, NULL, NULL},
    {"ssh", JSON_LINE, false, offsetof(DeployHost, ssh), 0, 0, 0,
     "USER@HOST (a port goes into \"ssh_options\": [\"-p\", \"8022\"])", NULL, check_ssh},
    {"ssh_options", JSON_WORDS, false, offsetof(DeployHost, ssh_options), offsetof(DeployHost, ssh_option_count), 0, 64,
     "a list of words, such as [\"-p\", \"8022\"]", NULL, NULL},
    {"address", JSON_LINE, false, offsetof(DeployHost, address), 0, 0, 0,
     "the name or address that neighbours connect to, without a port", NULL, check_address},
    {"port", JSON_INT, false, offsetof(DeployHost, port), 0, 1, 65535, NULL, NULL, NULL},
    {"folder", JSON_LINE, false, offsetof(DeployHost, folder), 0, 0, 0, NULL, NULL, NULL},
    {"threads", JSON_INT, false, offsetof(DeployHost, threads), 0, 1, 256, NULL, NULL, NULL},
    {"streams", JSON_INT, false, offsetof(DeployHost, streams), 0, 1, LPC_STREAMS_MAX, NULL, NULL, NULL},
    JSON_END};
/* clang-format on */

static DeployStage *find_stage(Deployment *d, const char *name)
{
    for (int i = 0; i < d->count; i++)
        if (!strcmp(d->stages[i].stage->name, name)) return &d->stages[i];
    return NULL;
}

static const char *stage_names(const Deployment *d)
{
    Text text;
    text_init(&text, d->arena);
    for (int i = 0; i < d->count; i++)
        text_printf(&text, "%s'%s'", i ? ", " : "", d->stages[i].stage->name);
    return text.data;
}

static bool suits(const DeployHost *spare, const PackageStage *stage)
{
    return !strcmp(spare->target, stage->name) ||
           (stage->target && !strcmp(spare->target, stage->target));
}

/* A row that is not a stage's own. */
static int take_spare(JsonReader *r, Deployment *d, const DeployStage *own, DeployHost *host)
{
    bool is_wanted = false;
    if (own || !host->spare || !host->target || host->local)
        return diag_error(r->diag,
                          "%s: a spare has a name of its own, 'spare': true, 'ssh', and the "
                          "'target' of the stages whose place it may take",
                          r->where);
    for (int i = 0; i < d->count; i++) is_wanted = is_wanted || suits(host, d->stages[i].stage);
    if (!is_wanted)
        return diag_error(r->diag, "%s: field 'target': no stage is for '%s'", r->where,
                          host->target);
    arena_push(d->arena, d->spares, d->spare_count) = *host;
    return 0;
}

static int read_host(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Deployment *d = to;
    DeployStage *s = find_stage(d, r->key);
    DeployHost host = {.streams = 1, .row = arena_strdup(d->arena, r->key)};
    (void)f;
    if (s && s->host.name) return diag_error(r->diag, "%s is repeated", r->where);
    TRY(json_fields(r, json, host_fields, &host));
    if (!s && !host.spare)
        return diag_error(r->diag, "%s: the package has no such stage; there are %s", r->where,
                          stage_names(d));
    if (host.local == (host.ssh != NULL))
        return diag_error(r->diag, "%s: expected either 'ssh' or 'local': true", r->where);
    if (host.local && host.ssh_options)
        return diag_error(r->diag, "%s: 'ssh_options' goes with 'ssh'", r->where);
    if (host.spare || host.target) return take_spare(r, d, s, &host);
    host.name = s->stage->name;
    s->host = host;
    return 0;
}

static const JsonField hosts_fields[] = {
    JSON_EACH("hosts", JSON_MAP, true, 0, "an object with a host for each stage", read_host),
    JSON_END};

/* ---- What a host's row leaves out ---- */

static const char *default_address(Arena *arena, const DeployHost *host)
{
    if (host->address) return host->address;
    if (host->local) return "127.0.0.1";
    const char *at = strrchr(host->ssh, '@');
    return arena_strdup(arena, at ? at + 1 : host->ssh);
}

/* As HOST:PORT has it. */
static const char *bracketed(Arena *arena, const char *address)
{
    return strchr(address, ':') && address[0] != '[' ? arena_printf(arena, "[%s]", address)
                                                     : address;
}

/* A model's name as a folder's. */
static const char *folder_name(Arena *arena, const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    char *copy = arena_strdup(arena, name && *name ? name : "model");
    for (char *at = copy; *at; at++)
        if (!strchr(allowed, *at)) *at = '_';
    if (*copy == '.') *copy = '_';
    return copy;
}

/* A folder for each stage, since two may share a device. It begins with a slash or "./", so that no tool takes it
 * for an option. */
static const char *stage_folder(const Deployment *d, const DeployHost *host)
{
    const char *folder = host->folder ? host->folder
                                      : arena_printf(d->arena, ".local/share/lpc/%s",
                                                     folder_name(d->arena, d->package->model));
    if (!strncmp(folder, "~/", 2)) folder += 2;
    return arena_printf(d->arena, "%s%s/%s", folder[0] == '/' ? "" : "./", folder, host->name);
}

static void complete_host(const Deployment *d, DeployStage *s)
{
    DeployHost *host = &s->host;
    host->address = bracketed(d->arena, default_address(d->arena, host));
    host->folder = stage_folder(d, host);
    if (!host->port) host->port = FIRST_PORT + (int)(s - d->stages);
    s->port = host->port;
    s->where =
        arena_printf(d->arena, "stage '%s' (%s)", host->name, host->local ? "here" : host->ssh);
}

static void use_spare(const Deployment *d, DeployStage *s, DeployHost *spare)
{
    const char *name = s->host.name;
    s->host = *spare;
    s->host.name = name;
    spare->row = NULL;
    s->chosen = 0;
    complete_host(d, s);
}

bool deploy_use_spare(Deployment *d, DeployStage *s)
{
    for (int i = 0; i < d->spare_count; i++) {
        if (!d->spares[i].row || !suits(&d->spares[i], s->stage)) continue;
        use_spare(d, s, &d->spares[i]);
        return true;
    }
    return false;
}

/* Whether the stage is on another device, or a spare may take it there. */
static bool may_be_elsewhere(const Deployment *d, const DeployStage *s)
{
    bool is_elsewhere = !s->host.local;
    for (int i = 0; i < d->spare_count; i++)
        is_elsewhere = is_elsewhere || suits(&d->spares[i], s->stage);
    return is_elsewhere;
}

static int complete(Deployment *d)
{
    for (int i = 0; i < d->count; i++) {
        DeployStage *s = &d->stages[i];
        const DeployHost *host = &s->host;
        if (!host->name)
            return diag_error(d->diag, "hosts: stage '%s' of the package has no host",
                              s->stage->name);
        if (i && host->local && !host->address && may_be_elsewhere(d, &d->stages[i - 1]))
            return diag_error(d->diag,
                              "hosts '%s': field 'address' is missing: stage '%s' connects to it "
                              "from another device",
                              host->name, d->stages[i - 1].host.name);
        complete_host(d, s);
    }
    return 0;
}

/* ---- What was chosen ---- */

typedef struct Chosen {
    int asked, port;
    const char *host; /* a spare's row; NULL: the stage's own */
} Chosen;

static const JsonField chosen_fields[] = {
    {"asked", JSON_INT, true, offsetof(Chosen, asked), 0, 1, 65535, NULL, NULL, NULL},
    {"port", JSON_INT, true, offsetof(Chosen, port), 0, 1, 65535, NULL, NULL, NULL},
    {"host", JSON_LINE, false, offsetof(Chosen, host), 0, 0, 0, NULL, NULL, NULL},
    JSON_END};

static int read_chosen(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Chosen chosen = {0};
    Deployment *d = to;
    DeployStage *s = find_stage(d, r->key);
    (void)f;
    TRY(json_fields(r, json, chosen_fields, &chosen));
    for (int i = 0; s && chosen.host && i < d->spare_count; i++)
        if (d->spares[i].row && !strcmp(d->spares[i].row, chosen.host) &&
            suits(&d->spares[i], s->stage))
            use_spare(d, s, &d->spares[i]);
    if (s && s->host.port == chosen.asked) s->chosen = s->port = chosen.port;
    return 0;
}

static const JsonField deployed_fields[] = {
    JSON_KNOWN("format"),
    {"insecure", JSON_FLAG, false, offsetof(Deployment, insecure), 0, 0, 0, NULL, NULL, NULL},
    JSON_EACH("stages", JSON_MAP, true, 0, "an object of stages", read_chosen),
    JSON_END};

static const char *deployed_path(const Deployment *d)
{
    return arena_printf(d->arena, "%s/deployed.json", d->package->folder);
}

int deploy_remember(Deployment *d)
{
    const char *path = deployed_path(d), *half = arena_printf(d->arena, "%s.new", path);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "format", 1);
    if (d->insecure) cJSON_AddTrueToObject(root, "insecure");
    cJSON *stages = cJSON_AddObjectToObject(root, "stages");
    for (int i = 0; i < d->count; i++) {
        cJSON *one = cJSON_AddObjectToObject(stages, d->stages[i].host.name);
        cJSON_AddNumberToObject(one, "asked", d->stages[i].host.port);
        cJSON_AddNumberToObject(one, "port", d->stages[i].port);
        if (d->stages[i].host.spare) cJSON_AddStringToObject(one, "host", d->stages[i].host.row);
    }
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    FILE *file = fopen(half, "w");
    bool good = file && text && fprintf(file, "%s\n", text) > 0;
    cJSON_free(text);
    if (file && fclose(file)) good = false;
    if (good && !rename(half, path)) return 0;
    return diag_error(d->diag, "%s: %s", path, strerror(errno));
}

void deploy_forget(Deployment *d)
{
    (void)remove(deployed_path(d));
}

/* ---- All of it ---- */

/* Names of stages become names of folders. */
static int check_names(Deployment *d)
{
    for (int i = 0; i < d->count; i++) {
        const char *name = d->stages[i].stage->name;
        if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
            return diag_error(d->diag, "stage '%s': no folder can have that name", name);
    }
    return 0;
}

const char *deploy_address(const Deployment *d, int i)
{
    return arena_printf(d->arena, "%s:%d", d->stages[i].host.address, d->stages[i].port);
}

static int open_package(Deployment *d, Arena *arena, Diag *diag, const char *folder)
{
    *d = (Deployment){.arena = arena, .diag = diag};
    TRY(package_load(&d->package, arena, diag, folder));
    d->count = d->package->stage_count;
    d->stages = arena_array(arena, (size_t)d->count, sizeof *d->stages);
    for (int i = 0; i < d->count; i++) d->stages[i].stage = &d->package->stages[i];
    return check_names(d);
}

int deploy_describe(Deployment *d, Arena *arena, Diag *diag, const char *folder)
{
    TRY(open_package(d, arena, diag, folder));
    for (int i = 0; i < d->count; i++) {
        DeployHost *host = &d->stages[i].host;
        *host =
            (DeployHost){.name = d->stages[i].stage->name, .port = FIRST_PORT + i, .streams = 1};
        host->folder = stage_folder(d, host);
        d->stages[i].where = arena_printf(arena, "stage '%s'", host->name);
    }
    return 0;
}

int deploy_open(Deployment *d, Arena *arena, Diag *diag, const char *folder, const char *hosts_file)
{
    const char *before = diag->file;
    TRY(open_package(d, arena, diag, folder));
    d->hosts_file = hosts_file;
    TRY(json_load(diag, arena, hosts_file, hosts_fields, d));
    TRY(complete(d));
    if (!access(deployed_path(d), F_OK))
        TRY(json_load(diag, arena, deployed_path(d), deployed_fields, d));
    diag->file = before;
    return 0;
}
