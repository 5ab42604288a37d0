/* A state hashed by several threads, for ThreadSanitizer: small, but with lists of many segments. */
#include "../bench/mainnet.h"

#include "../archive/error.h"
#include "ssz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { VALIDATORS = 5000, JOBS_MAX = 4 };

static void root__same_by_any_number_of_threads(void **state)
{
    const ssz_type *type = ssz_state_type("mainnet", "deneb");
    uint8_t alone[SSZ_ROOT_SIZE], root[SSZ_ROOT_SIZE];
    uint8_t *value;
    size_t size = bench_make_state(&value, VALIDATORS);

    (void)state;
    assert_int_equal(ssz_root(alone, type, value, size, 1), CASK_OK);
    for (unsigned jobs = 2; jobs <= JOBS_MAX; jobs++) {
        assert_int_equal(ssz_root(root, type, value, size, jobs), CASK_OK);
        assert_memory_equal(root, alone, SSZ_ROOT_SIZE);
    }
    free(value);
}

/* A list has several faults: the first is the one that is told. */
static void root__same_error_by_any_number_of_threads(void **state)
{
    static const size_t faults[] = { 1111, 2222, 4444 };
    const ssz_type *type = ssz_state_type("mainnet", "deneb");
    uint8_t root[SSZ_ROOT_SIZE];
    uint8_t *value;
    size_t size = bench_make_state(&value, VALIDATORS);
    ssz_part slashed;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char path[64];

        snprintf(path, sizeof path, "validators[%zu].slashed", faults[i]);
        assert_int_equal(ssz_field(&slashed, type, value, size, path), CASK_OK);
        value[slashed.offset] = 2;
    }
    assert_int_equal(ssz_field(&slashed, type, value, size, "validators[1111].slashed"), CASK_OK);
    for (unsigned jobs = 1; jobs <= JOBS_MAX; jobs++) {
        assert_int_equal(ssz_root(root, type, value, size, jobs), CASK_E_INVALID);
        assert_int_equal(cask_error_last()->offset, slashed.offset);
    }
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root__same_by_any_number_of_threads),
        cmocka_unit_test(root__same_error_by_any_number_of_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
