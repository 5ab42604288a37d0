/* Networks: the built-in ones, config.yaml, the text kept as an archive's identity, and which are the same. */
#include "era_builder.h"
#include "network.h"

#define FAR "18446744073709551615"

static const char *const mainnet_root = "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95";

static cask_network *load(const char *name_or_path)
{
    cask_network *network;

    if (cask_network_load(&network, name_or_path, NULL) != CASK_OK)
        fail_msg("%s: %s", name_or_path, cask_error_last()->message);
    return network;
}

static char *format(const cask_network *network)
{
    cask_buf text = CASK_BUF_INIT;
    char *copy;

    assert_int_equal(cask_network_format(&text, network), CASK_OK);
    copy = malloc(text.size + 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    cask_buf_dispose(&text);
    return copy;
}

static int parse(cask_network **network, const char *text)
{
    return cask_network_parse(network, text, strlen(text));
}

/* ---- Built in --------------------------------------------------------------------------------------------------- */

static void load__knows_every_name(void **state)
{
    size_t count = 0;

    (void)state;
    for (const char *const *name = cask_network_names(); *name != NULL; name++, count++) {
        cask_network *network = load(*name);

        assert_string_equal(cask_network_name(network), *name);
        assert_non_null(cask_network_genesis_validators_root(network));
        assert_int_equal(cask_network_fork_count(network), 7);
        assert_int_equal(cask_network_slots_per_era(network), 8192);
        for (size_t i = 0; i < 7; i++) {
            assert_string_equal(cask_network_fork(network, i).name, era_fork_names[i]);
            assert_true(i == 0 || cask_network_fork(network, i).epoch >= cask_network_fork(network, i - 1).epoch);
        }
        cask_network_free(network);
    }
    assert_int_equal(count, 6);
}

static void load__refuses_unknown_names(void **state)
{
    cask_network *network;

    (void)state;
    assert_int_equal(cask_network_load(&network, "goerli", NULL), CASK_E_NOTFOUND);
    assert_null(network);
    assert_int_equal(cask_network_load(&network, "not-there/config.yaml", NULL), CASK_E_NOTFOUND);
    assert_null(network);
}

static void preset__has_the_lengths_of_eras_and_epochs(void **state)
{
    cask_network *mainnet = load("mainnet"), *chiado = load("chiado");
    cask_network *minimal = load(FIXTURES "/eras/minimal/config.yaml");

    (void)state;
    assert_string_equal(cask_network_preset(mainnet), "mainnet");
    assert_int_equal(cask_network_slots_per_epoch(mainnet), 32);
    assert_string_equal(cask_network_preset(chiado), "gnosis");
    assert_int_equal(cask_network_slots_per_epoch(chiado), 16);
    assert_string_equal(cask_network_preset(minimal), "minimal");
    assert_int_equal(cask_network_slots_per_epoch(minimal), 8);
    assert_int_equal(cask_network_slots_per_era(minimal), 64);
    cask_network_free(mainnet);
    cask_network_free(chiado);
    cask_network_free(minimal);
}

static void fork_at__follows_the_schedule(void **state)
{
    cask_network *mainnet = load("mainnet"), *holesky = load("holesky");

    (void)state;
    assert_int_equal(cask_network_fork_at(mainnet, 0), 0);
    assert_int_equal(cask_network_fork_at(mainnet, 74240 * 32 - 1), 0);
    assert_int_equal(cask_network_fork_at(mainnet, 74240 * 32), 1);
    assert_int_equal(cask_network_fork_at(mainnet, UINT64_MAX), 6);
    assert_int_equal(cask_network_fork_at(holesky, 0), 2); /* began in bellatrix */
    cask_network_free(mainnet);
    cask_network_free(holesky);
}

/* ---- config.yaml ------------------------------------------------------------------------------------------------ */

static void config__of_the_vectors_is_read(void **state)
{
    static const uint64_t epochs[] = { 0, 16, 28, 48, 63, 80, 100 };
    cask_network *network = load(FIXTURES "/eras/minimal/config.yaml");

    (void)state;
    assert_string_equal(cask_network_name(network), "vectors");
    assert_null(cask_network_genesis_validators_root(network));
    assert_int_equal(cask_network_fork_count(network), 7);
    for (size_t i = 0; i < 7; i++) {
        const uint8_t version[4] = { (uint8_t)i, 0, 0x0a, 0x01 };
        cask_fork fork = cask_network_fork(network, i);

        assert_string_equal(fork.name, era_fork_names[i]);
        assert_int_equal(fork.epoch, epochs[i]);
        assert_memory_equal(fork.version, version, 4);
    }
    cask_network_free(network);
}

/* The configurations beside the real genesis files were written by a client, not by us. */
static void config__of_mainnet_and_sepolia_is_the_built_in_network(void **state)
{
    static const char *const names[] = { "mainnet", "sepolia" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        cask_network *builtin = load(names[i]), *read;

        snprintf(path, sizeof(path), FIXTURES "/eras/genesis/%s-config.yaml", names[i]);
        read = load(path);
        assert_int_equal(cask_network_fork_count(read), cask_network_fork_count(builtin));
        assert_true(era_network_same(read, builtin));
        cask_network_free(read);
        cask_network_free(builtin);
    }
}

static void write_config(const char *text)
{
    FILE *file = fopen("config.yaml", "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

#define HEAD "PRESET_BASE: 'minimal'\nCONFIG_NAME: dev-net.1\nGENESIS_FORK_VERSION: 0x0A000001\n"

static void config__skips_what_it_does_not_need(void **state)
{
    cask_network *network;

    (void)state;
    write_config("# a comment\n" HEAD "BLOB_SCHEDULE:\n  - EPOCH: 3\n    ALTAIR_FORK_EPOCH: 1\nOTHER: [1, {a: b}]\n"
                 "ALTAIR_FORK_VERSION: 0x01000001\nALTAIR_FORK_EPOCH: \"7\"\nBELLATRIX_FORK_VERSION: 0x02000001\n"
                 "BELLATRIX_FORK_EPOCH: " FAR "\nEIP7594_FORK_EPOCH: " FAR "\nEIP7594_FORK_VERSION: 0x00\n");
    network = load("config.yaml");
    assert_string_equal(cask_network_name(network), "dev-net.1");
    assert_int_equal(cask_network_fork_count(network), 2);
    assert_int_equal(cask_network_fork(network, 1).epoch, 7);
    cask_network_free(network);
}

static void assert_refused(const char *text, const char *why)
{
    cask_network *network;
    const cask_error *error;

    write_config(text);
    assert_int_equal(cask_network_load(&network, "./config.yaml", NULL), CASK_E_INVALID);
    assert_null(network);
    error = cask_error_last();
    assert_string_equal(error->file, "./config.yaml");
    if (strstr(error->message, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error->message, why);
}

static void config__refuses_what_is_no_configuration(void **state)
{
    (void)state;
    assert_refused("", "empty");
    assert_refused("- a\n- b\n", "line 1: not a mapping");
    assert_refused(HEAD "a: [1\n", "line 5: not YAML");
    assert_refused(HEAD "a: &x 1\nb: *x\n", "line 5: a value is missing or an alias");
    assert_refused(HEAD "[a, b]: 1\n", "line 4: a key");
    assert_refused(HEAD "---\n" HEAD, "more than one document");
    assert_refused(HEAD "a: [[[[[[[[[1]]]]]]]]]\n", "too deeply");
    assert_refused("CONFIG_NAME: x\nPRESET_BASE: minimal\n", "GENESIS_FORK_VERSION is missing");
    assert_refused("CONFIG_NAME: x\nGENESIS_FORK_VERSION: 0x00000000\n", "PRESET_BASE is missing");
    assert_refused("PRESET_BASE: minimal\nGENESIS_FORK_VERSION: 0x00000000\n", "CONFIG_NAME is missing");
}

static void config__refuses_values_that_cannot_be_right(void **state)
{
    (void)state;
    assert_refused(HEAD "CONFIG_NAME: y\n", "line 4: CONFIG_NAME is there twice");
    assert_refused(HEAD "PRESET_BASE: minimal\n", "line 4: PRESET_BASE is there twice");
    assert_refused(HEAD "GENESIS_FORK_VERSION: 0x00000001\n", "line 4: GENESIS_FORK_VERSION is there twice");
    assert_refused(HEAD "ALTAIR_FORK_EPOCH: 5\nALTAIR_FORK_EPOCH: 5\n", "line 5: ALTAIR_FORK_EPOCH is there twice");
    assert_refused("CONFIG_NAME: a/b\n", "line 1: CONFIG_NAME must be");
    assert_refused("CONFIG_NAME: ''\n", "line 1: CONFIG_NAME must be");
    assert_refused("PRESET_BASE: huge\n", "line 1: PRESET_BASE must be");
    assert_refused(HEAD "ALTAIR_FORK_VERSION: 0x0100\n", "line 4: ALTAIR_FORK_VERSION must be");
    assert_refused(HEAD "ALTAIR_FORK_EPOCH: -1\n", "line 4: ALTAIR_FORK_EPOCH must be");
    assert_refused(HEAD "ALTAIR_FORK_EPOCH: 18446744073709551616\n", "line 4: ALTAIR_FORK_EPOCH must be");
    assert_refused(HEAD "ALTAIR_FORK_EPOCH: 5\n", "line 4: a fork with an epoch but without");
    assert_refused(HEAD "BELLATRIX_FORK_VERSION: 0x02000001\nBELLATRIX_FORK_EPOCH: 5\n", "the one before it is not");
    assert_refused(HEAD "ALTAIR_FORK_VERSION: 0x01000001\nALTAIR_FORK_EPOCH: 6\n"
                        "BELLATRIX_FORK_VERSION: 0x02000001\nBELLATRIX_FORK_EPOCH: 5\n",
                   "line 7: a fork is scheduled before");
    assert_refused(HEAD "HEZE_FORK_EPOCH: 5\n", "line 4: schedules a fork that this version");
    assert_refused(HEAD "HEZE_FORK_EPOCH: never\n", "line 4: schedules a fork that this version");
    assert_refused(HEAD "ALTAI_FORK_EPOCH: 5\n", "line 4: schedules a fork that this version");
    assert_refused(HEAD "ALTAIRS_FORK_EPOCH: 5\n", "line 4: schedules a fork that this version");
    assert_refused(HEAD "altair_FORK_EPOCH: 5\n", "line 4: schedules a fork that this version");
    assert_refused(HEAD "OTHER: &a 5\nALTAIR_FORK_EPOCH: *a\n", "line 5: a value is missing or an alias");
    assert_refused(HEAD "ALTAIR_FORK_EPOCH: [5\nOTHER", "not YAML");
    assert_refused(HEAD "ALTAIR_FORK_EPOCH: '5", "not YAML");
    assert_refused(HEAD "'OTHER", "not YAML");
}

static void config__is_bounded_in_size_and_count(void **state)
{
    const size_t size = 300000;
    char *text = malloc(size + 1);

    (void)state;
    assert_non_null(text);
    memset(text, '#', size);
    text[size] = '\0';
    assert_refused(text, "larger");
    strcpy(text, "a: [");
    for (size_t i = 4; i < 100000; i += 2)
        memcpy(text + i, "1,", 3);
    assert_refused(text, "too many values");
    free(text);
}

/* ---- The identity ----------------------------------------------------------------------------------------------- */

static void text__is_readable(void **state)
{
    cask_network *network = load(FIXTURES "/eras/minimal/config.yaml");
    char *text = format(network);

    (void)state;
    assert_string_equal(text, "slotcask-network: 1\n"
                              "name: vectors\n"
                              "preset: minimal\n"
                              "genesis_validators_root: unknown\n"
                              "phase0: 0x00000a01 0\n"
                              "altair: 0x01000a01 16\n"
                              "bellatrix: 0x02000a01 28\n"
                              "capella: 0x03000a01 48\n"
                              "deneb: 0x04000a01 63\n"
                              "electra: 0x05000a01 80\n"
                              "fulu: 0x06000a01 100\n");
    free(text);
    cask_network_free(network);
}

static void text__comes_back_as_the_same_network(void **state)
{
    (void)state;
    for (const char *const *name = cask_network_names(); *name != NULL; name++) {
        cask_network *network = load(*name), *back;
        char *text = format(network), *again;

        assert_int_equal(parse(&back, text), CASK_OK);
        again = format(back);
        assert_string_equal(again, text);
        assert_true(era_network_same(network, back));
        if (strcmp(*name, "mainnet") == 0)
            assert_non_null(strstr(text, mainnet_root));
        free(text);
        free(again);
        cask_network_free(network);
        cask_network_free(back);
    }
}

static void text__of_every_length_but_the_whole_is_refused(void **state)
{
    cask_network *network = load("mainnet"), *back;
    char *text = format(network);
    size_t size = strlen(text), accepted = 0;

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        bool whole_lines = cut > 0 && text[cut - 1] == '\n' && strstr(text, "altair") <= text + cut;
        int code = cask_network_parse(&back, text, cut);

        /* Without its last lines the text is that of a shorter schedule. */
        assert_true(code == (whole_lines ? CASK_OK : CASK_E_INVALID) || (code == CASK_E_UNSUPPORTED && cut < 20));
        accepted += code == CASK_OK;
        cask_network_free(back);
    }
    assert_int_equal(accepted, 6);
    free(text);
    cask_network_free(network);
}

#define TEXT "slotcask-network: 1\nname: x\npreset: minimal\ngenesis_validators_root: unknown\n"

static void assert_text_refused(const char *text)
{
    cask_network *network;

    if (parse(&network, text) != CASK_E_INVALID)
        fail_msg("accepted: %s", text);
    assert_null(network);
}

static void text__is_parsed_strictly(void **state)
{
    cask_network *network;

    (void)state;
    assert_int_equal(parse(&network, TEXT "phase0: 0x00000001 0\n"), CASK_OK);
    cask_network_free(network);
    assert_text_refused("");
    assert_text_refused("hello");
    assert_text_refused(TEXT);
    assert_text_refused(TEXT "phase0: 0x00000001 0");
    assert_text_refused(TEXT "phase0: 0x00000001 0\n\n");
    assert_text_refused(TEXT "phase0: 0x00000001 0 \n");
    assert_text_refused(TEXT "phase0: 0x00000001  0\n");
    assert_text_refused(TEXT "phase0: 0x00000001 00\n");
    assert_text_refused(TEXT "phase0: 0x0000000A 0\n");
    assert_text_refused(TEXT "phase0: 0x00000001 1\n");
    assert_text_refused(TEXT "altair: 0x00000001 0\n");
    assert_text_refused(TEXT "phase0: 0x00000001 0\nbellatrix: 0x00000002 0\n");
    assert_text_refused(TEXT "phase0: 0x00000001 0\naltair: 0x00000002 " FAR "\n");
    assert_text_refused(TEXT "phase0: 0x00000001 0\naltair: 0x00000002 9\nbellatrix: 0x00000003 8\n");
    assert_text_refused(TEXT "phase0: 0x00000001 0\nother: 1\n");
    assert_text_refused("slotcask-network: 1\nname: x y\npreset: minimal\ngenesis_validators_root: unknown\n"
                        "phase0: 0x00000001 0\n");
    assert_text_refused("slotcask-network: 1\nname: x\npreset: tiny\ngenesis_validators_root: unknown\n"
                        "phase0: 0x00000001 0\n");
    assert_text_refused("slotcask-network: 1\nname: x\npreset: minimal\ngenesis_validators_root: 0x00\n"
                        "phase0: 0x00000001 0\n");
    assert_int_equal(cask_network_parse(&network, TEXT "phase0: 0x00000001 0\n\0", sizeof(TEXT) + 21), CASK_E_INVALID);
}

static void text__of_a_later_version_is_unsupported(void **state)
{
    cask_network *network;

    (void)state;
    assert_int_equal(parse(&network, "slotcask-network: 2\nwhatever\n"), CASK_E_UNSUPPORTED);
    assert_int_equal(parse(&network, "slotcask-network: 10\nname: x\n"), CASK_E_UNSUPPORTED);
}

/* ---- The same or not -------------------------------------------------------------------------------------------- */

static void same__takes_an_unknown_root_for_any(void **state)
{
    cask_network *with = load("mainnet"), *without = load(FIXTURES "/eras/genesis/mainnet-config.yaml");
    const uint8_t other[32] = { 1 };

    (void)state;
    assert_true(era_network_same(with, without));
    assert_true(era_network_same(without, with));
    era_network_set_genesis_validators_root(without, other);
    assert_false(era_network_same(with, without));
    cask_network_free(with);
    cask_network_free(without);
}

static void same__lets_a_schedule_grow_at_its_end_only(void **state)
{
    cask_network *network = load("mainnet"), *other;

    (void)state;
    assert_int_equal(era_network_copy(&other, network), CASK_OK);
    other->fork_count--;
    assert_true(era_network_same(network, other));
    assert_true(era_network_same(other, network));
    other->forks[3].epoch++;
    assert_false(era_network_same(network, other));
    other->forks[3].epoch--;
    other->forks[0].version[3] = 1;
    assert_false(era_network_same(network, other));
    cask_network_free(network);
    cask_network_free(other);
}

static void same__needs_name_and_preset(void **state)
{
    cask_network *network = load("gnosis"), *other;

    (void)state;
    assert_int_equal(era_network_copy(&other, network), CASK_OK);
    other->preset = era_preset_find("mainnet");
    assert_false(era_network_same(network, other));
    other->preset = network->preset;
    strcpy(other->name, "gnosis2");
    assert_false(era_network_same(network, other));
    cask_network_free(network);
    cask_network_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load__knows_every_name),
        cmocka_unit_test(load__refuses_unknown_names),
        cmocka_unit_test(preset__has_the_lengths_of_eras_and_epochs),
        cmocka_unit_test(fork_at__follows_the_schedule),
        cmocka_unit_test(config__of_the_vectors_is_read),
        cmocka_unit_test(config__of_mainnet_and_sepolia_is_the_built_in_network),
        cmocka_unit_test(config__skips_what_it_does_not_need),
        cmocka_unit_test(config__refuses_what_is_no_configuration),
        cmocka_unit_test(config__refuses_values_that_cannot_be_right),
        cmocka_unit_test(config__is_bounded_in_size_and_count),
        cmocka_unit_test(text__is_readable),
        cmocka_unit_test(text__comes_back_as_the_same_network),
        cmocka_unit_test(text__of_every_length_but_the_whole_is_refused),
        cmocka_unit_test(text__is_parsed_strictly),
        cmocka_unit_test(text__of_a_later_version_is_unsupported),
        cmocka_unit_test(same__takes_an_unknown_root_for_any),
        cmocka_unit_test(same__lets_a_schedule_grow_at_its_end_only),
        cmocka_unit_test(same__needs_name_and_preset),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
