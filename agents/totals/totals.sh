# A payroll in, totals out: what each department costs, so that nobody's pay can be read from it. Lines are "department;amount", amounts
# have two places. A department with fewer than 5 people is counted under "other"; if "other" would have fewer, the next smallest joins it.
set -eu
export LC_ALL=C

fail() { printf 'totals: %s\n' "$1" >&2; exit 1; } # a constant: no part of the input

totals=$(busybox awk -F ';' -v least=5 '
    { sub(/\r$/, "") }
    /^$/ { next }
    NF != 2 || $1 !~ /^[A-Za-z][A-Za-z0-9 &-]*$/ || length($1) > 40 || $2 !~ /^[0-9][0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?\.[0-9][0-9]$/ { bad = 1; exit }
    $1 == "other" { bad = 1; exit }
    { sub(/\./, "", $2); people[$1]++; cents[$1] += $2 } # whole cents: exact up to 2^53
    function merge(name) { others += people[name]; other_cents += cents[name]; delete people[name] }
    END {
        if (bad) exit 1
        for (name in people) if (people[name] < least) small[name] = 1
        for (name in small) merge(name)
        while (others > 0 && others < least) {
            pick = ""
            for (name in people) if (pick == "" || people[name] < people[pick] || (people[name] == people[pick] && name < pick)) pick = name
            if (pick == "") exit 1 # fewer than 5 people in all
            merge(pick)
        }
        for (name in people) printf "%s;%d;%d.%02d\n", name, people[name], cents[name] / 100, cents[name] % 100
        if (others) printf "other;%d;%d.%02d\n", others, other_cents / 100, other_cents % 100
    }') || fail "not a payroll of 5 people or more, with lines 'department;amount'"

printf '%s\n' "$totals" | busybox sort | busybox awk -F ';' '
    BEGIN { printf "{\"departments\": [" }
    NF == 3 { printf "%s\n {\"name\": \"%s\", \"people\": %d, \"total\": \"%s\"}", separator, $1, $2, $3; separator = "," }
    END { print "\n]}" }'
