#!/usr/bin/env python3
"""Writes docs/operators.md's tables from the records of ir/ops.def: python3 docs/operators.py > docs/operators.md"""
import os
import re
import subprocess

HEADER = """# Operators

Made by `python3 docs/operators.py > docs/operators.md` from the records of `ir/ops/`.

A model of any opset from 7 on (each operator from the version under *since*) is brought to one
canonical form on import: the form of the newest opset. Operators that are not in the tables are
decomposed by the frontend (docs/frontend.md) or reported, all at once, with their nodes' names.

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
  constants or tensors with known `values`; a model where they depend on data needs
  `--bind-input NAME=FILE`. Where a *condition* of If depends on data and a branch can not work with
  the sizes there are, `lpc.Phi` has the attribute `fails` (0: else, 1: then): taking it is an error
  at run time.
- **NonZero, Compress, Unique, NonMaxSuppression** define a symbol that they compute at run time,
  bounded by their inputs' sizes.
- **If, Loop and Scan** are no operators: their graphs become part of the one graph, with
  `lpc.Phi`, `lpc.LoopEnter`, `lpc.LoopLeave` and `lpc.At` (docs/frontend.md).

## Loops

Loop and Scan of all opsets, with and without a condition, within each other, in branches and functions
and with these inside. What enters the body anew in each iteration may change its size:

- A size that stays, or grows by the same amount in each iteration, is found at compile time.
- Any other becomes a symbol `NODE_sizeV_A` (carried value V, axis A) that the loop sets anew. Its bound
  follows from the body where it can: a size that never grows beyond the first one, or by a bounded
  amount in a bounded number of iterations.
- The number of iterations is known, or it is the symbol `NODE_trips`. A bound is needed where
  something grows with it.

What has no bound is an error that names the node and the symbol: give it with `--max SYMBOL=N`. A run
that goes beyond a given bound ends with `LPC_RUN_BOUND`. What is stacked has the same size in each
iteration. The types and ranks of what is carried do not change.

## NaN

Where a NaN stands decides nothing, nor does the width of vectors or the backend:

- **ReduceMax, ReduceMin, MaxPool, GlobalMaxPool, Max, Min, RoiAlign** (max) and scatters with `max` or
  `min`: a NaN among the elements is the result. MaxPool's `Indices` point to the first one.
- **ArgMax, ArgMin, Hardmax**: the first NaN of the row, the last one with `select_last_index`.
- **TopK, Unique**: a NaN is above all numbers; equal ones in order of their places.
- **Softmax, LogSoftmax, ReduceLogSumExp, SoftmaxCrossEntropyLoss**: all of the row is NaN.
- **Relu, Clip, LeakyRelu, Sign** and the like: a NaN stays.
- **GridSample, RoiAlign**: a coordinate that is NaN is a place outside the image's low end.

## Limits

Rank up to 8. No training mode, no strings, sequences, maps, optionals, float8 or 4-bit types.
`auto_pad = SAME_*` with a stride over 1 and a symbolic size needs `--bind` (the padding depends on
it). Resize by a scale that is no simple fraction (denominator up to 64) likewise. Sizes of two
inputs that must be equal and are different expressions are taken to be equal at run time; the
smaller one bounds all accesses.

Attention of com.microsoft: **GroupQueryAttention** needs a `total_sequence_length` that is known where the size
of present_key depends on it (from shapes, or `--bind-input`); where it is not larger than past_key's, past and
present are one buffer, and what is behind the new keys stays. No `sliding_window_cache`, no float8 caches, no keys
of length 0. **SparseAttention**'s block lists are constants. **AttnLSTM** has a known number of steps, up to 512.
**LinearAttention, CausalConvWithState**: no `state_window`; the convolution has `ndim` 1. **RotaryEmbedding** does
not read `scale`, as no kernel of ONNX Runtime does.
"""

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
#define OP(id, name, since, ...) @op name; since; __VA_ARGS__
#define IN(min, max) in min max;
#define OUT(min, max) out min max;
#define ATTRS(text) attrs text;
#define TRAITS(flags) traits flags;
#define VIEW(rule) view rule;
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
        row = {"name": name.strip('"'), "since": since, "attrs": "", "traits": ""}
        for column in filter(None, columns):
            what, _, value = column.partition(" ")
            row[what] = value
        row["attrs"] = "".join(re.findall(r'"([^"]*)"', row["attrs"]))
        yield kind, row


def main():
    print(HEADER.rstrip())
    for kind, row in records():
        if kind == "section":
            print("\n## %s\n\n| operator | since | inputs | outputs | attributes | |" % row)
            print("|---|---|---|---|---|---|")
        elif row["name"] != "lpc.Deleted":
            notes = [TRAITS[t] for t in re.findall(r"T_\w+", row["traits"]) if t in TRAITS]
            notes = ["view"] * ("view" in row) + notes
            print("| %s | %s | %s | %s | %s | %s |" % (
                row["name"], row["since"], count(*row["in"].split()), count(*row["out"].split()),
                attributes(row["attrs"]), ", ".join(notes)))


main()
