#!/bin/sh
# total.sh LEAST FILE...: the sum of the figures of the explorer; fails below LEAST distinct states.
set -eu

least=$1
shift
awk -v least="$least" '
    { sum[$1] += $2 }
    END {
        printf "%d scenarios, %d points, %d distinct crash states out of %d made\n", sum["crash_scenarios"],
            sum["crash_points"], sum["crash_states"], sum["crash_states_made"]
        exit sum["crash_states"] < least
    }' "$@"
