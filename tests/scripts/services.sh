#!/bin/bash
# lpc deploy --write: compose.yaml and kubernetes.yaml as text, beside their goldens; their commands in network namespaces by
# the services' names, health checks too (services.py). UPDATE=1 writes the goldens anew.
# timeout: 120
# serial
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
export PYTHONDONTWRITEBYTECODE=1
golden=$LPC_SOURCE/tests/goldens/services
cd "$work" || exit 1
mkdir model
cp "$LPC_SOURCE/models/digits/digits.onnx" model/Digits_v1.2.onnx

# Figures and the build's id change with the compiler; where a cross compiler is missing there is no program to start.
mask() { sed -E 's/(mem_limit: |memory: ")[0-9]+/\1N/; s/:[0-9a-f]{12}\b/:BUILD/' "$1"; }
if command -v aarch64-linux-gnu-gcc >/dev/null; then
    expect 0 '' "$LPC" model/Digits_v1.2.onnx --targets pc,pi,android --quiet -o three
    for kind in compose kubernetes; do
        expect 0 "three/$kind.yaml" "$LPC" deploy three --write $kind
        mask three/$kind.yaml >$kind.yaml
        [ "${UPDATE:-0}" = 0 ] || cp $kind.yaml "$golden/$kind.yaml"
        expect 0 '' diff "$golden/$kind.yaml" $kind.yaml
    done
else
    echo "services: no aarch64-linux-gnu-gcc here: goldens skipped"
fi

# A stage whose name is no label, and one that is called as the gateway is.
mkdir targets
sed 's/"cc": *\[[^]]*\]/"cc": ["no-such-compiler"]/' "$LPC_SOURCE/targets/pi5.json" >targets/nocc.json
cp "$LPC_SOURCE/targets/pc.json" targets/gateway.json
cp "$LPC_SOURCE/targets/pc.json" targets/9_My_PC.json
expect 0 '' "$LPC" model/Digits_v1.2.onnx --target-dir targets --targets gateway,9_My_PC,gateway --quiet -o named
expect 0 '' "$LPC" deploy named --write compose
expect 0 '"gateway-2:7000", "--listen"' grep -- --collect named/compose.yaml
expect 0 '"gateway-3"' grep -B1 LPC_IMAGE named/compose.yaml
expect 0 'my-pc:7000' grep 'my-pc:7000' named/compose.yaml
expect 0 'volumes: \["./9_My_PC:/lpc:ro"\]' grep 9_My_PC named/compose.yaml
expect 0 '' "$LPC" model/Digits_v1.2.onnx --target-dir targets --targets nocc --quiet -o none
expect 1 "stage 'nocc' has no program" "$LPC" deploy none --write compose
[ ! -e none/compose.yaml ] || fail "something was written"
expect 2 'expected compose or kubernetes' "$LPC" deploy three --write swarm
expect 2 'one of them says where the stages run' "$LPC" deploy three --write compose --hosts hosts.json
expect 1 'manifest.json' "$LPC" deploy nowhere --write compose

if ! python3 -c 'import yaml' 2>/dev/null; then
    echo "services: no python3-yaml here: what was written is not run"
else
    expect 0 '' "$LPC" model/Digits_v1.2.onnx --targets host,host,host --quiet -o out
    expect 0 throughput "$LPC" run out --seed 7 --repeat 5 --output alone
    expect 0 '' "$LPC" deploy out --write compose
    expect 0 '' "$LPC" deploy out --write kubernetes
    python3 "$LPC_SOURCE/tests/scripts/services.py" "$LPC" "$work/out" "$work" || fail "services.py"
fi
[ "$failures" = 0 ]
