# What lpc does on a device: functions that lib/deploy/far.c sends to an sh there, with one line that calls one of
# them. Plain POSIX sh and the usual small tools, since phones and routers have no more. Each tells what it found as
# lines "KEY VALUE" on standard output; "error TEXT" is why it failed.
#
# A stage has a folder of its own:
#   stage        the program           stage.part, part.of   what has come of a new one, and which that is
#   keep         what keeps it running (keep.sh)
#   keys         of its links
#   args         the stage's arguments, quoted
#   keeper, pid  process ids           since, restarts, ended, ready, log, log.old   of keep.sh
#   unit         systemd's name of it, where systemd keeps it
#   asked        the port that was asked for; that in args is another one where it was in use
# and beside it FOLDER.lock, while somebody changes it.
# shellcheck shell=sh

say() { # KEY VALUE
    printf '%s %s\n' "$1" "$2"
}

fail() { # TEXT
    say error "$1"
    exit 1
}

nap() {
    sleep 0.1 2>/dev/null || sleep 1
}

size_of() { # FILE
    [ -f "$1" ] || { echo 0; return; }
    echo $(($(wc -c <"$1")))
}

sha256_of() { # FILE: nothing where it cannot be known
    command -v sha256sum >/dev/null 2>&1 && sha256sum <"$1" | cut -c 1-64
}

cksum_of() { # FILE
    cksum <"$1" | cut -d ' ' -f 1,2
}

# What a program is known by, on lpc's own machine.
digests() { # FILE
    say sha256 "$(sha256_of "$1")"
    say cksum "$(cksum_of "$1")"
}

is_same() { # FILE SHA256 CKSUM: "": not known
    have=
    [ -z "$2" ] || have=$(sha256_of "$1")
    if [ -n "$have" ]; then [ "$have" = "$2" ]; else [ "$(cksum_of "$1")" = "$3" ]; fi
}

enter() { # FOLDER
    cd "$1" 2>/dev/null || return 1
    here=$(pwd -P)
}

make() { # FOLDER
    mkdir -p "$1" || fail "cannot make the folder $1"
    enter "$1" || fail "cannot enter the folder $1"
}

leave() { # FOLDER: removes those above it that are empty
    cd "$HOME" || cd /
    case $1 in
    /*) rmdir "${1%/*}" 2>/dev/null || : ;;
    *) rmdir -p "${1%/*}" 2>/dev/null || : ;;
    esac
}

# ---- The lock ----

# Takes it away from one that is gone. Another one may have done so, and have locked it anew: that one stays.
unlock_stale() { # LOCK TEXT
    mv "$1" "$1.$$" 2>/dev/null || return
    if [ "$(cat "$1.$$")" = "$2" ]; then
        rm -f "$1.$$"
        say stale "${2#* }"
    else
        mv "$1.$$" "$1"
    fi
}

# Holds it as long as standard input is open.
hold() { # FOLDER OWNER
    mkdir -p "${1%/*}" || fail "cannot make the folder ${1%/*}"
    lock=$1.lock tries=0
    while ! (set -C && echo "$$ since $(date '+%Y-%m-%d %H:%M:%S'), by $2" >"$lock") 2>/dev/null; do
        [ $tries -lt 100 ] || fail "cannot write $lock"
        tries=$((tries + 1))
        held=$(cat "$lock" 2>/dev/null)
        ! is_process "${held%% *}" 'dd bs=1' || fail "another lpc is at work there, ${held#* }"
        if [ -n "$held" ] || [ $tries -gt 20 ]; then unlock_stale "$lock" "$held"; else nap; fi
    done
    say held 1
    cat >/dev/null
    rm -f "$lock"
    leave "$1"
}

# ---- The program ----

check_tools() {
    for tool in cat chmod cut date grep mkdir mv rm rmdir sed sleep tail tr uname wc; do
        command -v $tool >/dev/null 2>&1 || fail "the device has no $tool"
    done
    command -v sha256sum >/dev/null 2>&1 || command -v cksum >/dev/null 2>&1 ||
        fail "the device has neither sha256sum nor cksum"
}

look() { # FOLDER SHA256 CKSUM: what is there of it
    check_tools
    say machine "$(uname -m)"
    enter "$1" || { say state new; return; }
    if [ -f args ]; then say state deployed; else say state new; fi
    say asked "$(cat asked 2>/dev/null)"
    say listens "$(listens)"
    if [ -f stage ] && is_same stage "$2" "$3"; then
        say program same
    elif [ "$(cat part.of 2>/dev/null)" = "$2 $3" ]; then
        say part "$(size_of stage.part)"
    fi
}

# Its bytes from FROM on come on standard input. What was cut off stays, to be gone on with.
receive() { # FOLDER SIZE SHA256 CKSUM FROM
    make "$1"
    if [ "$5" = 0 ]; then
        rm -f stage.part
        printf '%s' "$3 $4" >part.of
    fi
    [ "$(size_of stage.part)" = "$5" ] || fail "what had come of it changed meanwhile"
    cat >>stage.part || fail "cannot write $here/stage.part"
    place "$2" "$3" "$4"
}

# What has come becomes the program, if it is all there and as it should be.
place() { # SIZE SHA256 CKSUM
    [ "$(size_of stage.part)" -ge "$1" ] || fail "cut off after $(size_of stage.part) of $1 bytes"
    if ! is_same stage.part "$2" "$3"; then
        rm -f stage.part part.of
        fail "the program arrived damaged"
    fi
    { chmod 755 stage.part && mv -f stage.part stage && rm -f part.of; } || fail "cannot put the program into $here"
}

# ---- Keys ----

# A stage that runs with keys reads them again. Without TEXT there are none.
take_keys() { # FOLDER TEXT
    make "$1"
    [ -n "$2" ] || { rm -f keys; return 0; }
    [ "$(cat keys 2>/dev/null)" != "$2" ] || return 0
    { (umask 077 && printf '%s\n' "$2" >keys.new) && chmod 600 keys.new && mv -f keys.new keys; } ||
        fail "cannot write $here/keys"
    pid=$(cat pid 2>/dev/null)
    if grep -q "'--keys'" args 2>/dev/null && is_process "$pid" "$here/stage"; then kill -HUP "$pid"; fi
    return 0
}

# ---- Processes ----

is_process() { # PID WORD: it runs, and was started with that word
    [ -n "$1" ] || return 1
    if [ -r "/proc/$1/cmdline" ]; then
        words=$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null)
    else
        words=$(ps -o args= -p "$1" 2>/dev/null)
    fi
    case $words in *"$2"*) return 0 ;; esac
    return 1
}

end_process() { # PID WORD
    tries=0
    is_process "$1" "$2" && kill -TERM "$1" 2>/dev/null
    while is_process "$1" "$2"; do
        [ $tries -lt 50 ] || kill -KILL "$1" 2>/dev/null
        [ $tries -lt 60 ] || fail "process $1 does not end"
        tries=$((tries + 1))
        nap
    done
}

# Does systemd keep what the user starts, also when he is not there? The unit's file knows no quotes.
has_systemd() {
    case $here in *[!A-Za-z0-9/._+@:,=~-]*) return 1 ;; esac
    command -v systemctl >/dev/null 2>&1 && command -v loginctl >/dev/null 2>&1 || return 1
    systemctl --user show-environment >/dev/null 2>&1 || return 1
    loginctl enable-linger >/dev/null 2>&1
    [ "$(loginctl show-user "$(id -un)" -p Linger 2>/dev/null)" = Linger=yes ]
}

units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
[ -n "$XDG_RUNTIME_DIR" ] || XDG_RUNTIME_DIR=/run/user/$(id -u)
export XDG_RUNTIME_DIR

start_unit() {
    unit=lpc-$(printf %s "${here##*/}" | tr -c 'A-Za-z0-9' _)-$(printf %s "$here" | cksum | cut -d ' ' -f 1).service
    mkdir -p "$units" || fail "cannot make the folder $units"
    printf '%s\n' '[Unit]' "Description=lpc: $here" 'StartLimitIntervalSec=0' \
        '[Service]' "ExecStart=$(command -v sh) $here/keep" 'Restart=always' 'RestartSec=1' 'KillMode=mixed' \
        'TimeoutStopSec=10' '[Install]' 'WantedBy=default.target' >"$units/$unit" || fail "cannot write $units/$unit"
    echo "$unit" >unit
    systemctl --user daemon-reload
    systemctl --user enable "$unit" 2>/dev/null
    systemctl --user restart "$unit" || fail "systemd does not start $unit"
}

start_keeper() {
    if command -v setsid >/dev/null 2>&1; then
        setsid sh "$here/keep" </dev/null >/dev/null 2>&1 &
    else
        nohup sh "$here/keep" </dev/null >/dev/null 2>&1 &
    fi
}

halt() {
    if [ -s unit ]; then
        unit=$(cat unit)
        systemctl --user disable --now "$unit" 2>/dev/null
        rm -f "$units/$unit" unit
        systemctl --user daemon-reload
    fi
    end_process "$(cat keeper 2>/dev/null)" "$here/keep"
    end_process "$(cat pid 2>/dev/null)" "$here/stage"
    rm -f keeper pid ready
}

runs() {
    is_process "$(cat keeper 2>/dev/null)" "$here/keep" && is_process "$(cat pid 2>/dev/null)" "$here/stage" &&
        [ -s ready ]
}

# ---- The service ----

# 0 once it listens, 1 when it ended or takes too long. Who has lost the lock meanwhile has nothing more to say here.
await() {
    tries=0
    while [ $tries -lt 600 ] && [ ! -s ended ]; do
        [ ! -s ready ] || return 0
        [ "$(cat "$lock" 2>/dev/null)" = "$held" ] || fail "somebody else is at work there now"
        tries=$((tries + 1))
        nap
    done
    return 1
}

launch() { # ARGS
    halt
    rm -f ended restarts since
    printf '%s\n' "$asked" >asked
    printf '%s\n' "${keep:?}" >keep
    printf '%s\n' "$1" >args
    : >>log
    lines=$(wc -l <log)
    if has_systemd; then start_unit; else start_keeper; fi
}

# What the stage said since it was started.
said() {
    tail -n +$((lines + 1)) log | grep -v '^keep: ' | tail -n 1
}

# Leaves it alone when it runs with the same arguments and ANEW is 0. A port that somebody else has is left to him:
# the next one is tried.
start() { # FOLDER ASKED_PORT PORT MOST_PORT ANEW WORDS
    lock=$PWD/$1.lock
    case $1 in /*) lock=$1.lock ;; esac
    held=$(cat "$lock" 2>/dev/null)
    enter "$1" || fail "there is no folder $1"
    asked=$2 port=$3
    while args="'--listen' '*:$port' $6"; do
        if [ "$5" = 0 ] && runs && [ "$(cat args)" = "$args" ] && [ "$(cat keep)" = "$(printf %s "$keep")" ]; then
            say kept 1
            break
        fi
        launch "$args"
        await && break
        said=$(said)
        halt
        case $said in *'in use'*) ;; *) fail "${said:-the program does not start: $(cat ended 2>/dev/null)}" ;; esac
        [ "$port" -lt "$4" ] || fail "${said}; so are the ports from $3 on"
        port=$((port + 1))
    done
    say port "$port"
    tell
}

listens() {
    sed -n "s/^'--listen' '\*:\([0-9]*\)'.*/\1/p" args 2>/dev/null
}

tell() {
    pid=$(cat pid 2>/dev/null)
    if runs; then
        say pid "$pid"
        say up $(($(date +%s) - $(cat since)))
    fi
    [ ! -s restarts ] || say restarts "$(cat restarts)"
    [ ! -s unit ] || say unit "$(cat unit)"
    [ ! -s ended ] || say ended "$(cat ended)"
    say listens "$(listens)"
}

status() { # FOLDER
    enter "$1" || { say state new; return; }
    [ -f args ] || { say state new; return; }
    say state deployed
    say build "$(./stage --version 2>/dev/null </dev/null | sed -n 's/.*, build //p')"
    say last "$(tail -n 1 log 2>/dev/null)"
    tell
}

logs() { # FOLDER LINES
    enter "$1" || return 0
    [ ! -f log ] || cat log.old log 2>/dev/null | tail -n "$2"
}

follow() { # FOLDER LINES
    enter "$1" || return 0
    [ ! -f log ] || exec tail -n "$2" -f log
}

stop() { # FOLDER
    enter "$1" || return 0
    halt
}

# As stop, and as if it had never been started; the program stays.
withdraw() { # FOLDER
    enter "$1" || return 0
    halt
    rm -f args
}

undeploy() { # FOLDER
    enter "$1" || return 0
    halt
    rm -f stage stage.part part.of keep args asked keeper pid since restarts ended ready log log.old unit keys keys.new
    cd "$HOME" || cd /
    rmdir "$1" || fail "cannot remove the folder $1"
    leave "$1"
}
