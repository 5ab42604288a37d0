#include "scenario.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "slotcask/archive.h"

static char failure[1200] = "nothing was said";

bool crash_fail(int code, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(failure, sizeof(failure), format, arguments);
    va_end(arguments);
    if (code < 0 && size >= 0 && (size_t)size < sizeof(failure))
        snprintf(failure + size, sizeof(failure) - (size_t)size, ": %s: %s [%s]", cask_code_name(code),
                 cask_error_last()->message, cask_error_last()->file);
    return false;
}

const char *crash_failure(void)
{
    return failure;
}

bool scenario_find_stages(const scenario *s, uint64_t mark, size_t least, size_t most, size_t *stages_out)
{
    /* The last one: opening has made what was not there. */
    for (size_t i = most + 1; i-- > least;) {
        if (s->mark(s, i) == mark) {
            *stages_out = i;
            return true;
        }
    }
    return crash_fail(0, "after healing the store shows none of the stages %zu to %zu (mark %" PRIu64 ")", least, most,
                      mark);
}
