/* archive.conf: as it is, and with its checksum set right. */
#include "codec.h"
#include "fuzz.h"

#include <stdio.h>

static const char path[] = "/archive/archive.conf";

enum { LAST_LINE_SIZE = 17 };

static int open_archive(const cask_vfs *vfs, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    const char *text;
    size_t size;
    int code;

    options.read_only = read_only;
    options.vfs = vfs;
    code = cask_archive_open(&archive, "/archive", &options);
    if (code != CASK_OK)
        return code;
    code = cask_archive_identity(&text, &size, archive);
    FUZZ_CHECK(code == CASK_OK && text[size] == '\0');
    if (!read_only && memchr(text, '\0', size) == NULL) {
        FUZZ_CHECK(size > 60000 || cask_archive_set_identity(archive, text, size) == CASK_OK);
        FUZZ_CHECK(cask_archive_set_identity(archive, "another", size == 7 ? 6 : 7) == CASK_E_CONFLICT);
    }
    cask_archive_close(archive);
    return CASK_OK;
}

static int check(const uint8_t *data, size_t size)
{
    memory_disk *disk = memory_disk_new();
    const cask_vfs *vfs = memory_disk_vfs(disk);
    int code, again;

    FUZZ_CHECK(vfs->make_folder(vfs->context, "/archive") == 0);
    fuzz_write(vfs, path, data, size);
    fuzz_memory_begin();
    code = open_archive(vfs, true);
    again = open_archive(vfs, false);
    fuzz_memory_end(4 * size + 65536);
    FUZZ_CHECK(code == again && (code == CASK_OK || code == CASK_E_CORRUPT || code == CASK_E_UNSUPPORTED));
    memory_disk_free(disk);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[LAST_LINE_SIZE + 1];
    uint8_t *repaired;

    check(data, size);
    if (size < LAST_LINE_SIZE)
        return 0;
    repaired = malloc(size);
    memcpy(repaired, data, size);
    snprintf(line, sizeof(line), "crc32c: %08x\n", cask_crc32c(0, data, size - LAST_LINE_SIZE));
    memcpy(repaired + size - LAST_LINE_SIZE, line, LAST_LINE_SIZE);
    check(repaired, size);
    free(repaired);
    return 0;
}
