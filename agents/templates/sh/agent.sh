# Counts the lines and words of a text. Standard input is the input, whole, then end of file; standard output is the output, and it counts
# when this exits with 0. Input is whatever the step before wrote: check it before use. Tools are called by name of the one program that is
# there: busybox sed, busybox sort.
set -eu
export LC_ALL=C

fail() { printf '@NAME@: %s\n' "$1" >&2; exit 1; } # a constant: no part of the input gets into an error

busybox awk '{ words += NF; if (length($0) > longest) longest = length($0) }
     END { if (NR == 0) exit 1; printf "{\"lines\": %d, \"words\": %d, \"longest\": %d}\n", NR, words, longest }' || fail "the input is empty"
