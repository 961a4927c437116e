#!/bin/bash
# tools/test lint fails by what clang-format, clang-tidy and cppcheck say, and when they break; with
# stand-ins for all, in a tree of one file.
set -uo pipefail
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{bin,tools,runtime,build-clang}
: >"$tree/runtime/a.c"
cp "$LPC_SOURCE/tools/test" "$tree/tools/test"
printf ' "file": "%s/runtime/a.c",\n' "$tree" >"$tree/build-clang/compile_commands.json"
failed=0
expect() { # status, clang-tidy's script, cppcheck's script, clang-format's script
    local name
    for name in clang-format-{19..30}; do
        printf '#!/bin/sh\n%s\n' "${4-exit 0}" >"$tree/bin/$name"
    done
    for name in clang-tidy clang-tidy-{19..30}; do
        printf '#!/bin/sh\n%s\n' "$2" >"$tree/bin/$name"
    done
    printf '#!/bin/sh\n%s\n' "$3" >"$tree/bin/cppcheck"
    chmod +x "$tree"/bin/*
    PATH=$tree/bin:$PATH "$tree/tools/test" lint >"$tree/said" 2>&1
    local got=$?
    [ $got = "$1" ] && return
    echo "clang-tidy '$2', cppcheck '$3': status $got, wanted $1"
    cat "$tree/said"
    failed=1
}
expect 0 'exit 0' 'exit 0'
expect 0 'echo "3 warnings generated." >&2' 'exit 0'
expect 1 'echo "a.c:1:1: warning: w [bugprone-x]"' 'exit 0'
expect 1 'echo "a.c:1:1: error: e"; exit 1' 'exit 0'
expect 1 'kill -SEGV $$' 'exit 0'
expect 1 'exit 0' 'exit 1'
git -C "$tree" init -q && git -C "$tree" add runtime
expect 0 'exit 0' 'exit 0' 'exit 0'
expect 1 'exit 0' 'exit 0' 'echo "a.c:1:1: error: code should be clang-formatted"; exit 1'
: >"$tree/build-clang/compile_commands.json" # nothing to read
expect 1 'exit 0' 'exit 0'
exit $failed
