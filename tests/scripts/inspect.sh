#!/bin/bash
# lpc inspect of models that are not supported: all that is missing at once, what each node would need, and
# whether a newer export would help.
# labels: asan
# timeout: 60
set -uo pipefail
command -v python3 >/dev/null || { echo "inspect: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
cd "$work" || exit 1
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$LPC_SOURCE/tests/scripts python3 - <<'END' || exit 1
from onnx_writer import attribute_int, contents, field, graph, node, save, value

domains = ("org.pytorch.aten", "com.microsoft", "ai.onnx.contrib", "my.own")
imports = b"".join(field(8, field(1, d) + field(2, 1)) for d in domains)
x, y, i = value("x", ["N", 3, 8, 8]), value("y", ["N", 3, 8, 8]), value("i", [4], 7)
save("many.onnx", graph([
    node("ATen", ["x"], ["a"], "aten", "org.pytorch.aten"),
    node("ATen", ["a"], ["b"], "aten2", "org.pytorch.aten"),
    node("BeamSearch", ["b"], ["c"], "beam", "com.microsoft"),
    node("QOrderedGelu", ["b"], ["cc"], "ordered", "com.microsoft"),
    node("StringUpper", ["c"], ["d"], "upper", "ai.onnx.contrib"),
    node("Upsample", ["d"], ["e"], "upsample"),
    node("relu", ["e"], ["f"], "spelling"),
    node("Wobble", ["f"], ["g"], "wobble", "my.own"),
    node("ConstantFill", ["f"], ["h"], "fill"),
    node("EfficientNMS_TRT", ["h"], ["hh"], "nms"),
    node("Conv", ["x", "x"], ["k"], "conv", "", [attribute_int("grup", 1)]),
    node("Relu", ["g"], ["y"], "behind"),
    node("Sin", ["i"], ["l"], "types"),
    node("Resize", ["x", "", "", "i"], ["m"], "sizes")], [x, i], [y]), 17, imports)
save("loop.onnx", graph([node("Wobble", ["x"], ["y"], "wobble")], [x], [y]), 6)
save("old.onnx", graph([node("Slice", ["x"], ["y"], "slice")], [x], [y]), 9)
save("sizes.onnx", graph([node("Resize", ["x", "", "", "i"], ["y"], "sizes")], [x, i], [y]))
save("long.onnx", graph([node("StringConcat", ["x", "c"], ["y"], "cat")], [value("x", [1], 8)],
                        [value("y", [1], 8)], [contents("c", [1], ["a" * 300], 8)]), 20)
save("future.onnx", graph([node("Relu", ["x"], ["y"], "relu")], [x], [y]), 99)
END
says() { # each PATTERN is in what the last command said, its lines joined
    local pattern
    tr '\n' ' ' <log >joined
    for pattern; do grep -qE -- "$pattern" joined || fail "not said: $pattern; said: $(cat log)"; done
}
expect 1 'not supported: 11 nodes' "$LPC" inspect many.onnx
says "org.pytorch.aten::ATen, opset 1: operator is not supported +nodes: 'aten' \(#0\), 'aten2' \(#1\) .*newer export helps" \
    "com.microsoft::BeamSearch, .*--state for its caches, and loop around it +another export does not help" \
    "QOrderedGelu, .*'ordered' .*before ONNX Runtime's tools changed it.* a newer export helps" \
    "StringUpper, .*onnxruntime-extensions.* does not help" \
    "Upsample, opset 17: scales are missing .* have Resize +a newer export may help" \
    "relu, .*ONNX spells it Relu" "my.own::Wobble, .*a domain of its own: .*--custom my.own::Wobble=FILE.c" "ConstantFill, .*ConstantOfShape" \
    "EfficientNMS_TRT, .*NonMaxSuppression" "Conv, opset 17: attribute 'grup' is not known" \
    "node 'types' \(Sin, #12\): input 0, 'i': expected floating point, got i64" \
    "node 'sizes' \(Resize, #13\): input 'sizes' determines sizes" "sizes that follow from data: .* folds shapes"
expect 1 "up to opset 27" "$LPC" inspect loop.onnx
expect 1 "another form from opset 10 on" "$LPC" inspect old.onnx
says "a newer export may help"
expect 1 "sizes that follow from data" "$LPC" inspect sizes.onnx
grep -q "not supported:" log && fail "a model whose sizes are unknown has no node that is not supported"
expect 1 "opset 99 is newer than 27, .*version_converter" "$LPC" inspect future.onnx
# What is told of a reading holds for inspect's.
expect 1 "a string of 300 bytes; --max-string gives room for 256" "$LPC" inspect long.onnx
expect 0 "operators: StringConcat:1" "$LPC" inspect long.onnx --max-string 400
expect 1 "" "$LPC" many.onnx -o out --quiet
[ -e out ] && fail "something was written"
[ "$failures" = 0 ]
