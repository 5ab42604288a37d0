#include "check.h"

#include <inttypes.h>
#include <stdio.h>

void check_code(int got, int expected, const char *expression, const char *file, int line)
{
    const cask_error *error = cask_error_last();

    if (got == expected)
        return;
    print_error("%s: %s (%d) instead of %s (%d)\n", expression, cask_code_name(got), got, cask_code_name(expected),
                expected);
    if (got < 0)
        print_error("    %s [%s] %s, offset %" PRId64 ", slot %" PRId64 ", errno %d\n", error->message, error->word,
                    error->file, (int64_t)error->offset, (int64_t)error->slot, error->system_errno);
    _fail(file, line);
}

/* The case that runs, for the teardown of a test that failed within; "" outside of cases. */
static char running[256];

bool case_begin(const char *format, ...)
{
    const char *only = getenv("SLOTCASK_CASE");
    char name[sizeof(running)];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    if (only != NULL && strcmp(only, name) != 0)
        return false;
    memcpy(running, name, sizeof(name));
    return true;
}

void case_end(void)
{
    running[0] = 0;
}

int case_teardown(void **state)
{
    (void)state;
    if (running[0] != 0)
        print_error("replay it with SLOTCASK_CASE='%s'\n", running);
    case_end();
    return 0;
}
