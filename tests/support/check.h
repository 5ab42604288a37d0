/* cmocka with what it needs, checks that say why a call of the library failed, and the names of generated cases. */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include "slotcask/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define assert_code(expression, code) check_code((expression), (code), #expression, __FILE__, __LINE__)
#define assert_ok(expression) assert_code(expression, CASK_OK)

/* Fail the test unless `got` is `expected`; says what cask_error_last() knows. */
void check_code(int got, int expected, const char *expression, const char *file, int line);

/*
 * A generated case: one of many that a loop makes. case_begin() names it, as printf() does, and is false if the
 * environment variable SLOTCASK_CASE is set to the name of another one, which is then to be skipped. case_end() says
 * that it passed. Use case_test() instead of cmocka_unit_test(): where the test fails in a case, it prints the name.
 */
bool case_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void case_end(void);
int case_teardown(void **state);

#define case_test(function) cmocka_unit_test_teardown(function, case_teardown)

/* A test that goes through every case goes through one in so many where tests are to be shorter, and as an instrument
 * that is to catch a deliberate fault (tests/crash/fault.c). */
#if defined(TEST_FEW_CASES) || defined(CASK_FAULTS)
enum { CASE_STRIDE = 13 };
#else
enum { CASE_STRIDE = 1 };
#endif

#endif
