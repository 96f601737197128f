# shellcheck shell=sh disable=SC2034 # who sources it uses them
# Sourced by the scripts of this folder.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${CMAW_CACHE:-$HOME/.cache/cmaw}
mkdir -p "$cache"

say() { printf '%s\n' "$*" >&2; }
die() { printf 'cmaw: %s\n' "$1" >&2; [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2; exit 1; }

# step LABEL COMMAND…: runs the command with its output in a log, shows that it is alive, prints the log's end if it fails.
step() {
    label=$1; shift
    mkdir -p "$cache/logs"
    log="$cache/logs/$(printf '%s' "$label" | tr -c 'a-zA-Z0-9\n' '-' | cut -c 1-60).log"
    started=$(date +%s)
    show_life "$label" "$log" 9>&- & # its last sleep may outlive this script, and must not hold the lock of it
    life=$!
    set +e
    (set -e; "$@") >"$log" 2>&1 </dev/null
    status=$?
    set -e
    kill "$life" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        tail -n 40 "$log" >&2
        die "$label failed after $(($(date +%s) - started)) s" "the whole output is in $log"
    fi
    say "  ok $label ($(($(date +%s) - started)) s)"
}

# show_life LABEL LOG: a line after a second, and one every ten, with the end of the log; ends with the script.
show_life() {
    seconds=0
    while sleep 1 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
        seconds=$((seconds + 1))
        case $seconds in
        1) say "  … $1" ;;
        *0) say "  … $1: $seconds s, $(tail -c 200 "$2" | tr '\r' '\n' | grep -a . | tail -n 1 | cut -c 1-80)" ;;
        esac
    done
}

# alone NAME: goes on once no other run is at the same, which it says if it has to wait; for as long as the script runs.
alone() {
    exec 9>"$cache/$1.lock"
    flock -n 9 || { say "  … $1: another run is at it"; flock 9; }
}

# go_program MODULE VERSION SUM NAME FOLDER: builds cmd/NAME of a Go module into a folder, if the module's content has this hash. What
# the module needs in turn is in its content by version, and by hash in Go's checksum database.
go_program() {
    found=$(go mod download -json "$1@$2" | sed -n 's/^.*"Sum": "\(.*\)".*$/\1/p')
    [ "$found" = "$3" ] || { echo "the content of $1 $2 is $found, not $3"; exit 1; }
    GOBIN=$5 GOFLAGS=-trimpath go install "$1/cmd/$4@$2"
}

# at_least FOUND WANTED: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
