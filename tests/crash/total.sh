#!/bin/sh
# total.sh LEAST FILE...: the sum of what the explorer printed about its scenarios; fails below LEAST distinct states.
set -eu

least=$1
shift
cat "$@"
cat "$@" | awk -v least="$least" '
    { states += $2; made += $6; points += $9; scenarios++ }
    END {
        printf "%d scenarios, %d points, %d distinct crash states out of %d made\n", scenarios, points, states, made
        exit states < least
    }'
