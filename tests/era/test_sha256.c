/* The SHA-256 kernels: each against known digests, against the portable one, and forced through the environment. */
#include "sha256.h"
#include "sha256_kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NODES_MAX 100

/* FIPS 180-4, the examples with one and two blocks, and the empty message. */
static void one_shot__known_digests(void **state)
{
    static const struct {
        const char *message;
        uint8_t digest[32];
    } known[] = {
        { "", { 0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55 } },
        { "abc", { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                   0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad } },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          { 0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38, 0xb8, 0xe5, 0xc0, 0x26, 0x93, 0x0c, 0x3e, 0x60, 0x39,
            0xa3, 0x3c, 0xe4, 0x59, 0x64, 0xff, 0x21, 0x67, 0xf6, 0xec, 0xed, 0xd4, 0x19, 0xdb, 0x06, 0xc1 } },
    };
    uint8_t digest[32];

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        cask_sha256(digest, known[i].message, strlen(known[i].message));
        assert_memory_equal(digest, known[i].digest, sizeof digest);
    }
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)rand();
}

/* Every number of nodes up to NODES_MAX, apart and in place, without a byte too many. */
static void check_kernel(const cask_sha256_kernel *kernel)
{
    uint8_t in[NODES_MAX * 64], out[NODES_MAX * 32 + 1], expected[NODES_MAX * 32];

    fill(in, sizeof in);
    for (size_t i = 0; i < NODES_MAX; i++)
        cask_sha256(expected + 32 * i, in + 64 * i, 64);
    for (size_t count = 0; count <= NODES_MAX; count++) {
        out[32 * count] = 0xa5;
        kernel->hash_nodes(out, in, count);
        assert_memory_equal(out, expected, 32 * count);
        assert_int_equal(out[32 * count], 0xa5);
    }
    kernel->hash_nodes(in, in, NODES_MAX);
    assert_memory_equal(in, expected, sizeof expected);
}

/* Against the portable kernel, level by level. */
static void check_up(const cask_sha256_kernel *kernel)
{
    enum { LEVELS = 5, COUNT = 37 };
    uint8_t right[LEVELS * 32], digests[COUNT * 32 + 1], expected[COUNT * 32], node[64];

    fill(right, sizeof right);
    for (size_t count = 0; count <= COUNT; count++) {
        fill(digests, 32 * count);
        memcpy(expected, digests, 32 * count);
        digests[32 * count] = 0xa5;
        for (size_t i = 0; i < count * LEVELS; i++) {
            memcpy(node, expected + 32 * (i / LEVELS), 32);
            memcpy(node + 32, right + 32 * (i % LEVELS), 32);
            cask_sha256(expected + 32 * (i / LEVELS), node, 64);
        }
        kernel->hash_up(digests, count, right, LEVELS);
        assert_memory_equal(digests, expected, 32 * count);
        assert_int_equal(digests[32 * count], 0xa5);
    }
}

static void check_kernel_named(const char *name)
{
    for (size_t i = 0; i < cask_sha256_kernel_count; i++) {
        if (strcmp(cask_sha256_kernels[i].name, name) != 0 || !cask_sha256_kernels[i].runs_here())
            continue;
        check_kernel(&cask_sha256_kernels[i]);
        if (cask_sha256_kernels[i].hash_up)
            check_up(&cask_sha256_kernels[i]);
        return;
    }
    print_message("this processor has no %s: skipped\n", name);
    skip();
}

static void portable__is_one_shot(void **state)
{
    (void)state;
    check_kernel_named("portable");
}

static void shani__is_one_shot(void **state)
{
    (void)state;
    check_kernel_named("sha-ni");
}

static void avx512__is_one_shot(void **state)
{
    (void)state;
    check_kernel_named("avx512");
}

static void armv8__is_one_shot(void **state)
{
    (void)state;
    check_kernel_named("armv8");
}

/* The choice is made once in a process: ask another one. Returns whether it uses the kernel. */
static int forced_in_child(const char *variable, const char *kernel)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        setenv("SLOTCASK_SHA256", variable, 1);
        _exit(strcmp(cask_sha256_kernel_name(), kernel) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void environment__forces_a_kernel_that_runs_here(void **state)
{
    const char *fastest = NULL;

    (void)state;
    for (size_t i = 0; i < cask_sha256_kernel_count; i++) {
        const cask_sha256_kernel *kernel = &cask_sha256_kernels[i];

        if (kernel->runs_here()) {
            fastest = fastest ? fastest : kernel->name;
            assert_true(forced_in_child(kernel->name, kernel->name));
        } else {
            assert_false(forced_in_child(kernel->name, kernel->name));
        }
    }
    assert_true(forced_in_child("no such kernel", fastest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_shot__known_digests), cmocka_unit_test(portable__is_one_shot),
        cmocka_unit_test(shani__is_one_shot),      cmocka_unit_test(avx512__is_one_shot),
        cmocka_unit_test(armv8__is_one_shot),      cmocka_unit_test(environment__forces_a_kernel_that_runs_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
