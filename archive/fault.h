/* Deliberate faults in the order of writing and in healing, by which the tests are tested. In the library all are off
 * and leave no code; a test build switches one on by its name. */
#ifndef CASK_FAULT_H
#define CASK_FAULT_H

#ifdef CASK_FAULTS
#include <stdbool.h>

bool cask_fault(const char *name);
#define CASK_FAULT(name) cask_fault(#name)
#else
#define CASK_FAULT(name) 0
#endif

#endif
