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
