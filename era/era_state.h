/*
 * The state of a group, decoded piece by piece: of the hundreds of megabytes that it has on a large network only what
 * is asked for is kept.
 */
#ifndef CASK_ERA_STATE_H
#define CASK_ERA_STATE_H

#include "../archive/error.h"
#include "beacon.h"
#include "era_file.h"

typedef struct era_state {
    uint64_t size;      /* of the whole state, decoded; 0 after era_state_read_roots() */
    cask_buf head;      /* its beginning: at least BEACON_STATE_ROOTS_SIZE(slots_per_era) bytes, in the genesis group
                           BEACON_STATE_HEAD_SIZE; see beacon.h for what is in it. All of it after
                           era_state_read_whole() */
    bool has_era_root;  /* the state knows the root of its own era, as in the name of an era file */
    uint8_t era_root[32];
} era_state;

#define ERA_STATE_INIT { 0, CASK_BUF_INIT, false, { 0 } }

/* Decode all of it, which checks every frame. `state` may have been used before.
 * Errors: CORRUPT ("snappy", "ssz-malformed"), IO, NOMEM. */
int era_state_read(era_state *state, const cask_era *era, size_t group);

/* The same, keeping all of it. */
int era_state_read_whole(era_state *state, const cask_era *era, size_t group);

/* Fill in has_era_root and era_root of a state that is all in state->head. Errors: CORRUPT ("ssz-malformed"). */
int era_state_find_era_root(era_state *state, uint64_t era, uint64_t slots, cask_place place);

/* Decode no more than state->head; has_era_root is false. */
int era_state_read_roots(era_state *state, const cask_era *era, size_t group);

/* The largest state that is taken for one, decoded. */
#define ERA_STATE_MAX (UINT64_C(2) << 30)

void era_state_dispose(era_state *state);

#endif
