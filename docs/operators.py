#!/usr/bin/env python3
"""Writes docs/operators.md's tables from ir/ops.def: python3 docs/operators.py > docs/operators.md"""
import os
import re

HEADER = """# Operators

Made by `python3 docs/operators.py > docs/operators.md` from `ir/ops.def`.

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

## Limits

Rank up to 8. No training mode, no strings, sequences, maps, optionals, float8 or 4-bit types.
`auto_pad = SAME_*` with a stride over 1 and a symbolic size needs `--bind` (the padding depends on
it). Resize by a scale that is no simple fraction (denominator up to 64) likewise. Sizes of two
inputs that must be equal and are different expressions are taken to be equal at run time; the
smaller one bounds all accesses.
"""

TRAITS = {"T_ELEMENTWISE": "element-wise", "T_VIEW": "view", "T_HEAVY": "takes an epilogue",
          "T_MOVES": "moves"}


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


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    print(HEADER.rstrip())
    row = re.compile(r'OP\(\w+, "([^"]+)", (\d+), (\d+), (\w+), (\d+), (\w+), ([^,]+), (\w+), \w+, '
                     r'\w+, "([^"]*)"\)')
    heading = re.compile(r"/\* (.*?) \*/$")
    with open(os.path.join(here, "..", "ir", "ops.def")) as table:
        lines = table.read().split("/* clang-format off */")[1].splitlines()
    for line in lines:
        section = heading.match(line)
        if section and "clang-format" not in line:
            print("\n## %s\n\n| operator | since | inputs | outputs | attributes | |" % section[1])
            print("|---|---|---|---|---|---|")
        found = row.match(line)
        if not found or found[1] == "lpc.Deleted":
            continue
        traits = [TRAITS[t] for t in found[7].split(" | ") if t in TRAITS]
        print("| %s | %s | %s | %s | %s | %s |" % (
            found[1], found[2], count(found[3], found[4]), count(found[5], found[6]),
            attributes(found[9]), ", ".join(traits)))


main()
