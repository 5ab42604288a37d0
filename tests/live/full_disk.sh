#!/bin/sh
# full_disk.sh SLOTCASK ERAS FIGURES: import eras one by one until the disk is full, for disks of many sizes. The import
# that meets the end says so, with exit code 3; every era acknowledged before is there, verified, and comes out byte for
# byte, also after an attempt to heal with no space left; with more space the import goes on to the end.
# Exit code 77: mounting is not permitted here.
set -eu

if [ "${4:-}" != mounted ]; then
    if ! unshare --map-root-user --mount true 2>/dev/null; then
        echo "no mounts permitted here: skipped"
        exit 77
    fi
    exec unshare --map-root-user --mount "$0" "$1" "$2" "$3" mounted
fi

slotcask=$1 eras=$2 figures=$3
scratch=$(mktemp -d "$PWD/full_disk-XXXXXX")
disk=$scratch/disk
mkdir "$disk"
if ! mount -t tmpfs tmpfs "$disk"; then
    rmdir "$disk" "$scratch"
    echo "no tmpfs permitted here: skipped"
    exit 77
fi
trap 'umount "$disk"; rm -rf "$scratch"' EXIT

failed() {
    echo "FAILED on a disk of $size KiB: $*" >&2
    cat "$scratch/said" >&2
    exit 1
}

# The exit code of `slotcask COMMAND ARCHIVE ...`.
run() {
    command=$1
    shift
    code=0
    "$slotcask" "$command" "$disk/archive" "$@" --quiet >"$scratch/said" 2>&1 || code=$?
}

import() {
    run import "$@" --network "$eras/config.yaml"
}

expect_eras() {
    rm -rf "$scratch/exported"
    run verify
    [ "$code" -eq 0 ] || failed "verify: $code"
    run export "$scratch/exported"
    [ "$code" -eq 0 ] || failed "export: $code"
    for era; do
        cmp "$era" "$scratch/exported/${era##*/}" >"$scratch/said" 2>&1 || failed "an acknowledged era is not the same"
    done
}

# fill ERA...: the eras that are acknowledged become the words of `kept`
fill() {
    kept=
    for era; do
        import "$era"
        [ "$code" -ne 0 ] || kept="$kept $era"
        [ "$code" -eq 0 ] || break
    done
    [ "$code" -eq 3 ] || failed "import: $code"
    grep -qi 'no space' "$scratch/said" || failed "import does not say that there is no space"
}

full=0
# Every second page while the columns are made, then here and there.
for size in $(seq 4 8 212) 300 436 612 1200 2200 3004 3700 4000; do
    rm -rf "$disk/archive"
    mount -o "remount,size=${size}k" "$disk"
    fill "$eras"/*.era
    full=$((full + 1))
    # shellcheck disable=SC2086 # a list
    if [ -n "$kept" ]; then
        expect_eras $kept
        run heal
        [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || failed "heal: $code"
        expect_eras $kept
    fi
    mount -o remount,size=16m "$disk"
    import "$eras"/*.era
    [ "$code" -eq 0 ] || failed "import with more space: $code"
    expect_eras "$eras"/*.era
done
echo "$full disks filled"
echo "disks_filled $full" >"$figures"
