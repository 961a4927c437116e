#!/bin/bash
# Rolling change, and two who deploy at once. The cut between the last two of three stages moves while clients are
# served: the first stage goes on as the same process, and every answer is right. One lpc at a time changes what is on
# a device; the lock of one that was killed is no hindrance.
# timeout: 300
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
command -v python3 >/dev/null || { echo "rolling: needs python3: skipped"; exit 77; }
cd "$work" || exit 1
model=$LPC_SOURCE/models/digits/digits.onnx
export HOME=$work/home XDG_RUNTIME_DIR=$work/no
mkdir -p home

# Nothing that was started here outlives this script.
clean() {
    local file pid
    for file in home/.local/share/lpc/*/*/keeper home/.local/share/lpc/*/*/pid; do
        [ -s "$file" ] && read -r pid <"$file" && kill -KILL "$pid" 2>/dev/null
    done
    for pid in "${gateway:-}" "${client:-}" "${slow:-}"; do [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap clean EXIT

free_ports 3
cat >hosts.json <<END
{"hosts": {"host": {"local": true, "port": ${ports[0]}, "streams": 3},
           "host-2": {"local": true, "port": ${ports[1]}, "streams": 3},
           "host-3": {"local": true, "port": ${ports[2]}, "streams": 3}}}
END
for after in depthwise pointwise; do
    "$LPC" "$model" --targets host,host,host --cut-after conv1,$after -o out-$after --quiet || fail "lpc compiles nothing"
done
pid() { # STAGE
    "$LPC" status out-"${now:-depthwise}" --hosts hosts.json --json 2>/dev/null |
        sed "s/.*\"name\":\"$1\",[^}]*\"pid\":\([0-9]*\).*/\1/"
}

# ---- A cut moves under load ----

# The second one's port is in use at first: what was chosen then stays with the device, not with the package.
out-depthwise/host/stage --serve --insecure --listen "*:${ports[1]}" >/dev/null 2>&1 &
client=$!
for _ in $(seq 100); do taken "${ports[1]}" && break; sleep 0.1; done
expect 0 "it listens at $((ports[1] + 1))" "$LPC" deploy out-depthwise --hosts hosts.json
kill $client
wait $client
client=
cp out-depthwise/keys out-pointwise
"$LPC" serve out-depthwise --hosts hosts.json --http 127.0.0.1:0 --listen 127.0.0.1:0 --streams 2 >gateway.out 2>gateway.log &
gateway=$!
for _ in $(seq 100); do [ "$(wc -l <gateway.out)" = 2 ] && break; sleep 0.1; done
python3 - "$(sed -n 's/.*HTTP on //p' gateway.out)" >client.log 2>&1 <<'END' &
import json, os, sys, urllib.request
url = f"http://{sys.argv[1]}/v2/models/digits/infer"
count, expected = 0, {}
while not os.path.exists("stop"):
    pixels = [(count * 7 + k) % 17 / 16 for k in range(64)]
    body = {"inputs": [{"name": "pixels", "datatype": "FP32", "shape": [1, 1, 8, 8], "data": pixels}]}
    with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=60) as answer:
        got = json.load(answer)["outputs"][0]["data"]
    assert expected.setdefault(count % 17, got) == got, "an answer changed"
    count += 1
print("answered", count)
END
client=$!
first=$(pid host) second=$(pid host-2) third=$(pid host-3)
sleep 1
expect 0 '^host .* 0  .*ran already' "$LPC" deploy out-pointwise --hosts hosts.json
grep -q 'host-2 .*ran already' log && fail "a stage that changed was left alone: $(cat log)"
now=pointwise
[ "$(pid host)" = "$first" ] || fail "the first stage was started again"
[ "$(pid host-2)" != "$second" ] && [ "$(pid host-3)" != "$third" ] || fail "the others were not started again"
sleep 1
touch stop
wait $client || fail "the client: $(cat client.log)"
client=
grep -q 'answered [0-9][0-9]' client.log || fail "hardly any answers: $(cat client.log)"
grep -q 'stream . broke' gateway.log || fail "the gateway saw no change: $(cat gateway.log)"
kill $gateway
wait $gateway
gateway=

# The old package is another build now, in two of three stages; its client is that of the same model.
expect 0 '^host .* same$' "$LPC" status out-depthwise --hosts hosts.json
[ "$(grep -c 'another$' log)" = 2 ] || fail "two stages are of another build: $(cat log)"
expect 0 'latency' "$LPC" run out-depthwise --hosts hosts.json
# A stage of before is refused by those after it.
out-depthwise/host-2/stage --keys out-depthwise/keys --listen 127.0.0.1:$((ports[1] + 2)) --forward 127.0.0.1:"${ports[2]}" >slow.out 2>slow.log &
slow=$!
for _ in $(seq 100); do [ -s slow.out ] && break; sleep 0.1; done
out-depthwise/host/stage --keys out-depthwise/keys --listen 127.0.0.1:$((ports[0] + 2)) --forward 127.0.0.1:$((ports[1] + 2)) >/dev/null 2>&1 &
expect 1 'does not answer: it is of another build' \
    "$LPC" run out-depthwise --keys out-depthwise/keys --connect 127.0.0.1:$((ports[0] + 2)) --collect 127.0.0.1:"${ports[2]}"
wait $slow && fail "the stage of before was let in"
slow=
expect 0 'is of another build: its cut is' "$LPC" logs out-pointwise --hosts hosts.json

# ---- Two at once ----

here=home/.local/share/lpc/digits
cp -r out-pointwise slow
printf '#!/bin/sh\n[ "$1" = --version ] && exit\ntouch %s/begun\nsleep 60\n' "$work" >slow/host-3/stage
"$LPC" deploy slow --hosts hosts.json >slow.log 2>&1 &
slow=$!
for _ in $(seq 100); do [ -e begun ] && break; sleep 0.1; done
for command in deploy stop undeploy; do
    expect 1 "stage 'host' .* another lpc is at work there, since 20.* by $(id -un)@.*, process $slow" \
        "$LPC" $command out-pointwise --hosts hosts.json
done
[ "$(pid host)" = "$first" ] || fail "the lock held nobody up"
kill -KILL $slow
wait $slow
slow=
free() { [ ! -e $here/host.lock ] && [ ! -e $here/host-2.lock ] && [ ! -e $here/host-3.lock ]; }
for _ in $(seq 100); do free && break; sleep 0.1; done
free || fail "one that was killed left its lock: $(ls $here)"
echo "$$ since 2020-01-01 00:00:00, by nobody@nowhere, process 1" >$here/host-2.lock
: >$here/host-3.lock
expect 0 "the lock of one who is gone, since 2020.* by nobody@nowhere, process 1, was removed" \
    "$LPC" deploy out-pointwise --hosts hosts.json
[ "$(pid host)" = "$first" ] || fail "the first stage was started again"
free || fail "a lock is left: $(ls $here)"
expect 0 '' "$LPC" undeploy out-pointwise --hosts hosts.json
[ -z "$(find home -mindepth 1)" ] || fail "undeploy leaves $(find home -mindepth 1)"
[ "$failures" = 0 ]
