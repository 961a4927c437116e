/* make_llm: writes a decoder-only language model in ONNX, with seeded weights as external data.
 *
 *     make_llm OUT.onnx [--layers N] [--hidden N] [--ffn N] [--heads N] [--kv-heads N]
 *              [--head-dim N] [--vocab N] [--type bfloat16|float32] [--seed N]
 *              [--weights all|vectors]
 *
 * The default is the shape of a model of 1.5 billion parameters: hidden 1,536, feed-forward 8,960,
 * 12 heads and 2 key/value heads of 128, vocabulary 151,936, 28 layers, bfloat16: 338 tensors, 3.1 GB
 * in OUT.onnx.data. RMS norms, rotary embedding, grouped-query attention with q/k/v biases, SwiGLU,
 * the output projection tied to the embedding (a Transpose of the same initializer).
 *
 *     input_ids [1, seq], past.I.key and past.I.value [1, kv_heads, past, head_dim]
 *     logits [1, seq, vocab], present.I.key and present.I.value [1, kv_heads, past + seq, head_dim]
 *
 * `layer.I` is the node that ends layer I, for --cut-after; `embed` the first node. float32 writes the
 * same values (they are rounded to bfloat16 first), so that both can be compared. `--weights vectors`
 * leaves matrices as holes in OUT.onnx.data: made at once, for planning. Messages of onnx.proto are
 * written by hand: a field is a tag (number << 3 | wire type) and its value. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_FLOAT = 1, TYPE_INT64 = 7, TYPE_BFLOAT16 = 16, ALIGN = 64, TABLE = 4096 };

typedef struct Bytes {
    uint8_t *data;
    size_t length, capacity;
} Bytes;

typedef struct Model {
    int64_t layers, hidden, ffn, heads, kv_heads, head_dim, vocab, type;
    uint64_t seed;
    bool holes; /* for matrices: their bytes are not written */
    Bytes graph;
    FILE *weights;
    const char *location; /* the external file's name in the model */
    uint64_t at;          /* bytes of it so far */
    int tensors;
    uint16_t *table; /* bfloat16 of the quantiles of the normal distribution */
} Model;

static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("make_llm: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* ---- Protobuf ---- */

static void put(Bytes *b, const void *data, size_t length)
{
    if (b->length + length > b->capacity) {
        b->capacity = (b->length + length) * 2;
        void *more = realloc(b->data, b->capacity);
        if (!more) die("out of memory");
        b->data = more;
    }
    if (length) memcpy(b->data + b->length, data, length);
    b->length += length;
}

static void put_varint(Bytes *b, uint64_t value)
{
    while (true) {
        uint8_t byte = (uint8_t)(value & 0x7f);
        value >>= 7;
        if (value) byte |= 0x80;
        put(b, &byte, 1);
        if (!value) return;
    }
}

static void put_int(Bytes *b, int field, int64_t value)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, (uint64_t)value);
}

static void put_float(Bytes *b, int field, float value)
{
    put_varint(b, (uint64_t)field << 3 | 5);
    put(b, &value, sizeof value);
}

static void put_bytes(Bytes *b, int field, const void *data, size_t length)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, length);
    put(b, data, length);
}

static void put_text(Bytes *b, int field, const char *text)
{
    put_bytes(b, field, text, strlen(text));
}

/* A finished message becomes a field of another one. */
static void put_message(Bytes *b, int field, Bytes *message)
{
    put_bytes(b, field, message->data, message->length);
    free(message->data);
    *message = (Bytes){0};
}

/* ---- Parts of a graph ---- */

/* Names of nodes and tensors: a few at a time, so a ring of them is enough. */
static const char *name(const char *format, ...)
{
    static char ring[64][96];
    static int next;
    char *text = ring[next++ % 64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof ring[0], format, args);
    va_end(args);
    return text;
}

/* inputs: names separated by spaces. Returns the output's name, which is the node's. */
static const char *node_with(Model *m, const char *op, const char *out, const char *inputs,
                             Bytes attributes)
{
    Bytes node = {0};
    for (const char *at = inputs; *at;) {
        size_t length = strcspn(at, " ");
        put_bytes(&node, 1, at, length);
        at += length + (at[length] == ' ');
    }
    put_text(&node, 2, out);
    put_text(&node, 3, out);
    put_text(&node, 4, op);
    put(&node, attributes.data, attributes.length);
    free(attributes.data);
    put_message(&m->graph, 1, &node);
    return out;
}

static const char *node(Model *m, const char *op, const char *out, const char *inputs)
{
    return node_with(m, op, out, inputs, (Bytes){0});
}

/* A node's attribute of one of AttributeProto's types, from its value's field. */
static Bytes finish_attribute(Bytes *value, const char *key, int type)
{
    Bytes result = {0};
    put_text(value, 1, key);
    put_int(value, 20, type);
    put_message(&result, 5, value);
    return result;
}

static Bytes int_attribute(const char *key, int64_t number)
{
    Bytes value = {0};
    put_int(&value, 3, number);
    return finish_attribute(&value, key, 2);
}

static Bytes float_attribute(const char *key, float number)
{
    Bytes value = {0};
    put_float(&value, 2, number);
    return finish_attribute(&value, key, 1);
}

static Bytes ints_attribute(const char *key, int count, const int64_t *numbers)
{
    Bytes value = {0};
    for (int i = 0; i < count; i++) put_int(&value, 8, numbers[i]);
    return finish_attribute(&value, key, 7);
}

/* A Constant node: small things that are no weights. count < 0: a scalar. */
static const char *constant(Model *m, const char *out, int64_t type, int count, const void *data)
{
    Bytes tensor = {0}, attribute = {0}, attributes = {0};
    size_t element = type == TYPE_FLOAT ? 4 : 8;
    if (count >= 0) put_int(&tensor, 1, count);
    put_int(&tensor, 2, type);
    put_bytes(&tensor, 9, data, element * (size_t)(count < 0 ? 1 : count));
    put_text(&attribute, 1, "value");
    put_message(&attribute, 5, &tensor);
    put_int(&attribute, 20, 4);
    put_message(&attributes, 5, &attribute);
    return node_with(m, "Constant", out, "", attributes);
}

static const char *int_constant(Model *m, const char *out, int count, const int64_t *values)
{
    return constant(m, out, TYPE_INT64, count, values);
}

/* An input or output; a dimension below 0 is a name: -1 seq, -2 past, -3 past + seq. */
static void value_info(Model *m, int field, const char *text, int64_t type, int rank,
                       const int64_t *dims)
{
    static const char *const symbols[] = {"seq", "past", "past + seq"};
    Bytes shape = {0}, tensor = {0}, of = {0}, info = {0};
    for (int i = 0; i < rank; i++) {
        Bytes dim = {0};
        if (dims[i] >= 0)
            put_int(&dim, 1, dims[i]);
        else
            put_text(&dim, 2, symbols[-1 - dims[i]]);
        put_message(&shape, 1, &dim);
    }
    put_int(&tensor, 1, type);
    put_message(&tensor, 2, &shape);
    put_message(&of, 1, &tensor);
    put_text(&info, 1, text);
    put_message(&info, 2, &of);
    put_message(&m->graph, field, &info);
}

/* ---- Weights ---- */

static uint16_t to_bfloat16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Quantiles of the normal distribution, by bisection of its integral. */
static void make_table(Model *m)
{
    m->table = malloc(TABLE * sizeof *m->table);
    if (!m->table) die("out of memory");
    double low = -6;
    for (int i = 0; i < TABLE; i++) {
        double want = (i + 0.5) / TABLE, high = 6;
        double from = low;
        while (high - from > 1e-9) {
            double middle = (from + high) / 2;
            if (0.5 * erfc(-middle / sqrt(2)) < want)
                from = middle;
            else
                high = middle;
        }
        low = from;
        m->table[i] = to_bfloat16((float)from);
    }
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

static void write_weights(Model *m, const void *data, size_t length)
{
    if (fwrite(data, 1, length, m->weights) != length) die("cannot write: %s", strerror(errno));
    m->at += length;
}

/* mean + deviation * normal, rounded to bfloat16; five elements of each random number. */
static void fill(Model *m, int64_t count, double mean, double deviation)
{
    enum { CHUNK = 65535 };
    static uint16_t chunk[CHUNK];
    static float wide[CHUNK];
    uint16_t table[TABLE];
    uint64_t state =
        m->seed * 0x9e3779b97f4a7c15u + (uint64_t)(m->tensors + 1) * 0xbf58476d1ce4e5b9u;
    if (!state) state = 1;
    for (int i = 0; i < 8; i++) next_random(&state);
    for (int i = 0; i < TABLE; i++) {
        uint32_t bits = (uint32_t)m->table[i] << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        table[i] = to_bfloat16((float)(mean + deviation * (double)value));
    }
    for (int64_t at = 0; at < count; at += CHUNK) {
        size_t n = (size_t)(count - at < CHUNK ? count - at : CHUNK);
        for (size_t i = 0; i < CHUNK; i += 5) {
            uint64_t random = next_random(&state) >> 4;
            for (size_t k = 0; k < 5; k++, random >>= 12) chunk[i + k] = table[random % TABLE];
        }
        if (m->type == TYPE_BFLOAT16) {
            write_weights(m, chunk, n * sizeof *chunk);
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            uint32_t bits = (uint32_t)chunk[i] << 16;
            memcpy(&wide[i], &bits, sizeof bits);
        }
        write_weights(m, wide, n * sizeof *wide);
    }
}

static void skip(Model *m, int64_t count)
{
    int64_t bytes = count * (m->type == TYPE_BFLOAT16 ? 2 : 4);
    if (fseek(m->weights, (long)bytes, SEEK_CUR)) die("cannot write: %s", strerror(errno));
    m->at += (uint64_t)bytes;
}

static void entry(Bytes *tensor, const char *key, const char *value)
{
    Bytes pair = {0};
    put_text(&pair, 1, key);
    put_text(&pair, 2, value);
    put_message(tensor, 13, &pair);
}

/* columns 0: a vector. */
static const char *weight(Model *m, const char *text, int64_t rows, int64_t columns, double mean,
                          double deviation)
{
    static const uint8_t zeros[ALIGN];
    write_weights(m, zeros, (size_t)(-m->at % ALIGN));
    uint64_t start = m->at;
    if (m->holes && columns)
        skip(m, rows * columns);
    else
        fill(m, rows * (columns ? columns : 1), mean, deviation);
    m->tensors++;
    Bytes tensor = {0};
    put_int(&tensor, 1, rows);
    if (columns) put_int(&tensor, 1, columns);
    put_int(&tensor, 2, m->type);
    put_text(&tensor, 8, text);
    entry(&tensor, "location", m->location);
    entry(&tensor, "offset", name("%llu", (unsigned long long)start));
    entry(&tensor, "length", name("%llu", (unsigned long long)(m->at - start)));
    put_int(&tensor, 14, 1);
    put_message(&m->graph, 5, &tensor);
    return text;
}

/* ---- The decoder ---- */

static const char *linear(Model *m, const char *out, const char *x, int64_t in, int64_t columns)
{
    const char *w = weight(m, name("%s.weight", out), in, columns, 0, 1 / sqrt((double)in));
    return node(m, "MatMul", out, name("%s %s", x, w));
}

static const char *biased(Model *m, const char *out, const char *x, int64_t in, int64_t columns)
{
    const char *product = linear(m, name("%s.product", out), x, in, columns);
    const char *bias = weight(m, name("%s.bias", out), columns, 0, 0, 0.1);
    return node(m, "Add", out, name("%s %s", product, bias));
}

static const char *norm(Model *m, const char *out, const char *x)
{
    const char *w = weight(m, name("%s.weight", out), m->hidden, 0, 1, 0.1);
    return node_with(m, "RMSNormalization", out, name("%s %s", x, w),
                     float_attribute("epsilon", 1e-6f));
}

/* [1, seq, heads * d] to [1, heads, seq, d]. */
static const char *heads_of(Model *m, const char *x, const char *shape)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    const char *split = node(m, "Reshape", name("%s.split", x), name("%s %s", x, shape));
    return node_with(m, "Transpose", name("%s.heads", x), split, ints_attribute("perm", 4, perm));
}

static const char *attention(Model *m, int64_t i, const char *x)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    int64_t wide = m->heads * m->head_dim, narrow = m->kv_heads * m->head_dim;
    const char *q = biased(m, name("layer.%d.q", (int)i), x, m->hidden, wide);
    const char *k = biased(m, name("layer.%d.k", (int)i), x, m->hidden, narrow);
    const char *v = biased(m, name("layer.%d.v", (int)i), x, m->hidden, narrow);
    q = heads_of(m, q, "q_shape");
    k = heads_of(m, k, "kv_shape");
    v = heads_of(m, v, "kv_shape");
    q = node(m, "RotaryEmbedding", name("layer.%d.q.turned", (int)i), name("%s cos sin", q));
    k = node(m, "RotaryEmbedding", name("layer.%d.k.turned", (int)i), name("%s cos sin", k));
    k = node_with(m, "Concat", name("present.%d.key", (int)i), name("past.%d.key %s", (int)i, k),
                  int_attribute("axis", 2));
    v = node_with(m, "Concat", name("present.%d.value", (int)i),
                  name("past.%d.value %s", (int)i, v), int_attribute("axis", 2));
    const char *y =
        node(m, "Attention", name("layer.%d.attention", (int)i), name("%s %s %s mask", q, k, v));
    y = node_with(m, "Transpose", name("layer.%d.merged", (int)i), y,
                  ints_attribute("perm", 4, perm));
    y = node(m, "Reshape", name("layer.%d.rows", (int)i), name("%s row_shape", y));
    return linear(m, name("layer.%d.o", (int)i), y, wide, m->hidden);
}

static const char *feed_forward(Model *m, int64_t i, const char *x)
{
    const char *gate = linear(m, name("layer.%d.gate", (int)i), x, m->hidden, m->ffn);
    const char *up = linear(m, name("layer.%d.up", (int)i), x, m->hidden, m->ffn);
    const char *sigmoid = node(m, "Sigmoid", name("layer.%d.sigmoid", (int)i), gate);
    gate = node(m, "Mul", name("layer.%d.silu", (int)i), name("%s %s", gate, sigmoid));
    const char *y = node(m, "Mul", name("layer.%d.gated", (int)i), name("%s %s", gate, up));
    return linear(m, name("layer.%d.down", (int)i), y, m->ffn, m->hidden);
}

static const char *layer(Model *m, int64_t i, const char *x)
{
    const char *y = norm(m, name("layer.%d.norm", (int)i), x);
    y = attention(m, i, y);
    x = node(m, "Add", name("layer.%d.attended", (int)i), name("%s %s", x, y));
    y = norm(m, name("layer.%d.post_norm", (int)i), x);
    y = feed_forward(m, i, y);
    return node(m, "Add", name("layer.%d", (int)i), name("%s %s", x, y));
}

/* cos and sin [1, seq, head_dim / 2] of positions past ... past + seq - 1; mask [seq, past + seq] is
 * true where a position may look. */
static void positions(Model *m)
{
    static const int64_t zero = 0, one = 1, two = 2, first = 0;
    int half = (int)(m->head_dim / 2);
    float *frequency = malloc((size_t)half * sizeof *frequency);
    if (!frequency) die("out of memory");
    for (int i = 0; i < half; i++) frequency[i] = (float)pow(1e6, -2.0 * i / (double)m->head_dim);
    constant(m, "frequencies", TYPE_FLOAT, half, frequency);
    free(frequency);
    int_constant(m, "zero", -1, &zero);
    int_constant(m, "one", -1, &one);
    int_constant(m, "axis_0", 1, &first);
    int_constant(m, "axis_1", 1, &one);
    int_constant(m, "two", -1, &two);
    node(m, "Shape", "past_shape", "past.0.key");
    node(m, "Gather", "past_length", "past_shape two");
    node(m, "Shape", "ids_shape", "input_ids");
    node(m, "Gather", "ids_length", "ids_shape one");
    node(m, "Add", "total_length", "past_length ids_length");
    node(m, "Range", "position", "past_length total_length one");
    node(m, "Range", "key_position", "zero total_length one");
    node(m, "Unsqueeze", "position_column", "position axis_1");
    node(m, "GreaterOrEqual", "mask", "position_column key_position");
    node_with(m, "Cast", "position_float", "position_column", int_attribute("to", TYPE_FLOAT));
    node(m, "Mul", "angles_2d", "position_float frequencies");
    node(m, "Unsqueeze", "angles", "angles_2d axis_0");
    node(m, "Cos", "cos_float", "angles");
    node(m, "Sin", "sin_float", "angles");
    node_with(m, "Cast", "cos", "cos_float", int_attribute("to", m->type));
    node_with(m, "Cast", "sin", "sin_float", int_attribute("to", m->type));
}

static void decoder(Model *m)
{
    static const int64_t turn[] = {1, 0};
    int64_t q[] = {0, 0, m->heads, m->head_dim}, kv[] = {0, 0, m->kv_heads, m->head_dim};
    int64_t row[] = {0, 0, m->heads * m->head_dim};
    int_constant(m, "q_shape", 4, q);
    int_constant(m, "kv_shape", 4, kv);
    int_constant(m, "row_shape", 3, row);
    positions(m);
    weight(m, "embedding", m->vocab, m->hidden, 0, 0.05);
    char x[96];
    strcpy(x, node(m, "Gather", "embed", "embedding input_ids"));
    for (int64_t i = 0; i < m->layers; i++) strcpy(x, layer(m, i, x));
    norm(m, "norm", x);
    node_with(m, "Transpose", "projection", "embedding", ints_attribute("perm", 2, turn));
    node(m, "MatMul", "logits", "norm projection");
}

static void interface(Model *m)
{
    int64_t ids[] = {1, -1}, logits[] = {1, -1, m->vocab};
    int64_t past[] = {1, m->kv_heads, -2, m->head_dim},
            present[] = {1, m->kv_heads, -3, m->head_dim};
    value_info(m, 11, "input_ids", TYPE_INT64, 2, ids);
    value_info(m, 12, "logits", m->type, 3, logits);
    for (int64_t i = 0; i < m->layers; i++) {
        value_info(m, 11, name("past.%d.key", (int)i), m->type, 4, past);
        value_info(m, 11, name("past.%d.value", (int)i), m->type, 4, past);
        value_info(m, 12, name("present.%d.key", (int)i), m->type, 4, present);
        value_info(m, 12, name("present.%d.value", (int)i), m->type, 4, present);
    }
}

static void write_model(Model *m, const char *path)
{
    Bytes model = {0}, opset = {0};
    put_int(&model, 1, 11); /* IR version of opset 23 */
    put_text(&model, 2, "make_llm");
    put_text(&m->graph, 2, "decoder");
    put_message(&model, 7, &m->graph);
    put_text(&opset, 1, "");
    put_int(&opset, 2, 23);
    put_message(&model, 8, &opset);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(model.data, 1, model.length, file) != model.length || fclose(file))
        die("cannot write %s: %s", path, strerror(errno));
    free(model.data);
}

static void parse(Model *m, int argc, char **argv)
{
    struct {
        const char *key;
        int64_t *value;
    } options[] = {{"--layers", &m->layers},     {"--hidden", &m->hidden},
                   {"--ffn", &m->ffn},           {"--heads", &m->heads},
                   {"--kv-heads", &m->kv_heads}, {"--head-dim", &m->head_dim},
                   {"--vocab", &m->vocab},       {"--seed", (int64_t *)&m->seed}};
    for (int i = 2; i < argc; i += 2) {
        int64_t *value = NULL;
        const char *text = i + 1 < argc ? argv[i + 1] : "";
        char *end;
        for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
            if (!strcmp(argv[i], options[k].key)) value = options[k].value;
        }
        if (!strcmp(argv[i], "--type")) {
            m->type = !strcmp(text, "bfloat16") ? TYPE_BFLOAT16 : TYPE_FLOAT;
            if (m->type == TYPE_FLOAT && strcmp(text, "float32"))
                die("--type is bfloat16 or float32");
            continue;
        }
        if (!strcmp(argv[i], "--weights")) {
            m->holes = !strcmp(text, "vectors");
            if (!m->holes && strcmp(text, "all")) die("--weights is all or vectors");
            continue;
        }
        if (!value) die("unknown option '%s'", argv[i]);
        *value = strtoll(text, &end, 10);
        if (!*text || *end || *value < 1) die("%s needs a number from 1", argv[i]);
    }
    if (m->heads % m->kv_heads || m->head_dim % 2) die("heads do not divide");
}

int main(int argc, char **argv)
{
    Model m = {.layers = 28,
               .hidden = 1536,
               .ffn = 8960,
               .heads = 12,
               .kv_heads = 2,
               .head_dim = 128,
               .vocab = 151936,
               .type = TYPE_BFLOAT16,
               .seed = 1};
    if (argc < 2 || argv[1][0] == '-') die("usage: make_llm OUT.onnx [OPTION VALUE]...");
    parse(&m, argc, argv);
    const char *slash = strrchr(argv[1], '/');
    char data[4096], location[4096];
    if (snprintf(data, sizeof data, "%s.data", argv[1]) >= (int)sizeof data) die("name too long");
    snprintf(location, sizeof location, "%s.data", slash ? slash + 1 : argv[1]);
    m.location = location;
    m.weights = fopen(data, "wb");
    if (!m.weights) die("cannot write %s: %s", data, strerror(errno));
    make_table(&m);
    decoder(&m);
    interface(&m);
    if (fclose(m.weights)) die("cannot write %s: %s", data, strerror(errno));
    write_model(&m, argv[1]);
    printf("%s: %d tensors, %llu bytes of weights\n", argv[1], m.tensors, (unsigned long long)m.at);
    free(m.table);
    return 0;
}
