#!/usr/bin/env python3
"""Writes docs/operators.md's tables from the records of ir/ops.def: python3 docs/operators.py > docs/operators.md"""
import os
import re
import subprocess
import sys
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "scripts"))
import tested_by

HEADER = """# Operators

Made by `python3 docs/operators.py > docs/operators.md` from the records of `ir/ops/`.

A model of any opset from 1 to 27 (each operator from the version under *since*) is brought to one
canonical form on import: the form of the newest opset. Operators that are not in the tables (ImageDecoder)
are reported, all at once, with their nodes' names; `lpc inspect` says what each of them would need. Any
operator can be a C function of yours, too: `--custom` ([custom-operators.md](custom-operators.md)).

*types* has a group of words for each input, the last one for all that follow; other types are an error that
says what was expected:

| word | types |
|---|---|
| `f` | f16, bf16, f32, f64 |
| `i`, `u` | i8 to i64, u8 to u64 |
| `num` | all of `f`, `i`, `u` |
| `b`, `s` | bool, strings |
| `n` | narrow types: float8, float4, 4 and 2 bits |
| `c` | complex numbers: c64, c128 |
| `index` | i32, i64 |
| `all` | all of these |
| f32, u8, ... | that type |

Inputs that share a type in the operator's text share it here. *tested by* names cases (`tests/scripts/NAME.py` or
`NAME_cases.py`) and unit tests (`tests/unit/`) of this repository, then ONNX's own node tests, or cases with ONNX
Runtime's outputs: one of them, and how many there are.

## Canonical form

On top of the newest opset's form, after `pass_shapes` (passes/shape/):

- **Axes are not negative**, neither in attributes nor in `axes` inputs, which are constants.
- **Conv, ConvTranspose and pooling** have explicit `kernel_shape`, `strides`, `dilations` and `pads`
  (all begins, then all ends); `auto_pad` is gone. ConvTranspose has `output_padding` too, and pads
  that follow from `output_shape`.
- **Reduce*** have a constant `axes` input; an empty one means that nothing is reduced.
- **Squeeze** has its axes, **Transpose** its `perm`, **Shape** `start` and `end` in [0, rank], **DFT**
  its axis.
- **Pad** has 2 * rank pads and no axes; **Resize** scales (and roi) for all axes.
- **Einsum**'s equation has no spaces, no ellipsis and an explicit output: `ij,jk->ik`.
- **QuantizeLinear, DequantizeLinear**: no `axis` when the scale is a scalar; axis 0 when it is one
  element in a vector, which counts as per tensor.
- Inputs that **determine sizes** (Reshape's shape, Slice's starts, Range's limit, TopK's k, ...) are
  constants or tensors with known `values`. Where Slice's starts and ends, TopK's k, Reshape's, Expand's and
  ConstantOfShape's shape, Range's limit, Tile's repeats, Pad's pads and OneHot's depth depend on data,
  `lpc.Measure` reads them at run time into symbols; Slice, TopK and Reshape bound them, for others `--max
  TENSOR_value=N` does, in loops for each of their iterations. Others need `--bind-input NAME=FILE`. Where a
  *condition* of If depends on data and a branch can not work with the sizes there are, `lpc.Phi` has the
  attribute `fails` (0: else, 1: then): taking it is an error at run time.
- **NonZero, Compress, Unique, NonMaxSuppression** define a symbol that they compute at run time,
  bounded by their inputs' sizes.
- **If, Loop and Scan** are no operators: their graphs become part of the one graph, with
  `lpc.Phi`, `lpc.LoopEnter`, `lpc.LoopLeave` and `lpc.At` (docs/frontend.md). Where branches give different ranks,
  what reads the result stands in both, until the ranks agree; a result of the model and what a loop carries have one
  rank.
- **Sequence***, **SplitToSequence**, **ConcatFromSequence** and **Optional*** are none either: a sequence is a
  list of tensors.

## Loops

Loop and Scan of all opsets, with and without a condition, within each other, in branches and functions
and with these inside. What enters the body anew in each iteration may change its size:

- A size that stays, or grows by the same amount in each iteration, is found at compile time.
- Any other becomes a symbol `NODE_sizeV_A` (carried value V, axis A) that the loop sets anew. Its bound
  follows from the body where it can: a size that never grows beyond the first one, or by a bounded
  amount in a bounded number of iterations. Sizes that follow from each other, as when two values change
  places, have one bound, the largest of them.
- The number of iterations is known, or it is the symbol `NODE_trips`. A bound is needed where
  something grows with it.

What has no bound is an error that names the node and the symbol: give it with `--max SYMBOL=N`. A run
that goes beyond a given bound ends with `LPC_RUN_BOUND`. What is stacked has the same size in each
iteration. The types and ranks of what is carried do not change. Sizes that data decide may be others in each
iteration (`lpc.Measure`).

## Models that ONNX Runtime has optimised

Operators of `com.microsoft` are written out as those of ai.onnx where that costs nothing, and have kernels of
their own otherwise. What its optimiser fuses (FusedConv, FusedGemm, FusedMatMul, SkipLayerNormalization, ...)
gets the kernels and epilogues that the plain operators have. Dropouts are there as in inference.

At level *all*, `com.microsoft.nchwc` has weights in blocks of 8 channels (processors with AVX) or 16 (AVX-512,
ARM). They are put back in order when lpc compiles. Which blocks they are follows from the numbers of
channels, but for models where all are multiples of 16: then 8 is assumed, with a note. `--nchwc-block 16` says
otherwise. MaxpoolWithMask is what ONNX Runtime's kernel computes: its text defines nothing.

## Attention that is spelt out

MatMul or Einsum, Softmax and another product become one Attention node, without a matrix of scores in memory, where
nothing else reads what is between them: a constant scale behind the product or in front of it on either side, a cap
(`c * tanh(x / c)`), one or two masks that are added, or a Where with a number of at most -1e30 (-1000 where a constant
mask shows something in each row), a guard for rows of NaN behind Softmax, heads of keys that are repeated for groups of
queries, casts of floats between the steps, three to five axes, [batch * heads, ..] in the products with masks of
[batch, heads, ..] (BART, OPT, CLIP). Results differ by rounding. A row that sees no key is what Softmax makes of it.

## NaN

Where a NaN stands decides nothing, nor does the width of vectors or the backend:

- **ReduceMax, ReduceMin, MaxPool, GlobalMaxPool, Max, Min, RoiAlign** (max) and scatters with `max` or
  `min`: a NaN among the elements is the result. MaxPool's `Indices` point to the first one.
- **ArgMax, ArgMin, Hardmax**: the first NaN of the row, the last one with `select_last_index`.
- **TopK, Unique**: a NaN is above all numbers; equal ones in order of their places.
- **Softmax, LogSoftmax, ReduceLogSumExp, SoftmaxCrossEntropyLoss**: all of the row is NaN.
- **Relu, Clip, LeakyRelu, Sign** and the like: a NaN stays. A bound of Clip that is NaN limits nothing, as in
  the standard's definition by Less and Where.
- **GridSample, RoiAlign**: a coordinate that is NaN is a place outside the image's low end.

## com.microsoft: integers and weights of few bits

- Operators on 8-bit tensors (QLinearAdd, QGemm, ...) are written out as DequantizeLinear, the operator,
  QuantizeLinear, and products as MatMulInteger with its epilogue: every spelling becomes the same kernels. Results
  may differ from ONNX Runtime's by one step.
- **MatMulNBits, MatMulBnb4, QMoE**: weights keep the model's bytes, which the product's loop unpacks; they are written
  in the order in which it reads them. With `accuracy_level` 4, as with ONNX Runtime, the input is rounded to bytes, with
  a scale for each block of the weights (its largest number / 127), and multiplied in integers, which is two to four times
  as fast; a block with a NaN or an infinity gives NaN. At other levels, and in QMoE, sums are in f32. `--accuracy-level 1` or `4` says
  so for the whole model, weights behind DequantizeLinear included. With `g_idx` (deprecated), `transB = 0`, or where
  blocks of MatMulBnb4 do not end with rows, they become real numbers when lpc compiles.
- **DequantizeLinear of constants in front of MatMul and Gemm**: weights of 2, 4 and 8 bits stay packed in the same way,
  where they have one scale in all, one for each column or one for each block along the depth (an even one from 8 on);
  casts and transposes may stand between. The bytes are put in the product's order when lpc compiles, unless they are
  unsigned and [columns, depth] already.
- **GatherBlockQuantized**: what is gathered is unpacked, never the table. An index out of range gives zeros.
- **DynamicQuantizeLSTM** is an LSTM with real weights whose input is rounded to 8 bits at once, and whose hidden state
  is in each step, all batches together.
- **MoE, QMoE**: each token reads the matrices of its own `k` experts only. No FP4 or FP8 weights, no layouts of other
  devices (`weight_prepacked`, `weights_prepacked`). Of equal scores the first expert is taken. `use_sparse_mixer` is
  not read, as ONNX Runtime's kernels for processors do not.

## Narrow types

float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz, float8e8m0, float4e2m1, int4, uint4, int2 and uint2 are
converted (Cast, CastLike, QuantizeLinear, DequantizeLinear, BitCast) and moved; any other operator that is given
them is an error. Constants keep the model's packed bytes. Casts follow the tables of ONNX's text; where it leaves
something open:

- **float8**: `saturate` takes infinities to the largest number too. f64 is rounded once.
- **float8e8m0** is rounded from f32, signs are dropped; without `saturate` all below 2^-127 or above 2^127 is NaN,
  whatever the `round_mode`.
- **float4e2m1**: a NaN becomes -0, as in ONNX's test cases.
- **4 and 2 bits**: floats are rounded to the nearest integer, ties to even (ONNX's page on int4); from integers the
  lowest bits stay.
- **QuantizeLinear, DequantizeLinear**: a zero point of a small float is added and subtracted like any other.

## What random operators draw

**RandomUniform, RandomNormal** and their Like forms, **Bernoulli, Multinomial** and **Dropout** in training
mode draw from a counter, Philox 4x32-10. An element's number follows from the node's key, the element's index
and which time it is, and from nothing else: every target, backend, cut and number of threads has the same
bits.

- The key comes from the attribute `seed`: nodes of one seed draw the same numbers, in every model. A node
  without it has its number among such nodes instead, with `--random-seed N` (0).
- Each iteration of the loops around a node draws other numbers.
- **Each run draws the same numbers.** `--random-input NAME` gives the model one more input, an int64 scalar
  (or takes one that it has): for each value of it all random operators draw other numbers. A model that
  counts can feed it by `--state`.
- Numbers are made in f32 with 24 bits, for f64 with 53; f16 and bf16 are rounded from f32, so that the upper
  bound of RandomUniform may appear. Uniform and normal numbers use no function of the target. Multinomial's
  probabilities are a Softmax, where an f64 one uses the target's `exp`.
- Other frameworks draw other numbers from the same seed. `lpc check` compares only type and shape of an output
  that depends on numbers drawn, where it differs from what is expected, and says so.

The attribute `key`, and the last input where a node runs more than once, are lpc's own: models do not have them.

## Derivatives

`ai.onnx.preview.training::Gradient` is differentiated on import, backwards from `y` to `xs`, for the sum of
y's elements. Inputs other than the tensors that `xs` and `zs` name are put in their places: the nodes between
are computed once more. What y does not depend on has a gradient of zeros; through integers and bools there
is none. Operators with a derivative:

GRADIENT_LIST.

Others on the way are an error that names them, as are loops, branches of If and Gradient itself (no second
derivatives).

## Strings

A string has up to 256 bytes, or what `--max-string` says; one that gets longer ends the run with `LPC_RUN_BOUND`.
What moves elements moves strings; the others say so where they meet one.

- **Cast** writes floating point in at most 8 digits, as `%.8g` does, `NaN`, `INF` and `-INF`, and reads what
  strtod and strtoll read of decimals; a string without a number ends the run with `LPC_RUN_VALUE`.
- **StringNormalizer** changes the case of each character that has one other character for it; `locale` says
  nothing.
- **RegexFullMatch, Tokenizer** take RE2's expressions, as automata of at most 4096 states, without `\\p`.
- **StringSplit** at whitespace: that of ASCII.

## Limits

Rank up to 8. Training is what the two sections above say, and BatchNormalization in training mode.
complex64 and complex128 are moved, by the operators whose types name them, not computed with: an element is its real
part and its imaginary part. No Unique, NonZero or Resize of them.

Sequences and optionals become tensors on import: all their operators are there, with the limits that
docs/frontend.md names ("Sequences and optionals"). A map that is an input is two tensors, its keys, in any order,
and its values, for CastMap and DictVectorizer: maps from int64 or strings to single elements. ZipMap's list of maps is
a tensor, a row for each map and a column for each key, keys ascending.

`auto_pad = SAME_*` with a stride over 1 and a symbolic size needs `--bind` (the padding depends on
it). Resize by a scale that is no simple fraction (denominator up to 64) likewise. Sizes of two
inputs that must be equal and are different expressions are taken to be equal at run time; the
smaller one bounds all accesses.

ai.onnx.ml: attributes of trees are
tables that one kernel walks; a feature's number must be below the number of features, which is known.
Where the operators' text leaves results open (two classes, one score, post_transform of one target,
base values of classes without a score), they are ONNX Runtime 1.30's, and so are the numbers of
TreeEnsemble's post_transform (1 is LOGISTIC, 2 SOFTMAX). PROBIT of the one score of two classes leaves the
second one 0. SVMClassifier has probabilities for up to 128 classes.

Attention of com.microsoft: **GroupQueryAttention** needs a `total_sequence_length` that is known where the size
of present_key depends on it (from shapes, or `--bind-input`); where it is not larger than past_key's, past and
present are one buffer, and what is behind the new keys stays. With `sliding_window_cache`, rows of the present that
hold no key are 0, and scores are not shown. No float8 caches, no keys of length 0. **SparseAttention**'s block lists
are constants. **AttnLSTM** has a known number of steps, up to 512.
**LinearAttention, CausalConvWithState**: no `state_window`; the convolution has `ndim` 1. **RotaryEmbedding** does
not read `scale`, as no kernel of ONNX Runtime does.

Of the operators of com.microsoft that ONNX Runtime has on processors these are not there: **BeamSearch, GreedySearch,
Sampling, WhisperBeamSearch**, which are a program around a model (compile the decoder that they hold, and choose tokens
outside), and **SparseToDenseMatMul**, whose input is a sparse tensor.
"""

# Operators that the frontend makes others of: they have no record.
# (name, since, inputs, outputs, types, attributes, what becomes of it)
FRONTEND = [
    ("Constant", 1, "0", "1", "", "one of `value`, `sparse_value`, `value_float(s)`, `value_int(s)`, `value_string(s)`",
     "a constant"),
    ("Scatter", 9, "3", "1", "as ScatterElements", "`axis=0`", "ScatterElements"),
    ("Upsample", 1, "1-2", "1", "as Resize", "`mode=nearest`, `scales`, `height_scale`, `width_scale`",
     "Resize; since opset 10 gone from ONNX, read in models of any opset"),
    ("CausalConvWithState", 27, "2-4", "1-2", "f", "`activation=none`, `ndim`", "Concat, Conv, Slice; `ndim` 1"),
    ("If", 1, "1", "0+", "b", "`then_branch`, `else_branch`", "both branches, or the one that is known; lpc.Phi"),
    ("Loop", 1, "2+", "1+", "i64 b all", "`body`", '"Loops" above'),
    ("Scan", 8, "1+", "1+", "all", "`body`, `num_scan_inputs`, axes and directions",
     '"Loops" above'),
    ("SequenceMap", 17, "1+", "1+", "all", "`body`", "the body for each element, or a loop"),
    ("SequenceEmpty", 11, "0", "1", "", "`dtype=1`", "a list of tensors"),
    ("SequenceConstruct", 11, "1+", "1", "all", "", "a list of tensors"),
    ("SequenceInsert", 11, "2-3", "1", "all", "", "the list; a position that is data: none"),
    ("SequenceErase", 11, "1-2", "1", "all", "", "the list; a position that is data: none"),
    ("SequenceAt", 11, "2", "1", "all", "", "the element; a Gather where the position is data and all have one shape"),
    ("SequenceLength", 11, "1", "1", "all", "", "a constant, or a size"),
    ("SplitToSequence", 11, "1-2", "1", "all index", "`axis=0`, `keepdims=1`", "Split, or slices of one tensor"),
    ("ConcatFromSequence", 11, "1", "1", "all", "`axis` (required), `new_axis=0`", "Concat"),
    ("Optional", 15, "0-1", "1", "all", "`type`", "what it holds, or nothing"),
    ("OptionalHasElement", 15, "0-1", "1", "all", "", "a constant, or a condition"),
    ("OptionalGetElement", 15, "1", "1", "all", "", "the element"),
    ("com.microsoft::Unique", 1, "1", "1-3", "num+b+s", "", "Unique, not sorted"),
    ("ai.onnx.preview::FlexAttention", 1, "3-5", "1", "f", "`scale`, `softmax_precision`, graphs `score_mod`, `prob_mod`",
     "two products around its graphs"),
    ("ai.onnx.preview.training::Gradient", 1, "1+", "1+", "f", "`xs`, `y`, `zs`", '"Derivatives" above'),
]

ABSENT = [
    ("ImageDecoder", "20", "a decoder of JPEG, PNG, WebP, TIFF is a library of its own: give the model the pixels"),
]

# What of an operator's text lpc does not do, or does in a way of its own; "Limits" above has the rest.
LIMITS = {
    "Add": "before opset 7: broadcasting by attributes needs the first operand's rank",
    "Bernoulli": "draws other numbers than other frameworks",
    "BatchNormalization": "training: written out, the rank known",
    "BitCast": "types of one width",
    "Cast": "no complex types",
    "Conv": "SAME_* with a stride over 1: the size is known",
    "ConvTranspose": "SAME_* with a stride over 1: the size is known",
    "DeformConv": "2 dimensions",
    "Dropout": "training mode draws other numbers than other frameworks",
    "Einsum": "each subscript once in an operand's term, or on its diagonal",
    "Det": "square matrices",
    "GridSample": "2 and 3 dimensions of space",
    "NonMaxSuppression": "the number of boxes bounds the output",
    "NonZero": "the number of elements bounds the output; no strings",
    "Compress": "the number of elements bounds the output",
    "Unique": "the number of elements bounds the output",
    "LSTM": "activations that ONNX names",
    "Multinomial": "draws other numbers than other frameworks",
    "OneHot": "depth: known, or `--max`",
    "Pad": "pads: known, or `--max`",
    "QLinearMatMul": "no float8",
    "RandomNormal": "other numbers than other frameworks",
    "RandomNormalLike": "other numbers than other frameworks",
    "RandomUniform": "other numbers than other frameworks",
    "RandomUniformLike": "other numbers than other frameworks",
    "Range": "limit: known, or `--max`",
    "RegexFullMatch": "automata of 4096 states; no `\\p`",
    "Resize": "sizes of scales that are fractions up to /64, or known",
    "StringNormalizer": "`locale` is not read",
    "StringSplit": "at whitespace of ASCII; `--max` bounds the parts",
    "Tile": "repeats: known, or `--max`",
    "com.microsoft::Tokenizer": "automata of 4096 states; no `\\p`",
    "com.microsoft::Attention": "`do_rotary` 0",
    "com.microsoft::AttnLSTM": "a known number of steps, up to 512",
    "com.microsoft::CausalConvWithState": "`ndim` 1, no `state_window`",
    "com.microsoft::LinearAttention": "no `state_window`",
    "com.microsoft::BiasDropout": "as in inference",
    "com.microsoft::BitmaskBiasDropout": "as in inference",
    "com.microsoft::BitmaskDropout": "as in inference",
    "com.microsoft::GatherBlockQuantized": "an index out of range gives zeros",
    "com.microsoft::GroupQueryAttention": '"Limits" above',
    "com.microsoft::MatMulBnb4": "`training_mode` 0",
    "com.microsoft::MatMulNBits": "no `weight_prepacked`",
    "com.microsoft::MoE": "`use_sparse_mixer` is not read",
    "com.microsoft::QMoE": "`use_sparse_mixer` is not read; no FP4, FP8, prepacked weights",
    "com.microsoft::RotaryEmbedding": "`scale` is not read",
    "com.microsoft::SparseAttention": "block lists are constants",
    "ai.onnx.ml::SVMClassifier": "probabilities: up to 128 classes",
    "ai.onnx.ml::ZipMap": "a tensor, a column for each key",
}

TRAITS = {"T_ELEMENTWISE": "element-wise", "T_HEAVY": "takes an epilogue", "T_MOVES": "moves"}


def count(low, high):
    if low == high:
        return low
    return low + "+" if high == "ANY" else low + "-" + high


def attributes(text):
    out = []
    for item in text.split():
        name, _, rest = item.partition(":")
        kind, _, default = rest.partition("=")
        if default:
            out.append("`%s=%s`" % (name, default))
        else:
            out.append("`%s`%s" % (name, " (required)" if kind.endswith("!") else ""))
    return ", ".join(out)


# The columns that the tables show, each ended by a `;`; the C preprocessor makes rows of the records.
COLUMNS = """
#define SECTION(heading) @section heading
#define OP(id, name, since, ...) @op name; since; code #id; __VA_ARGS__
#define IN(min, max) in min max;
#define OUT(min, max) out min max;
#define ATTRS(text) attrs text;
#define TYPES(text) types text;
#define TRAITS(flags) traits flags;
#define VIEW(rule) view rule;
#define GRADIENT(rule) gradient rule;
#include "ir/ops.def"
"""


def records():
    """Headings and rows in the order of the table: ("section", heading) or ("op", columns)."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    text = subprocess.run([os.environ.get("CC", "cc"), "-E", "-P", "-x", "c", "-I", root, "-"],
                          input=COLUMNS, stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout
    for item in text.split("@")[1:]:
        kind, _, rest = item.partition(" ")
        if kind == "section":
            yield kind, "".join(re.findall(r'"([^"]*)"', rest))
            continue
        name, since, *columns = [part.strip() for part in rest.split(";")]
        row = {"name": name.strip('"'), "since": since, "attrs": "", "types": "", "traits": ""}
        for column in filter(None, columns):
            what, _, value = column.partition(" ")
            row[what] = value
        row["types"], row["code"] = row["types"].strip('"'), row["code"].strip('"')
        row["attrs"] = "".join(re.findall(r'"([^"]*)"', row["attrs"]))
        yield kind, row


def wrap(text):
    return [line.rstrip(",") for line in textwrap.wrap(text, 110)]


def tested(op, own, units, others):
    """Scripts of tests/scripts, unit tests, and cases outside of the repository."""
    names = [s.replace("_cases", "") for s in sorted(own.get(op, ()))] + sorted(units.get(op, ()))
    shown = names[:3] + ["..."] * (len(names) > 3)
    if op in others:
        cases, name = others[op]
        shown.append("`%s`%s" % (name, " and %d more" % (cases - 1) if cases > 1 else ""))
    return ", ".join(shown)


TABLE = "| operator | since | in | out | types | attributes | notes and limits | tested by |\n|" + "---|" * 8


def print_row(*cells):
    print("| %s |" % " | ".join(str(c).replace("|", "\\|") for c in cells))


def main():
    rows = list(records())
    known = [row for kind, row in rows if kind == "op"]
    own, others = tested_by.own_cases(), tested_by.others()
    strangers = set(LIMITS) - {row["name"] for row in known}
    if strangers:
        sys.exit("LIMITS has operators without a record: %s" % ", ".join(sorted(strangers)))
    units = tested_by.unit_tests({row["name"]: row["code"] for row in known})
    derived = sorted(row["name"] for row in known if "gradient" in row)
    print(HEADER.rstrip().replace("GRADIENT_LIST", ",\n".join(wrap(", ".join(derived)))))
    print("\n## Written out on import\n\n" + TABLE)
    for name, since, inputs, outputs, types, attrs, note in sorted(FRONTEND):
        print_row(name, since, inputs, outputs, types, attrs, note, tested(name, own, units, others))
    print("\n## Not there\n\n| operator | since | why |\n|---|---|---|")
    for row in ABSENT:
        print("| %s |" % " | ".join(row))
    for kind, row in rows:
        if kind == "section":
            print("\n## %s\n\n%s" % (row, TABLE))
        elif row["name"] != "lpc.Deleted":
            notes = [TRAITS[t] for t in re.findall(r"T_\w+", row["traits"]) if t in TRAITS]
            notes = ["view"] * ("view" in row) + notes + [LIMITS.get(row["name"], "")]
            print_row(row["name"], row["since"], count(*row["in"].split()), count(*row["out"].split()), row["types"],
                      attributes(row["attrs"]), ", ".join(filter(None, notes)), tested(row["name"], own, units, others))


main()
