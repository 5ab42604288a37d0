/* Names of era files. */
#include "era_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *path, const char *config_name, uint64_t era, uint32_t root)
{
    const char *slash = strrchr(path, '/');
    char text[ERA_NAME_SIZE];
    cask_era_name name;

    assert_int_equal(cask_era_name_parse(&name, path), CASK_OK);
    assert_string_equal(name.config_name, config_name);
    assert_int_equal(name.era, era);
    for (int i = 0; i < 4; i++)
        assert_int_equal(name.short_root[i], (uint8_t)(root >> (24 - 8 * i)));
    era_name_format(text, &name);
    assert_string_equal(text, slash == NULL ? path : slash + 1);
}

static void name__is_parsed_and_formatted(void **state)
{
    (void)state;
    check("mainnet-00000-4b363db9.era", "mainnet", 0, 0x4b363db9);
    check("some/folder-1/vectors-mainnet-00002-9a311ade.era", "vectors-mainnet", 2, 0x9a311ade);
    check("a-b-00001-00000000-99999-ffffffff.era", "a-b-00001-00000000", 99999, 0xffffffff);
    check("x-100000-00000001.era", "x", 100000, 1);
    check("x-18446744073709551615-00000001.era", "x", UINT64_MAX, 1);
    check("---00001-00000001.era", "--", 1, 1);
}

static void name__is_refused(void **state)
{
    static const char *const bad[] = {
        "", ".era", "-.era", "--.era", "mainnet.era", "mainnet-00001.era", "00001-4b363db9.era",
        "-00001-4b363db9.era", "mainnet-00001-4b363db9", "mainnet-00001-4b363db9.era1", "mainnet-00001-4b363db9.ERA",
        "mainnet-00001-4b363db9.era/", "mainnet-0001-4b363db9.era", "mainnet-000001-4b363db9.era",
        "mainnet-0000a-4b363db9.era", "mainnet-+0001-4b363db9.era", "mainnet-00001-4B363DB9.era",
        "mainnet-00001-4b363db.era", "mainnet-00001-4b363db9a.era", "mainnet-00001-4b363dbg.era",
        "mainnet-18446744073709551616-4b363db9.era", "mainnet-99999999999999999999999-4b363db9.era",
        "a-name-of-more-than-sixty-three-bytes-is-not-kept-by-any-network-at-all-00001-4b363db9.era",
    };
    cask_era_name name;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (cask_era_name_parse(&name, bad[i]) != CASK_E_INVALID)
            fail_msg("accepted: %s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name__is_parsed_and_formatted),
        cmocka_unit_test(name__is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
