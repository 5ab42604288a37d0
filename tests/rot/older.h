/* Files replaced by older versions of themselves. */
#ifndef TEST_OLDER_H
#define TEST_OLDER_H

#include "promise.h"

/* After each commit of a history, closed in order or killed, each file replaced by each of its older versions. */
void older_run(tally *t);

#endif
