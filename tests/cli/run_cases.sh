#!/bin/sh
# Tests of the command line: run_cases.sh SLOTCASK FIXTURES SCRATCH CASE...
#
# A CASE is a folder of files:
#   cmd            a shell script. It runs in an empty folder inside SCRATCH, where `slotcask` is the binary under
#                  test and $FIXTURES the folder of fixtures. A case that names $SLOTCASK_VECTORS is skipped where
#                  that variable is unset
#   stdout stderr  what must come out, to the byte; without the file: nothing. The path of the fixtures is written as
#                  FIXTURES, that of the folder it runs in as HERE
#   stdout.match stderr.match
#                  instead of these: each line is a shell pattern (* ? [...]) for one line of the output, and a line
#                  of three dots stands for any number of lines
#   exit           the exit code; without the file: 0
#
# Exit code: 0 all passed, 1 one failed, 77 one was skipped.
set -u

# matches EXPECTED ACTUAL
matches() {
    any=false
    exec 3<"$1" 4<"$2"
    while IFS= read -r pattern <&3 || [ -n "$pattern" ]; do
        if [ "$pattern" = ... ]; then
            any=true
            continue
        fi
        while :; do
            IFS= read -r line <&4 || [ -n "$line" ] || return 1
            # shellcheck disable=SC2254 # a pattern is meant
            case $line in $pattern) break ;; esac
            $any || return 1
        done
        any=false
    done
    $any || ! { IFS= read -r line <&4 || [ -n "$line" ]; }
}

# check CASE STREAM: compare what came out with the files of the case.
check() {
    expected=$1/$2
    sed -e "s|$FIXTURES|FIXTURES|g" -e "s|$here|HERE|g" "$output/$2.raw" >"$output/$2"
    if [ -f "$expected.match" ]; then
        expected=$expected.match
        matches "$expected" "$output/$2" && return 0
    else
        [ -f "$expected" ] || expected=/dev/null
        cmp -s "$expected" "$output/$2" && return 0
    fi
    echo "$2 is not as expected (- expected, + actual):"
    diff -u "$expected" "$output/$2" | tail -n +3
    return 1
}

# run CASE: 0 passed, 1 failed, 77 skipped
run() {
    if grep -q SLOTCASK_VECTORS "$1/cmd" && [ -z "${SLOTCASK_VECTORS:-}" ]; then
        echo "${1##*/}: skipped, SLOTCASK_VECTORS is unset"
        return 77
    fi
    output=$scratch/${1##*/} here=$scratch/${1##*/}/here
    rm -rf "$output"
    mkdir -p "$here" "$output/bin"
    ln -s "$binary" "$output/bin/slotcask"
    (cd "$here" && PATH=$output/bin:$PATH sh "$1/cmd") >"$output/stdout.raw" 2>"$output/stderr.raw" </dev/null
    code=$? expected_code=0 result=0
    [ -f "$1/exit" ] && expected_code=$(cat "$1/exit")
    if [ "$code" -ne "$expected_code" ]; then
        echo "exit code $code, expected $expected_code"
        result=1
    fi
    check "$1" stdout || result=1
    check "$1" stderr || result=1
    if [ $result -eq 0 ]; then
        echo "${1##*/}: passed"
        rm -rf "$output"
    else
        echo "${1##*/}: failed; its files are in $output"
    fi
    return $result
}

if [ $# -lt 4 ]; then
    echo "usage: run_cases.sh SLOTCASK FIXTURES SCRATCH CASE..." >&2
    exit 2
fi
binary=$(realpath "$1") FIXTURES=$(realpath "$2")
mkdir -p "$3" && scratch=$(realpath "$3") || exit 1
shift 3
export FIXTURES LC_ALL=C
unset NO_COLOR

worst=0
for case_folder; do
    run "$(realpath "$case_folder")"
    code=$?
    [ $worst -eq 1 ] || [ $code -eq 0 ] || worst=$code
done
exit $worst
