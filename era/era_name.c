#include "era_name.h"

#include "../archive/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ERA_DIGITS = 5, ROOT_DIGITS = 8 };

static const char suffix[] = ".era";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* -1: not a lower-case hexadecimal digit. */
static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_root(uint8_t root[4], const char *text)
{
    for (size_t i = 0; i < 4; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

        if (low < 0)
            return false;
        root[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Five digits, zero-filled; more only where they are needed. */
static bool parse_era(uint64_t *era_out, const char *text, size_t size)
{
    uint64_t era = 0;

    if (size < ERA_DIGITS || (size > ERA_DIGITS && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!is_digit(text[i]) || __builtin_mul_overflow(era, 10u, &era) ||
            __builtin_add_overflow(era, (uint64_t)(text[i] - '0'), &era))
            return false;
    }
    *era_out = era;
    return true;
}

/* Where the part before `end` begins that has no hyphen in it; `text` if it has none. */
static const char *part_before(const char *text, const char *end)
{
    while (end > text && end[-1] != '-')
        end--;
    return end;
}

/* The word for the part that is wrong; NULL: none is. Without a hyphen nothing tells the parts apart. */
static const char *parse(cask_era_name *name, const char *text, const char *end)
{
    const char *root = part_before(text, end), *era;
    size_t config_size;

    if (root == text)
        return "name-config";
    if (end - root != ROOT_DIGITS || !parse_root(name->short_root, root))
        return "name-root";
    era = part_before(text, root - 1);
    if (era == text)
        return "name-config";
    if (!parse_era(&name->era, era, (size_t)(root - 1 - era)))
        return "name-era";
    config_size = (size_t)(era - 1 - text);
    if (config_size == 0 || config_size >= sizeof(name->config_name))
        return "name-config";
    memcpy(name->config_name, text, config_size);
    return NULL;
}

/* The last component of a path, and where its suffix begins; NULL: it has another suffix. */
static const char *find_suffix(const char **text_out, const char *path)
{
    const char *slash = strrchr(path, '/'), *text = slash == NULL ? path : slash + 1;
    size_t size = strlen(text), suffix_size = sizeof(suffix) - 1;

    *text_out = text;
    if (size < suffix_size || strcmp(text + size - suffix_size, suffix) != 0)
        return NULL;
    return text + size - suffix_size;
}

int cask_era_name_parse(cask_era_name *name_out, const char *path)
{
    const char *text, *end = find_suffix(&text, path);
    const char *word = "";

    memset(name_out, 0, sizeof(*name_out));
    if (end != NULL)
        word = parse(name_out, text, end);
    if (word == NULL)
        return CASK_OK;
    return cask_fail_word(CASK_E_INVALID, word, CASK_IN_FILE(path),
                          "not the name of an era file; it must be CONFIG_NAME-EEEEE-SSSSSSSS.era, as in "
                          "mainnet-00001-40cf2f3c.era");
}

void era_name_format(char out[ERA_NAME_SIZE], const cask_era_name *name)
{
    const uint8_t *root = name->short_root;

    snprintf(out, ERA_NAME_SIZE, "%.*s-%05" PRIu64 "-%02x%02x%02x%02x%s", (int)sizeof(name->config_name) - 1,
             name->config_name, name->era, root[0], root[1], root[2], root[3], suffix);
}
