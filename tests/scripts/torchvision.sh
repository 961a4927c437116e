#!/bin/bash
# MobileNetV2 and ResNet18 as torchvision has them (tools/bench/export; tools/setup --tests --bench):
# equal to ONNX Runtime, whole and cut by hand; and each process of a pipeline holds its own shard only.
# timeout: 900
set -uo pipefail
bench=$LPC_SOURCE/.cache/bench
for name in mobilenet_v2 resnet18; do
    [ -e "$bench/$name/test_data_set_0/output_0.pb" ] || {
        echo "torchvision: no $bench/$name: run tools/setup --tests --bench && tools/bench/export: skipped"
        exit 77
    }
done
. "$LPC_SOURCE/tests/common.sh"
check() { # MODEL OPTION...
    local model=$1
    shift
    "$LPC" check "$bench/$model.onnx" "$bench/$model/test_data_set_0" "$@" >"$work/log" 2>&1 ||
        fail "lpc check $model $*: $(tail -n 3 "$work/log")"
}
figures() { # MANIFEST FIELD: one number per stage
    grep -o "\"$2\":[[:space:]]*[0-9]*" "$1" | grep -o '[0-9]*$'
}

# The stages' weights are the model's, each once; a stage has its own, and its process holds no more.
pipeline() { # MODEL CUTS TARGETS
    local model=$1 cuts=$2 targets=$3 out=$work/$1.out whole sum=0 i=0 weights memory rss stage size
    "$LPC" "$bench/$model.onnx" --quiet -o "$work/$model.whole" --no-link || fail "$model does not compile"
    whole=$(figures "$work/$model.whole/manifest.json" weights_bytes)
    "$LPC" "$bench/$model.onnx" --quiet -o "$out" --targets "$targets" --cut-after "$cuts" ||
        { fail "$model is not cut after $cuts"; return; }
    "$LPC" run "$out" --json --repeat 3 >"$work/figures" || { fail "$model does not run"; return; }
    mapfile -t weights < <(figures "$out/manifest.json" weights_bytes)
    mapfile -t memory < <(figures "$out/manifest.json" memory_bytes)
    mapfile -t rss < <(figures "$work/figures" peak_rss_bytes)
    while read -r stage; do
        sum=$((sum + weights[i]))
        stage=$out/$stage
        size=$(stat -c %s "$stage/weights.o")
        [ "$size" -lt $((weights[i] + 65536)) ] || fail "$stage/weights.o has $size bytes, not ${weights[i]}"
        # Code, libraries and stacks of an idle stage come to less than 4 MB.
        echo "torchvision: $model ${stage##*/}: weights ${weights[i]}, memory ${memory[i]}, RSS ${rss[i]}"
        [ "${rss[i]}" -lt $((memory[i] + 4000000)) ] ||
            fail "$model ${stage##*/}: RSS ${rss[i]} for ${memory[i]} bytes"
        i=$((i + 1))
    done < <(grep -o '"folder":[^,]*' "$out/manifest.json" | cut -d '"' -f 4)
    [ ${#rss[@]} = $i ] || fail "$model: ${#rss[@]} figures of $i stages"
    # Sections are padded to pages.
    [ "$sum" -le $((whole + 4096 * i)) ] && [ "$sum" -ge $((whole - 4096 * i)) ] ||
        fail "$model: the stages' weights are $sum bytes, the model's $whole"
}

block8=/features/features.8/Add
thirds=/layer2/layer2.1/relu_1/Relu,/layer4/layer4.0/relu_1/Relu
check mobilenet_v2
check mobilenet_v2 --emit c
check mobilenet_v2 --targets host,host --cut-after $block8
check resnet18
check resnet18 --targets host,host,host --cut-after $thirds
pipeline mobilenet_v2 $block8 host,host
pipeline resnet18 $thirds host,host,host
if command -v qemu-aarch64 >/dev/null && command -v aarch64-linux-gnu-gcc >/dev/null; then
    check mobilenet_v2 --targets pc,pi --cut-after $block8
    check resnet18 --targets pc,pi,android --cut-after $thirds
else
    echo "torchvision: no arm64 compiler and emulator: not run on pi and android"
fi
[ "$failures" = 0 ]
