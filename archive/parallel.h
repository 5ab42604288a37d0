/* The same work on many indices, by several threads. */
#ifndef CASK_PARALLEL_H
#define CASK_PARALLEL_H

#include <stddef.h>

/* More jobs than this are not used. */
#define CASK_JOBS_MAX 64u

/*
 * Call `work` for the indices 0 to count - 1, each once, on up to `jobs` threads, of which the calling one is the
 * first (0 or 1: it is the only one). Indices are handed out in ascending order; `worker`, below `jobs`, is the
 * number of the thread, for scratch space. If a call returns anything but 0, no further index is handed out, and the
 * value of the lowest such index is returned: the same as one thread alone would have met. If that is an error, its
 * cask_error becomes that of the calling thread.
 */
int cask_parallel(unsigned jobs, size_t count, int (*work)(size_t index, unsigned worker, void *context),
                  void *context);

#endif
