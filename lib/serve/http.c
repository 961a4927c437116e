/* Clients that speak HTTP, through libmicrohttpd: a thread for each connection, so that a request may wait for its
 * answer. KServe's v2 protocol below /v2, /metrics, and the status page at /. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/serve.h"

#include "lib/serve/infer.h"
#include "lib/serve/page.h"
#include "lib/serve/sequences.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTIONS_MOST = 96,
    IDLE_S = 30, /* of a connection from which nothing comes */
    STACK_BYTES = 512 * 1024,
    FIRST_BYTES = 16384,
    OPEN_MS = 5000 /* a request waits so long for a place among the clients */
};

struct ServeHttp {
    ServePool *pool;
    LpcListener listener;
    struct MHD_Daemon *daemon;
    Sequences *sequences;
    size_t body_most, bodies_most;
    pthread_mutex_t mutex;
    size_t bodies; /* bytes of all that come in; under the mutex */
};

/* One request. */
typedef struct Request {
    ServeHttp *http;
    Arena *arena;
    uint8_t *body;
    size_t size, capacity;
    size_t header; /* bytes of JSON before the binary tensors; SIZE_MAX: all */
    int refused;   /* what is answered once the body has come; 0: nothing is wrong */
    const char *why;
} Request;

/* What goes back. */
typedef struct Reply {
    unsigned status;
    const char *type;
    const char *data;
    size_t size, header; /* header: Inference-Header-Content-Length, 0: none */
    const char *allow;
} Reply;

/* ---- Replies ---- */

static Reply text_reply(unsigned status, const char *type, const char *text)
{
    return (Reply){.status = status, .type = type, .data = text, .size = strlen(text)};
}

static Reply json_reply(const char *text)
{
    return text_reply(MHD_HTTP_OK, "application/json", text);
}

/* {"error": ...}, which counts. */
static Reply refuse(const Request *r, unsigned status, const char *why)
{
    ServePool *pool = r->http->pool;
    Text text;
    text_init(&text, r->arena);
    text_add(&text, "{\"error\":");
    json_quote(&text, why, strlen(why));
    text_add(&text, "}");
    pthread_mutex_lock(&pool->mutex);
    pool->counts.errors++;
    pthread_mutex_unlock(&pool->mutex);
    return text_reply(status, "application/json", text.data);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, const Reply *reply)
{
    char header[32];
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->size, (void *)(uintptr_t)reply->data, MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, "Content-Type", reply->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (reply->header) {
        snprintf(header, sizeof header, "%zu", reply->header);
        MHD_add_response_header(response, "Inference-Header-Content-Length", header);
    }
    if (reply->allow) MHD_add_response_header(response, "Allow", reply->allow);
    if (!strncmp(reply->type, "text/html", 9))
        MHD_add_response_header(response, "Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'; "
                                "script-src 'unsafe-inline'; connect-src 'self'");
    enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- Inference ---- */

/* What the exit status of a stream means to somebody who speaks HTTP. */
static unsigned status_of(int code)
{
    switch (code) {
    case LPC_EXIT_RUN:
    case LPC_EXIT_FRAME: return MHD_HTTP_BAD_REQUEST;
    case LPC_EXIT_SYSTEM: return MHD_HTTP_INTERNAL_SERVER_ERROR;
    default: return MHD_HTTP_SERVICE_UNAVAILABLE;
    }
}

/* The frame's way through the pipeline. */
static int ask(ServeClient *client, const uint8_t *payload, size_t bytes, ServeFrame **frame,
               LpcError *error)
{
    int code = client_put(client, payload, bytes, error);
    return code ? code : client_take(client, frame, error);
}

static Reply reply_to(const Request *r, const Infer *infer, Diag *diag, ServeFrame *frame)
{
    const ServePool *pool = r->http->pool;
    Reply reply = {.status = MHD_HTTP_OK, .type = "application/json"};
    size_t json_bytes;
    Text text;
    text_init(&text, r->arena);
    if (infer_reply(infer, pool->package, &pool->out_shape, diag, frame->answer, &text,
                    &json_bytes))
        return refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, diag->messages[0]);
    reply.data = text.data;
    reply.size = text.length;
    if (json_bytes < text.length) {
        reply.header = json_bytes;
        reply.type = "application/octet-stream";
    }
    return reply;
}

static Reply ask_and_reply(const Request *r, const Infer *infer, Diag *diag, ServeClient *client,
                           int *code)
{
    const uint8_t *payload;
    size_t bytes;
    ServeFrame *frame = NULL;
    LpcError error = {0};
    *code = 0;
    if (infer_payload(infer, &r->http->pool->in_shape, r->arena, diag, &payload, &bytes))
        return refuse(r, MHD_HTTP_BAD_REQUEST, diag->messages[0]);
    *code = ask(client, payload, bytes, &frame, &error);
    if (*code) return refuse(r, status_of(*code), error.text);
    Reply reply = reply_to(r, infer, diag, frame);
    client_give(client, frame);
    return reply;
}

static Reply infer_alone(const Request *r, const Infer *infer, Diag *diag, const char *peer)
{
    ServeClient client;
    LpcError error = {0};
    int code;
    if (client_open(&client, r->http->pool, "HTTP", peer, OPEN_MS, &error))
        return refuse(r, status_of(error.code), error.text);
    Reply reply = ask_and_reply(r, infer, diag, &client, &code);
    client_close(&client);
    return reply;
}

/* One frame of a sequence, which holds a stream of the pipeline from its start to its end. */
static Reply infer_sequence(const Request *r, const Infer *infer, Diag *diag, const char *peer)
{
    Sequences *sequences = r->http->sequences;
    ServeClient *client;
    LpcError error = {0};
    int code;
    if (sequence_enter(sequences, infer->sequence, infer->sequence_start, peer, &client, &error))
        return refuse(r,
                      error.code == LPC_EXIT_USAGE ? MHD_HTTP_BAD_REQUEST : status_of(error.code),
                      error.text);
    Reply reply = ask_and_reply(r, infer, diag, client, &code);
    sequence_leave(sequences, client, infer->sequence_end || code);
    return reply;
}

static Reply infer(Request *r, const char *peer)
{
    const ServePool *pool = r->http->pool;
    Infer asked;
    Diag diag;
    diag_init(&diag, r->arena, NULL);
    size_t header = r->header == SIZE_MAX ? r->size : r->header;
    if (header > r->size)
        return refuse(r, MHD_HTTP_BAD_REQUEST,
                      "Inference-Header-Content-Length: more than the body has");
    if (!r->size) return refuse(r, MHD_HTTP_BAD_REQUEST, "the request has no body");
    r->body[r->size] = 0;
    if (infer_read(&asked, pool->package, r->arena, &diag, r->body, r->size, header))
        return refuse(r, MHD_HTTP_BAD_REQUEST, diag.messages[0]);
    if (asked.sequence && pool->keeps_state) return infer_sequence(r, &asked, &diag, peer);
    return infer_alone(r, &asked, &diag, peer);
}

/* ---- Paths ---- */

static Reply health(const Request *r, bool ready, const char *word)
{
    bool is = !ready || pool_is_ready(r->http->pool);
    Reply reply = json_reply(arena_printf(r->arena, "{\"%s\":%s}", word, is ? "true" : "false"));
    if (!is) reply.status = MHD_HTTP_SERVICE_UNAVAILABLE;
    return reply;
}

/* Behind /v2/models/NAME; NULL: another model's. A version may follow the name. */
static const char *behind_model(const Request *r, const char *path)
{
    static const char head[] = "/v2/models/", version[] = "/versions/1";
    const char *name = r->http->pool->package->model;
    if (!name) name = "model";
    size_t length = strlen(name);
    if (strncmp(path, head, strlen(head)) != 0) return NULL;
    path += strlen(head);
    if (strncmp(path, name, length) != 0 || (path[length] && path[length] != '/')) return NULL;
    path += length;
    return strncmp(path, version, strlen(version)) ? path : path + strlen(version);
}

static Reply get(const Request *r, const char *path)
{
    ServePool *pool = r->http->pool;
    const char *behind = behind_model(r, path);
    Text text;
    if (!strcmp(path, "/")) return text_reply(MHD_HTTP_OK, "text/html; charset=utf-8", serve_page);
    if (!strcmp(path, "/status")) return json_reply(figures_status(pool, r->arena));
    if (!strcmp(path, "/metrics"))
        return text_reply(MHD_HTTP_OK, "text/plain; version=0.0.4",
                          figures_metrics(pool, r->arena));
    if (!strcmp(path, "/v2") || !strcmp(path, "/v2/"))
        return json_reply("{\"name\":\"lpc\",\"version\":\"" LPC_VERSION
                          "\",\"extensions\":[\"binary_tensor_data\",\"sequence\"]}");
    if (!strcmp(path, "/v2/health/live")) return health(r, false, "live");
    if (!strcmp(path, "/v2/health/ready")) return health(r, true, "ready");
    if (behind && !strcmp(behind, "/ready")) return health(r, true, "ready");
    if (behind && !*behind) {
        text_init(&text, r->arena);
        infer_describe(pool->package, &text);
        return json_reply(text.data);
    }
    return refuse(r, MHD_HTTP_NOT_FOUND, arena_printf(r->arena, "there is no %.200s", path));
}

static Reply answer(Request *r, const char *path, const char *method, const char *peer)
{
    const char *behind = behind_model(r, path);
    bool is_infer = behind && !strcmp(behind, "/infer");
    bool is_get = !strcmp(method, "GET") || !strcmp(method, "HEAD");
    if (r->refused) return refuse(r, (unsigned)r->refused, r->why);
    if (is_infer && !strcmp(method, "POST")) return infer(r, peer);
    if (!is_infer && is_get) return get(r, path);
    Reply reply = refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED,
                         arena_printf(r->arena, "%.20s is not for %.200s", method, path));
    reply.allow = is_infer ? "POST" : "GET, HEAD";
    return reply;
}

/* ---- Bodies ---- */

static int refuse_later(Request *r, int status, const char *why)
{
    if (!r->refused) {
        r->refused = status;
        r->why = why;
    }
    return 0;
}

/* Counts bytes that are about to be held; 0: there is no room. */
static int reserve(ServeHttp *http, size_t bytes)
{
    pthread_mutex_lock(&http->mutex);
    int has_room = bytes <= http->bodies_most && http->bodies <= http->bodies_most - bytes;
    if (has_room) http->bodies += bytes;
    pthread_mutex_unlock(&http->mutex);
    return has_room;
}

static int make_room(Request *r, size_t want)
{
    size_t capacity = r->capacity ? r->capacity : FIRST_BYTES;
    while (capacity <= want) capacity *= 2;
    if (capacity == r->capacity) return 1;
    if (!reserve(r->http, capacity - r->capacity))
        return refuse_later(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the gateway's memory is in use");
    uint8_t *body = realloc(r->body, capacity);
    if (body) r->body = body;
    r->capacity = capacity;
    return body ? 1 : refuse_later(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the gateway is out of memory");
}

/* Bytes of the body. What is too much is read and thrown away. */
static void take_body(Request *r, const char *data, size_t size)
{
    if (r->refused) return;
    if (size > r->http->body_most - r->size) {
        refuse_later(
            r, MHD_HTTP_CONTENT_TOO_LARGE,
            arena_printf(r->arena, "the body is too large: at most %zu bytes", r->http->body_most));
        return;
    }
    if (!make_room(r, r->size + size)) return;
    memcpy(r->body + r->size, data, size);
    r->size += size;
}

/* A decimal number, or SIZE_MAX. */
static size_t read_size(const char *text)
{
    char *end;
    unsigned long long value =
        text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : SIZE_MAX;
    return value == SIZE_MAX || *end ? SIZE_MAX : (size_t)value;
}

static Request *begin(ServeHttp *http, struct MHD_Connection *connection)
{
    Arena *arena = arena_new();
    Request *r = arena_alloc(arena, sizeof *r);
    const char *header =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Inference-Header-Content-Length");
    const char *coding =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Encoding");
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    *r = (Request){.http = http, .arena = arena, .header = read_size(header)};
    if (header && r->header == SIZE_MAX)
        refuse_later(r, MHD_HTTP_BAD_REQUEST, "Inference-Header-Content-Length: expected a size");
    if (coding && strcmp(coding, "identity") != 0)
        refuse_later(r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Content-Encoding: expected none");
    if (length && read_size(length) > http->body_most)
        refuse_later(
            r, MHD_HTTP_CONTENT_TOO_LARGE,
            arena_printf(arena, "the body is too large: at most %zu bytes", http->body_most));
    return r;
}

/* ---- libmicrohttpd ---- */

static void name_peer(struct MHD_Connection *connection, char name[LPC_PEER_BYTES])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    LpcAddress address = {0};
    snprintf(name, LPC_PEER_BYTES, "somebody");
    if (!info || !info->client_addr) return;
    if (info->client_addr->sa_family == AF_INET)
        memcpy(&address.v4, info->client_addr, sizeof address.v4);
    else if (info->client_addr->sa_family == AF_INET6)
        memcpy(&address.v6, info->client_addr, sizeof address.v6);
    else
        return;
    lpc_address_print(&address, name);
}

static enum MHD_Result handle(void *self, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **kept)
{
    char peer[LPC_PEER_BYTES];
    Request *r = *kept;
    (void)version;
    if (!r) {
        *kept = r = begin(self, connection);
        if (r->refused != MHD_HTTP_CONTENT_TOO_LARGE) return MHD_YES;
        Reply reply = refuse(r, (unsigned)r->refused, r->why); /* at once: the body need not come */
        return send_reply(connection, &reply);
    }
    if (*size) {
        take_body(r, data, *size);
        *size = 0;
        return MHD_YES;
    }
    name_peer(connection, peer);
    Reply reply = answer(r, path, method, peer);
    return send_reply(connection, &reply);
}

static void end(void *self, struct MHD_Connection *connection, void **kept,
                enum MHD_RequestTerminationCode why)
{
    ServeHttp *http = self;
    Request *r = *kept;
    (void)connection, (void)why;
    if (!r) return;
    pthread_mutex_lock(&http->mutex);
    http->bodies -= r->capacity;
    pthread_mutex_unlock(&http->mutex);
    free(r->body);
    arena_free(r->arena);
    *kept = NULL;
}

static void log_mhd(void *self, const char *format, va_list args)
{
    ServeHttp *http = self;
    char line[200];
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = 0;
    pool_log(http->pool, LPC_LOG_WARNING, LPC_EVENT_FAILED, "HTTP: %s", line);
}

int http_start(ServeHttp **to, ServePool *pool, Arena *arena, Diag *diag,
               const ServeOptions *options)
{
    ServeHttp *http = arena_alloc(arena, sizeof *http);
    const char *address = options->http;
    LpcError error = {0};
    http->pool = pool;
    http->body_most = infer_most(pool->package);
    http->bodies_most =
        http->body_most > pool->bytes_most / 4 ? 4 * http->body_most : pool->bytes_most;
    pthread_mutex_init(&http->mutex, NULL);
    if (lpc_transport_find(&address)->listen(address, &http->listener, &error))
        return diag_error(diag, "%s", error.text);
    http->sequences = sequences_new(pool, arena);
    http->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ITC | MHD_USE_ERROR_LOG,
        0, NULL, NULL, handle, http, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, http,
        MHD_OPTION_LISTEN_SOCKET, http->listener.fd, MHD_OPTION_NOTIFY_COMPLETED, end, http,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
    if (!http->daemon) return diag_error(diag, "--http: libmicrohttpd does not start");
    *to = http;
    options->listens(options->user, "HTTP", http->listener.address);
    return LPC_OK;
}

void http_tick(ServeHttp *http)
{
    if (http) sequences_sweep(http->sequences);
}

void http_stop(ServeHttp *http)
{
    if (!http) return;
    MHD_stop_daemon(http->daemon); /* and with it the listener */
    sequences_free(http->sequences);
}
