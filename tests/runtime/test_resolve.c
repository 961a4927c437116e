/* Addresses and names: how they are written, and where names are looked up, against a server of the test's. */
#include "tests/runtime/fake.h"

#include "runtime/dns.h"
#include "runtime/resolve.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>

/* Where nobody answers; where the second try is answered; where an answer comes, on a busy machine too. */
enum { WAIT_MS = 60, RETRY_MS = 1000 };

/* --- how addresses are written --- */

static void endpoints(void)
{
    static const struct {
        const char *text, *host; /* host NULL: refused */
        int port, is_name;
    } cases[] = {
        {"127.0.0.1:80", "127.0.0.1", 80, 0},
        {"localhost:0", "localhost", 0, 0},
        {"*:7000", "*", 7000, 0},
        {":7000", "", 7000, 0},
        {"[::1]:7000", "::1", 7000, 0},
        {"[::1%lo]:7000", "::1%lo", 7000, 0},
        {"[fe80::1%1]:65535", "fe80::1%1", 65535, 0},
        {"raspberrypi.local:7001", "raspberrypi.local", 7001, 1},
        {"pi:7001", "pi", 7001, 1},
        {"stage_1.lpc-2.svc:1", "stage_1.lpc-2.svc", 1, 1},
        {"127.0.0.1", NULL, 0, 0},
        {"pi:65536", NULL, 0, 0},
        {"pi:-1", NULL, 0, 0},
        {"pi:80x", NULL, 0, 0},
        {"pi:", NULL, 0, 0},
        {"1.2.3:80", NULL, 0, 0},
        {"1.2.3.400:80", NULL, 0, 0},
        {"[::1%nosuchinterface]:80", NULL, 0, 0},
        {"a b:80", NULL, 0, 0},
        {"-pi:80", NULL, 0, 0},
        {".pi:80", NULL, 0, 0},
        {"\xff:80", NULL, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        LpcEndpoint endpoint;
        LpcError error = {0};
        int code = lpc_endpoint_parse(cases[i].text, &endpoint, &error);
        if (!cases[i].host) {
            CHECK(code == LPC_EXIT_USAGE && strstr(error.text, cases[i].text), "%s: %d %s",
                  cases[i].text, code, error.text);
            continue;
        }
        CHECK(!code && !strcmp(endpoint.host, cases[i].host) && endpoint.port == cases[i].port &&
                  endpoint.is_name == cases[i].is_name,
              "%s: %d %s", cases[i].text, code, error.text);
    }
}

/* --- packets --- */

/* An answer to the question: addresses of the name that the question begins with, by a compressed name. */
static size_t answer_to(const uint8_t *question, size_t size, const char *const *addresses,
                        uint8_t *packet)
{
    memcpy(packet, question, size);
    packet[2] |= 0x80;
    for (; *addresses; addresses++) {
        uint8_t bytes[16];
        int is_v6 = strchr(*addresses, ':') != NULL;
        if (inet_pton(is_v6 ? AF_INET6 : AF_INET, *addresses, bytes) != 1) abort();
        uint8_t type = is_v6 ? LPC_DNS_AAAA : LPC_DNS_A, length = is_v6 ? 16 : 4;
        const uint8_t record[] = {0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, length};
        memcpy(packet + size, record, sizeof record);
        memcpy(packet + size + sizeof record, bytes, length);
        size += sizeof record + length;
        packet[7]++;
    }
    return size;
}

static void packets(void)
{
    static const char *const some[] = {"10.0.0.7", "10.0.0.8", "fd00::7", NULL};
    uint8_t question[LPC_DNS_QUESTION_BYTES], packet[LPC_DNS_ANSWER_BYTES];
    LpcAddress found[LPC_ADDRESSES_MOST];
    size_t asked = lpc_dns_question(0x1234, "pi.home", LPC_DNS_A, question);
    static const uint8_t wanted[] = "\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x02pi\x04home\0\0\x01\0\x01";
    CHECK(asked == sizeof wanted - 1 && !memcmp(question, wanted, asked), "%zu bytes", asked);
    size_t size = answer_to(question, asked, some, packet);
    CHECK(lpc_dns_answer(packet, size, question, asked, found, LPC_ADDRESSES_MOST) == 3, "three");
    CHECK(found[0].v4.sin_addr.s_addr == htonl(0x0a000007) &&
              found[2].v6.sin6_addr.s6_addr[15] == 7 && found[2].any.sa_family == AF_INET6,
          "the addresses");
    CHECK(lpc_dns_answer(packet, size, question, asked, found, 2) == 2,
          "no more than there is room");
    for (size_t i = 0; i < size; i++) { /* in memory that ends where the packet does */
        uint8_t *part = memcpy(malloc(i ? i : 1), packet, i);
        int got = lpc_dns_answer(part, i, question, asked, found, LPC_ADDRESSES_MOST);
        CHECK(got <= 2, "%zu bytes of it: %d", i, got);
        free(part);
    }
    unsigned random = 1;
    for (int i = 0; i < 20000; i++) { /* damaged behind its head */
        uint8_t *part = memcpy(malloc(size), packet, size);
        for (int k = 0; k < 4; k++) {
            random = random * 1103515245u + 12345u;
            part[4 + random / 65536 % (size - 4)] = (uint8_t)(random >> 8);
        }
        int got = lpc_dns_answer(part, size, question, asked, found, LPC_ADDRESSES_MOST);
        CHECK(got >= -1 && got <= LPC_ADDRESSES_MOST, "damaged: %d", got);
        free(part);
    }
    packet[12 + 1] = 'P'; /* as servers do that guard themselves so */
    CHECK(lpc_dns_answer(packet, size, question, asked, found, 8) == 3, "another case");
    packet[12 + 1] = 'q';
    CHECK(lpc_dns_answer(packet, size, question, asked, found, 8) == -1, "another name");
    packet[12 + 1] = 'p';
    packet[1] ^= 1;
    CHECK(lpc_dns_answer(packet, size, question, asked, found, 8) == -1, "another number");
    packet[1] ^= 1;
    packet[3] = 2;
    CHECK(lpc_dns_answer(packet, size, question, asked, found, 8) == -1, "the server failed");
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[64] = 0;
    CHECK(!lpc_dns_question(1, longest, LPC_DNS_A, question), "a label of 64");
    CHECK(!lpc_dns_question(1, "a..b", LPC_DNS_A, question), "an empty label");
    longest[64] = 'a';
    for (int i = 50; i < 300; i += 50) longest[i] = '.';
    longest[sizeof longest - 1] = 0;
    CHECK(!lpc_dns_question(1, longest, LPC_DNS_A, question), "a name of 299");
}

/* --- a server --- */

typedef struct Server {
    int fd;
    uint16_t port;
    pthread_t thread;
    atomic_int questions;
} Server;

/* The name in a question, with dots; its type. */
static int asked_name(const uint8_t *packet, char *name)
{
    const uint8_t *at = packet + 12;
    for (; *at; at += *at + 1) {
        memcpy(name, at + 1, *at);
        name += *at;
        *name++ = '.';
    }
    name[-1] = 0;
    return at[2];
}

/* Knows two machines; does not hear a third at first; of others it says that there are none. */
static void *serve(void *arg)
{
    static const char *const v4[] = {"10.0.0.7", NULL}, *const v6[] = {"fd00::7", NULL},
                             *none[] = {NULL};
    Server *server = arg;
    for (;;) {
        uint8_t packet[LPC_DNS_ANSWER_BYTES], answer[LPC_DNS_ANSWER_BYTES];
        char name[LPC_HOST_BYTES];
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        ssize_t size =
            recvfrom(server->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &length);
        if (size < 16) return NULL;
        int type = asked_name(packet, name),
            knows = !strcmp(name, "pi.home") || !strcmp(name, "deaf");
        server->questions++;
        if (!strcmp(name, "deaf") && server->questions <= 2) continue;
        if (!strcmp(name, "mute")) continue;
        if (!strcmp(name, "phone.local")) knows = 1;
        const char *const *addresses = !knows ? none : type == LPC_DNS_A ? v4 : v6;
        size_t bytes = answer_to(packet, (size_t)size, addresses, answer);
        if (!knows) answer[3] = 3;
        (void)sendto(server->fd, answer, bytes, 0, (struct sockaddr *)&from, length);
    }
}

static void server_start(Server *server)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof own;
    *server = (Server){.fd = socket(AF_INET, SOCK_DGRAM, 0)};
    if (bind(server->fd, (struct sockaddr *)&own, sizeof own) ||
        getsockname(server->fd, (struct sockaddr *)&own, &length) ||
        pthread_create(&server->thread, NULL, serve, server))
        abort();
    server->port = ntohs(own.sin_port);
}

static void server_stop(Server *server)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)sendto(server->fd, "", 1, 0, (struct sockaddr *)&own, sizeof own);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

/* --- names --- */

static char hosts[] = "/tmp/lpc-hosts-XXXXXX", conf[] = "/tmp/lpc-conf-XXXXXX";

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file)) abort();
}

static uint64_t look_up_deadline;

/* Looks up; `first` becomes the first address, as text. */
static int look_up(const LpcResolver *resolver, const char *text, int stop, char *first,
                   LpcError *error)
{
    LpcEndpoint endpoint;
    LpcAddress found[LPC_ADDRESSES_MOST];
    *error = (LpcError){0};
    *first = 0;
    if (lpc_endpoint_parse(text, &endpoint, error)) return -2;
    int count = lpc_resolve(resolver, &endpoint, look_up_deadline, stop, found, error);
    if (count > 0) lpc_address_print(&found[0], first);
    return count;
}

static void names(void)
{
    static const struct {
        const char *name;
        int count;
        const char *first; /* of the addresses, or what the error says */
    } cases[] = {
        {"10.1.2.3:5", 1, "10.1.2.3:5"},
        {"PC:7000", 2, "192.168.1.2:7000"},
        {"pc.lan:7", 1, "192.168.1.2:7"},
        {"last:7", 1, "10.9.9.9:7"},
        {"commented:7", 0, "'commented': no such host"},
        {"pi.home:7", 2, "10.0.0.7:7"},
        {"pi:7", 2, "10.0.0.7:7"},
        {"pi.home.:7", 2, "10.0.0.7:7"},
        {"nobody.home:7", 0, "'nobody.home': no such host"},
        {"deaf:7", 2, "10.0.0.7:7"},
        {"mute:7", 0, "'mute': no name server answers"},
        {"phone.local:7", 1, "10.0.0.7:7"},
    };
    Server server;
    server_start(&server);
    char first[LPC_PEER_BYTES];
    LpcResolver resolver = {hosts, conf, "127.0.0.1", server.port, server.port, PATIENCE_MS};
    write_file(hosts, "127.0.0.1 localhost\n192.168.1.2\tpc.lan pc # the PC\n# 1.2.3.4 commented\n"
                      "fd00::2 pc\nnonsense\n10.9.9.9 last");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        LpcError error;
        server.questions = 0;
        int is_deaf = !strcmp(cases[i].name, "deaf:7"), is_mute = !strcmp(cases[i].name, "mute:7");
        resolver.wait_ms = is_mute ? WAIT_MS : is_deaf ? RETRY_MS : PATIENCE_MS;
        write_file(conf,
                   is_deaf || is_mute
                       ? "nameserver 127.0.0.1\n"
                       : "search work home\nnameserver 127.0.0.1\noptions ndots:1 trust-ad\n");
        int count = look_up(&resolver, cases[i].name, -1, first, &error);
        int asked = !strcmp(cases[i].name, "pi.home:7") ? 2
                    : !strcmp(cases[i].name, "pi:7")    ? 4
                                                        : -1;
        CHECK(asked < 0 || server.questions == asked, "%s: %d questions", cases[i].name,
              server.questions);
        CHECK(count == cases[i].count && !strcmp(count ? first : error.text, cases[i].first),
              "%s: %d %s %s", cases[i].name, count, first, error.text);
    }
    server_stop(&server);
}

static void limits(void)
{
    Server server;
    server_start(&server);
    char first[LPC_PEER_BYTES];
    LpcError error;
    int stop[2];
    LpcResolver resolver = {hosts, conf, "127.0.0.1", server.port, server.port, 10000};
    if (pipe(stop) || write(stop[1], "", 1) != 1) abort();
    write_file(conf, "nameserver 127.0.0.1\n");
    uint64_t begin = lpc_now_ns();
    CHECK(look_up(&resolver, "mute:7", stop[0], first, &error) == LPC_STOPPED, "%s", error.text);
    CHECK(lpc_now_ns() - begin < 5000000000u, "a stop is seen at once");
    begin = lpc_now_ns();
    look_up_deadline = begin + WAIT_MS * UINT64_C(1000000);
    CHECK(look_up(&resolver, "mute:7", -1, first, &error) == 0 &&
              strstr(error.text, "no name server answers"),
          "%s", error.text);
    CHECK(lpc_now_ns() - begin < 5000000000u, "the deadline holds");
    look_up_deadline = 0;
    server_stop(&server);
    resolver.wait_ms = WAIT_MS; /* nobody there any more */
    CHECK(look_up(&resolver, "pi.home:7", -1, first, &error) == 0 &&
              strstr(error.text, "no name server answers"),
          "%s", error.text);
    resolver.hosts = resolver.conf = "/nowhere";
    CHECK(look_up(&resolver, "pc:7", -1, first, &error) == 0 && error.code == LPC_EXIT_MISSING,
          "%s", error.text);
    close(stop[0]);
    close(stop[1]);
}

int main(void)
{
    int a = mkstemp(hosts), b = mkstemp(conf);
    if (a < 0 || b < 0) return 1;
    close(a);
    close(b);
    endpoints();
    packets();
    names();
    limits();
    unlink(hosts);
    unlink(conf);
    return failures != 0;
}
