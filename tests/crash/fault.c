/* Which of the deliberate faults is switched on: the one that SLOTCASK_FAULT names. See archive/fault.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

bool cask_fault(const char *name)
{
    const char *wanted = getenv("SLOTCASK_FAULT");

    return wanted != NULL && strcmp(wanted, name) == 0;
}
