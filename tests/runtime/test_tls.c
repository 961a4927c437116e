/* Keys, and links through TLS: who gets in, and that a link is a link in all that others use of it. */
#include "exposed.h"
#include "tests/runtime/fake.h"

#include <poll.h>
#include <sys/stat.h>

enum { LARGE = 3000000 };

static const char main_key[] =
    "main 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
static const char main_other[] =
    "main 10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
static const char second_key[] =
    "second-1 0123456789ABCDEFabcdefabcdefabcd00112233445566778899aabbccddeeff\n";

/* --- keys --- */

static int parse(LpcKeySet *set, const char *text, LpcError *error)
{
    *error = (LpcError){0};
    return lpc_keys_parse(set, text, strlen(text), "keys", error);
}

static void keys_are_read(void)
{
    LpcKeySet set;
    LpcError error;
    char lines[400];
    snprintf(lines, sizeof lines, "# both\n\n%s  \r\n%s", second_key, main_key);
    CHECK(!parse(&set, lines, &error), "%s", error.text);
    CHECK(set.count == 2 && !strcmp(set.keys[0].name, "second-1") && set.keys[0].secret[7] == 0xef,
          "%d", set.count);
    CHECK(!strcmp(set.keys[1].name, "main") && set.keys[1].secret[31] == 0xff, "%s",
          set.keys[1].name);
    static const char *const bad[][2] = {
        {"", "has no key"},
        {"# none\n", "has no key"},
        {"main\n", "line 1: expected NAME"},
        {"\nmain 0011\n", "line 2: expected NAME"},
        {"ma in 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "expected NAME"},
        {"m\xc3\xa4in 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
         "expected "},
        {"main 0g112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "expected NAME"},
        {"main 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00",
         "expected NAME"},
        {"012345678901234567890123456789012 "
         "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
         "expected a name"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(parse(&set, bad[i][0], &error) == LPC_EXIT_USAGE, "%s", bad[i][0]);
        CHECK(strstr(error.text, bad[i][1]) && !strstr(error.text, "ccdd"), "%s", error.text);
    }
    snprintf(lines, sizeof lines, "%s%s", main_key, main_other);
    CHECK(parse(&set, lines, &error) && strstr(error.text, "stands there already"), "%s",
          error.text);
    char drawn[LPC_KEY_LINE_BYTES];
    CHECK(!lpc_keys_draw("", drawn, &error) && !parse(&set, drawn, &error), "%s", error.text);
    CHECK(lpc_keys_draw("a name", drawn, &error) == LPC_EXIT_USAGE, "%s", error.text);
}

static char path[] = "/tmp/lpc-test-tls-XXXXXX";

static void write_keys(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) || chmod(path, mode)) abort();
}

static void files_are_guarded(void)
{
    LpcKeys keys = {0};
    LpcKey key;
    LpcError error = {0};
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602};
    for (int i = 0; i < 4; i++) {
        write_keys(main_key, open_modes[i]);
        error = (LpcError){0};
        CHECK(lpc_keys_open(&keys, path, &error) == LPC_EXIT_USAGE &&
                  strstr(error.text, "chmod 600"),
              "%s", error.text);
        lpc_keys_close(&keys);
    }
    write_keys(main_key, 0600);
    CHECK(!lpc_keys_open(&keys, path, &(LpcError){0}), "it is as it should be");
    write_keys("nonsense", 0600);
    error = (LpcError){0};
    CHECK(lpc_keys_again(&keys, &error) && lpc_keys_find(&keys, "main", &key), "%s", error.text);
    write_keys(second_key, 0600);
    CHECK(!lpc_keys_again(&keys, &error) && !lpc_keys_find(&keys, "main", &key) &&
              lpc_keys_find(&keys, NULL, &key) && !strcmp(key.name, "second-1"),
          "the new ones");
    lpc_keys_close(&keys);
    error = (LpcError){0};
    CHECK(lpc_keys_open(&keys, "/dev/null", &error) && strstr(error.text, "no file of keys"), "%s",
          error.text);
    lpc_keys_close(&keys);
}

static void addresses_are_judged(void)
{
    static const char *const here[] = {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"};
    static const char *const away[] = {"*:1",    ":1",   "0.0.0.0:1",  "10.0.0.1:1",
                                       "[::]:1", "pi:1", "128.0.0.1:1"};
    LpcError error = {0};
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        CHECK(!lpc_is_exposed(here[i]), "%s", here[i]);
    for (size_t i = 0; i < sizeof away / sizeof *away; i++)
        CHECK(lpc_is_exposed(away[i]), "%s", away[i]);
    CHECK(!lpc_keys_needed("--listen", "*:1", 1, 0, &error) &&
              !lpc_keys_needed("--listen", "*:1", 0, 1, &error) &&
              !lpc_keys_needed("--listen", NULL, 0, 0, &error),
          "%s", error.text);
    CHECK(lpc_keys_needed("--listen", "*:1", 0, 0, &error) == LPC_EXIT_USAGE &&
              strstr(error.text, "--keys FILE") && strstr(error.text, "--insecure"),
          "%s", error.text);
}

static void first_records(void)
{
    uint8_t bytes[] = {22, 3, 1, 0, 80, 1};
    CHECK(lpc_first_bytes(bytes, 0) == 0 && lpc_first_bytes(bytes, 4) == 0, "not known yet");
    CHECK(lpc_first_bytes(bytes, 5) == 85 && lpc_first_bytes(bytes, 6) == 85, "as it says");
    bytes[3] = 1;
    CHECK(lpc_first_bytes(bytes, 5) == -1, "too long");
    bytes[3] = bytes[4] = 0;
    CHECK(lpc_first_bytes(bytes, 5) == -1, "empty");
    bytes[4] = 80;
    bytes[5] = 2;
    CHECK(lpc_first_bytes(bytes, 6) == -1, "no client's");
    CHECK(lpc_first_bytes((const uint8_t *)"LPC-PIPE", 1) == -1, "plain");
    CHECK(lpc_first_bytes((const uint8_t *)"\x16\x02", 2) == -1, "SSL 2");
}

/* --- links --- */

/* Two ends over a pair of sockets, each with keys and sessions of its own. */
typedef struct Two {
    LpcKeys keys[2];
    LpcTlsPool *pools[2];
    LpcLink links[2]; /* 0 listens, 1 connects */
    LpcError errors[2];
    int codes[2];
} Two;

static void *secure_one(void *arg)
{
    Two *two = arg;
    two->codes[0] = lpc_link_secure(&two->links[0], two->pools[0], 1, NULL, &two->errors[0]);
    if (two->codes[0]) lpc_link_break(&two->links[0]);
    return NULL;
}

static Two *two_new(const char *listens, const char *connects)
{
    Two *two = calloc(1, sizeof *two);
    const char *texts[] = {listens, connects};
    int pair[2];
    pthread_t thread;
    if (!two || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) abort();
    for (int i = 0; i < 2; i++) {
        LpcError error = {0};
        two->links[i] = (LpcLink){.fd = pair[i], .timeout_ms = 5000, .stop_fd = -1};
        snprintf(two->links[i].peer, sizeof two->links[i].peer, "end %d", !i);
        write_keys(texts[i], 0600);
        CHECK(!lpc_keys_open(&two->keys[i], path, &error), "%s", error.text);
        CHECK(!lpc_tls_open(&two->pools[i], &two->keys[i], 1, &error), "%s", error.text);
    }
    if (pthread_create(&thread, NULL, secure_one, two)) abort();
    two->codes[1] = lpc_link_secure(&two->links[1], two->pools[1], 0, NULL, &two->errors[1]);
    pthread_join(thread, NULL);
    return two;
}

static void two_end(Two *two)
{
    for (int i = 0; i < 2; i++) {
        lpc_link_close(&two->links[i]);
        lpc_tls_close(two->pools[i]);
        lpc_keys_close(&two->keys[i]);
    }
    free(two);
}

static int put(Two *two, int end, void *data, size_t size)
{
    LpcWriter writer = lpc_link_writer(&two->links[end]);
    struct iovec pieces[] = {
        {data, size / 3}, {NULL, 0}, {(char *)data + size / 3, size - size / 3}};
    return writer.write(writer.self, pieces, 3, &two->errors[end]);
}

static int get(Two *two, int end, void *data, size_t size, int idle)
{
    LpcReader reader = lpc_link_reader(&two->links[end]);
    return reader.read(reader.self, data, size, idle, &two->errors[end]);
}

static void who_gets_in(void)
{
    char both[300];
    snprintf(both, sizeof both, "%s%s", main_key, second_key);
    static const char unknown[] = "comes with key 'second-1', which is unknown here",
                      wrong[] = "does not know the secret of key 'main'";
    const struct {
        const char *listens, *connects, *told;
    } cases[] = {{main_key, main_key, NULL},
                 {both, second_key, NULL},
                 {main_key, second_key, unknown},
                 {main_key, main_other, wrong}};
    for (int i = 0; i < 4; i++) {
        Two *two = two_new(cases[i].listens, cases[i].connects);
        if (!cases[i].told) {
            CHECK(!two->codes[0] && !two->codes[1], "%d: %s, %s", i, two->errors[0].text,
                  two->errors[1].text);
        } else {
            CHECK(two->codes[0] == LPC_EXIT_KEY && strstr(two->errors[0].text, cases[i].told),
                  "%d: %s", i, two->errors[0].text);
            /* The other end hears the same, whichever it was. */
            CHECK(two->codes[1] == LPC_EXIT_KEY && strstr(two->errors[1].text, "end 0 refuses key"),
                  "%d: %s", i, two->errors[1].text);
            CHECK(!two->links[0].tls && !two->links[1].tls, "no session is left");
        }
        two_end(two);
    }
}

/* A stranger without TLS, and an end that leaves. */
static void who_is_none(void)
{
    for (int leaves = 0; leaves < 2; leaves++) {
        Two *two = calloc(1, sizeof *two);
        int pair[2];
        if (!two || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) abort();
        write_keys(main_key, 0600);
        CHECK(!lpc_keys_open(&two->keys[0], path, &two->errors[0]) &&
                  !lpc_tls_open(&two->pools[0], &two->keys[0], 1, &two->errors[0]),
              "%s", two->errors[0].text);
        two->links[0] = (LpcLink){.fd = pair[0], .timeout_ms = 5000, .stop_fd = -1};
        two->links[1] = (LpcLink){.fd = pair[1]};
        if (!leaves) CHECK(write(pair[1], "LPC-PIPE and so on", 18) == 18, "write");
        if (leaves) shutdown(pair[1], SHUT_WR);
        int code = lpc_link_secure(&two->links[0], two->pools[0], 1, NULL, &two->errors[0]);
        CHECK(code == (leaves ? LPC_EXIT_LEFT : LPC_EXIT_KEY), "%d: %s", code, two->errors[0].text);
        two_end(two);
    }
}

static void *send_large(void *arg)
{
    static char data[LARGE];
    Two *two = arg;
    for (size_t i = 0; i < LARGE; i++) data[i] = (char)(i * 7 / 3);
    for (int i = 0; i < 10; i++) two->codes[1] |= put(two, 1, data, LARGE);
    return NULL;
}

/* Frames go one way while beats come the other, on the same link. */
static void both_ways(void)
{
    static char data[LARGE];
    Two *two = two_new(main_key, main_key);
    pthread_t thread;
    char beat[96] = "beat", heard[96];
    if (pthread_create(&thread, NULL, send_large, two)) abort();
    for (int i = 0; i < 10; i++) {
        CHECK(!put(two, 0, beat, sizeof beat), "%s", two->errors[0].text);
        CHECK(!get(two, 0, data, LARGE, 1), "%s", two->errors[0].text);
        for (size_t k = 0; k < LARGE; k += 1001) CHECK(data[k] == (char)(k * 7 / 3), "at %zu", k);
        CHECK(!get(two, 1, heard, sizeof heard, 1) && !strcmp(heard, "beat"), "%s",
              two->errors[1].text);
    }
    pthread_join(thread, NULL);
    CHECK(!two->codes[1], "%s", two->errors[1].text);
    two_end(two);
}

/* What is read ahead is known of though poll says nothing; the end comes after it. */
static void ahead_and_end(void)
{
    Two *two = two_new(main_key, main_key);
    char data[100] = "x", byte;
    struct pollfd fd = {two->links[0].fd, POLLIN, 0};
    CHECK(!lpc_link_holds(&two->links[0]) && !lpc_link_has_ended(&two->links[0]), "it is open");
    CHECK(!put(two, 1, data, 100) && !put(two, 1, data, 100), "%s", two->errors[1].text);
    CHECK(!get(two, 0, data, 50, 1), "%s", two->errors[0].text);
    CHECK(poll(&fd, 1, 0) == 0 && lpc_link_holds(&two->links[0]), "read ahead");
    CHECK(!get(two, 0, data, 50, 1) && !get(two, 0, data, 99, 1), "%s", two->errors[0].text);
    lpc_link_end_writing(&two->links[1]);
    CHECK(!lpc_link_has_ended(&two->links[0]), "a byte is to be read");
    CHECK(!get(two, 0, &byte, 1, 1), "%s", two->errors[0].text);
    CHECK(lpc_link_has_ended(&two->links[0]) && lpc_link_has_ended(&two->links[0]), "all is read");
    CHECK(get(two, 0, &byte, 1, 1) == LPC_EXIT_LEFT && strstr(two->errors[0].text, "left before"),
          "%s", two->errors[0].text);
    CHECK(!put(two, 0, data, 100) && !get(two, 1, data, 100, 1), "the other way is open: %s",
          two->errors[0].text);
    two_end(two);
}

/* An end that was told without anybody having read: what a thread sees that watches only. */
static void end_unread(void)
{
    Two *two = two_new(main_key, main_key);
    lpc_link_end_writing(&two->links[1]);
    CHECK(lpc_link_has_ended(&two->links[0]), "it has left, and nothing is to be read");
    two_end(two);
}

/* What did not come from the other end is not taken for it. */
static void changed_on_the_way(void)
{
    Two *two = two_new(main_key, main_key);
    uint8_t record[32] = {23, 3, 3, 0, 27};
    char data[1];
    CHECK(write(two->links[1].fd, record, sizeof record) == (ssize_t)sizeof record, "write");
    CHECK(get(two, 0, data, 1, 1) == LPC_EXIT_LEFT && strstr(two->errors[0].text, "was changed"),
          "%s", two->errors[0].text);
    two_end(two);
}

static void idle_sees_the_rest(void)
{
    Two *two = two_new(main_key, main_key);
    LpcLink *link = &two->links[0];
    int stop[2];
    char byte;
    if (pipe(stop)) abort();
    link->silence_ms = 5;
    CHECK(get(two, 0, &byte, 1, 1) == LPC_EXIT_LEFT && link->silent, "%s", two->errors[0].text);
    link->silence_ms = 0;
    link->stop_fd = stop[0];
    CHECK(write(stop[1], "", 1) == 1, "write");
    CHECK(get(two, 0, &byte, 1, 1) == LPC_STOPPED, "nothing came");
    CHECK(!put(two, 1, &byte, 1) && get(two, 0, &byte, 1, 1) == LPC_STOPPED, "stop comes first");
    lpc_link_interrupt(link);
    CHECK(!get(two, 0, &byte, 1, 0), "what came is read");
    CHECK(get(two, 0, &byte, 1, 0) == LPC_EXIT_LEFT, "interrupted");
    close(stop[0]);
    close(stop[1]);
    two_end(two);
}

/* Sessions are as many as were made, and fewer strangers at once. */
static void sessions_are_bounded(void)
{
    enum { ALL = LPC_PROVING_MOST + 4 };
    LpcKeys keys = {0};
    LpcTlsPool *pool;
    LpcTls *taken[ALL + 1];
    LpcError error = {0};
    int count = 0;
    write_keys(main_key, 0600);
    CHECK(!lpc_keys_open(&keys, path, &error) && !lpc_tls_open(&pool, &keys, ALL, &error), "%s",
          error.text);
    for (int round = 0; round < 2; round++) {
        for (count = 0; (taken[count] = lpc_tls_take(pool, -1, NULL, 0)); count++) continue;
        CHECK(count == LPC_PROVING_MOST, "%d strangers", count);
        while ((taken[count] = lpc_tls_take_own(pool, -1))) count++;
        CHECK(count == ALL, "%d in all", count);
        while (count) lpc_tls_give(taken[--count]);
    }
    lpc_tls_close(pool);
    lpc_keys_close(&keys);
}

/* --- a stage --- */

/* Frames through a stage with keys, beats in both directions between them; SIGHUP on the way. */
static void stage_with_keys(void)
{
    static char text[CHILD_TEXT];
    lpc_model model = fake_model("double", 0);
    Ends *ends = ends_new(&model, &model);
    LpcKeys keys = {0};
    char *const words[] = {(char *)"--keys", path, (char *)"--heartbeat", (char *)"0.02", NULL};
    write_keys(main_key, 0600);
    CHECK(!lpc_keys_open(&keys, path, &ends->error), "%s", ends->error.text);
    CHECK(!lpc_tls_open(&ends->tls, &keys, 2, &ends->error), "%s", ends->error.text);
    Child child = child_start(&model, NULL, words);
    CHECK(!ends_fetch(ends, child.address, child.address, 0), "%s", ends->error.text);
    for (int i = 0; i < 200; i++) {
        if (i == 100) kill(child.pid, SIGHUP);
        CHECK(!ends_feed(ends, N_MAX, (float)i), "%s", ends->error.text);
        CHECK(ends_collect(ends) == LPC_FRAME_DATA, "%s", ends->error.text);
        const float *y = ends->collect_slot.tensors[0];
        CHECK(y[N_MAX - 1] == 2 * (float)(i + N_MAX - 1), "y = %g", (double)y[N_MAX - 1]);
        if (i % 20 == 0) usleep(20000);
    }
    ends_finish(ends);
    CHECK(ends_collect(ends) == LPC_FRAME_END, "%s", ends->error.text);
    CHECK(child_wait(&child, text) == 0 && strstr(text, "the keys were read again"), "%s", text);
    LpcTlsPool *pool = ends->tls;
    ends_free(ends);
    lpc_tls_close(pool);
    lpc_keys_close(&keys);
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0) abort();
    close(fd);
    signal(SIGPIPE, SIG_IGN);
    RUN_CASE(keys_are_read);
    RUN_CASE(files_are_guarded);
    RUN_CASE(addresses_are_judged);
    RUN_CASE(first_records);
    if (lpc_tls_is_here()) {
        RUN_CASE(who_gets_in);
        RUN_CASE(who_is_none);
        RUN_CASE(both_ways);
        RUN_CASE(ahead_and_end);
        RUN_CASE(end_unread);
        RUN_CASE(changed_on_the_way);
        RUN_CASE(idle_sees_the_rest);
        RUN_CASE(sessions_are_bounded);
        RUN_CASE(stage_with_keys);
    }
    unlink(path);
    return failures != 0;
}
