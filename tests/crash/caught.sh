#!/bin/sh
# caught.sh FIGURES FAULT INSTRUMENT...: whether one of the instruments, programs built with the deliberate faults in
# them, fails when FAULT is on. FAULT "none": all of them must pass.
set -u

figures=$1 SLOTCASK_FAULT=$2
export SLOTCASK_FAULT
shift 2
for instrument; do
    # shellcheck disable=SC2086 # a command and its arguments
    output=$($instrument 2>&1) && continue
    # One that does not say what failed is broken itself.
    if printf '%s\n' "$output" | grep -m 3 FAILED && [ "$SLOTCASK_FAULT" != none ]; then
        echo "deliberate_faults_caught 1" >"$figures"
        exit 0
    fi
    printf '%s\n' "$output"
    exit 1
done
[ "$SLOTCASK_FAULT" = none ] && exit 0
echo "no instrument caught $SLOTCASK_FAULT"
exit 1
