/* Vector types and helpers, through the vector extensions that gcc and clang share.
 *
 * A vector value is a `f32x8` (dtype, lanes). Bool vectors are i32 vectors of 0 and -1 whatever
 * they were compared from. f16 and bf16 vectors are u16 vectors. Where the extensions have no
 * operation, a helper uses an intrinsic where the machine has one, works on halves while the vector
 * is longer than 16 bytes, and goes lane by lane otherwise; the result is the same everywhere. */
#include "backend/c/emit.h"

#include <assert.h>
#include <string.h>

static LType vector_mask_type(LType type)
{
    return (LType){DT_I32, type.lanes};
}

/* The type that stands for `type` in vectors. */
static LType stored(LType type)
{
    if (type.dtype == DT_BOOL) return vector_mask_type(type);
    if (type.dtype == DT_F16 || type.dtype == DT_BF16) return (LType){DT_U16, type.lanes};
    return type;
}

static LType int_like(LType type, bool is_signed)
{
    static const DType table[9][2] = {[1] = {DT_U8, DT_I8},
                                      [2] = {DT_U16, DT_I16},
                                      [4] = {DT_U32, DT_I32},
                                      [8] = {DT_U64, DT_I64}};
    return (LType){table[dtype_size(stored(type).dtype)][is_signed], type.lanes};
}

static void no_vectors(CEmit *e, int lanes)
{
    if (e->status) return;
    const char *why = e->options->portable ? "portable C has no vectors" : "not a power of two";
    e->status = diag_error(e->diag, "internal: C backend: a value of %d lanes: %s", lanes, why);
}

const char *vector_type(CEmit *e, LType type)
{
    if (type.lanes == 1) return type.dtype == DT_BOOL ? "bool" : dtype_ctype(type.dtype);
    if (e->options->portable || (type.lanes & (type.lanes - 1))) no_vectors(e, type.lanes);
    type = stored(type);
    const char *name = arena_printf(e->arena, "%sx%d", dtype_name(type.dtype), type.lanes);
    if (names_have(&e->defined, name)) return name;
    names_add(e->arena, &e->defined, name);
    text_printf(&e->types, "typedef %s %s __attribute__((vector_size(%zu)));\n",
                dtype_ctype(type.dtype), name, dtype_size(type.dtype) * (size_t)type.lanes);
    return name;
}

/* "0, 1, 2" or "a, a, a" */
static const char *lane_list(CEmit *e, int from, int count, const char *same)
{
    Text out;
    text_init(&out, e->arena);
    for (int i = from; i < from + count; i++) {
        if (i > from) text_add(&out, ", ");
        if (same)
            text_add(&out, same);
        else
            text_printf(&out, "%d", i);
    }
    return out.data;
}

enum { KEY_COUNT = 11 };

/* @V the type, @H @I @U: its half, signed and unsigned twins, @E @W its element and the unsigned
 * type that the element's arithmetic is done in, @N lanes, @F libm's suffix, @A "a, a, a", @L
 * "0, 1, 2" of the first half, @R of the second. */
static const char *key_value(CEmit *e, LType s, char key)
{
    int half = s.lanes / 2;
    switch (key) {
    case 'V': return vector_type(e, s);
    case 'H': return vector_type(e, (LType){s.dtype, half});
    case 'I': return vector_type(e, int_like(s, true));
    case 'U': return vector_type(e, int_like(s, false));
    case 'E': return dtype_ctype(s.dtype);
    case 'W': return dtype_size(s.dtype) == 8 ? "uint64_t" : "uint32_t";
    case 'N': return arena_printf(e->arena, "%d", s.lanes);
    case 'F': return s.dtype == DT_F32 ? "f" : "";
    case 'A': return lane_list(e, 0, s.lanes, "a");
    case 'L': return lane_list(e, 0, half, NULL);
    default: return lane_list(e, half, half, NULL);
    }
}

/* Only the types that the text names get defined. */
static void define(CEmit *e, const char *name, LType type, const char *text)
{
    static const char letters[KEY_COUNT + 1] = "VHIUEWNFALR";
    if (names_have(&e->defined, name)) return;
    Key keys[KEY_COUNT];
    int count = 0;
    for (const char *letter = letters; *letter; letter++) {
        const char mark[] = {'@', *letter, 0};
        if (strstr(text, mark)) keys[count++] = (Key){*letter, key_value(e, stored(type), *letter)};
    }
    helper_define(e, name, c_template(e->arena, text, keys, count));
}

static const Template templates[] = {
    {"splat", "INLINE @V @V_splat(@E a)\n"
              "{\n"
              "    return (@V){@A};\n"
              "}\n"},
    {"low", "INLINE @H @V_low(@V a)\n"
            "{\n"
            "    return __builtin_shufflevector(a, a, @L);\n"
            "}\n"},
    {"high", "INLINE @H @V_high(@V a)\n"
             "{\n"
             "    return __builtin_shufflevector(a, a, @R);\n"
             "}\n"},
    {"join", "INLINE @V @V_join(@H low, @H high)\n"
             "{\n"
             "    return __builtin_shufflevector(low, high, @L, @R);\n"
             "}\n"},
    {"select", "INLINE @V @V_select(@I mask, @V a, @V b)\n"
               "{\n"
               "    return (@V)(((@I)a & mask) | ((@I)b & ~mask));\n"
               "}\n"},
    {"abs", "INLINE @V @V_abs(@V a)\n"
            "{\n"
            "    const @U mask = (@U)(a < (@V){0});\n"
            "    return (@V)(((@U)a ^ mask) - mask);\n"
            "}\n"},
    {"fabs", "INLINE @V @V_fabs(@V a)\n"
             "{\n"
             "    return (@V)((@U)a << 1 >> 1);\n"
             "}\n"},
    {"div", "INLINE @V @V_div(@V a, @V b)\n"
            "{\n"
            "    for (int i = 0; i < @N; i++)\n"
            "        a[i] = b[i] == -1 ? (@E)(0 - (@W)a[i]) : (@E)(a[i] / b[i]);\n"
            "    return a;\n"
            "}\n"},
    {"rem", "INLINE @V @V_rem(@V a, @V b)\n"
            "{\n"
            "    for (int i = 0; i < @N; i++) a[i] = b[i] == -1 ? 0 : (@E)(a[i] % b[i]);\n"
            "    return a;\n"
            "}\n"},
    {NULL, NULL}};

const char *vector_helper(CEmit *e, const char *operation, LType type)
{
    const char *name = arena_printf(e->arena, "%s_%s", vector_type(e, type), operation);
    define(e, name, type, template_of(templates, operation));
    return name;
}

const char *vector_math(CEmit *e, InstOp op, LType type)
{
    const char *name = arena_printf(e->arena, "%s_%s", vector_type(e, type), inst_name(op));
    e->use_math = true;
    const char *text = arena_printf(e->arena,
                                    "INLINE @V @V_%s(@V a%s)\n"
                                    "{\n"
                                    "    for (int i = 0; i < @N; i++) a[i] = %s(a[i]%s);\n"
                                    "    return a;\n"
                                    "}\n",
                                    inst_name(op), inst_args(op) == 2 ? ", @V b" : "",
                                    math_name(op, type.dtype), inst_args(op) == 2 ? ", b[i]" : "");
    define(e, name, type, text);
    return name;
}

/* ---- Operations that machines have and the vector extensions do not ---- */

typedef struct Intrinsic {
    const char *operation;
    int args;
    const char *when128, *when256, *when512; /* macros that say that x86 has it */
    const char *x86, *x86_512;               /* between _mm256_ and _ps */
    const char *extra;                       /* further operands on x86 */
    const char *neon;                        /* between v and q_f32, NULL: none */
    const char *lane;                        /* @F: one lane, or NULL: as MIN and MAX */
} Intrinsic;

#define ROUND(mode) ", _MM_FROUND_" mode " | _MM_FROUND_NO_EXC"
static const Intrinsic intrinsics[] = {
    {"fma", 3, "FMA", "FMA", "AVX512F", "fmadd", "fmadd", "", "fma", "fma@F(a[i], b[i], c[i])"},
    {"min", 2, "SSE2", "AVX", "AVX512F", "min", "min", "", NULL, NULL},
    {"max", 2, "SSE2", "AVX", "AVX512F", "max", "max", "", NULL, NULL},
    {"sqrt", 1, "SSE2", "AVX", "AVX512F", "sqrt", "sqrt", "", "sqrt", "sqrt@F(a[i])"},
    {"floor", 1, "SSE4_1", "AVX", "AVX512F", "round", "roundscale", ROUND("TO_NEG_INF"), "rndm",
     "floor@F(a[i])"},
    {"ceil", 1, "SSE4_1", "AVX", "AVX512F", "round", "roundscale", ROUND("TO_POS_INF"), "rndp",
     "ceil@F(a[i])"},
    {"rint", 1, "SSE4_1", "AVX", "AVX512F", "round", "roundscale", ROUND("CUR_DIRECTION"), "rndi",
     "rint@F(a[i])"},
    {"trunc", 1, "SSE4_1", "AVX", "AVX512F", "round", "roundscale", ROUND("TO_ZERO"), "rnd",
     "trunc@F(a[i])"},
};

/* "(T)a, (T)b" for the first `count` of a, b, c */
static const char *operands(CEmit *e, int count, const char *format)
{
    Text out;
    text_init(&out, e->arena);
    for (int i = 0; i < count; i++) {
        const Key letter[] = {{'a', (const char *[]){"a", "b", "c"}[i]}};
        if (i) text_add(&out, ", ");
        text_add(&out, c_template(e->arena, format, letter, 1));
    }
    return out.data;
}

/* The #if branches for x86 and Arm; true when there is one. */
static bool intrinsic_branches(CEmit *e, const Intrinsic *in, LType type, Text *out)
{
    size_t bytes = dtype_size(type.dtype) * (size_t)type.lanes;
    bool dbl = type.dtype == DT_F64;
    if ((type.dtype != DT_F32 && !dbl) || (bytes != 16 && bytes != 32 && bytes != 64)) return false;
    const char *when = bytes == 16 ? in->when128 : bytes == 32 ? in->when256 : in->when512;
    const char *width = bytes == 16 ? "" : bytes == 32 ? "256" : "512";
    const char *reg = bytes == 16 ? "128" : width;
    const char *cast = arena_printf(e->arena, "(__m%s%s)@a", reg, dbl ? "d" : "");
    text_printf(out, "#if defined(__%s__)\n    return (@V)_mm%s_%s_%s(%s%s);\n", when, width,
                bytes == 64 ? in->x86_512 : in->x86, dbl ? "pd" : "ps", operands(e, in->args, cast),
                in->extra);
    e->use_intrinsics = true;
    if (bytes != 16 || !in->neon) return true;
    const char *neon = dbl ? "(float64x2_t)@a" : "(float32x4_t)@a";
    const char *list = operands(e, in->args, neon);
    if (in->args == 3) { /* the sum comes first */
        const char *c = dbl ? "(float64x2_t)c, " : "(float32x4_t)c, ";
        list = arena_printf(e->arena, "%s%s", c, operands(e, 2, neon));
    }
    text_printf(out, "#elif defined(__aarch64__)\n    return (@V)v%sq_%s(%s);\n", in->neon,
                dtype_name(type.dtype), list);
    return true;
}

static void intrinsic_fallback(CEmit *e, const Intrinsic *in, LType type, Text *out)
{
    if (dtype_size(type.dtype) * (size_t)type.lanes > 16 && type.lanes > 2) {
        LType half = {type.dtype, type.lanes / 2};
        const char *part = vector_intrinsic(e, in->operation, half);
        const char *low = operands(e, in->args, "@V_low(@a)");
        const char *high = operands(e, in->args, "@V_high(@a)");
        vector_helper(e, "low", type);
        vector_helper(e, "high", type);
        text_printf(out, "    return %s(%s(%s),\n        %s(%s));\n",
                    vector_helper(e, "join", type), part, low, part, high);
    } else if (in->lane) {
        e->use_math = true;
        text_printf(out,
                    "    @V r = a;\n    for (int i = 0; i < @N; i++) r[i] = %s;\n    return r;\n",
                    in->lane);
    } else {
        text_printf(out, "    const @I mask = (@I)(a %s b);\n",
                    !strcmp(in->operation, "min") ? "<" : ">");
        text_add(out, "    return (@V)(((@I)a & mask) | ((@I)b & ~mask));\n");
    }
}

const char *vector_intrinsic(CEmit *e, const char *operation, LType type)
{
    const char *name = arena_printf(e->arena, "%s_%s", vector_type(e, type), operation);
    if (names_have(&e->defined, name)) return name;
    const Intrinsic *in = intrinsics;
    while (strcmp(in->operation, operation)) in++;
    Text body, text;
    text_init(&body, e->arena);
    text_init(&text, e->arena);
    bool branches = intrinsic_branches(e, in, type, &body);
    if (branches) text_add(&body, "#else\n");
    intrinsic_fallback(e, in, type, &body);
    if (branches) text_add(&body, "#endif\n");
    text_printf(&text, "INLINE @V %s(%s)\n{\n%s}\n", name, operands(e, in->args, "@V @a"),
                body.data);
    define(e, name, type, text.data);
    return name;
}

/* ---- Bytes to words and back: gcc 12 makes lane by lane code of __builtin_convertvector ---- */

static bool is_byte(DType type)
{
    return type == DT_I8 || type == DT_U8;
}

static const char *widen_body(CEmit *e, LType from, LType to)
{
    const char *kind = from.dtype == DT_I8 ? "epi8" : "epu8";
    const char *type = vector_type(e, to);
    if (to.lanes == 16)
        return arena_printf(e->arena,
                            "#if defined(__AVX512F__)\n"
                            "    return (%s)_mm512_cvt%s_epi32((__m128i)a);\n",
                            type, kind);
    return arena_printf(
        e->arena,
        "#if defined(__AVX2__)\n"
        "    return (%s)_mm256_cvt%s_epi32(_mm_loadl_epi64((const __m128i *)&a));\n",
        type, kind);
}

static const char *narrow_body(CEmit *e, LType to)
{
    const char *type = vector_type(e, to);
    if (to.lanes == 16)
        return arena_printf(e->arena,
                            "#if defined(__AVX512F__)\n"
                            "    return (%s)_mm512_cvtepi32_epi8((__m512i)a);\n",
                            type);
    return arena_printf(e->arena,
                        "#if defined(__AVX512VL__)\n"
                        "    const __m128i bytes = _mm256_cvtepi32_epi8((__m256i)a);\n"
                        "    %s to;\n"
                        "    memcpy(&to, &bytes, sizeof to);\n"
                        "    return to;\n",
                        type);
}

const char *vector_bytes(CEmit *e, LType from, LType to)
{
    bool widen = is_byte(from.dtype) && to.dtype == DT_I32;
    bool narrow = from.dtype == DT_I32 && is_byte(to.dtype);
    if ((!widen && !narrow) || (to.lanes != 8 && to.lanes != 16)) return NULL;
    const char *type = vector_type(e, to), *source = vector_type(e, from);
    const char *name = arena_printf(e->arena, "%s_from_%s", type, dtype_name(from.dtype));
    if (names_have(&e->defined, name)) return name;
    e->use_intrinsics = true;
    define(e, name, to,
           arena_printf(e->arena,
                        "INLINE %s %s(%s a)\n{\n%s#else\n"
                        "    return __builtin_convertvector(a, %s);\n#endif\n}\n",
                        type, name, source, widen ? widen_body(e, from, to) : narrow_body(e, to),
                        type));
    return name;
}

/* ---- Horizontal ---- */

/* Sums wrap. */
static const char *int_sum(CEmit *e, LType half, const char *rest)
{
    const char *words = vector_type(e, int_like(half, false));
    return arena_printf(e->arena, "%s((@H)((%s)@V_low(a) + (%s)@V_high(a)))", rest, words, words);
}

const char *vector_horizontal(CEmit *e, InstOp op, LType type)
{
    const char *name = arena_printf(e->arena, "%s_%s", vector_type(e, type), inst_name(op));
    if (names_have(&e->defined, name)) return name;
    const char *order = op == LI_HMIN ? "<" : ">";
    const char *text;
    if (type.lanes == 2 && op == LI_HADD) {
        text = dtype_is_float(type.dtype) ? "a[0] + a[1]" : "(@E)((@W)a[0] + (@W)a[1])";
    } else if (type.lanes == 2) {
        text = arena_printf(e->arena, "a[0] %s a[1] ? a[0] : a[1]", order);
    } else {
        LType half = {type.dtype, type.lanes / 2};
        const char *rest = vector_horizontal(e, op, half);
        vector_helper(e, "low", type);
        vector_helper(e, "high", type);
        if (op != LI_HADD)
            text = arena_printf(e->arena, "%s(%s(@V_low(a), @V_high(a)))", rest,
                                vector_intrinsic(e, op == LI_HMIN ? "min" : "max", half));
        else if (dtype_is_float(type.dtype))
            text = arena_printf(e->arena, "%s(@V_low(a) + @V_high(a))", rest);
        else
            text = int_sum(e, half, rest);
    }
    define(e, name, type,
           arena_printf(e->arena, "INLINE @E %s(@V a)\n{\n    return %s;\n}\n", name, text));
    return name;
}
