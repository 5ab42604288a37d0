/* tiny-dump COLUMN: for each record of the column in that folder a line "slot size crc32c", by the tiny reader. */
#include "tiny_reader.h"

#include <inttypes.h>
#include <stdio.h>

static void print_record(uint64_t slot, const uint8_t *value, size_t size, void *payload)
{
    (void)payload;
    printf("%" PRIu64 " %zu %08" PRIx32 "\n", slot, size, tiny_crc32c(0, value, size));
}

int main(int argc, char **argv)
{
    tiny_column column;
    if (argc != 2) {
        fprintf(stderr, "usage: tiny-dump COLUMN\n");
        return 2;
    }
    tiny_result result = tiny_read(&column, argv[1], print_record, NULL);
    if (result != TINY_OK)
        fprintf(stderr, "tiny-dump: %s: %s (%" PRIu64 ")\n", argv[1], column.why, column.where);
    return result == TINY_OK ? 0 : 1;
}
