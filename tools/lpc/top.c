/* `lpc top OUT`: the stages of a pipeline that runs, live on a terminal. */
#include "tools/lpc/command.h"

#include <cjson/cJSON.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Cell {
    char text[32];
} Cell;

/* ---- As text ---- */

static Cell percent(const lpc_seen_stage *s, double part)
{
    Cell cell = {"-"};
    if (s->seconds > 0) snprintf(cell.text, sizeof cell.text, "%.0f", part * 100);
    return cell;
}

static Cell number(bool known, const char *format, double value)
{
    Cell cell = {"-"};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (known) snprintf(cell.text, sizeof cell.text, format, value);
#pragma GCC diagnostic pop
    return cell;
}

static Cell pair(int a, int b)
{
    Cell cell;
    snprintf(cell.text, sizeof cell.text, "%d/%d", a, b);
    return cell;
}

static void print_stage(const lpc_seen_stage *s)
{
    bool rates = s->seconds > 0;
    printf("%-16s %-22s %-24s ", s->name, s->device, s->address);
    if (s->error) {
        printf("down: %s\n", s->error);
        return;
    }
    printf(
        "%9s %8s %5s %6s %6s %6s %6s %7s %8s %8s%s\n", number(rates, "%.1f", s->frames_per_s).text,
        number(rates, "%.2f", (s->in_per_s + s->out_per_s) * 1e-6).text, percent(s, s->busy).text,
        percent(s, s->input).text, percent(s, s->output).text, pair(s->in_queued, s->in_bound).text,
        pair(s->out_queued, s->out_bound).text, pair(s->serving, s->streams_most).text,
        number(rates && s->compute_ms >= 0, "%.3f", s->compute_ms).text,
        number(s->predicted_ms >= 0, "%.3f", s->predicted_ms).text, s->limits ? "  <" : "");
}

static void print_table(const lpc_seen *seen)
{
    printf("%-16s %-22s %-24s %9s %8s %5s %6s %6s %6s %6s %7s %8s %8s\n", "stage", "device",
           "address", "frames/s", "MB/s", "busy%", "input%", "room%", "in", "out", "streams", "ms",
           "predict");
    for (size_t i = 0; i < seen->stage_count; i++) print_stage(&seen->stages[i]);
    printf("%s\n", seen->limits);
    for (size_t i = 0; i < seen->stage_count; i++) {
        const lpc_seen_stage *s = &seen->stages[i];
        if (s->error || !s->predicted_cores || s->predicted_cores == s->threads) continue;
        printf("%s is predicted for %d core%s, it has %d thread%s\n", s->name, s->predicted_cores,
               s->predicted_cores == 1 ? "" : "s", s->threads, s->threads == 1 ? "" : "s");
    }
}

/* ---- As JSON ---- */

static cJSON *stage_json(const lpc_seen_stage *s)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "name", s->name);
    cJSON_AddStringToObject(j, "device", s->device);
    cJSON_AddStringToObject(j, "address", s->address);
    cJSON_AddBoolToObject(j, "up", !s->error);
    if (s->error) cJSON_AddStringToObject(j, "error", s->error);
    if (s->predicted_ms >= 0) cJSON_AddNumberToObject(j, "predicted_ms", s->predicted_ms);
    if (s->predicted_cores) cJSON_AddNumberToObject(j, "predicted_cores", s->predicted_cores);
    if (s->error) return j;
#define ADD(field) cJSON_AddNumberToObject(j, #field, s->field)
    ADD(up_s), ADD(threads), ADD(frames), ADD(streams), ADD(broken), ADD(refused);
    ADD(serving), ADD(streams_most), ADD(waiting);
    ADD(in_queued), ADD(in_bound), ADD(out_queued), ADD(out_bound);
    if (s->seconds <= 0) return j;
    ADD(seconds), ADD(frames_per_s), ADD(in_per_s), ADD(out_per_s);
    ADD(busy), ADD(input), ADD(output);
    if (s->compute_ms >= 0) ADD(compute_ms);
#undef ADD
    if (s->limits) cJSON_AddTrueToObject(j, "limits");
    return j;
}

static void print_json(const lpc_seen *seen)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *stages = cJSON_AddArrayToObject(root, "stages");
    for (size_t i = 0; i < seen->stage_count; i++)
        cJSON_AddItemToArray(stages, stage_json(&seen->stages[i]));
    cJSON_AddStringToObject(root, "limits", seen->limits);
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    puts(text);
    cJSON_free(text);
}

/* ---- The command ---- */

typedef struct Screen {
    const char *folder;
    bool json, once, is_terminal;
} Screen;

static int show(void *user, const lpc_seen *seen)
{
    const Screen *screen = user;
    if (screen->json) {
        print_json(seen);
    } else if (screen->is_terminal) {
        char now[16];
        time_t at = time(NULL);
        struct tm local;
        strftime(now, sizeof now, "%H:%M:%S", localtime_r(&at, &local));
        printf("\033[H\033[J%s  %s  (Ctrl-C ends)\n\n", screen->folder, now);
        print_table(seen);
    } else {
        print_table(seen);
    }
    return fflush(stdout) || screen->once;
}

int command_top(lpc_compiler *c, const Words *words)
{
    if (!words->count) return usage_error("top", "missing 'OUT', the folder that lpc made");
    if (!lpc_get(c, "hosts") == !lpc_get(c, "connect"))
        return usage_error("top", "expected either --hosts FILE or --connect HOST:PORT,...");
    Screen screen = {.folder = words->list[0],
                     .json = lpc_get(c, "json") != NULL,
                     .is_terminal = isatty(STDOUT_FILENO) && !lpc_get(c, "once")};
    screen.once = !screen.is_terminal && (!screen.json || lpc_get(c, "once"));
    TRY_STATUS(lpc_watch(c, words->list[0], show, &screen));
    return command_printed();
}
