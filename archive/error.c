#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local cask_error last_error = { .slot = CASK_NO_SLOT, .offset = CASK_NO_OFFSET, .word = "" };

const cask_error *cask_error_last(void)
{
    return &last_error;
}

void cask_error_restore(const cask_error *error)
{
    last_error = *error;
}

const char *cask_code_name(int code)
{
    switch ((cask_code)code) {
    case CASK_OK: return "ok";
    case CASK_E_IO: return "io";
    case CASK_E_CORRUPT: return "corrupt";
    case CASK_E_POISONED: return "poisoned";
    case CASK_E_BUSY: return "busy";
    case CASK_E_INVALID: return "invalid";
    case CASK_E_UNSUPPORTED: return "unsupported";
    case CASK_E_NOSPC: return "nospc";
    case CASK_E_NOMEM: return "nomem";
    case CASK_E_NOTFOUND: return "notfound";
    case CASK_E_WRONG_NETWORK: return "wrong-network";
    case CASK_E_CONFLICT: return "conflict";
    case CASK_E_REFUSED: return "refused";
    case CASK_E_PRUNED: return "pruned";
    case CASK_E_TOO_SMALL: return "too-small";
    }
    return "unknown";
}

/* The end of a long path tells more than its beginning. */
static void copy_tail(char *to, size_t capacity, const char *from)
{
    size_t size = strlen(from);

    if (size >= capacity) {
        from += size - (capacity - 1);
        size = capacity - 1;
    }
    memcpy(to, from, size + 1);
}

/* Built aside and then copied: the arguments may come from the error that is being replaced. */
static int record(int code, int system_errno, const char *word, cask_place place, const char *format, va_list arguments)
{
    cask_error error = { .code = code, .system_errno = system_errno, .slot = place.slot, .offset = place.offset,
                         .word = word };

    if (place.file != NULL)
        copy_tail(error.file, sizeof(error.file), place.file);
    vsnprintf(error.message, sizeof(error.message), format, arguments);
    last_error = error;
    return code;
}

int cask_fail(int code, cask_place place, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    record(code, 0, "", place, format, arguments);
    va_end(arguments);
    return code;
}

int cask_fail_word(int code, const char *word, cask_place place, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    record(code, 0, word, place, format, arguments);
    va_end(arguments);
    return code;
}

typedef struct system_failure {
    int system_errno;
    int code;
    const char *advice;
} system_failure;

/* EINVAL, EISDIR and ELOOP are how the vfs refuses a path that leads to no regular file. */
static const system_failure system_failures[] = {
    { ENOSPC, CASK_E_NOSPC, "free space on the device, then open the archive again" },
    { EDQUOT, CASK_E_NOSPC, "free space or raise the quota, then open the archive again" },
    { ENOMEM, CASK_E_NOMEM, "leave more memory to this process and try again" },
    { ENOENT, CASK_E_NOTFOUND, "check the path" },
    { EWOULDBLOCK, CASK_E_BUSY, "another process holds it: try again when that is done" },
    { EINVAL, CASK_E_INVALID, "it is a FIFO, a socket or a device: give another path" },
    { EISDIR, CASK_E_INVALID, "there is a folder where a file must be: give another path or move it away" },
    { ELOOP, CASK_E_INVALID, "it is a circle of symbolic links: give another path" },
    { ENOTDIR, CASK_E_IO, "there is a file where a folder must be: move it away" },
    { EACCES, CASK_E_IO, "check owner and permissions" },
    { EPERM, CASK_E_IO, "check owner and permissions" },
    { EROFS, CASK_E_IO, "open the archive read-only, or mount the file system writable" },
    { EMFILE, CASK_E_IO, "raise the limit of open files of this process" },
    { ENFILE, CASK_E_IO, "raise the limit of open files of the system" },
};

static system_failure find_system_failure(int system_errno)
{
    for (size_t i = 0; i < sizeof(system_failures) / sizeof(system_failures[0]); i++) {
        if (system_failures[i].system_errno == system_errno)
            return system_failures[i];
    }
    return (system_failure){ system_errno, CASK_E_IO, "look for the cause in the system's log" };
}

/* cask_fail() with an errno. */
__attribute__((format(printf, 4, 5)))
static int fail_errno(int code, int system_errno, cask_place place, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    record(code, system_errno, "", place, format, arguments);
    va_end(arguments);
    return code;
}

int cask_fail_system(int negative_errno, cask_place place, const char *act)
{
    system_failure failure = find_system_failure(-negative_errno);
    char reason[128];

    if (strerror_r(failure.system_errno, reason, sizeof(reason)) != 0)
        snprintf(reason, sizeof(reason), "error %d", failure.system_errno);
    return fail_errno(failure.code, failure.system_errno, place, "cannot %s: %s; %s", act, reason, failure.advice);
}

int cask_fail_nomem(void)
{
    return cask_fail(CASK_E_NOMEM, CASK_NOWHERE, "out of memory; leave more memory to this process and try again");
}
