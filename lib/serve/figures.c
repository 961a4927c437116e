/* What the gateway tells of itself: /metrics for Prometheus, /status for the page. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/serve.h"

#include "lib/serve/json.h"

#include <inttypes.h>
#include <string.h>

/* ---- Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ ---- */

static void put_metric(Text *text, const char *name, const char *type, const char *help,
                       double value)
{
    text_printf(text, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name,
                value);
}

static void put_counts(Text *text, const ServeCounts *n)
{
    static const char *const counter = "counter";
    put_metric(text, "lpc_frames_total", counter, "Frames that clients sent.", (double)n->frames);
    put_metric(text, "lpc_answers_total", counter, "Frames that were answered.",
               (double)n->answers);
    put_metric(text, "lpc_in_bytes_total", counter, "Payload of frames.", (double)n->bytes_in);
    put_metric(text, "lpc_out_bytes_total", counter, "Payload of answers.", (double)n->bytes_out);
    put_metric(text, "lpc_errors_total", counter,
               "Clients that failed, and requests that were refused.", (double)n->errors);
    put_metric(text, "lpc_breaks_total", counter, "Streams of the pipeline that broke.",
               (double)n->breaks);
    put_metric(text, "lpc_connects_total", counter, "Streams of the pipeline that were opened.",
               (double)n->connects);
    put_metric(text, "lpc_resent_frames_total", counter,
               "Frames that were fed again after a break.", (double)n->resent);
    text_printf(text,
                "# HELP lpc_clients_total Clients that came.\n# TYPE lpc_clients_total counter\n"
                "lpc_clients_total{kind=\"wire\"} %" PRIu64
                "\nlpc_clients_total{kind=\"http\"} %" PRIu64 "\n",
                n->clients_wire, n->clients_http);
}

static void put_histogram(Text *text, const ServeCounts *n)
{
    uint64_t sum = 0;
    text_add(text, "# HELP lpc_latency_seconds From a frame's arrival to its answer's.\n"
                   "# TYPE lpc_latency_seconds histogram\n");
    for (int i = 0; i < SERVE_BUCKETS; i++) {
        sum += n->buckets[i];
        text_printf(text, "lpc_latency_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", serve_bucket_s[i],
                    sum);
    }
    text_printf(text,
                "lpc_latency_seconds_bucket{le=\"+Inf\"} %" PRIu64
                "\nlpc_latency_seconds_sum %.9g\n"
                "lpc_latency_seconds_count %" PRIu64 "\n",
                n->answers, n->latency_sum, n->answers);
}

const char *figures_metrics(ServePool *pool, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    pthread_mutex_lock(&pool->mutex);
    ServeCounts counts = pool->counts;
    double up = pool->up, clients = pool->client_count, waiting = pool->waiting;
    double bytes = (double)(pool->bytes + pool->kept_bytes);
    pthread_mutex_unlock(&pool->mutex);
    static const char *const gauge = "gauge";
    put_counts(&text, &counts);
    put_metric(&text, "lpc_clients", gauge, "Clients that are here.", clients);
    put_metric(&text, "lpc_queue_frames", gauge, "Frames that no stream has taken yet.", waiting);
    put_metric(&text, "lpc_held_bytes", gauge, "Payload that is held in memory.", bytes);
    put_metric(&text, "lpc_streams", gauge, "Streams of the pipeline.", pool->stream_count);
    put_metric(&text, "lpc_streams_connected", gauge, "Those that are connected.", up);
    put_histogram(&text, &counts);
    return text.data;
}

/* ---- The page's figures ---- */

static void quote(Text *text, const char *string)
{
    json_quote(text, string, strlen(string));
}

static double seconds(uint64_t since_ns)
{
    return (double)(lpc_now_ns() - since_ns) / 1e9;
}

static void put_streams(Text *text, const ServePool *pool)
{
    for (int i = 0; i < pool->stream_count; i++) {
        const ServeStream *s = &pool->streams[i];
        const char *state = !s->is_up             ? "not connected"
                            : !stream_is_ready(s) ? "connecting"
                            : s->under_way        ? "working"
                                                  : "waiting";
        text_printf(text,
                    "%s{\"state\":\"%s\",\"under_way\":%d,\"answered\":%" PRIu64
                    ",\"connects\":%" PRIu64 ",\"client\":",
                    i ? "," : "", state, s->under_way, s->answered, s->connects);
        quote(text, s->client ? s->client->name : "");
        text_add(text, ",\"error\":");
        quote(text, s->last_error.text);
        text_add(text, "}");
    }
}

static void put_clients(Text *text, const ServePool *pool)
{
    for (const ServeClient *c = pool->clients; c; c = c->after) {
        text_printf(text, "%s{\"kind\":\"%s\",\"name\":", c == pool->clients ? "" : ",", c->kind);
        quote(text, c->name);
        text_printf(
            text, ",\"frames\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"held\":%d,\"seconds\":%.1f}",
            c->put, c->answered, c->count, seconds(c->since_ns));
    }
}

static void put_told(Text *text, const ServePool *pool)
{
    uint64_t count = pool->told_count < SERVE_ERRORS ? pool->told_count : SERVE_ERRORS;
    for (uint64_t i = 0; i < count; i++) {
        const ServeTold *told = &pool->told[(pool->told_count - 1 - i) % SERVE_ERRORS];
        text_printf(text, "%s{\"when\":%" PRId64 ",\"text\":", i ? "," : "", told->when);
        quote(text, told->text);
        text_add(text, "}");
    }
}

const char *figures_status(ServePool *pool, Arena *arena)
{
    Text text;
    const Package *package = pool->package;
    int ready = pool_is_ready(pool);
    text_init(&text, arena);
    text_add(&text, "{\"model\":");
    quote(&text, package->model ? package->model : "model");
    text_add(&text, ",\"stages\":[");
    for (int i = 0; i < package->stage_count; i++) {
        if (i) text_add(&text, ",");
        quote(&text, package->stages[i].name);
    }
    pthread_mutex_lock(&pool->mutex);
    text_printf(&text,
                "],\"keeps_state\":%s,\"ready\":%s,\"seconds\":%.3f,\"frames\":%" PRIu64
                ",\"answers\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"breaks\":%" PRIu64
                ",\"waiting\":%d,\"held_bytes\":%zu,\"latency_sum\":%.9g,\"streams\":[",
                pool->keeps_state ? "true" : "false", ready ? "true" : "false",
                seconds(pool->start_ns), pool->counts.frames, pool->counts.answers,
                pool->counts.errors, pool->counts.breaks, pool->waiting,
                pool->bytes + pool->kept_bytes, pool->counts.latency_sum);
    put_streams(&text, pool);
    text_add(&text, "],\"clients\":[");
    put_clients(&text, pool);
    text_add(&text, "],\"log\":[");
    put_told(&text, pool);
    pthread_mutex_unlock(&pool->mutex);
    text_add(&text, "]}");
    return text.data;
}
