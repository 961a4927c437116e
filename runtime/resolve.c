/* See resolve.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "resolve.h"

#include "dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

const LpcResolver lpc_resolver = {"/etc/hosts", "/etc/resolv.conf", "224.0.0.251", 53, 5353, 1500};

enum {
    SERVERS_MOST = 3,
    SEARCH_MOST = 6,
    LINE_BYTES = 1024,
    TRIES = 2,
    QUESTIONS = 2,
    INTERFACES_MOST = 64
};

/* What /etc/resolv.conf says (resolv.conf(5)). */
typedef struct Conf {
    LpcAddress servers[SERVERS_MOST];
    char search[SEARCH_MOST][LPC_HOST_BYTES];
    int server_count, search_count, dots;
} Conf;

/* What is looked for, and what has been found of it. */
typedef struct Search {
    const LpcResolver *resolver;
    uint64_t deadline; /* 0: none */
    int stop_fd;
    LpcAddress *found;
    int count;
    int silent; /* a server did not answer */
} Search;

static void set_port(LpcAddress *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

/* --- files, read without the heap --- */

typedef struct Lines {
    int fd;
    size_t begin, end; /* of what is left of the last reading */
    char text[LINE_BYTES];
} Lines;

/* The next line, without its end; one that does not fit is cut into several. NULL: there is none. */
static char *next_line(Lines *lines)
{
    for (;;) {
        char *begin = lines->text + lines->begin;
        size_t there = lines->end - lines->begin;
        char *newline = memchr(begin, '\n', there);
        if (newline || there == sizeof lines->text - 1) {
            lines->begin = newline ? (size_t)(newline + 1 - lines->text) : lines->end;
            begin[newline ? (size_t)(newline - begin) : there] = 0;
            return begin;
        }
        memmove(lines->text, begin, there);
        lines->begin = 0;
        lines->end = there;
        ssize_t got = read(lines->fd, lines->text + there, sizeof lines->text - 1 - there);
        if (got <= 0 && !there) return NULL;
        if (got <= 0) lines->text[lines->end++] = '\n';
        if (got > 0) lines->end += (size_t)got;
    }
}

static Lines open_lines(const char *path)
{
    return (Lines){.fd = open(path, O_RDONLY | O_CLOEXEC)};
}

static void close_lines(const Lines *lines)
{
    if (lines->fd >= 0) close(lines->fd);
}

static const char *next_word(char **rest)
{
    static const char blank[] = " \t\r\n";
    return strtok_r(NULL, blank, rest);
}

/* The first word of the line without its comment; NULL: it has none. */
static const char *first_word(char *line, char **rest)
{
    line[strcspn(line, "#;")] = 0;
    *rest = line;
    return next_word(rest);
}

static void read_hosts(Search *search, const char *name)
{
    Lines lines = open_lines(search->resolver->hosts);
    for (char *line, *rest; search->count < LPC_ADDRESSES_MOST && (line = next_line(&lines));) {
        const char *host = first_word(line, &rest), *word;
        LpcAddress *to = &search->found[search->count];
        if (!host || !lpc_address_numeric(host, 0, to)) continue;
        while ((word = next_word(&rest))) {
            if (strcasecmp(word, name) != 0) continue;
            search->count++;
            break;
        }
    }
    close_lines(&lines);
}

static void read_conf_line(const LpcResolver *resolver, Conf *conf, char *line)
{
    char *rest;
    const char *key = first_word(line, &rest), *word = key ? next_word(&rest) : NULL;
    if (!word) return;
    if (strcmp(key, "nameserver") == 0 && conf->server_count < SERVERS_MOST) {
        LpcAddress *server = &conf->servers[conf->server_count];
        conf->server_count += lpc_address_numeric(word, resolver->port, server);
    }
    if (strcmp(key, "search") == 0 || strcmp(key, "domain") == 0) {
        conf->search_count = 0;
        for (; word && conf->search_count < SEARCH_MOST; word = next_word(&rest))
            snprintf(conf->search[conf->search_count++], LPC_HOST_BYTES, "%s", word);
    }
    if (strcmp(key, "options") == 0) {
        for (; word; word = next_word(&rest))
            if (strncmp(word, "ndots:", 6) == 0) conf->dots = atoi(word + 6);
    }
}

static void read_conf(const LpcResolver *resolver, Conf *conf)
{
    Lines lines = open_lines(resolver->conf);
    *conf = (Conf){.dots = 1};
    for (char *line; (line = next_line(&lines));) read_conf_line(resolver, conf, line);
    close_lines(&lines);
    if (!conf->server_count)
        conf->server_count = lpc_address_numeric("127.0.0.1", resolver->port, conf->servers);
}

/* --- questions --- */

typedef struct Question {
    uint8_t packet[LPC_DNS_QUESTION_BYTES];
    size_t bytes;
    int answered;
} Question;

/* A question for each type, as many as `count`. */
static int ask_for(Question *questions, int count, const char *name)
{
    static const uint16_t types[QUESTIONS] = {LPC_DNS_A, LPC_DNS_AAAA};
    for (int i = 0; i < count; i++) {
        uint16_t id;
        if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id) return 0;
        questions[i].answered = 0;
        questions[i].bytes = lpc_dns_question(id, name, types[i], questions[i].packet);
        if (!questions[i].bytes) return 0;
    }
    return 1;
}

/* Reads one packet; it may be an answer. Returns how many are still awaited. */
static int take(Search *search, int fd, Question *questions, int count)
{
    uint8_t packet[LPC_DNS_ANSWER_BYTES];
    ssize_t size = recv(fd, packet, sizeof packet, MSG_DONTWAIT);
    int awaited = 0;
    for (int i = 0; i < count; i++) {
        Question *q = &questions[i];
        int got = size < 0 || q->answered ? -1
                                          : lpc_dns_answer(packet, (size_t)size, q->packet,
                                                           q->bytes, search->found + search->count,
                                                           LPC_ADDRESSES_MOST - search->count);
        if (got >= 0) {
            q->answered = 1;
            search->count += got;
        }
        awaited += !q->answered;
    }
    return awaited;
}

/* Waits for the answers. Returns 1 when all came, 0 when the time was up, or LPC_STOPPED. */
static int await(Search *search, int fd, Question *questions, int count)
{
    uint64_t end = lpc_now_ns() + (uint64_t)search->resolver->wait_ms * 1000000u;
    if (search->deadline && search->deadline < end) end = search->deadline;
    for (;;) {
        uint64_t now = lpc_now_ns();
        struct pollfd fds[2] = {{fd, POLLIN, 0}, {search->stop_fd, POLLIN, 0}};
        int ready = poll(fds, 2, now < end ? (int)((end - now) / 1000000u) + 1 : 0);
        if (ready < 0 && errno != EINTR) return 0;
        if (ready > 0 && fds[1].revents) return LPC_STOPPED;
        if (ready > 0 && fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) return 0;
        if (ready > 0 && !take(search, fd, questions, count)) return 1;
        if (lpc_now_ns() >= end) return 0;
    }
}

static int open_socket(int family)
{
    return socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Asks one server. Returns 1 when it answered (there may be no address), 0, or LPC_STOPPED. */
static int ask_server(Search *search, const LpcAddress *server, const char *name)
{
    Question questions[QUESTIONS];
    if (!ask_for(questions, QUESTIONS, name)) return 1; /* no name of DNS */
    int fd = open_socket(server->any.sa_family), done = 0;
    if (fd < 0) return 0;
    for (int i = 0; i < TRIES && !done; i++) {
        if (connect(fd, &server->any, lpc_address_bytes(server))) break;
        for (int k = 0; k < QUESTIONS; k++)
            if (!questions[k].answered) (void)send(fd, questions[k].packet, questions[k].bytes, 0);
        done = await(search, fd, questions, QUESTIONS);
    }
    close(fd);
    return done ? done : search->count > 0;
}

static int ask_servers(Search *search, const Conf *conf, const char *name)
{
    int done = 0;
    for (int i = 0; i < conf->server_count && !done; i++)
        done = ask_server(search, &conf->servers[i], name);
    search->silent |= !done;
    return done;
}

/* The name as it is, and with what the search list appends, in the order that its dots say. */
static int ask_names(Search *search, const char *name)
{
    Conf conf;
    char full[2 * LPC_HOST_BYTES];
    int dots = 0, done = 0;
    read_conf(search->resolver, &conf);
    for (const char *c = name; *c; c++) dots += *c == '.';
    int as_it_is = dots >= conf.dots ? 0 : conf.search_count; /* its place in the order */
    for (int i = 0; i <= conf.search_count && !search->count && done >= 0; i++) {
        int at = i > as_it_is ? i - 1 : i;
        if (i == as_it_is)
            snprintf(full, sizeof full, "%s", name);
        else
            snprintf(full, sizeof full, "%s.%s", name, conf.search[at]);
        done = ask_servers(search, &conf, full);
    }
    return done;
}

/* --- NAME.local --- */

static int is_local(const char *name)
{
    size_t length = strlen(name);
    return length > 6 && strcasecmp(name + length - 6, ".local") == 0;
}

/* Sends the question on the interfaces that there are, of the first so many. */
static void send_local(int fd, const Question *question, const LpcAddress *to)
{
    for (int i = 0; i < INTERFACES_MOST; i++) { /* 0: as the system's routes say */
        struct ip_mreqn from = {.imr_ifindex = i};
        if (!setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof from) || !i)
            (void)sendto(fd, question->packet, question->bytes, 0, &to->any, lpc_address_bytes(to));
    }
}

static int ask_local(Search *search, const char *name)
{
    LpcAddress to;
    Question question;
    if (!lpc_address_numeric(search->resolver->local, search->resolver->local_port, &to) ||
        !ask_for(&question, 1, name))
        return 0;
    int fd = open_socket(to.any.sa_family), done = 0;
    for (int i = 0; i < TRIES && fd >= 0 && !done; i++) {
        send_local(fd, &question, &to);
        done = await(search, fd, &question, 1);
    }
    if (fd >= 0) close(fd);
    return done;
}

int lpc_resolve(const LpcResolver *resolver, const LpcEndpoint *endpoint, uint64_t deadline,
                int stop_fd, LpcAddress found[LPC_ADDRESSES_MOST], LpcError *error)
{
    Search search = {
        .resolver = resolver, .deadline = deadline, .stop_fd = stop_fd, .found = found};
    if (!endpoint->is_name) {
        found[0] = endpoint->address;
        return 1;
    }
    int done = 0;
    read_hosts(&search, endpoint->host);
    if (!search.count && is_local(endpoint->host)) done = ask_local(&search, endpoint->host);
    if (!search.count && done >= 0) done = ask_names(&search, endpoint->host);
    if (done < 0) return LPC_STOPPED;
    for (int i = 0; i < search.count; i++) set_port(&found[i], endpoint->port);
    if (!search.count)
        lpc_error(error, LPC_EXIT_MISSING,
                  search.silent ? "'%.100s': no name server answers" : "'%.100s': no such host",
                  endpoint->host);
    return search.count;
}
