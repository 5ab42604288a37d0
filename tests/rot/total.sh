#!/bin/sh
# total.sh FILE...: the sum of the figures that rot wrote; fails if a promise was broken.
set -eu

cat "$@" | awk '
    { sum[$1] += $2 }
    END {
        printf "%d damages, %d met with every promise kept, %d of them opened for writing, %d refused to, %d exceptions\n",
               sum["damages"], sum["kept-promises"], sum["opened-for-writing"], sum["refused"], sum["exceptions"]
        exit sum["damages"] == 0 || sum["damages"] != sum["kept-promises"]
    }'
