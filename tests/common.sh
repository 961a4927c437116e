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
# becomes how many they are. A case is a folder; one that has a file of options is checked by itself. A way that
# begins with the word odd or even is for every other case (with LPC_FULL=1 for all): C compilers take their time.
check_cases() { # [OPTION...]
    local way c passed
    count=$(find . -mindepth 1 -maxdepth 1 -type d | wc -l)
    [ "$count" -gt 0 ] || fail "no cases"
    for way in "${ways[@]}"; do
        case ${LPC_FULL:-0}$way in
            0odd\ *) printf '%s\n' */ | sed -n 'p;n' ;;
            0even\ *) printf '%s\n' */ | sed -n 'n;p' ;;
            *) printf '%s\n' */ ;;
        esac >"$work/turn"
        way=${way#odd } way=${way#even }
        # shellcheck disable=SC2046,SC2086
        {
            while read -r c; do [ -e "${c}options" ] || echo "$c"; done <"$work/turn" |
                xargs -r -P 2 -n 5 "$LPC" check $way "$@" --each
            while read -r c; do
                [ ! -e "${c}options" ] || "$LPC" check $way "$@" $(cat "${c}options") --each "$c"
            done <"$work/turn"
        } >"$work/results" 2>&1
        passed=$(grep -c '^PASS ' "$work/results")
        [ "$passed" = "$(wc -l <"$work/turn")" ] ||
            fail "lpc check $way: $passed of $(wc -l <"$work/turn") pass: $(grep -v '^PASS ' "$work/results")"
    done
}

# Compiling $work/wrong/MODEL.onnx says one line, which has the message.
told() { # MODEL MESSAGE [OPTION...]
    local said
    said=$("$LPC" "$work/wrong/$1.onnx" -o "$work/refused" --quiet --no-link "${@:3}" 2>&1)
    [[ $said == *"$2"* && $(wc -l <<<"$said") = 1 ]] || fail "$1: expected '$2', got: $said"
    rm -rf "$work/refused"
}

taken() { # PORT: somebody listens on it on this machine
    (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null
}

free_ports() { # COUNT: `ports` becomes that many of this machine's on which nobody listens, 25 apart
    local next=$((20000 + RANDOM % 9000))
    ports=()
    while [ ${#ports[@]} -lt "$1" ]; do
        taken $next || ports+=("$next")
        next=$((next + 25))
    done
}
