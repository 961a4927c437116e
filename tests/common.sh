# What scripts of tests share: a working folder that goes with them, and failures that are counted, not
# fatal. Sourced after `set -uo pipefail`; a script ends with `[ "$failures" = 0 ]`.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

expect() { # STATUS PATTERN COMMAND...: what it says goes to the file log
    local status=$1 pattern=$2 got
    shift 2
    "$@" >log 2>&1
    got=$?
    [ "$got" = "$status" ] && { [ -z "$pattern" ] || grep -qE -- "$pattern" log; } ||
        fail "$* : status $got, expected $status and /$pattern/, said: $(head -c 600 log)"
}

# All cases of this folder pass `lpc check` in each of `ways`, which are options, with OPTION... beside them; `count`
# becomes how many they are. A case is a folder; one that has a file of options is checked by itself.
check_cases() { # [OPTION...]
    local way c passed
    count=$(find . -mindepth 1 -maxdepth 1 -type d | wc -l)
    [ "$count" -gt 0 ] || fail "no cases"
    for way in "${ways[@]}"; do
        # shellcheck disable=SC2046,SC2086
        {
            for c in */; do [ -e "${c}options" ] || echo "$c"; done |
                xargs -r -P 2 -n 5 "$LPC" check $way "$@" --each
            for c in */; do
                [ ! -e "${c}options" ] || "$LPC" check $way "$@" $(cat "${c}options") --each "$c"
            done
        } >"$work/results" 2>&1
        passed=$(grep -c '^PASS ' "$work/results")
        [ "$passed" = "$count" ] ||
            fail "lpc check $way: $passed of $count pass: $(grep -v '^PASS ' "$work/results")"
    done
}

# Compiling $work/wrong/MODEL.onnx says one line, which has the message.
told() { # MODEL MESSAGE [OPTION...]
    local said
    said=$("$LPC" "$work/wrong/$1.onnx" -o "$work/refused" --quiet --no-link "${@:3}" 2>&1)
    [[ $said == *"$2"* && $(wc -l <<<"$said") = 1 ]] || fail "$1: expected '$2', got: $said"
    rm -rf "$work/refused"
}
