# Keeps a stage running: FOLDER/keep, started by far.sh or by systemd. Starts FOLDER/stage with the words of
# FOLDER/args, and again when it ends: at once when it had lived for a while, else after a pause that doubles up to a
# minute. SIGTERM ends both. The log stays below half a MB, in two files.
# shellcheck shell=sh
cd "${0%/*}" || exit 1
here=$(pwd -P)
echo $$ >keeper
stopping='' child='' nap=''

# A line as the stage's are.
note() { # LEVEL TEXT
    now=$(date -u '+%Y-%m-%dT%H:%M:%S.000Z')
    case $form in
    json) echo "{\"time\":\"$now\",\"level\":\"$1\",\"stage\":\"keep\",\"event\":\"kept\",\"text\":\"$2\"}" ;;
    *) echo "$now $1 keep: $2" ;;
    esac >>log
}

stop() {
    stopping=1
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
    [ -z "$nap" ] || kill "$nap" 2>/dev/null
}
trap stop TERM INT HUP

# A child of this one, as long as it lives.
trim_log() {
    trap 'kill "$nap" 2>/dev/null; exit 0' TERM
    while kill -0 $$ 2>/dev/null; do
        sleep 20 &
        nap=$!
        wait "$nap"
        [ "$(wc -c <log)" -lt 250000 ] || { tail -c 200000 log >log.old && : >log; }
    done
}
trim_log &
trimmer=$!

eval "set -- $(cat args)"
form=text
case " $* " in *" --log json "*) form=json ;; esac
pause=0 restarts=0
while [ -z "$stopping" ]; do
    date +%s >since
    : >ready
    "$here/stage" "$@" </dev/null >ready 2>>log &
    child=$!
    echo "$child" >pid
    [ -z "$stopping" ] || kill -TERM "$child" 2>/dev/null
    wait "$child"
    status=$?
    while kill -0 "$child" 2>/dev/null; do # a signal ended the wait
        wait "$child"
        status=$?
    done
    child=''
    rm -f pid ready
    [ -z "$stopping" ] || break
    if [ $(($(date +%s) - $(cat since))) -ge 10 ]; then
        pause=0
    else
        pause=$((pause < 1 ? 1 : pause < 30 ? pause * 2 : 60))
    fi
    note warning "the stage ended with status $status; it is started again in $pause s"
    echo "status $status" >ended
    restarts=$((restarts + 1))
    echo $restarts >restarts
    sleep $pause &
    nap=$!
    wait "$nap"
    nap=''
done
note info stopped
kill "$trimmer" 2>/dev/null
rm -f keeper
