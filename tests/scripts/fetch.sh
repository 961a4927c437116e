#!/bin/bash
# lpc serve-packages: devices that fetch their stages with a line that was pasted. Two home folders on this machine, one
# with curl, one with wget alone; a fetch that was cut off and one that arrives damaged; a port that is in use; requests
# of all kinds that get nothing.
# timeout: 300
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
for program in curl wget python3; do
    command -v $program >/dev/null || { echo "fetch: $program is missing: skipped"; exit 77; }
done
cd "$work" || exit 1

# Nothing that was started here outlives this script.
clean() {
    local file pid
    for file in */.local/share/lpc/*/*/keeper */.local/share/lpc/*/*/pid; do
        [ -s "$file" ] && read -r pid <"$file" && kill -KILL "$pid" 2>/dev/null
    done
    for pid in "${server:-}" "${other:-}" "${device:-}"; do [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap clean EXIT

mkdir -p bin-curl bin-wget one two three
for tool in sh cat chmod cksum cut date dd grep head id mkdir mv nohup rm rmdir sed setsid sha256sum sleep tail touch tr uname wc; do
    ln -s "$(command -v $tool)" bin-curl/$tool
    ln -s "$(command -v $tool)" bin-wget/$tool
done
ln -s "$(command -v curl)" bin-curl/curl
ln -s "$(command -v wget)" bin-wget/wget
"$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets host,host,host -o out --quiet || fail "lpc compiles nothing"
expect 0 '' "$LPC" run out --output here

port=$((20000 + RANDOM % 9000))
while taken $port || taken $((port + 1)); do port=$((port + 7)); done
serve() { # NAME OUT
    "$LPC" serve-packages "$2" --port $port >"$1.out" 2>&1 &
    for _ in $(seq 100); do grep -q wget "$1.out" && break; sleep 0.1; done
}
serve server out
server=$!
grep -q "host-2 *curl -fsSL http://.*:$port/host-2 | sh" server.out || fail "no line for host-2: $(cat server.out)"

# ---- The port is in use ----

serve same out
wait $! || fail "the same package: $(cat same.out)"
grep -q "port $port: a server of the same package is there, which is used" same.out || fail "said: $(cat same.out)"
"$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets host,host -o another --quiet
serve another another
other=$!
grep -q "port $port is in use: serving at $((port + 1))" another.out || fail "another package: $(cat another.out)"
kill $other
wait $other || fail "SIGTERM: status $?"
other=

# ---- Devices ----

paste() { # HOME PATH STAGE: as its user would
    (export HOME=$work/$1 PATH=$work/$2 XDG_RUNTIME_DIR=$work/no
    cd && if [ "$2" = bin-curl ]; then curl -fsSL "http://127.0.0.1:$port/$3"; else wget -O - "http://127.0.0.1:$port/$3"; fi | sh)
}
stage_of() { echo "$1/.local/share/lpc/digits/$2"; }
paste one bin-curl host >one.log 2>&1 & # waits for the next one
device=$!
for _ in $(seq 100); do grep -q "waiting for stage 'host-2'" one.log && break; sleep 0.1; done
grep -q "waiting for stage 'host-2'" one.log || fail "the first one does not wait: $(cat one.log)"
# Half of it is there already; then what came is damaged.
folder=$(stage_of two host-2)
mkdir -p "$folder"
size=$(stat -c %s out/host-2/stage)
printf '%s' "$(sha256sum <out/host-2/stage | cut -c 1-64) $(cksum <out/host-2/stage | cut -d ' ' -f 1,2)" >"$folder/part.of"
head -c 50000 /dev/zero >"$folder/stage.part"
expect 1 'lpc: the program arrived damaged' paste two bin-wget host-2
[ ! -e "$folder/stage" ] || fail "a damaged program was taken"
printf '%s' "$(sha256sum <out/host-2/stage | cut -c 1-64) $(cksum <out/host-2/stage | cut -d ' ' -f 1,2)" >"$folder/part.of"
head -c 50000 out/host-2/stage >"$folder/stage.part"
paste two bin-wget host-2 >two.log 2>&1 &
second=$!
expect 0 "stage 'host-3' runs and listens at port" paste three bin-curl host-3
wait $second || fail "the second one: $(cat two.log)"
wait $device || fail "the first one: $(cat one.log)"
device=
grep -q "going on at 50000 of $size" two.log || fail "it did not go on where it broke: $(cat two.log)"
for k in 1 2 3; do
    set -- one host out/host/stage two host-2 out/host-2/stage three host-3 out/host-3/stage
    shift $((3 * k - 3))
    cmp "$3" "$(stage_of "$1" "$2")/stage" || fail "the program of $2 differs"
done
line=$(sed -n 's/^all stages run: lpc //p' server.out)
[ -n "$line" ] || fail "nobody says that all run: $(cat server.out)"
# shellcheck disable=SC2086
expect 0 latency "$LPC" $line --output there
diff -r here there || fail "the answers differ"
pid=$(cat "$(stage_of three host-3)/pid")
expect 0 'runs and listens' paste three bin-curl host-3
[ "$(cat "$(stage_of three host-3)/pid")" = "$pid" ] || fail "pasted again, it was started again"

# ---- What gets nothing ----

python3 - $port "$size" <<'END' || fail "requests"
import socket, sys, random
port, size = int(sys.argv[1]), int(sys.argv[2])
def ask(raw, close=True):
    s = socket.create_connection(("127.0.0.1", port), timeout=10)
    s.sendall(raw)
    if close:
        s.shutdown(socket.SHUT_WR)
    data = b""
    try:
        while part := s.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data
def get(path, *headers, method="GET"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close", *headers, "", ""]
    data = ask("\r\n".join(lines).encode())
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body
for path in ["/../manifest.json", "/host/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/host/%2e%2e/manifest.json", "//etc/passwd",
             "/host/", "/host/stage/", "/host/stagex", "/manifest.json", "/host/manifest.json", "/host/at/", "/host/at/0",
             "/host/at/65536", "/host/at/7x", "/host/at/-1", "/host-3/next", "/Host", "/" + "a" * 3000]:
    status, _, body = get(path)
    assert status in (400, 404, 414, 431) and b"root:" not in body and b"cuts" not in body, (path, status, body[:100])
assert get("/host", method="POST")[0] == 405 and get("/host", method="DELETE")[0] == 405
status, head, body = get("/host-2/stage", "Range: bytes=10-19")
assert status == 206 and len(body) == 10 and f"bytes 10-19/{size}".encode() in head, head
assert get("/host-2/stage", f"Range: bytes={size}-")[0] == 416
assert len(get("/host-2/stage", f"Range: bytes={size - 3}-")[2]) == 3
for wrong in ["bytes=-5", "bytes=5-2", "bytes=a-", "lines=1-", "bytes=1-2,5-6", "bytes=99999999999999999999999-"]:
    status, _, body = get("/host-2/stage", "Range: " + wrong)
    assert status == 416 or (status == 200 and len(body) == size), (wrong, status)
s = ask(b"GET /host HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
assert f"base='http://127.0.0.1:{port}'".encode() in s
# Whose name for this machine would be run by a shell gets another one.
s = ask(b"GET /host HTTP/1.1\r\nHost: $(reboot)'\r\nConnection: close\r\n\r\n")
assert b"reboot" not in s and b"base='http://" in s
random.seed(5)
for _ in range(300):
    ask(bytes(random.randrange(256) for _ in range(random.randrange(200))))
good = f"GET /host HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
for _ in range(300):
    bad = bytearray(good)
    for _ in range(random.randrange(1, 4)):
        bad[random.randrange(len(bad))] = random.randrange(256)
    ask(bytes(bad))
assert get("/host")[0] == 200
END
kill -0 $server || fail "the server is gone: $(cat server.out)"

# ---- The end ----

for k in one:host two:host-2 three:host-3; do expect 0 "is gone" paste "${k%:*}" bin-curl "${k#*:}/remove"; done
[ -z "$(find one two three -mindepth 1)" ] || fail "what is left: $(find one two three -mindepth 1)"
begin=$(date +%s)
kill $server
wait $server || fail "SIGTERM: status $?"
[ $(($(date +%s) - begin)) -le 2 ] || fail "SIGTERM took long"
server=
[ "$failures" = 0 ]
