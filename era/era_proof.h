/* A chain of eras: how they are linked, and what a trusted root proves of them. */
#ifndef CASK_ERA_PROOF_H
#define CASK_ERA_PROOF_H

#include "era_check.h"

/*
 * Hold eras of one network against each other and against the trusted root, and report what is wrong and what is
 * unproven. `records` is sorted by era; an era may be there twice. *from_out and *to_out: as in cask_verify_result.
 * Returns what the report function returns, if not 0. Errors: INVALID (trusted slot outside the newest era), NOMEM.
 */
int era_prove(uint64_t *from_out, uint64_t *to_out, era_record *records, size_t count, const era_rules *rules);

#endif
