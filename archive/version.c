#include "slotcask/archive.h"

const char *cask_version(void)
{
    return CASK_VERSION;
}
