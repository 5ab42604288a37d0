/*
 * What a column is to hold, as a model knows it: a few places in a few files, each without a record, pruned, or with
 * one of a few values. And the comparison of a handle with it.
 */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include "store.h"

enum { MODEL_FILES = 10, FILE_PLACES = 16, PLACES = MODEL_FILES * FILE_PLACES };

/* What is at a place; from FIRST_VALUE on a value, of which each place has VALUES. */
enum { ABSENT, PRUNED, FIRST_VALUE, VALUES = 6 };

typedef struct state {
    uint64_t seed;       /* of the values */
    uint64_t first_file; /* of the model; that of the column is: */
    uint64_t oldest;     /* file id, as long as the column is not empty; known of format 4 */
    uint64_t highest;    /* slot, CASK_NO_SLOT: empty */
    uint32_t version;
    bool backfill;    /* allowed */
    bool ever_pruned; /* since it is of format 4: format 3 does not have it */
    uint8_t at[PLACES];
} state;

uint64_t place_slot(const state *s, size_t place);
/* The number of places below `slot`. */
size_t places_below(const state *s, uint64_t slot);
bool state_is_empty(const state *s);
uint64_t state_current(const state *s);

/* The value that `what` is at a place: some are empty, some large, some nothing but zeros. Borrowed until the next. */
const uint8_t *place_value(const state *s, size_t place, uint8_t what, size_t *size_out);

/* The one place that has this value now; PLACES: there are more, or none. */
size_t place_of_value(const state *s, const void *value, size_t size);

bool place_is_unique(const state *s, size_t place);

/* What the model says of a handle that is not so: NULL, or text that is valid until the next call. */
const char *place_differs(cask_column *column, const state *s, size_t place);
/* What get and contains say of each place. */
const char *places_differ(cask_column *column, const state *s);
/* All there is to see: places, iteration, statistics, coverage, and what verification finds. */
const char *column_differs(cask_column *column, const state *s);

#endif
