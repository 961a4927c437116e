# What a device does that fetches its stage from `lpc serve-packages`: functions behind those of far.sh. `base` is the
# server's URL. What they say is for who pasted the line.
# shellcheck shell=sh

tell_user() { # TEXT
    echo "lpc: $1" >&2
}

fail() { # TEXT: instead of far.sh's
    tell_user "$1"
    exit 1
}

page() { # URL
    if command -v curl >/dev/null 2>&1; then curl -fsS "$1"; else wget -O - "$1" 2>/dev/null; fi </dev/null
}

# Goes on where stage.part ends, where the tool can.
bring() { # URL
    if command -v curl >/dev/null 2>&1; then
        curl -fsS -C - -o stage.part "$1"
    else
        wget -c -O stage.part "$1" 2>/dev/null || wget -O stage.part "$1" 2>/dev/null
    fi </dev/null
}

fetch_program() { # URL SIZE SHA256 CKSUM
    if [ "$(cat part.of 2>/dev/null)" != "$3 $4" ]; then
        rm -f stage.part
        printf '%s' "$3 $4" >part.of
    fi
    [ "$(size_of stage.part)" = 0 ] || tell_user "going on at $(size_of stage.part) of $2 bytes"
    tries=0
    while [ "$(size_of stage.part)" -lt "$2" ]; do
        had=$(size_of stage.part)
        bring "$1"
        [ "$(size_of stage.part)" -le "$had" ] || tries=0
        [ "$(size_of stage.part)" -ge "$2" ] || nap
        tries=$((tries + 1))
        [ $tries -lt 30 ] || fail "cannot fetch $1"
    done
    place "$2" "$3" "$4"
}

# Where the stage after this one runs: known once its own line was pasted.
await_next() { # URL NAME
    tries=0 next=
    while [ -z "$next" ]; do
        next=$(page "$1" 2>/dev/null)
        [ -n "$next" ] || [ $tries != 0 ] || tell_user "waiting for stage '$2': paste its line on its device"
        [ $tries -lt 3600 ] || fail "stage '$2' did not come within an hour"
        tries=$((tries + 1))
        [ -n "$next" ] || sleep 1
    done
    case $next in *[!]A-Za-z0-9.:%_[-]*) fail "the server says that stage '$2' runs at '$next'" ;; esac
}

fetch() { # STAGE FOLDER SIZE SHA256 CKSUM PORT MOST_PORT WORDS NEXT: the stage after it, "": none
    check_tools
    make "$2"
    [ -z "$4" ] || [ -n "$(sha256_of /dev/null)" ] || tell_user "no sha256sum here: compared by cksum"
    anew=0
    if ! { [ -f stage ] && is_same stage "$4" "$5"; }; then
        anew=1
        fetch_program "$base/$1/stage" "$3" "$4" "$5"
    fi
    words=$8
    if [ -n "$9" ]; then
        await_next "$base/$1/next" "$9"
        words="$words '--forward' '$next'"
    fi
    told=$(start "$here" "$6" "$6" "$7" "$anew" "$words") || exit 1
    port=$(printf '%s\n' "$told" | sed -n 's/^port //p')
    page "$base/$1/at/$port" >/dev/null || fail "stage '$1' runs, but $base does not hear of it"
    tell_user "stage '$1' runs and listens at port $port; its folder is $here"
    tell_user "it ends, and all of it goes, by this line with '$1/remove' in place of '$1'"
}

remove() { # STAGE FOLDER
    undeploy "$2"
    tell_user "stage '$1' is gone"
}
