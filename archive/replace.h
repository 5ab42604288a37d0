/* Putting a new data file and table in the place of those that there are: compaction and rebuilding. Format 4. */
#ifndef CASK_REPLACE_H
#define CASK_REPLACE_H

#include "archive_internal.h"
#include "codec.h"

#define CASK_REPLACEMENT_NAME "replacement"

typedef struct cask_replacement {
    cask_column *column;
    uint64_t file_id;
    cask_view *view; /* what the file is to be; the caller sets codec, tombstones, value_bytes; all, with keeps_data */
    cask_handle handle;
    cask_buf buffer;
    uint8_t record_type[2];
    bool keeps_data;    /* only the table is new */
    bool old_seal_lost; /* there is no seal that the digest could be rid of, and */
    bool digest_known;  /* the digest of the other files is this */
    uint64_t digest;
    bool done;
} cask_replacement;

/* Begin; what an earlier one left behind is deleted. On an error too, end it. */
int cask_replacement_begin(cask_replacement *r, cask_column *column, uint64_t file_id);
/* Append a record; in slot order, if the file is to be in slot order. */
int cask_replacement_add(cask_replacement *r, uint64_t slot, const void *payload, uint32_t length, uint32_t crc);
/* Read the data back, make it durable, write the table and put both in place. An error before the intent leaves all as
 * it was; after it the column is poisoned. */
int cask_replacement_commit(cask_replacement *r);
/* Free; what was not committed is deleted. */
void cask_replacement_end(cask_replacement *r);

#endif
