/* tools/demo's own part: makes frames of the held-out digits, and reads the answers.
 *
 *   demo_digits split HELDOUT.npy DIR          DIR/pixels.I.npy: one float32 frame [1,1,8,8] per image
 *   demo_digits plan OUT/manifest.json         which layers run where, what crosses, memory
 *   demo_digits show HELDOUT.npy LABELS.npy ANSWERS [ROWS [COUNT]]
 *
 * `show` (of the first COUNT images) reads ANSWERS/probabilities.I.npy, as `lpc run --output ANSWERS` writes them, draws some
 * digits, prints answers beside labels (all wrong ones, and enough right ones for ROWS rows), and
 * the accuracy. It exits 1 below 95 %. A program of its own, so that the demo needs no Python. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 64, CLASSES = 10, DRAWN = 6 };

static _Noreturn void die(const char *path, const char *why)
{
    fprintf(stderr, "demo_digits: %s: %s\n", path, why);
    exit(1);
}

/* The elements of a .npy file of version 1, in C order, of the type `descr`; count of them. */
static void *read_npy(const char *path, const char *descr, size_t size, size_t *count)
{
    FILE *file = fopen(path, "rb");
    if (!file) die(path, strerror(errno));
    unsigned char head[10];
    char header[4096];
    if (fread(head, 1, 10, file) != 10 || memcmp(head, "\x93NUMPY\x01", 7) != 0)
        die(path, "not a .npy file");
    size_t length = (size_t)head[8] | (size_t)head[9] << 8;
    if (length >= sizeof header || fread(header, 1, length, file) != length)
        die(path, "its header is cut short");
    header[length] = 0;
    if (!strstr(header, descr)) die(path, "not of the expected element type");
    long begin = ftell(file);
    if (begin < 0 || fseek(file, 0, SEEK_END) != 0) die(path, strerror(errno));
    long end = ftell(file);
    if (end < begin || fseek(file, begin, SEEK_SET) != 0) die(path, strerror(errno));
    *count = (size_t)(end - begin) / size;
    void *data = malloc(*count * size + 1);
    if (!data || fread(data, size, *count, file) != *count) die(path, "cannot read it");
    fclose(file);
    return data;
}

static int split(const char *heldout, const char *dir)
{
    size_t count;
    uint8_t *images = read_npy(heldout, "|u1", 1, &count);
    count /= PIXELS;
    /* The header, padded so that the data begin at a multiple of 64 bytes. */
    static const char text[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 8, 8), }";
    char head[128] = "\x93NUMPY\x01";
    head[8] = 118;
    memset(head + 10, ' ', 118);
    memcpy(head + 10, text, sizeof text - 1);
    head[127] = '\n';
    for (size_t i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/pixels.%zu.npy", dir, i);
        FILE *file = fopen(path, "wb");
        if (!file) die(path, strerror(errno));
        float frame[PIXELS];
        for (int p = 0; p < PIXELS; p++) frame[p] = images[i * PIXELS + (size_t)p];
        if (fwrite(head, 1, sizeof head, file) != sizeof head ||
            fwrite(frame, sizeof frame, 1, file) != 1 || fclose(file) != 0)
            die(path, "cannot write it");
    }
    printf("%zu\n", count);
    free(images);
    return 0;
}

/* Some digits, side by side. */
static void draw(const uint8_t *images, const uint8_t *labels, const int *answers, size_t count)
{
    static const char shades[] = " .:-=+*#@";
    size_t shown = count < DRAWN ? count : DRAWN;
    for (int row = 0; row < 8; row++) {
        for (size_t i = 0; i < shown; i++) {
            fputs("  ", stdout);
            for (int column = 0; column < 8; column++) {
                char shade = shades[images[i * PIXELS + (size_t)(row * 8 + column)] / 2 % 9];
                putchar(shade), putchar(shade);
            }
        }
        putchar('\n');
    }
    for (size_t i = 0; i < shown; i++)
        printf("  answer %d, is %d%c ", answers[i], labels[i], answers[i] == labels[i] ? ' ' : '!');
    printf("\n\n");
}

/* The most probable class of frame `index`, and its probability. */
static int read_answer(const char *dir, size_t index, size_t count, float *probability)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/probabilities.%zu.npy", dir, index);
    if (count == 1) snprintf(path, sizeof path, "%s/probabilities.npy", dir);
    size_t length;
    float *values = read_npy(path, "<f4", sizeof *values, &length);
    if (length != CLASSES) die(path, "expected ten values");
    int best = 0;
    for (int k = 1; k < CLASSES; k++)
        if (values[k] > values[best]) best = k;
    *probability = values[best];
    free(values);
    return best;
}

static int show(const char *heldout, const char *label_path, const char *dir, int rows,
                size_t limit)
{
    size_t pixels, count;
    uint8_t *images = read_npy(heldout, "|u1", 1, &pixels);
    uint8_t *labels = read_npy(label_path, "|u1", 1, &count);
    if (pixels != count * PIXELS) die(label_path, "does not match the images");
    if (limit && limit < count) count = limit;
    int *answers = calloc(count + 1, sizeof *answers);
    float *sure = calloc(count + 1, sizeof *sure);
    if (!answers || !sure) die(dir, "out of memory");
    size_t right = 0;
    for (size_t i = 0; i < count; i++) {
        answers[i] = read_answer(dir, i, count, &sure[i]);
        right += answers[i] == labels[i];
    }
    draw(images, labels, answers, count);
    printf("%8s %8s %8s %12s\n", "image", "answer", "expected", "probability");
    int room = rows - (int)(count - right);
    for (size_t i = 0; i < count; i++) {
        int wrong = answers[i] != labels[i];
        if (!wrong && room-- <= 0) continue;
        printf("%8zu %8d %8d %11.1f%%%s\n", i, answers[i], labels[i], 100 * (double)sure[i],
               wrong ? "   wrong" : "");
    }
    printf("%8s (%d of %zu rows: every wrong one, some right ones)\n\n", "...", rows, count);
    double accuracy = count ? 100.0 * (double)right / (double)count : 0;
    printf("accuracy on %zu held-out images: %zu right, %.1f %%\n", count, right, accuracy);
    free(images), free(labels), free(answers), free(sure);
    return accuracy < 95;
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *text(const cJSON *object, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return value ? value : "?";
}

/* What a cut lets through: " -- NAME dtype[dims], ... (bytes) --". */
static void print_cut(const cJSON *cut)
{
    const cJSON *tensor, *dim;
    printf("  |");
    cJSON_ArrayForEach(tensor, cJSON_GetObjectItemCaseSensitive(cut, "tensors"))
    {
        printf("  %s %s[", text(tensor, "name"), text(tensor, "dtype"));
        int k = 0;
        cJSON_ArrayForEach(dim, cJSON_GetObjectItemCaseSensitive(tensor, "dims"))
            printf("%s%s", k++ ? "," : "", cJSON_IsString(dim) ? dim->valuestring : "?");
        printf("] %.0f bytes", number(tensor, "max_bytes"));
    }
    printf("\n");
}

static int plan(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) die(path, strerror(errno));
    char *json = calloc(1, 1 << 20);
    if (!json || fread(json, 1, (1 << 20) - 1, file) == 0) die(path, "cannot read it");
    fclose(file);
    cJSON *root = cJSON_Parse(json);
    free(json);
    if (!root) die(path, "not valid JSON");
    const cJSON *cuts = cJSON_GetObjectItemCaseSensitive(root, "cuts"), *stage;
    const double kib = 1024;
    int index = 0;
    cJSON_ArrayForEach(stage, cJSON_GetObjectItemCaseSensitive(root, "stages"))
    {
        print_cut(cJSON_GetArrayItem(cuts, index++));
        printf("  %-8s %2.0f layers, %s to %s: %.0f kFLOP\n", text(stage, "name"),
               number(stage, "layers"), text(stage, "first"), text(stage, "last"),
               number(stage, "flops") / 1e3);
        printf("  %-8s memory %.1f KiB: weights %.1f, workspace %.1f (naive %.1f, lower bound "
               "%.1f), state %.1f, queues %.1f; budget %.0f MB\n",
               "", number(stage, "memory_bytes") / kib, number(stage, "weights_bytes") / kib,
               number(stage, "workspace_bytes") / kib, number(stage, "workspace_naive_bytes") / kib,
               number(stage, "workspace_bound_bytes") / kib, number(stage, "state_bytes") / kib,
               number(stage, "queue_bytes") / kib, number(stage, "budget_bytes") / 1e6);
    }
    print_cut(cJSON_GetArrayItem(cuts, index));
    cJSON_Delete(root);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "split") == 0) return split(argv[2], argv[3]);
    if (argc >= 5 && argc <= 7 && strcmp(argv[1], "show") == 0)
        return show(argv[2], argv[3], argv[4], argc > 5 ? atoi(argv[5]) : 16,
                    argc > 6 ? strtoul(argv[6], NULL, 10) : 0);
    if (argc == 3 && strcmp(argv[1], "plan") == 0) return plan(argv[2]);
    fprintf(stderr, "usage: demo_digits split HELDOUT.npy DIR\n"
                    "       demo_digits plan OUT/manifest.json\n"
                    "       demo_digits show HELDOUT.npy LABELS.npy ANSWERS [ROWS [COUNT]]\n");
    return 2;
}
