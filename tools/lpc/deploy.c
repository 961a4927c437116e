/* `lpc deploy OUT --hosts FILE` and what belongs to it: status, logs, stop, undeploy. */
#include "tools/lpc/command.h"

#include <cjson/cJSON.h>

/* Are the words of the command line there? */
static lpc_status check_words(lpc_compiler *c, const char *command, const Words *words)
{
    if (words->count && lpc_get(c, "hosts")) return LPC_STATUS_OK;
    return (lpc_status)usage_error(
        command, words->count ? "missing --hosts FILE" : "missing 'OUT', the folder that lpc made");
}

/* ---- As JSON ---- */

static cJSON *stage_json(const lpc_deployed_stage *s)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "name", s->name);
    cJSON_AddStringToObject(j, "device", s->device);
    cJSON_AddStringToObject(j, "address", s->address);
    cJSON_AddBoolToObject(j, "runs", s->pid != 0);
    if (s->pid) cJSON_AddNumberToObject(j, "pid", (double)s->pid);
    if (s->pid) cJSON_AddNumberToObject(j, "up_s", s->up_s);
    if (s->unit) cJSON_AddStringToObject(j, "unit", s->unit);
    cJSON_AddNumberToObject(j, "restarts", s->restarts);
    if (s->last) cJSON_AddStringToObject(j, "last", s->last);
    if (s->error) cJSON_AddStringToObject(j, "error", s->error);
    return j;
}

static void print_json(const lpc_deployment *d, bool is_status)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *stages = cJSON_AddArrayToObject(root, "stages");
    for (size_t i = 0; i < d->stage_count; i++) {
        const lpc_deployed_stage *s = &d->stages[i];
        cJSON *j = stage_json(s);
        if (is_status) {
            cJSON_AddBoolToObject(j, "deployed", s->deployed);
            cJSON_AddBoolToObject(j, "same_build", s->same_build);
        } else {
            cJSON_AddBoolToObject(j, "kept", s->kept);
            cJSON_AddNumberToObject(j, "copied", (double)s->copied);
        }
        cJSON_AddItemToArray(stages, j);
    }
    cJSON_AddBoolToObject(root, "passes", d->passes);
    if (d->why) cJSON_AddStringToObject(root, "why", d->why);
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    puts(text);
    cJSON_free(text);
}

/* ---- As text ---- */

typedef struct Cell {
    char text[64];
} Cell;

/* What keeps it running, and as what process. */
static Cell process(const lpc_deployed_stage *s)
{
    Cell cell = {"-"};
    if (s->pid) snprintf(cell.text, sizeof cell.text, "%lld", (long long)s->pid);
    return cell;
}

static Cell since(const lpc_deployed_stage *s)
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    Cell cell = {"-"};
    size_t i = 0;
    while (i < 3 && s->up_s < 2 * units[i].seconds) i++;
    if (s->pid)
        snprintf(cell.text, sizeof cell.text, "%.0f %s", s->up_s / units[i].seconds, units[i].name);
    return cell;
}

static void print_deployed(const lpc_deployment *d)
{
    printf("%-16s %-24s %-28s %8s %12s  %s\n", "stage", "device", "address", "pid", "copied",
           "kept by");
    for (size_t i = 0; i < d->stage_count; i++) {
        const lpc_deployed_stage *s = &d->stages[i];
        printf("%-16s %-24s %-28s %8s %12lld  %s%s\n", s->name, s->device, s->address,
               process(s).text, (long long)s->copied, s->unit ? s->unit : "lpc's supervisor",
               s->kept ? ", ran already" : "");
    }
}

static const char *state(const lpc_deployed_stage *s)
{
    if (s->error) return "unknown";
    if (!s->deployed) return "not deployed";
    return s->pid ? "runs" : "does not run";
}

static void print_status(const lpc_deployment *d)
{
    printf("%-16s %-24s %-28s %-12s %8s %8s %8s  %s\n", "stage", "device", "address", "state",
           "pid", "since", "restarts", "build");
    for (size_t i = 0; i < d->stage_count; i++) {
        const lpc_deployed_stage *s = &d->stages[i];
        printf("%-16s %-24s %-28s %-12s %8s %8s %8d  %s\n", s->name, s->device, s->address,
               state(s), process(s).text, since(s).text, s->restarts,
               !s->deployed    ? "-"
               : s->same_build ? "same"
                               : "another");
        if (s->deployed && !s->pid && s->last) printf("%-16s   %s\n", "", s->last);
    }
    if (d->passes)
        printf("a stream passes%s%s\n", d->why ? ": " : "", d->why ? d->why : "");
    else
        printf("no stream passes%s%s\n", d->why ? ": " : "", d->why ? d->why : "");
}

static void print_line(void *user, const char *stage, const char *line)
{
    (void)user;
    printf("%s: %s\n", stage, line);
    (void)fflush(stdout);
}

/* ---- The commands ---- */

static int write_services(lpc_compiler *c, const char *folder)
{
    const char *path;
    if (lpc_get(c, "hosts"))
        return usage_error("deploy", "--hosts and --write: one of them says where the stages run");
    TRY_STATUS(lpc_write_services(c, folder, &path));
    printf("%s\n", path);
    return command_printed();
}

int command_deploy(lpc_compiler *c, const Words *words)
{
    const lpc_deployment *d;
    if (words->count && lpc_get(c, "write")) return write_services(c, words->list[0]);
    TRY_STATUS(check_words(c, "deploy", words));
    TRY_STATUS(lpc_deploy(c, words->list[0], &d));
    if (lpc_get(c, "json"))
        print_json(d, false);
    else
        print_deployed(d);
    return command_printed();
}

int command_status(lpc_compiler *c, const Words *words)
{
    const lpc_deployment *d;
    TRY_STATUS(check_words(c, "status", words));
    lpc_status status = lpc_deployed(c, words->list[0], &d);
    if (d && lpc_get(c, "json"))
        print_json(d, true);
    else if (d)
        print_status(d);
    TRY_STATUS(status);
    return command_printed();
}

int command_logs(lpc_compiler *c, const Words *words)
{
    TRY_STATUS(check_words(c, "logs", words));
    TRY_STATUS(lpc_logs(c, words->list[0], print_line, NULL));
    return command_printed();
}

int command_stop(lpc_compiler *c, const Words *words)
{
    TRY_STATUS(check_words(c, "stop", words));
    return (int)lpc_stop(c, words->list[0], 0);
}

int command_undeploy(lpc_compiler *c, const Words *words)
{
    TRY_STATUS(check_words(c, "undeploy", words));
    return (int)lpc_stop(c, words->list[0], 1);
}
