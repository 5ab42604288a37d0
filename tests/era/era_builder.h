/* Era files made record by record, right or wrong, in a folder of the test's own. */
#ifndef ERA_BUILDER_H
#define ERA_BUILDER_H

#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "../archive/error.h"
#include "e2store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS 64u /* per era, as in the minimal preset */

/* Tests run inside a new folder; use as setup and teardown of a group. */
static inline int enter_folder(void **state)
{
    char *folder = strdup("era-test-XXXXXX");

    *state = folder;
    return folder == NULL || mkdtemp(folder) == NULL || chdir(folder) != 0 ? -1 : 0;
}

static inline int unlink_entry(const char *name, void *payload)
{
    (void)payload;
    return unlink(name);
}

static inline int leave_folder(void **state)
{
    int result = cask_vfs_posix()->list(NULL, ".", unlink_entry, NULL);

    if (result == 0 && (chdir("..") != 0 || rmdir(*state) != 0))
        result = -1;
    free(*state);
    return result;
}

typedef struct builder {
    const char *path;
    cask_handle handle;
    e2_writer writer;
    uint64_t slots[SLOTS]; /* offsets of the block records of the group, by slot */
    uint64_t state;        /* likewise of its state */
    uint64_t block_index;
    uint64_t state_index;
} builder;

static inline void build(builder *b, const char *path)
{
    memset(b, 0, sizeof(*b));
    b->path = path;
    assert_int_equal(cask_handle_open(&b->handle, cask_vfs_posix(), path, CASK_OPEN_TRUNCATE), CASK_OK);
    b->writer = (e2_writer){ &b->handle, path, 0 };
}

static inline void build_end(builder *b)
{
    cask_handle_close(&b->handle);
}

static inline void put_record(builder *b, uint16_t type, const void *payload, size_t size)
{
    assert_int_equal(e2_write_record(&b->writer, (enum e2_type)type, payload, size), CASK_OK);
}

static inline void put_version(builder *b)
{
    memset(b->slots, 0, sizeof(b->slots));
    assert_int_equal(e2_write_version(&b->writer), CASK_OK);
}

static inline void put_block_bytes(builder *b, uint64_t slot, const cask_buf *stored)
{
    b->slots[slot % SLOTS] = b->writer.offset;
    put_record(b, E2_BLOCK, stored->data, stored->size);
}

static inline void put_state_bytes(builder *b, const cask_buf *stored)
{
    b->state = b->writer.offset;
    put_record(b, E2_STATE, stored->data, stored->size);
}

/* Structure does not depend on payloads: these are not even frames. */
static inline void put_block(builder *b, uint64_t slot)
{
    put_block_bytes(b, slot, &(cask_buf){ (uint8_t[]){ 1, 2, 3 }, 3, 3 });
}

static inline void put_state(builder *b)
{
    put_state_bytes(b, &(cask_buf){ (uint8_t[]){ 4, 5, 6, 7, 8 }, 5, 5 });
}

static inline void put_other(builder *b)
{
    put_record(b, 0x1234, "an unknown record", 17);
}

static inline void put_block_index(builder *b, uint64_t start_slot)
{
    b->block_index = b->writer.offset;
    assert_int_equal(e2_write_index(&b->writer, start_slot, b->slots, SLOTS), CASK_OK);
}

static inline void put_state_index(builder *b, uint64_t slot)
{
    b->state_index = b->writer.offset;
    assert_int_equal(e2_write_index(&b->writer, slot, &b->state, 1), CASK_OK);
}

/* The group of an era, with blocks in its first and fifth slot. */
static inline void put_group(builder *b, uint64_t era)
{
    put_version(b);
    if (era > 0) {
        put_block(b, (era - 1) * SLOTS);
        put_block(b, (era - 1) * SLOTS + 4);
    }
    put_state(b);
    if (era > 0)
        put_block_index(b, (era - 1) * SLOTS);
    put_state_index(b, era * SLOTS);
}

static inline void poke64(builder *b, uint64_t offset, uint64_t value)
{
    uint8_t bytes[8];

    cask_store64(bytes, value);
    assert_int_equal(cask_write_all(&b->handle, b->path, bytes, sizeof(bytes), offset), CASK_OK);
}

static inline void poke8(builder *b, uint64_t offset, uint8_t value)
{
    assert_int_equal(cask_write_all(&b->handle, b->path, &value, 1, offset), CASK_OK);
}

/* Place in the file of the offset that an index has for an entry. */
static inline uint64_t entry_at(uint64_t index, uint64_t entry)
{
    return index + E2_HEADER_SIZE + E2_INDEX_ENTRY(entry);
}

#endif
