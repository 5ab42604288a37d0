/* The one error path: fill in the thread's cask_error and return its code. */
#ifndef CASK_ERROR_H
#define CASK_ERROR_H

#include "slotcask/archive.h"

#define CASK_NO_OFFSET UINT64_MAX

/* Where an error is: any part may be absent (NULL, CASK_NO_OFFSET, CASK_NO_SLOT). */
typedef struct cask_place {
    const char *file;
    uint64_t offset;
    uint64_t slot;
} cask_place;

#define CASK_NOWHERE ((cask_place){ NULL, CASK_NO_OFFSET, CASK_NO_SLOT })
#define CASK_IN_FILE(path) ((cask_place){ (path), CASK_NO_OFFSET, CASK_NO_SLOT })
#define CASK_AT(path, at_offset) ((cask_place){ (path), (at_offset), CASK_NO_SLOT })
#define CASK_AT_SLOT(path, at_offset, at_slot) ((cask_place){ (path), (at_offset), (at_slot) })

/* Record an error and return `code`. `format` says what is wrong and what to do next. */
int cask_fail(int code, cask_place place, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with a word for the kind of damage (static storage). */
int cask_fail_word(int code, const char *word, cask_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Record that a system call failed: `negative_errno` as the vfs returned it. Returns, by errno, CASK_E_NOSPC,
 * CASK_E_NOMEM, CASK_E_NOTFOUND (ENOENT), CASK_E_BUSY (EWOULDBLOCK), CASK_E_INVALID (the path leads to something that
 * is no regular file) or else CASK_E_IO. `act` is a verb phrase: "write the offset table". */
int cask_fail_system(int negative_errno, cask_place place, const char *act);

int cask_fail_nomem(void);

/* Make `error`, a copy of some thread's cask_error, the last one of this thread. */
void cask_error_restore(const cask_error *error);

/* Return from the calling function if `expression` is an error, or what a caller's function returned to stop. The only
 * hidden return in the code base. */
#define CASK_TRY(expression)                                                                                           \
    do {                                                                                                               \
        int try_code_ = (expression);                                                                                  \
        if (try_code_ != CASK_OK)                                                                                      \
            return try_code_;                                                                                          \
    } while (0)

#endif
