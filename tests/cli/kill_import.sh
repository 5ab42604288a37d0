#!/bin/bash
# kill_import.sh SLOTCASK TINY-DUMP ERAS SCRATCH FIGURES: kill -9 at random moments of an import, then import again; 50
# times. Each ends with the archive of an import that was left alone: the same data files and, by the tiny reader, which checks
# everything, the same records.
# The seed that it prints, given back in SLOTCASK_SEED, repeats the moments: a number for them and the microseconds that
# an import takes.
set -euo pipefail

slotcask=$1 tiny_dump=$2 eras=$3 scratch=$4 figures=$5
rounds=50
columns="blocks states block_roots state_roots"

import() {
    exec "$slotcask" import "$1" "$eras"/*-0000[0-3]-*.era --network "$eras/config.yaml" --quiet
}

now_us() {
    echo $(($(date +%s%N) / 1000))
}

dump() {
    for column in $columns; do
        echo "$column"
        "$tiny_dump" "$1/$column"
    done
}

rm -rf "$scratch"
mkdir -p "$scratch"
began=$(now_us)
(import "$scratch/whole")
took=$(($(now_us) - began + 1))
seed=${SLOTCASK_SEED:-$RANDOM-$took}
echo "seed $seed"
RANDOM=${seed%-*} took=${seed#*-}
dump "$scratch/whole" >"$scratch/whole.txt"
# The last block, by its root too.
root=0x$("$slotcask" get "$scratch/whole" block_roots 191 | od -A n -t x1 | tr -d ' \n')
"$slotcask" get "$scratch/whole" blocks "$root" >"$scratch/block"

killed=0
for round in $(seq $rounds); do
    archive=$scratch/killed
    rm -rf "$archive"
    delay=$((RANDOM * took / 32768))
    import "$archive" &
    sleep "$(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000)))"
    kill -9 $! 2>/dev/null || true
    wait $! 2>/dev/null && code=0 || code=$?
    [ "$code" -ne 137 ] || killed=$((killed + 1))
    if [ "$code" -ne 137 ] && [ "$code" -ne 0 ]; then
        echo "round $round, killed after $delay us: the import ended with $code before" >&2
        exit 1
    fi
    # The index is derived: kept as the kill left it, or lost, by turns.
    [ $((round % 2)) -eq 0 ] || rm -rf "$archive/index"
    (import "$archive") || exit 1
    "$slotcask" get "$archive" blocks "$root" | cmp - "$scratch/block"
    dump "$archive" >"$scratch/killed.txt"
    cmp "$scratch/whole.txt" "$scratch/killed.txt"
    for file in "$scratch"/whole/*/data_?????; do
        cmp "$file" "$archive/${file#"$scratch/whole/"}"
    done
done
echo "killed in $killed of $rounds rounds, within the $took us of an import"
echo "kills $killed" >"$figures"
rm -rf "$scratch"
