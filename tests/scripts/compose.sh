#!/bin/bash
# Composed equals whole: the outputs of three stages are bit for bit those of one stage, on seeded noise,
# for our own model and the real ones.
# labels: slow
# timeout: 900
set -uo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work LPC SHARED

compare() { # NAME MODEL.onnx [OPTION...]
    local name=$1 model=$2
    shift 2
    "$LPC" "$model" -o "$work/$name.1" --quiet "$@" >"$work/$name.log" 2>&1 &&
        "$LPC" "$model" -o "$work/$name.3" --quiet --targets host,host,host "$@" >>"$work/$name.log" 2>&1 &&
        "$LPC" run "$work/$name.1" --seed 7 --output "$work/$name.out1" >>"$work/$name.log" 2>&1 &&
        "$LPC" run "$work/$name.3" --seed 7 --output "$work/$name.out3" >>"$work/$name.log" 2>&1 &&
        diff -r "$work/$name.out1" "$work/$name.out3" >>"$work/$name.log" 2>&1 && return
    echo "FAILED: composed differs from whole: $name"
    tail -n 3 "$work/$name.log"
    touch "$work/failed"
}
export -f compare

real() {
    case $1 in
    silero*) set -- "$1" --max batch=1 --max sequence=576 ;;
    esac
    compare "$1" "$SHARED/models/$1/model.onnx" "${@:2}"
}
export -f real

compare digits "$LPC_SOURCE/models/digits/digits.onnx"
if [ -d "$SHARED/models" ]; then
    printf '%s\n' mnist-8 mlperf-tiny-resnet8 mlperf-tiny-resnet8-qdq mlperf-tiny-resnet8-qop \
        mlperf-tiny-vww-mobilenetv1 squeezenet1.0-imagenet ultraface-rfb-320 vttrack gtcrn-simple dtln-1 \
        fastestdet mujoco-go1-policy stories260k-static espcn-superres-core |
        xargs -P 2 -n 1 bash -c 'real "$0"'
else
    echo "compose: no $SHARED/models here: real models skipped"
fi
[ ! -e "$work/failed" ]
