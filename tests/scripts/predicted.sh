#!/bin/bash
# What a plan predicts of a pipeline with its client on another machine, beside what is measured: three stages, each in a
# control group with a part of a processor, links of 100 Mbit/s. tests/scripts/predicted.py; --print makes the table of
# docs/benchmarks.md.
# timeout: 300
# serial
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
slow_link=$LPC_BUILD/tests/bin/slow_link
[ -x "$LPC" ] && [ -x "$slow_link" ] || { echo "predicted: needs lpc and its helper slow_link: skipped"; exit 77; }
[ "$LPC_SANITIZED" != 1 ] || { echo "predicted: a sanitizer's times mean nothing: skipped"; exit 77; }
names=(mlperf-tiny-resnet8) mode=--check
if [ "${1:-}" = --print ]; then
    mode=$1
    shift
    names=("$@")
    [ $# -gt 0 ] || names=(squeezenet1.0-imagenet ultraface-rfb-320 vttrack fastestdet mlperf-tiny-resnet8)
fi
models=()
for name in "${names[@]}"; do
    [ -f "$SHARED/models/$name/model.onnx" ] || { echo "predicted: no $SHARED/models/$name: skipped"; exit 77; }
    models+=("$name=$SHARED/models/$name/model.onnx")
done
python3 "$LPC_SOURCE/tests/scripts/predicted.py" "$LPC" "$slow_link" "$work" $mode "${models[@]}"
