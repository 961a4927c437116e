/* Helpers that move vectors between memory and values, convert them between half and single
 * precision, and multiply bytes. */
#include "backend/c/emit.h"

#include <string.h>

static bool f32_masked(LType type)
{
    return type.dtype == DT_F32 && (type.lanes == 8 || type.lanes == 16);
}

/* x86 loads and stores under a mask; @A the access for 8 lanes, @B for 16. */
static const char *masked(CEmit *e, LType type, const char *avx, const char *avx512)
{
    if (!f32_masked(type)) return "";
    e->use_intrinsics = true;
    const Key keys[] = {{'8', avx}, {'6', avx512}};
    if (type.lanes == 16)
        return c_template(
            e->arena,
            "#if defined(__AVX512F__)\n"
            "    const unsigned n = limit < 0 ? 0U : limit < 16 ? (unsigned)limit : 16U;\n"
            "    const __mmask16 mask = (__mmask16)((1U << n) - 1U);\n"
            "    @6;\n"
            "#else\n",
            keys, 2);
    return c_template(
        e->arena,
        "#if defined(__AVX__)\n"
        "    const int32_t n = limit < 0 ? 0 : limit < 8 ? (int32_t)limit : 8;\n"
        "    const i32x8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};\n"
        "    const __m256i mask = (__m256i)(lanes < (i32x8){n, n, n, n, n, n, n, n});\n"
        "    @8;\n"
        "#else\n",
        keys, 2);
}

static const char *access_name(CEmit *e, LType type, const char *verb, bool stride, bool limit)
{
    const char *base = type.dtype == DT_BOOL ? arena_printf(e->arena, "boolx%d", type.lanes)
                                             : vector_type(e, type);
    return arena_printf(e->arena, "%s_%s%s%s", base, verb, limit ? "_part" : "",
                        stride ? "_strided" : "");
}

static const char *access_comment(bool stride, bool limit)
{
    if (stride && limit) return "/* Every stride-th element; only lanes below limit. */\n";
    if (limit) return "/* Only lanes below limit touch memory. */\n";
    return stride ? "/* Every stride-th element. */\n" : "";
}

static void access_keys(CEmit *e, LType type, const char *name, bool stride, bool limit, Key *keys)
{
    keys[0] = (Key){'V', vector_type(e, type)};
    keys[1] = (Key){'E', dtype_ctype(type.dtype)};
    keys[2] = (Key){'X', name};
    keys[3] = (Key){'P', arena_printf(e->arena, "%s%s", stride ? ", int64_t stride" : "",
                                      limit ? ", int64_t limit" : "")};
    keys[4] =
        (Key){'T', arena_printf(e->arena, "i < %d%s", type.lanes, limit ? " && i < limit" : "")};
    keys[5] = (Key){'S', stride ? "i * stride" : "i"};
    keys[6] = (Key){'C', access_comment(stride, limit)};
    bool is_bool = type.dtype == DT_BOOL;
    keys[7] = (Key){'B', is_bool ? vector_type(e, (LType){DT_U8, type.lanes}) : ""};
    keys[8] = (Key){'D', is_bool ? vector_type(e, (LType){DT_I8, type.lanes}) : ""};
}

/* What the function begins with where the machine has masked accesses of this type; or "". */
static const char *access_mask(CEmit *e, LType type, bool stride, bool limit, const char *avx,
                               const char *avx512)
{
    const char *mask = limit && !stride ? masked(e, type, avx, avx512) : "";
    if (*mask && type.lanes == 8) vector_type(e, (LType){DT_I32, 8});
    return mask;
}

static const char *define_access(CEmit *e, const char *name, const Key *keys, const char *signature,
                                 const char *mask, const char *body)
{
    const char *text = arena_printf(e->arena, "@CINLINE %s\n{\n%s%s%s}\n", signature, mask, body,
                                    *mask ? "#endif\n" : "");
    helper_define(e, name, c_template(e->arena, c_template(e->arena, text, keys, 9), keys, 9));
    return name;
}

const char *vector_load(CEmit *e, LType type, bool stride, bool limit)
{
    const char *name = access_name(e, type, "load", stride, limit);
    if (names_have(&e->defined, name)) return name;
    bool is_bool = type.dtype == DT_BOOL;
    Key keys[10];
    access_keys(e, type, name, stride, limit, keys);
    const char *mask =
        access_mask(e, type, stride, limit, "return (@V)_mm256_maskload_ps(from, mask)",
                    "return (@V)_mm512_maskz_loadu_ps(mask, from)");
    const char *body;
    if (!stride && !limit && is_bool)
        body = "    @B bytes;\n"
               "    memcpy(&bytes, from, sizeof bytes);\n"
               "    return __builtin_convertvector((@D)(bytes != (@B){0}), @V);\n";
    else if (!stride && !limit)
        body = "    @V to;\n"
               "    memcpy(&to, from, sizeof to);\n"
               "    return to;\n";
    else
        body = is_bool ? "    @V to = {0};\n"
                         "    for (int64_t i = 0; @T; i++) to[i] = from[@S] ? -1 : 0;\n"
                         "    return to;\n"
                       : "    @V to = {0};\n"
                         "    for (int64_t i = 0; @T; i++) to[i] = from[@S];\n"
                         "    return to;\n";
    return define_access(e, name, keys, "@V @X(const @E *from@P)", mask, body);
}

const char *vector_store(CEmit *e, LType type, bool stride, bool limit)
{
    const char *name = access_name(e, type, "store", stride, limit);
    if (names_have(&e->defined, name)) return name;
    bool is_bool = type.dtype == DT_BOOL;
    Key keys[10];
    access_keys(e, type, name, stride, limit, keys);
    const char *mask =
        access_mask(e, type, stride, limit, "_mm256_maskstore_ps(to, mask, (__m256)from)",
                    "_mm512_mask_storeu_ps(to, mask, (__m512)from)");
    const char *body;
    if (!stride && !limit && is_bool)
        body = "    const @B bytes = __builtin_convertvector(-from, @B);\n"
               "    memcpy(to, &bytes, sizeof bytes);\n";
    else if (!stride && !limit)
        body = "    memcpy(to, &from, sizeof from);\n";
    else
        body = is_bool ? "    for (int64_t i = 0; @T; i++) to[@S] = from[i] != 0;\n"
                       : "    for (int64_t i = 0; @T; i++) to[@S] = from[i];\n";
    return define_access(e, name, keys, "void @X(@E *to, @V from@P)", mask, body);
}

/* ---- Half precision ---- */

/* The #if branch where the machine converts this many lanes at once, "" when none does. */
static const char *half_branch(CEmit *e, bool widen, int lanes)
{
    if (lanes != 4 && lanes != 8 && lanes != 16) return "";
    e->use_intrinsics = true;
    if (lanes == 4)
        return widen ? "#if defined(__aarch64__)\n"
                       "    return (@T)vcvt_f32_f16((float16x4_t)a);\n#else\n"
                     : "#if defined(__aarch64__)\n"
                       "    return (@T)vcvt_f16_f32((float32x4_t)a);\n#else\n";
    if (lanes == 8)
        return widen ? "#if defined(__F16C__)\n"
                       "    return (@T)_mm256_cvtph_ps((__m128i)a);\n#else\n"
                     : "#if defined(__F16C__)\n"
                       "    return (@T)_mm256_cvtps_ph((__m256)a, "
                       "_MM_FROUND_TO_NEAREST_INT);\n#else\n";
    return widen ? "#if defined(__AVX512F__)\n"
                   "    return (@T)_mm512_cvtph_ps((__m256i)a);\n#else\n"
                 : "#if defined(__AVX512F__)\n"
                   "    return (@T)_mm512_cvtps_ph((__m512)a, _MM_FROUND_TO_NEAREST_INT);\n#else\n";
}

const char *vector_half(CEmit *e, DType from, DType to, int lanes)
{
    const char *name =
        arena_printf(e->arena, "%s_to_%sx%d", dtype_name(from), dtype_name(to), lanes);
    if (names_have(&e->defined, name)) return name;
    const char *scalar = helper_half(e, from, to);
    const char *from_type = vector_type(e, (LType){from, lanes});
    const char *to_type = vector_type(e, (LType){to, lanes});
    bool f16 = from == DT_F16 || to == DT_F16;
    const char *branch = f16 ? half_branch(e, to == DT_F32, lanes) : "";
    const char *body = "    @T r = {0};\n"
                       "    for (int i = 0; i < @N; i++) r[i] = @S(a[i]);\n"
                       "    return r;\n";
    const char *end = *branch ? "#endif\n" : "";
    const Key keys[] = {{'T', to_type},
                        {'A', from_type},
                        {'X', name},
                        {'S', scalar},
                        {'N', arena_printf(e->arena, "%d", lanes)}};
    const char *text =
        arena_printf(e->arena, "INLINE @T @X(@A a)\n{\n%s%s%s}\n", branch, body, end);
    helper_define(e, name, c_template(e->arena, text, keys, 5));
    return name;
}

/* ---- Products of bytes ---- */

/* @R register type, @B "_mm256", @S "256": without dot product instructions, even and odd bytes
 * become 16-bit lanes whose products `madd` adds in pairs, exactly. */
static const char madd_text[] =
    "    const @R even_a = @B_@O_epi16(@B_slli_epi16((@R)a, 8), 8);\n"
    "    const @R even_b = @B_srai_epi16(@B_slli_epi16((@R)b, 8), 8);\n"
    "    const @R odd_a = @B_@O_epi16((@R)a, 8), odd_b = @B_srai_epi16((@R)b, 8);\n"
    "    const @R even = @B_madd_epi16(even_a, even_b), odd = @B_madd_epi16(odd_a, odd_b);\n"
    "    return (@V)((@U)acc + (@U)even + (@U)odd);\n";

/* Bytes below 128: the sum of two products fits 16 bits. */
static const char small_text[] =
    "    const @R pairs = @B_maddubs_epi16((@R)a, (@R)b);\n"
    "    return (@V)((@U)acc + (@U)@B_madd_epi16(pairs, @B_set1_epi16(1)));\n";

static const char arm_signed_text[] =
    "#elif defined(__ARM_FEATURE_DOTPROD)\n"
    "    return (@V)vdotq_s32((int32x4_t)acc, (int8x16_t)a, (int8x16_t)b);\n";

static const char arm_unsigned_text[] =
    "#elif defined(__ARM_FEATURE_MATMUL_INT8)\n"
    "    return (@V)vusdotq_s32((int32x4_t)acc, (uint8x16_t)a, (int8x16_t)b);\n"
    "#elif defined(__ARM_FEATURE_DOTPROD) /* a = (a - 128) + 64 + 64 */\n"
    "    const int8x16_t half = vdupq_n_s8(64);\n"
    "    const int8x16_t low = vreinterpretq_s8_u8(veorq_u8((uint8x16_t)a, vdupq_n_u8(128)));\n"
    "    const int32x4_t sum = vdotq_s32((int32x4_t)acc, low, (int8x16_t)b);\n"
    "    return (@V)vdotq_s32(vdotq_s32(sum, half, (int8x16_t)b), half, (int8x16_t)b);\n";

/* @A: a byte of a, zero or sign extended. */
static const char shifts_text[] = "    for (int i = 24; i >= 0; i -= 8) {\n"
                                  "        const @V x = @A, y = (@V)((@U)b << i) >> 24;\n"
                                  "        acc = (@V)((@U)acc + (@U)(x * y));\n"
                                  "    }\n"
                                  "    return acc;\n";

static void dot4_branches(Text *text, size_t bytes, DotLeft kind)
{
    bool is_unsigned = kind != LEFT_SIGNED;
    if (is_unsigned && bytes == 64)
        text_add(text, "#if defined(__AVX512VNNI__)\n"
                       "    return (@V)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)a, (__m512i)b);\n"
                       "#elif defined(__AVX512BW__)\n");
    else if (is_unsigned)
        text_printf(text,
                    "#if defined(__AVX512VNNI__) && defined(__AVX512VL__)\n"
                    "    return (@V)@B_dpbusd_epi32((@R)acc, (@R)a, (@R)b);\n"
                    "#elif defined(__AVXVNNI__)\n"
                    "    return (@V)@B_dpbusd_avx_epi32((@R)acc, (@R)a, (@R)b);\n"
                    "#elif defined(__%s__)\n",
                    bytes == 32          ? "AVX2"
                    : kind == LEFT_SMALL ? "SSSE3"
                                         : "SSE2");
    else
        text_printf(text, "#if defined(__%s__)\n",
                    bytes == 64   ? "AVX512BW"
                    : bytes == 32 ? "AVX2"
                                  : "SSE2");
    text_add(text, kind == LEFT_SMALL ? small_text : madd_text);
    if (bytes == 16) text_add(text, kind == LEFT_UNSIGNED ? arm_unsigned_text : arm_signed_text);
    text_add(text, "#else\n");
}

const char *vector_dot4(CEmit *e, int lanes, DotLeft kind)
{
    static const char *const names[] = {"i8", "u8", "u7"};
    bool is_unsigned = kind != LEFT_SIGNED;
    LType type = {DT_I32, lanes};
    const char *v = vector_type(e, type);
    const char *name = arena_printf(e->arena, "%s_dot4_%s", v, names[kind]);
    if (names_have(&e->defined, name)) return name;
    size_t bytes = 4 * (size_t)lanes;
    const char *width = bytes == 16 ? "" : bytes == 32 ? "256" : "512";
    const Key keys[] = {{'V', v},
                        {'U', vector_type(e, (LType){DT_U32, lanes})},
                        {'B', arena_printf(e->arena, "_mm%s", width)},
                        {'R', arena_printf(e->arena, "__m%si", bytes == 16 ? "128" : width)},
                        {'O', is_unsigned ? "srli" : "srai"},
                        {'A', is_unsigned ? "(@V)((@U)a << i >> 24)" : "(@V)((@U)a << i) >> 24"},
                        {'X', name}};
    Text text;
    text_init(&text, e->arena);
    text_add(&text, "/* acc plus, in each lane, the four products of the bytes of a and b. */\n"
                    "INLINE @V @X(@V acc, @V a, @V b)\n{\n");
    bool branches = bytes == 16 || bytes == 32 || bytes == 64;
    if (branches) dot4_branches(&text, bytes, kind);
    e->use_intrinsics = e->use_intrinsics || branches;
    if (bytes > 16) {
        const char *part = vector_dot4(e, lanes / 2, kind);
        vector_helper(e, "low", type);
        vector_helper(e, "high", type);
        vector_helper(e, "join", type);
        text_printf(&text,
                    "    return @V_join(%s(@V_low(acc), @V_low(a), @V_low(b)),\n"
                    "        %s(@V_high(acc), @V_high(a), @V_high(b)));\n",
                    part, part);
    } else {
        text_add(&text, shifts_text);
    }
    text_add(&text, branches ? "#endif\n}\n" : "}\n");
    /* Twice: @A holds keys itself. */
    helper_define(e, name, c_template(e->arena, c_template(e->arena, text.data, keys, 7), keys, 7));
    return name;
}
