/* Instructions that look across a vector's lanes: horizontal reductions and int8 dot products. */
#include "backend/llvm/emit.h"
#include <assert.h>

/* Lanes [from, from + count) of a vector; lanes beyond its end are poison. */
static LLVMValueRef some_lanes(LlvmEmit *e, LLVMValueRef vector, int from, int count)
{
    LLVMTypeRef type = LLVMTypeOf(vector);
    if (from == 0 && count == (int)LLVMGetVectorSize(type)) return vector;
    if (count == 1) return LLVMBuildExtractElement(e->builder, vector, const_i32(e, from), "");
    LLVMValueRef mask =
        LLVMConstAdd(const_iota(e->i32, count), const_int(vector_of(e->i32, count), from));
    return LLVMBuildShuffleVector(e->builder, vector, LLVMGetPoison(type), mask, "");
}

LLVMValueRef emit_horizontal(LlvmEmit *e, InstOp op, LType vector, LLVMValueRef value)
{
    int lanes = vector.lanes;
    for (; lanes > 1 && lanes % 2 == 0; lanes /= 2) {
        LType half = {vector.dtype, lanes / 2};
        LLVMValueRef low = some_lanes(e, value, 0, lanes / 2);
        LLVMValueRef high = some_lanes(e, value, lanes / 2, lanes / 2);
        value = emit_binary(e, op, half, low, high);
    }
    assert(lanes == 1 && "a power of two lanes");
    return value;
}

/* ---- DOT4 ---- */

typedef LLVMValueRef DotFn(LlvmEmit *e, int lanes, DotLeft bytes, LLVMValueRef acc, LLVMValueRef a,
                           LLVMValueRef b);

static LLVMValueRef recast(LlvmEmit *e, LLVMValueRef value, LLVMTypeRef element, int lanes)
{
    return LLVMBuildBitCast(e->builder, value, vector_of(element, lanes), "");
}

static LLVMValueRef operation(LlvmEmit *e, LLVMOpcode op, LLVMValueRef a, int64_t b)
{
    return LLVMBuildBinOp(e->builder, op, a, const_int(LLVMTypeOf(a), b), "");
}

static LLVMValueRef add(LlvmEmit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAdd(e->builder, a, b, "");
}

/* Byte k of each i32 lane, widened. */
static LLVMValueRef byte_of(LlvmEmit *e, LLVMValueRef value, int k, bool is_unsigned)
{
    LLVMValueRef high = operation(e, LLVMShl, value, 24 - 8 * k);
    return operation(e, is_unsigned ? LLVMLShr : LLVMAShr, high, 24);
}

static LLVMValueRef dot_plain(LlvmEmit *e, int lanes, DotLeft bytes, LLVMValueRef acc,
                              LLVMValueRef a, LLVMValueRef b)
{
    (void)lanes;
    for (int k = 0; k < 4; k++) {
        LLVMValueRef x = byte_of(e, a, k, bytes != LEFT_SIGNED), y = byte_of(e, b, k, false);
        acc = add(e, acc, LLVMBuildMul(e->builder, x, y, ""));
    }
    return acc;
}

/* vpdpbusd: unsigned times signed bytes, not saturating. */
static LLVMValueRef vpdpbusd(LlvmEmit *e, int lanes, LLVMValueRef acc, LLVMValueRef a,
                             LLVMValueRef b)
{
    LLVMValueRef args[3] = {acc, a, b};
    return call_intrinsic(e,
                          lanes == 16  ? "llvm.x86.avx512.vpdpbusd.512"
                          : lanes == 8 ? "llvm.x86.avx512.vpdpbusd.256"
                                       : "llvm.x86.avx512.vpdpbusd.128",
                          NULL, 0, args, 3);
}

/* Signed a: (a + 128) . b - 128 . b, where a + 128 is a with its top bit flipped. */
static LLVMValueRef dot_vnni(LlvmEmit *e, int lanes, DotLeft bytes, LLVMValueRef acc,
                             LLVMValueRef a, LLVMValueRef b)
{
    if (bytes != LEFT_SIGNED) return vpdpbusd(e, lanes, acc, a, b);
    LLVMTypeRef type = vector_of(e->i32, lanes);
    LLVMValueRef tops = const_int(type, (int64_t)0x80808080);
    LLVMValueRef excess = vpdpbusd(e, lanes, LLVMConstNull(type), tops, b);
    LLVMValueRef flipped = LLVMBuildXor(e->builder, a, tops, "");
    return vpdpbusd(e, lanes, LLVMBuildSub(e->builder, acc, excess, ""), flipped, b);
}

/* Even or odd bytes, widened to i16. */
static LLVMValueRef every_other(LlvmEmit *e, LLVMValueRef words, bool odd, bool is_unsigned)
{
    LLVMOpcode shift = is_unsigned ? LLVMLShr : LLVMAShr;
    if (!odd) words = operation(e, LLVMShl, words, 8);
    return operation(e, shift, words, 8);
}

static const char *madd_name(int lanes)
{
    return lanes == 16  ? "llvm.x86.avx512.pmaddw.d.512"
           : lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                        : "llvm.x86.sse2.pmadd.wd";
}

/* pmaddubsw, whose sums of two products do not saturate where a is small, and pmaddwd with ones. */
static LLVMValueRef dot_small(LlvmEmit *e, int lanes, LLVMValueRef acc, LLVMValueRef a,
                              LLVMValueRef b)
{
    const char *pairs = lanes == 16  ? "llvm.x86.avx512.pmaddubs.w.512"
                        : lanes == 8 ? "llvm.x86.avx2.pmadd.ub.sw"
                                     : "llvm.x86.ssse3.pmadd.ub.sw.128";
    a = recast(e, a, e->i8, lanes * 4);
    b = recast(e, b, e->i8, lanes * 4);
    LLVMValueRef bytes[2] = {a, b}, sums = call_intrinsic(e, pairs, NULL, 0, bytes, 2);
    LLVMValueRef words[2] = {sums, const_int(LLVMTypeOf(sums), 1)};
    return add(e, acc, call_intrinsic(e, madd_name(lanes), NULL, 0, words, 2));
}

/* x86 without VNNI: pmaddwd on the even and on the odd bytes. (pmaddubsw would saturate.) */
static LLVMValueRef dot_pmadd(LlvmEmit *e, int lanes, DotLeft bytes, LLVMValueRef acc,
                              LLVMValueRef a, LLVMValueRef b)
{
    if (bytes == LEFT_SMALL && e->options->vector_bits >= 256)
        return dot_small(e, lanes, acc, a, b);
    a = recast(e, a, e->i16, lanes * 2);
    b = recast(e, b, e->i16, lanes * 2);
    for (int odd = 0; odd < 2; odd++) {
        LLVMValueRef words = every_other(e, a, odd, bytes == LEFT_UNSIGNED);
        LLVMValueRef args[2] = {words, every_other(e, b, odd, false)};
        acc = add(e, acc, call_intrinsic(e, madd_name(lanes), NULL, 0, args, 2));
    }
    return acc;
}

static LLVMValueRef sdot(LlvmEmit *e, LLVMValueRef acc, LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef types[2] = {vector_of(e->i32, 4), vector_of(e->i8, 16)};
    LLVMValueRef args[3] = {acc, a, b};
    return call_intrinsic(e, "llvm.aarch64.neon.sdot", types, 2, args, 3);
}

/* Unsigned a: (a - 128) . b + 128 . b, where a - 128 is a with its top bit flipped. */
static LLVMValueRef dot_sdot(LlvmEmit *e, int lanes, DotLeft bytes, LLVMValueRef acc,
                             LLVMValueRef a, LLVMValueRef b)
{
    a = recast(e, a, e->i8, lanes * 4);
    b = recast(e, b, e->i8, lanes * 4);
    if (bytes != LEFT_UNSIGNED) return sdot(e, acc, a, b);
    LLVMValueRef tops = const_int(LLVMTypeOf(a), -128);
    LLVMValueRef excess = sdot(e, LLVMConstNull(LLVMTypeOf(acc)), tops, b);
    LLVMValueRef flipped = LLVMBuildXor(e->builder, a, tops, "");
    return sdot(e, LLVMBuildSub(e->builder, acc, excess, ""), flipped, b);
}

/* Arm without dot product: products of bytes fit i16 (smull), added in pairs (saddlp, addp). */
static LLVMValueRef dot_neon(LlvmEmit *e, int lanes, DotLeft bytes, LLVMValueRef acc,
                             LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef wide = vector_of(e->i16, 8), pair[2] = {vector_of(e->i32, 4), wide};
    LLVMValueRef sums[2];
    a = recast(e, a, e->i8, lanes * 4);
    b = recast(e, b, e->i8, lanes * 4);
    for (int half = 0; half < 2; half++) {
        LLVMValueRef x = some_lanes(e, a, half * 8, 8), y = some_lanes(e, b, half * 8, 8);
        x = LLVMBuildIntCast2(e->builder, x, wide, bytes != LEFT_UNSIGNED, "");
        y = LLVMBuildIntCast2(e->builder, y, wide, 1, "");
        LLVMValueRef product = LLVMBuildMul(e->builder, x, y, "");
        sums[half] = call_intrinsic(e, "llvm.aarch64.neon.saddlp", pair, 2, &product, 1);
    }
    return add(e, acc, call_intrinsic(e, "llvm.aarch64.neon.addp", pair, 1, sums, 2));
}

/* The way of doing it and the widest vector that it takes; 0: any. */
static DotFn *choose_dot(const LlvmEmit *e, int *widest)
{
    const LlvmOptions *options = e->options;
    *widest = 0;
    if (e->arch == ARCH_X86_64 && options->dot == DOT_VNNI) return *widest = 16, dot_vnni;
    if (e->arch == ARCH_X86_64 && options->dot == DOT_AVXVNNI) return *widest = 8, dot_vnni;
    if (e->arch == ARCH_X86_64)
        return *widest = options->vector_bits >= 128 ? options->vector_bits / 32 : 4, dot_pmadd;
    if (e->arch == ARCH_AARCH64) return *widest = 4, options->dot == DOT_SDOT ? dot_sdot : dot_neon;
    return dot_plain;
}

static LLVMValueRef join(LlvmEmit *e, LLVMValueRef whole, LLVMValueRef part, int at, int count)
{
    for (int i = 0; i < count; i++) {
        LLVMValueRef lane = LLVMBuildExtractElement(e->builder, part, const_i32(e, i), "");
        whole = LLVMBuildInsertElement(e->builder, whole, lane, const_i32(e, at + i), "");
    }
    return whole;
}

LLVMValueRef emit_dot4(LlvmEmit *e, int lanes, DotLeft bytes, LLVMValueRef acc, LLVMValueRef a,
                       LLVMValueRef b)
{
    int widest;
    DotFn *dot = choose_dot(e, &widest);
    int step = widest && lanes > widest ? widest : lanes;
    if (widest && (lanes % 4 != 0 || lanes % step != 0 || (step & (step - 1)) != 0)) {
        dot = dot_plain;
        step = lanes;
    }
    if (step == lanes) return dot(e, lanes, bytes, acc, a, b);
    LLVMValueRef whole = LLVMGetPoison(LLVMTypeOf(acc));
    for (int at = 0; at < lanes; at += step) {
        LLVMValueRef right = some_lanes(e, b, at, step), left = some_lanes(e, a, at, step);
        LLVMValueRef part = dot(e, step, bytes, some_lanes(e, acc, at, step), left, right);
        whole = join(e, whole, part, at, step);
    }
    return whole;
}
