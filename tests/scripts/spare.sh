#!/bin/bash
# Spare devices: when the device of a stage is gone, lpc deploy brings the stage to a spare; the stages behind it are
# left alone, answers are the same, and the other commands know where it is. The devices are folders: ssh is a script.
# timeout: 120
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
cd "$work" || exit 1
export HOME=$work/home XDG_RUNTIME_DIR=$work/no
mkdir -p home two spare other bin

# Nothing that was started here outlives this script.
kill_device() { # HOME
    local file pid
    for file in "$1"/.local/share/lpc/*/*/keeper "$1"/.local/share/lpc/*/*/pid; do
        [ -s "$file" ] && read -r pid <"$file" && kill -KILL "$pid" 2>/dev/null
    done
}
clean() {
    for device in home two spare other; do kill_device "$work/$device"; done
    rm -rf "$work"
}
trap clean EXIT

cat >bin/ssh <<END
#!/bin/sh
while [ \$# -gt 2 ]; do shift; done
[ ! -e $work/\$1.down ] || { echo "ssh: connect to host \$1 port 22: No route to host" >&2; exit 255; }
[ ! -e $work/\$1.shut ] || { echo "\$1: Permission denied (publickey)." >&2; exit 255; }
HOME=$work/\$1 exec sh -c "\$2"
END
chmod +x bin/ssh
PATH=$work/bin:$PATH

free_ports 3
hosts() { # MORE
    echo "{\"hosts\": {\"host\": {\"local\": true, \"port\": ${ports[0]}},
        \"host-2\": {\"ssh\": \"two\", \"address\": \"127.0.0.1\", \"port\": ${ports[1]}},
        \"host-3\": {\"local\": true, \"address\": \"127.0.0.1\", \"port\": ${ports[2]}}, $1}}"
}
spare="\"ssh\": \"spare\", \"address\": \"127.0.0.1\", \"port\": $((ports[1] + 1)), \"spare\": true"
hosts "\"b\": {\"ssh\": \"other\", \"spare\": true, \"target\": \"host-3\"}, \"c\": {$spare, \"target\": \"host-2\"}" >hosts.json
"$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets host,host,host -o out --quiet || fail "lpc compiles nothing"

# ---- What is wrong with a row ----

hosts "\"c\": {$spare}" >bad.json
expect 1 "hosts 'c': a spare has a name of its own" "$LPC" deploy out --hosts bad.json
hosts "\"c\": {$spare, \"target\": \"toaster\"}" >bad.json
expect 1 "hosts 'c': field 'target': no stage is for 'toaster'" "$LPC" deploy out --hosts bad.json
hosts "\"c\": {\"ssh\": \"x\", \"target\": \"host-2\"}" >bad.json
expect 1 "hosts 'c': the package has no such stage" "$LPC" deploy out --hosts bad.json

# ---- The device goes ----

pid() { "$LPC" status out --hosts hosts.json --json 2>/dev/null | sed "s/.*\"name\":\"$1\",[^}]*\"pid\":\([0-9]*\).*/\1/"; }
expect 0 '' "$LPC" deploy out --hosts hosts.json
expect 0 '^host-2 *two ' "$LPC" status out --hosts hosts.json
expect 0 latency "$LPC" run out --hosts hosts.json --output here
# One that answers, and does not let lpc in, keeps its stage.
touch two.shut
expect 1 "cannot lock it: .*Permission denied" "$LPC" deploy out --hosts hosts.json
rm two.shut
third=$(pid host-3)
kill_device two
touch two.down
expect 1 "stage 'host-2' \(two\): .*No route to host" "$LPC" status out --hosts hosts.json
expect 0 "stage 'host-2' \(two\): cannot lock it: .*No route to host; the spare 'c' takes its place" \
    "$LPC" deploy out --hosts hosts.json
expect 0 "^host-2 *spare *127.0.0.1:$((ports[1] + 1)) *runs" "$LPC" status out --hosts hosts.json
[ "$(pid host-3)" = "$third" ] || fail "the stage behind it was started again"
expect 0 latency "$LPC" run out --hosts hosts.json --output there
diff -r here there || fail "the answers differ"
expect 0 'ran already' "$LPC" deploy out --hosts hosts.json
[ "$(grep -c 'ran already' log)" = 3 ] || fail "not all were left alone: $(cat log)"

# No spare is left for it; those that are for other stages do not help.
touch spare.down
expect 1 "stage 'host-2' \(spare\): cannot lock it: .*No route to host$" "$LPC" deploy out --hosts hosts.json
[ -z "$(find other -mindepth 1)" ] || fail "a spare for another stage was taken"
rm spare.down
expect 0 '' "$LPC" undeploy out --hosts hosts.json
[ -z "$(find home spare -mindepth 1)" ] || fail "undeploy leaves $(find home spare -mindepth 1)"
[ "$failures" = 0 ]
