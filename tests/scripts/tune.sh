#!/bin/bash
# lpc --tune and --tuned: what was measured is kept and used, nothing is measured twice, a build with the
# file is reproducible, and a tiling changes code but neither results nor that three stages equal one.
# timeout: 600
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
digits=$LPC_SOURCE/models/digits/digits.onnx
cd "$work" || exit 1
outputs() { # PACKAGE: seeded noise through it
    "$LPC" run "$1" --seed 7 --output "$1.npy" >log 2>&1 || fail "$1: $(tail -n 2 log)"
}
max_difference() { # FOLDER FOLDER: of the f32 values behind the .npy headers
    local name
    for name in "$1"/*.npy; do
        paste <(tail -c +129 "$name" | od -An -v -w4 -t f4) \
            <(tail -c +129 "$2/${name##*/}" | od -An -v -w4 -t f4)
    done | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > most) most = d } END { print NR, most + 0 }'
}

# Measured once, then only read.
"$LPC" "$digits" -o rule --quiet || fail "by rule"
expect 0 'kernels lack a tiling' "$LPC" "$digits" --tune tune.json -o first
cp tune.json kept.json
grep -q '"Conv f32\[1,1,8,8\]' tune.json || fail "no convolution in the file: $(cat tune.json)"
compgen -G 'tune.json.*' && fail "something is left beside the file"
"$LPC" "$digits" --tune tune.json -o second >log 2>&1 || fail "a second time: $(cat log)"
grep -q 'tuning' log && fail "measured again: $(cat log)"
cmp tune.json kept.json || fail "a second run changed the file"
expect 0 '' "$LPC" "$digits" --tuned tune.json -o third
for name in second third; do
    diff -r first $name || fail "other bytes with the same file: $name"
done
outputs rule
outputs first
read -r count most < <(max_difference rule.npy first.npy)
[ "$count" -ge 10 ] && awk "BEGIN { exit !($most <= 1e-5) }" ||
    fail "tuned outputs differ by $most over $count values"

# Somebody's own choice: other code, the same bits, in three stages too; another build.
sed 's/{[^{}]*}\(,*\)$/{"rows":3,"vecs":1,"columns":"outer","method":"direct"}\1/' kept.json >own.json
expect 0 '' "$LPC" "$digits" --tuned own.json -o own
expect 0 '' "$LPC" "$digits" --tuned own.json --targets host,host,host -o own3
cmp -s rule/host/model.o own/host/model.o && fail "a tiling changed nothing"
id() { grep -m 1 build_id "$1/host/manifest.json"; }
[ "$(id rule)" = "$(id own)" ] && fail "the tilings are not in the build id"
outputs own
outputs own3
diff -r own.npy own3.npy || fail "three tuned stages differ from one"
diff -r rule.npy own.npy || fail "a tiling changed bits"

# Winograd by choice, where the rules take the direct kernel or the other way round.
for method in direct winograd2 winograd4; do
    sed "s/{[^{}]*}\(,*\)$/{\"method\":\"$method\"}\1/" kept.json >$method.json
    expect 0 '' "$LPC" "$digits" --tuned $method.json -o $method
    expect 0 '' "$LPC" "$digits" --tuned $method.json --targets host,host,host -o $method.3
    outputs $method
    outputs $method.3
    diff -r $method.npy $method.3.npy || fail "$method: three stages differ from one"
    read -r count most < <(max_difference rule.npy $method.npy)
    awk "BEGIN { exit !($most <= 1e-5) }" || fail "$method: outputs differ by $most"
done
cmp -s winograd2/host/model.o winograd4/host/model.o && fail "the method changed nothing"

# Kernels of another target, threads or lowering are not ours.
expect 0 '' "$LPC" "$digits" --threads 2 -o rule_threads
expect 0 '' "$LPC" "$digits" --tuned own.json --threads 2 -o threads
expect 0 'ignored' "$LPC" "$digits" --tuned <(sed 's/"lowering": [0-9]*/"lowering": 0/' own.json) -o stale
cmp rule_threads/host/model.o threads/host/model.o || fail "tilings of another number of threads were used"
cmp rule/host/model.o stale/host/model.o || fail "tilings of another lowering were used"

# A runner gets the program and its options, and the target's name; one that fails is told.
cat >runner.sh <<'R'
#!/bin/sh
echo "$LPC_TARGET" >>ran
exec "$@"
R
chmod +x runner.sh
expect 0 'lack a tiling' "$LPC" "$digits" --tune run.json --runner ./runner.sh -o runner
grep -qx host ran || fail "the runner did not run"
expect 1 "error: 'exit 3; true' failed" "$LPC" "$digits" --tune no.json --runner 'exit 3; true' -o no
expect 1 'says something else' "$LPC" "$digits" --tune no.json --runner 'echo hello' -o no
[ -e no.json ] || [ -e no ] && fail "a failed measurement left something"
expect 1 'is not this machine: --tune needs --runner' \
    "$LPC" "$digits" --targets android --tune no.json --no-link -o no

# The file's errors.
expect 1 "cannot read 'none.json'" "$LPC" "$digits" --tuned none.json -o no
echo '{"format": ' >broken.json
expect 1 'broken.json: not JSON: line 2' "$LPC" "$digits" --tune broken.json -o no
sed 's/"rows":3/"rows":99/' own.json >rows.json
expect 1 "rows.json: kernel 'Conv .*field 'rows': expected a whole number from 1 to 32" \
    "$LPC" "$digits" --tuned rows.json -o no
expect 2 'only one of --tune and --tuned' "$LPC" "$digits" --tune a --tuned b -o no
[ ! -e no ] || fail "an output folder in spite of an error"

# A real model: right with what was measured, and with tiles that nobody would take.
model=$SHARED/models/mlperf-tiny-resnet8
if [ -d "$model" ]; then
    check=("$LPC" check "$model/model.onnx" "$model/test_data_set_0")
    expect 0 PASS "${check[@]}" --tune real.json
    # Few enough for 16 registers.
    sed 's/{[^{}]*}\(,*\)$/{"rows":5,"vecs":2,"band":2,"columns":"inner"}\1/' real.json >odd.json
    expect 0 PASS "${check[@]}" --tuned odd.json
    expect 0 PASS "${check[@]}" --tuned odd.json --stages 3
else
    echo "tune: no $model here: skipped"
fi
[ "$failures" = 0 ]
