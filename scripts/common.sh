# Sourced by the scripts of this folder.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${CMAW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cmaw}
mkdir -p "$cache"

say() { printf '%s\n' "$*" >&2; }
die() { printf 'cmaw: %s\n' "$1" >&2; [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2; exit 1; }

# step LABEL COMMAND…: runs the command with its output in a log, shows that it is alive, prints the log's end if it fails.
step() {
    label=$1; shift
    mkdir -p "$cache/logs"
    log="$cache/logs/$(printf '%s' "$label" | tr -c 'a-zA-Z0-9\n' '-').log"
    started=$(date +%s)
    "$@" >"$log" 2>&1 &
    child=$!
    trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
    shown=0
    while kill -0 "$child" 2>/dev/null; do
        # tail ends as soon as the child does
        timeout 10 tail -s 0.1 --pid="$child" -f /dev/null || true
        now=$(($(date +%s) - started))
        if kill -0 "$child" 2>/dev/null && [ $((now - shown)) -ge 10 ]; then
            say "  … $label: ${now} s, $(tail -c 200 "$log" | tr '\r' '\n' | tail -n 1 | cut -c 1-80)"
            shown=$now
        fi
    done
    status=0
    wait "$child" || status=$?
    trap - INT TERM
    if [ "$status" -ne 0 ]; then
        tail -n 40 "$log" >&2
        die "$label failed after $(($(date +%s) - started)) s" "the whole output is in $log"
    fi
    say "  ok $label ($(($(date +%s) - started)) s)"
}

# at_least FOUND WANTED: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
