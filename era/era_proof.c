#include "era_proof.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is proven of an era. */
typedef struct proof {
    bool state;  /* its state */
    bool roots;  /* block_roots and state_roots in it */
    bool chain;  /* its blocks, by the parents named in blocks above */
    bool blocks; /* its blocks, one way or the other */
} proof;

typedef struct chain {
    era_record *records;
    size_t count;
    const era_rules *rules;
    proof *proofs;
} chain;

static cask_place state_place(const era_record *record)
{
    return CASK_AT_SLOT(record->path, record->state_offset, record->state_slot);
}

static bool same_root(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, SSZ_ROOT_SIZE) == 0;
}

/* A record of the next era, or with `step` -1 of the era before; NULL: not at hand. */
static const era_record *find_beside(const chain *c, size_t index, int step)
{
    const uint64_t era = c->records[index].era + (uint64_t)(int64_t)step;

    for (size_t i = index + (size_t)step; i < c->count; i += (size_t)step) {
        if (c->records[i].rooted && c->records[i].era == era)
            return &c->records[i];
    }
    return NULL;
}

/* ---- Links -------------------------------------------------------------------------------------------------- */

static int check_pair(era_record *record, era_record *earlier, const era_rules *rules)
{
    if (!record->rooted || !earlier->rooted || earlier->era >= record->era)
        return CASK_OK;
    if (earlier->era + 1 == record->era)
        CASK_TRY(era_check_link(record, earlier, rules));
    return earlier->era == 0 || record->state_pruned ? CASK_OK : era_check_history(record, earlier, rules);
}

static int check_links(const chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        for (size_t j = 0; j < i; j++)
            CASK_TRY(check_pair(&c->records[i], &c->records[j], c->rules));
    }
    return CASK_OK;
}

/* What config.yaml does not have: that of the first state in which nothing is wrong is held against the others. */
static int check_genesis_roots(const chain *c)
{
    const era_record *first = NULL;

    for (size_t i = 0; i < c->count; i++) {
        era_record *record = &c->records[i];

        if (!record->rooted || record->state_pruned || record->findings > 0)
            continue;
        if (first == NULL)
            first = record;
        CASK_TRY(era_check_genesis_root(record, first, c->rules));
    }
    return CASK_OK;
}

/* ---- The trusted root --------------------------------------------------------------------------------------- */

static int check_anchor(const chain *c, era_record *newest)
{
    const era_finding finding = { "state-root", newest->era, state_place(newest), c->rules->trusted_root,
                                  newest->state_root };

    if (!newest->rooted || newest->state_pruned || newest->anchor != ERA_ANCHOR_NONE)
        return CASK_OK;
    newest->findings++;
    return era_flag(c->rules, &finding,
                    "the trusted root is not that of the newest state, nor among the roots of blocks and states in it; "
                    "one of the two is of another chain");
}

static int check_anchors(const chain *c)
{
    const era_record *newest = &c->records[c->count - 1];
    const uint64_t slot = c->rules->trusted_slot;

    if (c->rules->trusted_root == NULL)
        return CASK_OK;
    if (slot != CASK_NO_SLOT && (slot < newest->start_slot || slot > newest->state_slot))
        return cask_fail(CASK_E_INVALID, CASK_AT_SLOT(newest->path, CASK_NO_OFFSET, slot),
                         "the trusted root is of a slot outside the newest era, %" PRIu64 "; give one of its slots",
                         newest->era);
    for (size_t i = c->count; i-- > 0 && c->records[i].era == newest->era;)
        CASK_TRY(check_anchor(c, &c->records[i]));
    return CASK_OK;
}

/* ---- What is proven ------------------------------------------------------------------------------------------ */

/* Of the newest era, by what the trusted root is in it. */
static void prove_newest(const era_record *record, proof *p)
{
    p->state = record->anchor == ERA_ANCHOR_STATE;
    p->roots = p->state;
    p->chain = record->anchor == ERA_ANCHOR_BLOCK && record->pruned == 0;
}

/* By a later state that is proven, and has the root of the era. What it has was compared before. */
static bool proven_by_history(const chain *c, size_t index)
{
    for (size_t i = index + 1; i < c->count; i++) {
        if (c->proofs[i].state && !c->records[i].state_pruned && c->records[i].era > c->records[index].era &&
            c->records[index].era > 0 && c->records[i].findings == 0)
            return true;
    }
    return false;
}

/* Of an era before the newest, by the one after it. */
static void prove_next(const chain *c, size_t index, proof *p)
{
    const era_record *record = &c->records[index], *next = find_beside(c, index, 1);
    const proof *above = next == NULL ? NULL : &c->proofs[next - c->records];

    if (next != NULL) {
        p->state = (above->roots && same_root(next->before_root, record->state_root)) ||
                   (above->chain && next->first_block && same_root(next->first_state_root, record->state_root)) ||
                   (next->anchor == ERA_ANCHOR_STATE_ENTRY && next->anchor_slot == record->state_slot &&
                    same_root(next->before_root, record->state_root));
        p->chain = above->blocks && above->chain && record->pruned == 0; /* a pruned block names no parent */
    }
    p->roots = p->state || proven_by_history(c, index);
    if (record->state_pruned) /* nothing is to be proven of it */
        p->state = p->roots || p->chain;
}

static void prove_all(const chain *c)
{
    const uint64_t newest = c->records[c->count - 1].era;

    for (size_t i = c->count; i-- > 0;) {
        const era_record *record = &c->records[i];
        proof *p = &c->proofs[i];

        if (!record->rooted || c->rules->trusted_root == NULL)
            continue;
        if (record->era == newest)
            prove_newest(record, p);
        else
            prove_next(c, i, p);
        p->blocks = record->findings == 0 && (p->roots || p->chain);
    }
}

/* ---- What is not --------------------------------------------------------------------------------------------- */

/* Whether it is known if there is a block in the first slot. */
static bool first_slot_known(const chain *c, size_t index)
{
    const era_record *record = &c->records[index];

    return record->era == 0 || record->first_block || record->first_pruned || find_beside(c, index, -1) != NULL;
}

static bool same_lack(const proof *a, const proof *b)
{
    return a->blocks == b->blocks && a->state == b->state;
}

static int report_era(const chain *c, size_t index)
{
    const era_record *record = &c->records[index];
    const proof *p = &c->proofs[index];
    const era_rules *rules = c->rules;
    const era_record *next;

    if (!record->rooted && (record->state_pruned || index + 1 < c->count))
        return CASK_OK; /* said before, or of the newest */
    if (!record->rooted)
        return era_flag_unproven(rules, record->era, state_place(record),
                                 "no roots were compared: the network is not known; give --network");
    if (!first_slot_known(c, index))
        CASK_TRY(era_flag_unproven(rules, record->era,
                                   CASK_AT_SLOT(record->blocks_path, CASK_NO_OFFSET, record->start_slot),
                                   "only the era before tells whether the first slot is empty; give that too"));
    next = find_beside(c, index, 1);
    if (next != NULL && (rules->trusted_root == NULL || same_lack(p, &c->proofs[next - c->records])))
        return CASK_OK; /* said of a later era */
    if (rules->trusted_root == NULL)
        return era_flag_unproven(rules, record->era, state_place(record),
                                 "the state, and with it all before it, agrees only with itself; give a trusted root, "
                                 "or the era after it");
    if (!p->blocks)
        return era_flag_unproven(rules, record->era, state_place(record),
                                 "the trusted root proves neither blocks nor states here, and in the eras before that "
                                 "are linked; give the root of the newest state, and all eras between");
    if (!p->state)
        return era_flag_unproven(rules, record->era, state_place(record),
                                 "the trusted root proves blocks, but not the state; give the root of a later state");
    return CASK_OK;
}

static int report_unproven(const chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->records[i].findings == 0)
            CASK_TRY(report_era(c, i));
    }
    return CASK_OK;
}

/* How far back from the newest era all blocks are proven. */
static void measure(uint64_t *from_out, uint64_t *to_out, const chain *c)
{
    const era_record *newest = &c->records[c->count - 1];
    uint64_t era = newest->era + 1;

    for (size_t i = c->count; i-- > 0;) {
        const era_record *record = &c->records[i];

        if (record->era == era && i + 1 < c->count)
            continue; /* another one of the same era */
        if (!c->proofs[i].blocks || record->era + 1 != era)
            break;
        if (*to_out == CASK_NO_SLOT)
            *to_out = record->anchor == ERA_ANCHOR_BLOCK ? record->anchor_slot : record->state_slot;
        *from_out = record->start_slot + !first_slot_known(c, i);
        era = record->era;
    }
}

int era_prove(uint64_t *from_out, uint64_t *to_out, era_record *records, size_t count, const era_rules *rules)
{
    chain c = { records, count, rules, NULL };
    int code;

    *from_out = CASK_NO_SLOT;
    *to_out = CASK_NO_SLOT;
    if (count == 0 || rules->level < CASK_VERIFY_ROOTS)
        return CASK_OK;
    c.proofs = calloc(count, sizeof(*c.proofs));
    if (c.proofs == NULL)
        return cask_fail_nomem();
    code = check_links(&c);
    if (code == CASK_OK)
        code = check_genesis_roots(&c);
    if (code == CASK_OK)
        code = check_anchors(&c);
    if (code == CASK_OK) {
        prove_all(&c);
        code = report_unproven(&c);
        measure(from_out, to_out, &c);
    }
    free(c.proofs);
    return code;
}
