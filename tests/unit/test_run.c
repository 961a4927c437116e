/* `lpc run` and its session, on fake models: this program is its own stage program, started through
 * the manifest's "emulator" words. */
#include "tests/runtime/fake.h"

#include "lib/run/run.h"

#include <dirent.h>

static char self[512], folder[] = "/tmp/lpc-test-run-XXXXXX";

/* argv: self --fake-stage OUT/KIND-CUT --listen ... */
static int be_stage(int argc, char **argv)
{
    char *base = strrchr(argv[2], '/');
    char *cut = base ? strrchr(base, '-') : NULL;
    if (!cut) return 99;
    *cut++ = 0;
    if (strcmp(base + 1, "crash") == 0) abort();
    lpc_model model = fake_model(base + 1, (uint32_t)atoi(cut));
    return lpc_stage_main(&model, argc - 2, argv + 2);
}

/* A package of stages of the given kinds, NULL-terminated; build: its ids' first byte. */
static void write_manifest(const char *const *kinds, int build)
{
    char path[600];
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    FILE *file = fopen(path, "w");
    int count = 0, state = 0, nonzero = 0;
    for (; kinds[count]; count++) {
        state |= strcmp(kinds[count], "sum") == 0;
        nonzero = strcmp(kinds[count], "nonzero") == 0;
    }
    static const char rest[] = "02030405060708090000000000000000000000000000000000000000000000";
    static const char x[] =
        "{\"name\":\"x\",\"id\":7,\"dtype\":\"f32\",\"dims\":[\"n\"],\"max_bytes\":256}";
    fprintf(file, "{\"format\":1,\"model\":\"fake\",\"build_id\":\"%02x%s\",", build, rest);
    fprintf(file,
            "\"symbols\":[{\"name\":\"n\",\"max\":64,\"source\":\"input\"},"
            "{\"name\":\"m\",\"max\":64,\"source\":\"%s\"}],",
            state ? "state" : "node");
    fprintf(file, "\"inputs\":[%s],\"outputs\":[", x);
    if (nonzero)
        fprintf(
            file,
            "{\"name\":\"where\",\"id\":8,\"dtype\":\"i64\",\"dims\":[\"m\"],\"max_bytes\":512},"
            "{\"name\":\"y\",\"id\":9,\"dtype\":\"f32\",\"dims\":[\"n\"],\"max_bytes\":256}");
    else
        fprintf(file, "%s", x);
    fprintf(file, "],\"stages\":[");
    for (int i = 0; i < count; i++)
        fprintf(file,
                "%s{\"name\":\"%s\",\"folder\":\"s\",\"target\":\"pc\",\"program\":\"%s-%d\","
                "\"emulator\":[\"%s\",\"--fake-stage\"]}",
                i ? "," : "", kinds[i], kinds[i], i, self);
    fprintf(file, "],\"cuts\":[");
    for (int i = 0; i <= count; i++)
        fprintf(file, "%s{\"index\":%d,\"id\":\"%02x%s\",\"hash\":\"%016x\",\"tensors\":[]}",
                i ? "," : "", i, build, rest, 100 + i);
    fprintf(file, "]}");
    fclose(file);
}

typedef struct Bench {
    Arena *arena;
    Diag diag;
    Package *package;
    RunSession *session;
} Bench;

static int bench_open(Bench *bench, const char *const *kinds)
{
    RunOptions options = {.stats = 1};
    write_manifest(kinds, 1);
    *bench = (Bench){.arena = arena_new()};
    diag_init(&bench->diag, bench->arena, "OUT");
    int code = package_load(&bench->package, bench->arena, &bench->diag, folder);
    if (!code)
        code = run_open(&bench->session, bench->arena, &bench->diag, bench->package, &options);
    return code;
}

static const char *bench_message(const Bench *bench)
{
    return bench->diag.count ? bench->diag.messages[bench->diag.count - 1] : "(none)";
}

static void bench_close(Bench *bench)
{
    run_free(bench->session);
    arena_free(bench->arena);
}

static HostTensor make_x(Arena *arena, int64_t n, float first)
{
    HostTensor x = {.name = (char *)(uintptr_t)"x", .type = DT_F32, .rank = 1, .dims = {n}};
    host_alloc(&x, arena);
    for (int64_t i = 0; i < n; i++) ((float *)x.data)[i] = first + (float)i;
    return x;
}

static int bench_frame(Bench *bench, int64_t n, float first, HostTensor *outputs)
{
    int64_t sizes[2];
    LpcError error = {0};
    HostTensor x = make_x(bench->arena, n, first);
    TRY(package_bind(bench->package, &bench->diag, &x, sizes));
    if (run_feed(bench->session, &x, sizes, &error))
        return run_failed(bench->session, &bench->diag, &error);
    return run_collect(bench->session, bench->arena, &bench->diag, outputs, NULL);
}

static void session_works(void)
{
    static const char *const kinds[] = {"double", "double", "nonzero", NULL};
    Bench bench;
    HostTensor outputs[2];
    CHECK(!bench_open(&bench, kinds), "%s", bench_message(&bench));
    for (int64_t n = 0; n < 6; n++) {
        CHECK(!bench_frame(&bench, n, -2, outputs), "%s", bench_message(&bench));
        CHECK(outputs[1].dims[0] == n && outputs[0].dims[0] == (n > 2 ? n - 1 : n), "sizes, n %d",
              (int)n);
        if (n == 5) CHECK(((float *)outputs[1].data)[4] == 8, "value");
        if (n == 5) CHECK(((int64_t *)outputs[0].data)[2] == 3, "position");
    }
    CHECK(!run_finish(bench.session, &bench.diag), "%s", bench_message(&bench));
    int count;
    const RunStats *stats = run_stats(bench.session, &count);
    CHECK(count == 3 && stats[2].known && stats[2].frames == 6, "stats");
    bench_close(&bench);
}

static void shapes_are_checked(void)
{
    static const char *const kinds[] = {"double", NULL};
    Bench bench;
    int64_t sizes[2];
    CHECK(!bench_open(&bench, kinds), "%s", bench_message(&bench));
    HostTensor x = make_x(bench.arena, 65, 0);
    CHECK(package_bind(bench.package, &bench.diag, &x, sizes), "too large");
    CHECK(strstr(bench_message(&bench),
                 "input 'x': expected f32[n] with n = 65 (at most 64), got f32[65]"),
          "%s", bench_message(&bench));
    x = make_x(bench.arena, 4, 0);
    x.type = DT_I32;
    CHECK(package_bind(bench.package, &bench.diag, &x, sizes), "wrong type");
    x.type = DT_F32;
    x.rank = 2;
    x.dims[0] = 2, x.dims[1] = 2;
    CHECK(package_bind(bench.package, &bench.diag, &x, sizes), "wrong rank");
    CHECK(!run_finish(bench.session, &bench.diag), "%s", bench_message(&bench));
    bench_close(&bench);
}

static void run_error_is_told(void)
{
    static const char *const kinds[] = {"double", "fail", "double", NULL};
    Bench bench;
    HostTensor output;
    CHECK(!bench_open(&bench, kinds), "%s", bench_message(&bench));
    CHECK(bench_frame(&bench, 3, -1, &output), "it must fail");
    CHECK(bench.diag.count == 1, "told once, not %d times", bench.diag.count);
    CHECK(strstr(bench_message(&bench), "stage 'fail' failed: the model's run failed: an index"),
          "%s", bench_message(&bench));
    CHECK(strstr(bench_message(&bench), "status 15"), "%s", bench_message(&bench));
    bench_close(&bench);
}

static void crash_is_told(void)
{
    static const char *const kinds[] = {"double", "crash", NULL};
    Bench bench;
    CHECK(bench_open(&bench, kinds), "it must fail");
    CHECK(strstr(bench_message(&bench), "stage 'crash' failed (killed by signal 6"), "%s",
          bench_message(&bench));
    bench_close(&bench);
}

/* Runs `lpc run` in a child; its two outputs go to text. */
static int run_command(char *const *words, char *text, size_t size)
{
    int out[2], status;
    if (pipe(out)) abort();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[16] = {(char *)"lpc", (char *)"run", folder};
        int argc = 3;
        while (*words) argv[argc++] = *words++;
        dup2(out[1], 1);
        dup2(out[1], 2);
        close(out[0]);
        execv(LPC_PROGRAM, argv);
        _exit(99);
    }
    close(out[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(out[0], text + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = 0;
    close(out[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void command_line(void)
{
    static const char *const kinds[] = {"double", "double", NULL};
    static char text[8192];
    char input[600], output[600], option[700];
    write_manifest(kinds, 1);
    snprintf(input, sizeof input, "%s/x.npy", folder);
    snprintf(option, sizeof option, "x=%s", input);
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    HostTensor x = make_x(arena, 5, 1), y;
    CHECK(!host_write_npy(&x, &diag, input), "write");

    char *const plain[] = {
        (char *)"--input", option, (char *)"--output", folder, (char *)"--json", (char *)"--repeat",
        (char *)"20",      NULL};
    CHECK(run_command(plain, text, sizeof text) == 0, "%s", text);
    CHECK(strncmp(text, "{\"stages\":[{\"name\":\"double\",\"compute_ms_median\":", 48) == 0, "%s",
          text);
    CHECK(strstr(text, "\"latency_ms_median\":") && strstr(text, "\"throughput\":"), "%s", text);
    CHECK(!host_read(&y, arena, &diag, input) && ((float *)y.data)[4] == 20, "output");

    char *const steps[] = {
        (char *)"--input", option, (char *)"--input", option, (char *)"--output", folder, NULL};
    CHECK(run_command(steps, text, sizeof text) == 0, "%s", text);
    CHECK(strstr(text, "x f32[5]: 16 32 48 64 80\nx f32[5]: 16 32"), "%s", text);
    snprintf(output, sizeof output, "%s/x.1.npy", folder);
    CHECK(!host_read(&y, arena, &diag, output) && ((float *)y.data)[4] == 80, "second step");

    char *const unknown[] = {(char *)"--input", (char *)"z=/dev/null", NULL};
    CHECK(run_command(unknown, text, sizeof text) == 1, "%s", text);
    CHECK(strstr(text, "no input is called 'z'; there are 'x'"), "%s", text);
    char *const bad[] = {(char *)"--nonsense", (char *)"1", NULL};
    CHECK(run_command(bad, text, sizeof text) == 2, "%s", text);
    write_manifest(kinds, 255);
    char *const none[] = {NULL};
    CHECK(run_command(none, text, sizeof text) == 1, "%s", text);
    CHECK(strstr(text, "is of another build: its cut is ff02030405060708"), "%s", text);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--fake-stage") == 0) return be_stage(argc, argv);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0 || !mkdtemp(folder)) return 99;
    RUN_CASE(session_works);
    RUN_CASE(shapes_are_checked);
    RUN_CASE(run_error_is_told);
    RUN_CASE(crash_is_told);
    RUN_CASE(command_line);
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[800];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.') unlink(path);
    }
    if (dir) closedir(dir);
    rmdir(folder);
    return failures != 0;
}
