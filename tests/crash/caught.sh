#!/bin/sh
# caught.sh FIGURES FAULT INSTRUMENT...: whether one of the instruments, programs built with the deliberate faults in
# them, fails when FAULT is on. FAULT "none": all of them must pass.
set -u

figures=$1 SLOTCASK_FAULT=$2
export SLOTCASK_FAULT
shift 2
for instrument; do
    if [ "$SLOTCASK_FAULT" = none ]; then
        # shellcheck disable=SC2086 # a command and its arguments
        $instrument || exit 1
        continue
    fi
    # What follows the first failure is not waited for.
    # shellcheck disable=SC2086 # a command and its arguments
    said=$({ $instrument 2>&1 || echo "$instrument exits with $?"; } | grep -m 1 -e FAILED -e ' exits with ')
    case $said in
    '') ;;
    *FAILED*)
        printf '%s\n' "$said"
        echo "deliberate_faults_caught 1" >"$figures"
        exit 0
        ;;
    *) # One that does not say what failed is broken itself.
        printf '%s\n' "$said"
        exit 1
        ;;
    esac
done
[ "$SLOTCASK_FAULT" = none ] && exit 0
echo "no instrument caught $SLOTCASK_FAULT"
exit 1
