/* `lpc run OUT`: the pipeline on this machine, fed with files or noise; its figures. */
#include "tools/lpc/command.h"

#include <cjson/cJSON.h>

enum { SHOWN_VALUES = 8, SHOWN_FRAMES = 8 };

/* ---- Outputs ---- */

static void print_output(const lpc_tensor *t)
{
    double values[SHOWN_VALUES];
    size_t shown = t->elements < SHOWN_VALUES ? (size_t)t->elements : SHOWN_VALUES;
    lpc_elements(t, 0, shown, values);
    printf("%s %s:", t->name, t->shape);
    for (size_t i = 0; i < shown; i++) {
        size_t length;
        const char *string = lpc_string(t, (int64_t)i, &length);
        if (string)
            printf(" \"%.*s\"", (int)length, string);
        else
            printf(" %.6g", values[i]);
    }
    printf("%s\n", t->elements > SHOWN_VALUES ? " ..." : "");
}

static void show_token(void *user, const lpc_tensor *outputs, size_t count, int64_t frame,
                       int64_t frames)
{
    double token;
    bool *in_line = user;
    lpc_elements(&outputs[count - 1], 0, 1, &token);
    printf("%s %.0f%s", frame ? "" : "tokens:", token, frame + 1 == frames ? "\n" : "");
    *in_line = frame + 1 < frames;
    (void)fflush(stdout);
}

static void show(void *user, const lpc_tensor *outputs, size_t count, int64_t frame, int64_t frames)
{
    (void)user;
    (void)frame;
    for (size_t i = 0; i < count && frames <= SHOWN_FRAMES; i++) print_output(&outputs[i]);
}

/* ---- As JSON ---- */

static cJSON *stage_json(const lpc_ran_stage *s)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "name", s->name);
    cJSON_AddNumberToObject(j, "compute_ms_median", s->compute_ms);
    cJSON_AddNumberToObject(j, "send_ms_median", s->send_ms);
    cJSON_AddNumberToObject(j, "receive_ms_median", s->receive_ms);
    cJSON_AddNumberToObject(j, "wait_ms_median", s->wait_ms);
    cJSON_AddNumberToObject(j, "frames", s->frames);
    cJSON_AddNumberToObject(j, "peak_rss_bytes", s->peak_rss_bytes);
    if (s->predicted_compute_ms < 0) return j;
    cJSON_AddNumberToObject(j, "predicted_compute_ms", s->predicted_compute_ms);
    cJSON_AddNumberToObject(j, "predicted_send_ms", s->predicted_send_ms);
    cJSON_AddNumberToObject(j, "predicted_cores", s->predicted_cores);
    return j;
}

static void print_json(const lpc_ran *ran)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *stages = cJSON_AddArrayToObject(root, "stages");
    for (size_t i = 0; i < ran->stage_count; i++)
        cJSON_AddItemToArray(stages, stage_json(&ran->stages[i]));
    cJSON_AddNumberToObject(root, "latency_ms_median", ran->latency_ms);
    cJSON_AddNumberToObject(root, "throughput", ran->throughput);
    cJSON_AddNumberToObject(root, "frames", (double)ran->frames);
    cJSON *tokens = ran->token_count ? cJSON_AddArrayToObject(root, "tokens") : NULL;
    for (size_t i = 0; i < ran->token_count; i++)
        cJSON_AddItemToArray(tokens, cJSON_CreateNumber((double)ran->tokens[i]));
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    puts(text);
    cJSON_free(text);
}

/* ---- As text ---- */

typedef struct Ms {
    char text[24];
} Ms;

static Ms predicted(double ms)
{
    Ms out = {"-"};
    if (ms >= 0) snprintf(out.text, sizeof out.text, "%.3f", ms);
    return out;
}

/* What predictions are for, where that is not what ran. */
static void print_conditions(const lpc_ran *ran)
{
    for (size_t i = 0; i < ran->stage_count; i++) {
        const lpc_ran_stage *s = &ran->stages[i];
        if (s->predicted_compute_ms < 0) continue;
        if (!s->emulated && s->predicted_cores == s->threads) continue;
        printf("%s is predicted for %d core%s of '%s'; here it ran %swith %d thread%s\n", s->name,
               s->predicted_cores, s->predicted_cores == 1 ? "" : "s", s->target ? s->target : "?",
               s->emulated ? "through an emulator, " : "", s->threads, s->threads == 1 ? "" : "s");
    }
}

static void print_text(const lpc_ran *ran)
{
    if (ran->stage_count)
        printf("%-16s %10s %10s %10s %10s %10s %10s %8s %12s\n", "stage", "compute ms", "predicted",
               "send ms", "predicted", "receive ms", "wait ms", "frames", "peak RSS KiB");
    for (size_t i = 0; i < ran->stage_count; i++) {
        const lpc_ran_stage *s = &ran->stages[i];
        printf("%-16s %10.3f %10s %10.3f %10s %10.3f %10.3f %8.0f %12.0f\n", s->name, s->compute_ms,
               predicted(s->predicted_compute_ms).text, s->send_ms,
               predicted(s->predicted_send_ms).text, s->receive_ms, s->wait_ms, s->frames,
               s->peak_rss_bytes / 1024);
    }
    print_conditions(ran);
    printf("latency     %.3f ms (median of %lld frames, one at a time)\n", ran->latency_ms,
           (long long)ran->singles);
    printf("throughput  %.2f frames/s\n", ran->throughput);
}

int command_run(lpc_compiler *c, const Words *words)
{
    const lpc_ran *ran;
    bool in_line = false;
    bool json = lpc_get(c, "json") != NULL;
    lpc_show *shows = lpc_get(c, "feedback") ? show_token : show;
    if (!words->count) return usage_error("run", "missing 'OUT', the folder that lpc made");
    bool elsewhere = lpc_get(c, "connect") || lpc_get(c, "hosts");
    if (!elsewhere && (lpc_get(c, "collect") || lpc_get(c, "retry")))
        return usage_error("run", "--collect and --retry go with --connect or --hosts");
    if (elsewhere && lpc_get(c, "write-profile"))
        return usage_error("run", "--write-profile: times of stages elsewhere are not known here");
    lpc_status status = lpc_run_package(c, words->list[0], json ? NULL : shows, &in_line, &ran);
    if (in_line) printf("\n"); /* it broke off */
    TRY_STATUS(status);
    if (json)
        print_json(ran);
    else
        print_text(ran);
    return command_printed();
}
