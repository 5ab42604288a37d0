/* The walk over the records of an e2store file. */
#include "e2store.h"
#include "fuzz.h"

static const char path[] = "/records";

static int count_record(const cask_era_record *record, void *payload)
{
    size_t *count = payload;

    (void)record;
    ++*count;
    return 0;
}

/* The records up to the first thing wrong with one; *code_out says which. Goes on behind it where that makes sense. */
static size_t walk(const cask_handle *handle, size_t size, int *code_out)
{
    e2_reader reader;
    cask_era_record record;
    uint64_t end = 0;
    size_t count = 0;
    bool clean = true;

    FUZZ_CHECK(e2_reader_init(&reader, handle, path) == CASK_OK);
    for (;;) {
        int code = e2_reader_next(&record, &reader);

        if (clean)
            *code_out = code;
        FUZZ_CHECK(reader.offset >= end && reader.offset <= size);
        if (code == CASK_OK) {
            FUZZ_CHECK(record.offset >= end && e2_end(&record) == record.offset + E2_HEADER_SIZE + record.size);
            FUZZ_CHECK(e2_end(&record) == reader.offset);
            count += clean;
        } else {
            FUZZ_CHECK(code == CASK_E_NOTFOUND || code == CASK_E_CORRUPT);
            clean = false;
            if (code == CASK_E_NOTFOUND || strcmp(cask_error_last()->word, "reserved-bytes") != 0)
                return count;
        }
        end = reader.offset;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_disk *disk = fuzz_disk(path, data, size);
    const cask_vfs *vfs = memory_disk_vfs(disk);
    cask_handle handle;
    size_t count = 0, expected;
    int code, expected_code;

    fuzz_memory_begin();
    FUZZ_CHECK(cask_handle_open(&handle, vfs, path, CASK_OPEN_READ) == CASK_OK);
    expected = walk(&handle, size, &expected_code);
    cask_handle_close(&handle);
    code = cask_era_walk(path, vfs, count_record, &count);
    fuzz_memory_end(16384);

    FUZZ_CHECK(count == expected);
    FUZZ_CHECK(code == (expected_code == CASK_E_NOTFOUND ? CASK_OK : expected_code));
    memory_disk_free(disk);
    return 0;
}
