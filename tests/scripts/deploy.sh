#!/bin/bash
# A package on three devices: three sshd on this machine with keys and home folders of their own. What lpc deploy, status,
# logs, stop, undeploy and lpc run --hosts do there, and what they say when a device is down, does not let lpc in, or has
# its port in use.
# timeout: 600
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
PATH=$PATH:/usr/sbin
for program in sshd ssh ssh-keygen; do
    command -v $program >/dev/null || { echo "deploy: $program is missing (tools/setup --tests): skipped"; exit 77; }
done
cd "$work" || exit 1
model=$LPC_SOURCE/models/digits/digits.onnx

# ---- The devices ----

# Nothing that was started here outlives this script.
clean() {
    local file pid
    for file in sshd.*.pid */keeper */*/keeper */.local/share/lpc/*/*/keeper */pid */*/pid */.local/share/lpc/*/*/pid; do
        [ -s "$file" ] && read -r pid <"$file" && kill -KILL "$pid" 2>/dev/null
    done
    [ -z "${holder:-}" ] || kill -KILL "$holder" 2>/dev/null
    rm -rf "$work"
}
trap clean EXIT

taken() { (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null; }

ports=()
next=$((20000 + RANDOM % 9000))
while [ ${#ports[@]} -lt 10 ]; do
    taken $next || ports+=("$next")
    next=$((next + 25)) # those that follow are tried when a port is in use
done

# The second has a systemd, or what looks like it; the third one has few tools, as a phone has.
mkdir -p tools/few tools/systemd
for tool in sh cat chmod cksum cut date dd grep id mkdir mv nohup rm rmdir sed sleep tail tr uname wc; do
    ln -s "$(command -v $tool)" tools/few/$tool
done
cat >tools/systemd/systemctl <<'END'
#!/bin/sh
# Enough of systemctl --user: restart, disable --now.
[ "$1" = --user ] || exit 1
case $2 in
restart)
    line=$(sed -n 's/^ExecStart=//p' "$HOME/.config/systemd/user/$3") || exit 1
    setsid $line </dev/null >/dev/null 2>&1 &
    echo $! >"$HOME/$3.main"
    ;;
disable) kill "$(cat "$HOME/$4.main")"; rm "$HOME/$4.main" ;;
esac
exit 0
END
cat >tools/systemd/loginctl <<'END'
#!/bin/sh
[ "$1" != show-user ] || echo Linger=yes
END
chmod +x tools/systemd/*

for key in key stranger; do ssh-keygen -q -t ed25519 -N '' -f $key || fail ssh-keygen; done
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
start_device() { # NAME PORT PATH
    mkdir -p "$1"
    [ -e "host.$1" ] || ssh-keygen -q -t ed25519 -N '' -f "host.$1"
    printf '%s\n' "HostKey $work/host.$1" "AuthorizedKeysFile $work/key.pub" "PidFile $work/sshd.$1.pid" \
        "ListenAddress 127.0.0.1" "Port $2" "SetEnv HOME=$work/$1 PATH=$3" 'StrictModes no' 'UsePAM no' \
        'PasswordAuthentication no' 'KbdInteractiveAuthentication no' >"sshd.$1"
    "$(command -v sshd)" -f "$work/sshd.$1" -E "$work/sshd.$1.log" || fail "sshd of $1: $(cat "sshd.$1.log")"
    echo "[127.0.0.1]:$2 $(cut -d ' ' -f 1,2 "host.$1.pub")" >>known
}
start_device one "${ports[0]}" /usr/bin:/bin
start_device two "${ports[1]}" "$work/tools/systemd:/usr/bin:/bin"
start_device three "${ports[2]}" "$work/tools/few"
wait_for() { # COMMAND...: becomes true
    for _ in $(seq 200); do "$@" && return; sleep 0.1; done
    fail "in vain: $*"
}
for i in 0 1 2; do wait_for taken "${ports[i]}"; done

me=$(id -un)
host() { # PORT_OF_SSH KEY KNOWN MORE
    echo "{\"ssh\": \"$me@127.0.0.1\", \"ssh_options\": [\"-F\", \"none\", \"-p\", \"$1\", \"-i\", \"$work/$2\",
        \"-oIdentitiesOnly=yes\", \"-oUserKnownHostsFile=$work/$3\"]$4}"
}
hosts() { # OF_STAGE_1 OF_STAGE_2 OF_STAGE_3
    echo "{\"hosts\": {\"host\": $1, \"host-2\": $2, \"host-3\": $3}}"
}
one=$(host "${ports[0]}" key known ", \"port\": ${ports[3]}, \"folder\": \"it's \$HOME; a \`folder\`/\\\\\"")
two=$(host "${ports[1]}" key known ", \"port\": ${ports[4]}, \"streams\": 2")
three=$(host "${ports[2]}" key known ", \"port\": ${ports[5]}, \"threads\": 1")
hosts "$one" "$two" "$three" >hosts.json

"$LPC" "$model" --targets host,host,host -o out --quiet || fail "lpc compiles nothing"
if out/host/stage --help | grep -q 'without mbed TLS'; then
    echo "deploy: built without mbed TLS: skipped"
    exit 77
fi
expect 0 '' "$LPC" run out --output here

status() { # STAGE KEY: what lpc status tells of it
    "$LPC" status out --hosts hosts.json --json 2>/dev/null |
        sed "s/.*\"name\":\"$1\",[^}]*\"$2\":\"*\([^,}\"]*\).*/\1/"
}
folder_one="one/it's \$HOME; a \`folder\`/\\/host"

# ---- A first deployment that fails leaves nothing running ----

expect 1 "not deployed" "$LPC" status out --hosts hosts.json
down=$(host "${ports[9]}" key known "")
hosts "$one" "$down" "$(host "${ports[2]}" stranger known "")" >bad.json
expect 1 "stage 'host-2' \($me@127.0.0.1\): cannot lock it: .*Connection refused" \
    "$LPC" deploy out --hosts bad.json
grep -q "stage 'host-3' ($me@127.0.0.1): .*Permission denied.*ssh-copy-id" log || fail "no word of who is denied: $(cat log)"
[ "$(wc -l <log)" = 2 ] || fail "two devices, two lines: $(cat log)"
sed "s# AAAA[^ ]*\$# $(cut -d ' ' -f 2 stranger.pub)#" known >forged
hosts "$one" "$two" "$(host "${ports[2]}" key forged "")" >bad.json
expect 1 "stage 'host-3' .*Host key verification failed.*by hand" "$LPC" deploy out --hosts bad.json
mv tools/few/tr tools/tr
expect 1 "stage 'host-3' .*the device has no tr" "$LPC" deploy out --hosts hosts.json
mv tools/tr tools/few/tr
[ -z "$(find one two three -name keeper)" ] || fail "something was started"

# Here too: the last two start, and the first one's program does not.
mkdir -p broken/host && cp -r out/. broken && printf '#!/bin/sh\necho broken to pieces >&2\nexit 3\n' >broken/host/stage
expect 1 "stage 'host' .*cannot start it: broken to pieces" "$LPC" deploy broken --hosts hosts.json
[ -z "$(find one two three -name keeper)" ] || fail "a first deployment that failed left something running"
expect 1 'host .*not deployed' "$LPC" status out --hosts hosts.json
[ ! -e broken/deployed.json ] || fail "deployed.json of a deployment that failed"

# ---- From package to answer ----

# Cut off on the way: what came is kept.
mkdir -p bin
printf '#!/bin/sh\n[ -e %s/cut ] || exec %s "$@"\nstdbuf -o0 head -c 100000 | exec %s "$@"\n' "$work" "$(command -v ssh)" \
    "$(command -v ssh)" >bin/ssh
chmod +x bin/ssh
rm -rf three/.local && touch cut
expect 1 "stage 'host-3' .*cannot copy the program: cut off after [1-9][0-9]* of [0-9]* bytes" \
    env PATH="$work/bin:$PATH" "$LPC" deploy out --hosts hosts.json
rm cut
expect 0 "going on with the program at [1-9][0-9]* of" "$LPC" deploy out --hosts hosts.json
cmp -s out/host-3/stage three/.local/share/lpc/digits/host-3/stage || fail "the resumed program differs"
cmp -s out/host/stage "$folder_one/stage" || fail "the program is not where it should be: $(find one)"
expect 0 "lpc-host_2-[0-9]*.service" "$LPC" status out --hosts hosts.json --json
grep -q '"passes":true' log || fail "no stream passes: $(cat log)"
expect 0 'latency' "$LPC" run out --hosts hosts.json --output there
diff -r here there || fail "the answers differ"

unit=$(find two/.config -name 'lpc-host_2-*.service')
if command -v systemd-analyze >/dev/null && XDG_RUNTIME_DIR=$work systemd-analyze --version >/dev/null 2>&1; then
    expect 0 '' env XDG_RUNTIME_DIR="$work" systemd-analyze verify --user "./$unit"
    [ ! -s log ] || fail "systemd does not like $unit: $(cat log)"
fi

# ---- Keys ----

for keys in out/keys "$folder_one/keys" three/.local/share/lpc/digits/host-3/keys; do
    [ "$(stat -c %a "$keys")" = 600 ] && cmp -s out/keys "$keys" || fail "$keys: $(ls -l "$keys")"
done
grep -q "'--keys' 'keys'" "$folder_one/args" || fail "the stage has no keys: $(cat "$folder_one/args")"
"$LPC" keys -o strange
expect 1 'refuses key' "$LPC" run out --hosts hosts.json --keys strange
mv out/keys own
expect 2 'give --keys FILE' "$LPC" run out --connect 192.168.99.1:1
mv own out/keys
"$LPC" keys --key second >>out/keys
expect 0 'ran already' "$LPC" deploy out --hosts hosts.json
cmp -s out/keys "$folder_one/keys" || fail "the new key is not there"
expect 0 'keys were read again' "$LPC" logs out --hosts hosts.json
tail -n 1 out/keys >new && chmod 600 new
expect 0 'latency' "$LPC" run out --hosts hosts.json --keys new
gateway_log=$work/gateway.log
"$LPC" serve out --hosts hosts.json --listen 127.0.0.1:0 >"$gateway_log" 2>&1 &
gateway=$!
wait_for grep -q 'listening for frames' "$gateway_log"
expect 0 'latency' "$LPC" run out --connect "$(sed -n 's/.*frames on //p' "$gateway_log")" --keys new
kill $gateway
wait $gateway

# ---- Again: nothing is copied or started ----

before=$(status host pid) before_3=$(status host-3 pid)
expect 0 ' 0  .*ran already' "$LPC" deploy out --hosts hosts.json
[ "$(grep -c ' 0  .*ran already' log)" = 3 ] || fail "not all were left alone: $(cat log)"
[ "$(status host pid)" = "$before" ] || fail "a stage was started again"

# A program that was damaged there comes again, and that stage alone is started again.
printf x | dd of=damaged conv=notrunc status=none
cp three/.local/share/lpc/digits/host-3/stage damaged && printf x | dd of=damaged bs=1 seek=5000 conv=notrunc status=none
mv damaged three/.local/share/lpc/digits/host-3/stage
expect 0 "host-3 .* $(stat -c %s out/host-3/stage)  " "$LPC" deploy out --hosts hosts.json
[ "$(grep -c ' 0  .*ran already' log)" = 2 ] || fail "the others were not left alone: $(cat log)"
[ "$(status host-3 pid)" != "$before_3" ] || fail "the damaged program still runs"

# ---- A stage that dies comes back ----

"$LPC" run out --hosts hosts.json --repeat 4000 --retry 60 --json >run.log 2>&1 &
running=$!
sleep 0.3
kill -KILL "$(status host-2 pid)" || fail "stage host-2 does not run"
wait $running || fail "lpc run --retry: $(cat run.log)"
grep -q '"frames":4000' run.log || fail "not all frames: $(cat run.log)"
restarted() { [ "$(status host-2 restarts)" = 1 ]; }
wait_for restarted
expect 0 '^host-2: keep: .* the stage ended with status 137' "$LPC" logs out --hosts hosts.json
expect 0 '' "$LPC" logs out --hosts hosts.json --lines 1
[ "$(wc -l <log)" -le 3 ] || fail "--lines 1: $(cat log)"

timeout 60 "$LPC" logs out --hosts hosts.json --follow >follow.log 2>&1 &
follower=$!
pid=$(status host-3 pid)
wait_for grep -q '^host-2: keep: ' follow.log
kill -KILL "$pid"
wait_for grep -q '^host-3: keep: .* the stage ended with status 137' follow.log
kill $follower
wait $follower

# ---- Ports ----

expect 0 '' "$LPC" stop out --hosts hosts.json
expect 1 'does not run' "$LPC" status out --hosts hosts.json
[ -z "$(find one two three -name keeper)" ] || fail "stop leaves something running"
out/host/stage --serve --insecure --listen "*:${ports[4]}" >/dev/null 2>&1 &
holder=$!
wait_for taken "${ports[4]}"
expect 0 "stage 'host-2' .*: port ${ports[4]} is in use, it listens at $((ports[4] + 1))" \
    "$LPC" deploy out --hosts hosts.json
expect 0 "127.0.0.1:$((ports[4] + 1)) .*runs" "$LPC" status out --hosts hosts.json
kill $holder
wait $holder
holder=
expect 0 "127.0.0.1:$((ports[4] + 1)) .*ran already" "$LPC" deploy out --hosts hosts.json
expect 0 'latency' "$LPC" run out --hosts hosts.json

# ---- A device that is down, and the end ----

kill "$(cat sshd.two.pid)"
gone() { ! taken "${ports[1]}"; }
wait_for gone
expect 1 "stage 'host-2' .*Connection refused" "$LPC" status out --hosts hosts.json
grep -q 'host-2 .* unknown' log || fail "the state of a device that is down: $(cat log)"
[ "$(grep -c ' runs ' log)" = 2 ] || fail "the others' state: $(cat log)"
start_device two "${ports[1]}" "$work/tools/systemd:/usr/bin:/bin"
wait_for taken "${ports[1]}"
expect 0 '' "$LPC" undeploy out --hosts hosts.json
left=$(find one two three -mindepth 1 ! -path two/.config ! -path two/.config/systemd ! -path two/.config/systemd/user)
[ -z "$left" ] || fail "undeploy leaves $left"
[ ! -e out/deployed.json ] || fail "undeploy leaves deployed.json"
expect 0 '' "$LPC" undeploy out --hosts hosts.json
[ "$failures" = 0 ]
