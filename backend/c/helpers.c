/* Helper functions on scalars: emitted above the kernels, only those that the file uses. */
#include "backend/c/emit.h"

#include <assert.h>
#include <string.h>

const char *c_template(Arena *arena, const char *text, const Key *keys, int key_count)
{
    Text out;
    text_init(&out, arena);
    for (; *text; text++) {
        int i = 0;
        while (*text == '@' && i < key_count && keys[i].key != text[1]) i++;
        if (*text != '@' || i == key_count) {
            text_addn(&out, text, 1);
            continue;
        }
        text_add(&out, keys[i].value);
        text++;
    }
    return out.data;
}

const char *template_of(const Template *table, const char *operation)
{
    while (table->operation && strcmp(table->operation, operation) != 0) table++;
    assert(table->operation);
    return table->text;
}

void helper_define(CEmit *e, const char *name, const char *text)
{
    if (names_have(&e->defined, name)) return;
    names_add(e->arena, &e->defined, name);
    text_add(&e->helpers, text);
    text_add(&e->helpers, "\n");
}

static bool defined(const CEmit *e, const char *name)
{
    return names_have(&e->defined, name);
}

/* ---- Integer and float operations that C has no operator for ---- */

/* @E element type, @U unsigned type that arithmetic is done in, @H helper's name. */
static const Template scalar_templates[] = {
    {"min", "INLINE @E @H(@E a, @E b)\n"
            "{\n"
            "    return a < b ? a : b;\n"
            "}\n"},
    {"max", "INLINE @E @H(@E a, @E b)\n"
            "{\n"
            "    return a > b ? a : b;\n"
            "}\n"},
    {"abs", "INLINE @E @H(@E a)\n"
            "{\n"
            "    return a < 0 ? (@E)(0 - (@U)a) : a;\n"
            "}\n"},
    {"div", "/* Wraps where a / b overflows. */\n"
            "INLINE @E @H(@E a, @E b)\n"
            "{\n"
            "    return (@E)(b == -1 ? (@E)(0 - (@U)a) : a / b);\n"
            "}\n"},
    {"rem", "/* 0 where a / b overflows. */\n"
            "INLINE @E @H(@E a, @E b)\n"
            "{\n"
            "    return (@E)(b == -1 ? 0 : a % b);\n"
            "}\n"},
    {"floor_div", "/* floor(a / b), b > 0. */\n"
                  "INLINE @E @H(@E a, @E b)\n"
                  "{\n"
                  "    return a / b - (a % b < 0);\n"
                  "}\n"},
    {"floor_mod", "/* a - b * floor(a / b), b > 0. */\n"
                  "INLINE @E @H(@E a, @E b)\n"
                  "{\n"
                  "    return a % b < 0 ? a % b + b : a % b;\n"
                  "}\n"},
    {NULL, NULL}};

const char *helper_scalar(CEmit *e, const char *operation, DType type)
{
    const char *name = arena_printf(e->arena, "%s_%s", dtype_name(type), operation);
    if (defined(e, name)) return name;
    const char *element = type == DT_BOOL ? "bool" : dtype_ctype(type);
    const char *wide = dtype_size(type) == 8 ? "uint64_t" : "uint32_t";
    const Key keys[] = {{'E', element}, {'U', wide}, {'H', name}};
    helper_define(e, name, c_template(e->arena, template_of(scalar_templates, operation), keys, 3));
    return name;
}

/* ---- Bits ---- */

const char *helper_bitcast(CEmit *e, DType from, DType to)
{
    const char *name = arena_printf(e->arena, "%s_from_%s_bits", dtype_name(to), dtype_name(from));
    const Key keys[] = {{'H', name}, {'F', dtype_ctype(from)}, {'T', dtype_ctype(to)}};
    helper_define(e, name,
                  c_template(e->arena,
                             "INLINE @T @H(@F from)\n"
                             "{\n"
                             "    @T to;\n"
                             "    memcpy(&to, &from, sizeof to);\n"
                             "    return to;\n"
                             "}\n",
                             keys, 3));
    return name;
}

/* Half precision, rounded to nearest, ties to even; the same code as the compiler's ir/dtype.c. */
static const char f16_to_f32_text[] =
    "INLINE float f16_to_f32(uint16_t half)\n"
    "{\n"
    "    const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;\n"
    "    const uint32_t rest = half & 0x7fffU;\n"
    "    if (rest >= 0x7c00U) /* infinity, NaN */\n"
    "        return f32_from_u32_bits(sign | 0x7f800000U | (rest & 0x3ffU) << 13);\n"
    "    if (rest >= 0x400U) return f32_from_u32_bits(sign | ((rest << 13) + 0x38000000U));\n"
    "    const float tiny = (float)rest * 0x1p-24f; /* subnormal: exact */\n"
    "    return sign ? -tiny : tiny;\n"
    "}\n";

static const char f32_to_f16_text[] =
    "INLINE uint16_t f32_to_f16(float value)\n"
    "{\n"
    "    const uint32_t bits = u32_from_f32_bits(value);\n"
    "    const uint32_t sign = (bits >> 16) & 0x8000U;\n"
    "    const uint32_t rest = bits & 0x7fffffffU;\n"
    "    if (rest > 0x7f800000U) return (uint16_t)(sign | 0x7e00U);\n"
    "    if (rest >= 0x477ff000U) return (uint16_t)(sign | 0x7c00U);\n"
    "    if (rest >= 0x38800000U) {\n"
    "        const uint32_t round = rest - 0x38000000U + 0xfffU + ((rest >> 13) & 1U);\n"
    "        return (uint16_t)(sign | round >> 13);\n"
    "    }\n"
    "    /* Subnormal: adding 0.5 rounds to a multiple of 2^-24. */\n"
    "    const float sum = f32_from_u32_bits(rest) + 0.5f;\n"
    "    return (uint16_t)(sign | (u32_from_f32_bits(sum) - 0x3f000000U));\n"
    "}\n";

static const char bf16_to_f32_text[] = "INLINE float bf16_to_f32(uint16_t value)\n"
                                       "{\n"
                                       "    return f32_from_u32_bits((uint32_t)value << 16);\n"
                                       "}\n";

static const char f32_to_bf16_text[] =
    "INLINE uint16_t f32_to_bf16(float value)\n"
    "{\n"
    "    const uint32_t bits = u32_from_f32_bits(value);\n"
    "    if ((bits & 0x7fffffffU) > 0x7f800000U) return (uint16_t)(bits >> 16 | 0x40U); /* NaN */\n"
    "    return (uint16_t)((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);\n"
    "}\n";

const char *helper_half(CEmit *e, DType from, DType to)
{
    bool half = from == DT_F16 || to == DT_F16;
    bool widen = to == DT_F32;
    const char *name = arena_printf(e->arena, "%s_to_%s", dtype_name(from), dtype_name(to));
    if (defined(e, name)) return name;
    if (widen || half) helper_bitcast(e, DT_U32, DT_F32);
    if (!widen) helper_bitcast(e, DT_F32, DT_U32);
    const char *narrowing = half ? f32_to_f16_text : f32_to_bf16_text;
    const char *widening = half ? f16_to_f32_text : bf16_to_f32_text;
    helper_define(e, name, widen ? widening : narrowing);
    return name;
}

const char *helper_dot4(CEmit *e, bool is_unsigned)
{
    const char *name = is_unsigned ? "i32_dot4_u8" : "i32_dot4_i8";
    const Key keys[] = {{'H', name}, {'A', is_unsigned ? "(uint8_t)" : "(int8_t)"}};
    helper_define(e, name,
                  c_template(e->arena,
                             "/* acc plus the four products of the bytes of a and b. */\n"
                             "INLINE int32_t @H(int32_t acc, int32_t a, int32_t b)\n"
                             "{\n"
                             "    int32_t sum = 0;\n"
                             "    for (int i = 0; i < 32; i += 8)\n"
                             "        sum += @A((uint32_t)a >> i) * (int8_t)((uint32_t)b >> i);\n"
                             "    return (int32_t)((uint32_t)acc + (uint32_t)sum);\n"
                             "}\n",
                             keys, 2));
    return name;
}
