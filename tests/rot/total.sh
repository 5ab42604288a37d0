#!/bin/sh
# total.sh FILE...: the sum of the figures that rot wrote about its cases.
set -eu

cat "$@" | awk '
    { done += $2; kept += $3; written += $4; refused += $5; excepted += $6 }
    END {
        printf "%d damages, %d met every promise, %d of them opened for writing, %d refused to, %d exceptions\n", done,
               kept, written, refused, excepted
        exit done == 0 || done != kept
    }'
