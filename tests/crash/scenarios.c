/* Every way of writing a column, in formats 3 and 4. */
#include "columns.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SLOTS(...) (const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)
#define CREATE                                                                                                         \
    {                                                                                                                  \
        COLUMN_CREATE, NULL, 0                                                                                         \
    }
#define PUT(...)                                                                                                       \
    {                                                                                                                  \
        COLUMN_PUT, SLOTS(__VA_ARGS__)                                                                                 \
    }
#define ABANDON(...)                                                                                                   \
    {                                                                                                                  \
        COLUMN_ABANDON, SLOTS(__VA_ARGS__)                                                                             \
    }
#define KILL(...)                                                                                                      \
    {                                                                                                                  \
        COLUMN_KILL, SLOTS(__VA_ARGS__)                                                                                \
    }
#define REOPEN                                                                                                         \
    {                                                                                                                  \
        COLUMN_REOPEN, NULL, 0                                                                                         \
    }
#define BACKFILL                                                                                                       \
    {                                                                                                                  \
        COLUMN_BACKFILL, NULL, 0                                                                                       \
    }
#define PRUNE(first, last)                                                                                             \
    {                                                                                                                  \
        COLUMN_PRUNE, SLOTS(first, last)                                                                               \
    }
#define FORGET(first, last)                                                                                            \
    {                                                                                                                  \
        COLUMN_FORGET, SLOTS(first, last)                                                                              \
    }
#define LOSE(...)                                                                                                      \
    {                                                                                                                  \
        COLUMN_LOSE, SLOTS(__VA_ARGS__)                                                                                \
    }
#define LOSE_LIST                                                                                                      \
    {                                                                                                                  \
        COLUMN_LOSE_LIST, NULL, 0                                                                                      \
    }
#define DAMAGE(slot)                                                                                                   \
    {                                                                                                                  \
        COLUMN_DAMAGE, SLOTS(slot)                                                                                     \
    }
#define COMPACT(...)                                                                                                   \
    {                                                                                                                  \
        COLUMN_COMPACT, SLOTS(__VA_ARGS__)                                                                             \
    }
#define UPGRADE(version)                                                                                               \
    {                                                                                                                  \
        COLUMN_UPGRADE, SLOTS(version)                                                                                 \
    }
#define IDENTITY                                                                                                       \
    {                                                                                                                  \
        COLUMN_IDENTITY, NULL, 0                                                                                       \
    }
/* The slot `index` of a file. */
#define AT(file, index) ((file)*8192 + (index))

static const column_step create[] = { CREATE, REOPEN, PUT(3) };
static const column_step put[] = { CREATE, PUT(3), PUT(4), PUT(6), PUT(17), REOPEN, PUT(20) };
static const column_step batch[] = { CREATE, PUT(3, 4), PUT(7, 17, 20, 27), PUT(99, 100, 107), PUT(108, 400) };
static const column_step across[] = { CREATE, PUT(AT(0, 3), AT(0, 17)), PUT(AT(0, 8191), AT(1, 0)),
                                      PUT(AT(1, 5), AT(2, 3)), PUT(AT(2, 4)) };
static const column_step skipping[] = { CREATE, PUT(3), PUT(AT(3, 1)), PUT(AT(3, 2), AT(6, 7), AT(6, 8)) };
static const column_step backfill_one[] = {
    CREATE,       PUT(AT(0, 1), AT(1, 0), AT(2, 0)), PUT(AT(0, 7), AT(0, 8)), PUT(AT(1, 5)), REOPEN, PUT(AT(0, 3)),
    PUT(AT(2, 5))
};
static const column_step backfill_several[] = { CREATE, PUT(AT(0, 1), AT(1, 0), AT(2, 0), AT(3, 0), AT(4, 0)),
                                                PUT(AT(0, 7), AT(1, 7), AT(2, 7)),
                                                PUT(AT(0, 8), AT(3, 8), AT(2, 9), AT(4, 9)), PUT(AT(4, 10)) };
static const column_step seal_oldest[] = { CREATE,
                                           PUT(AT(0, 1), AT(1, 0), AT(2, 0), AT(3, 0), AT(4, 0), AT(5, 0), AT(6, 0),
                                               AT(7, 0), AT(8, 0), AT(9, 0)),
                                           PUT(AT(0, 7), AT(1, 7), AT(2, 7), AT(3, 7)),
                                           PUT(AT(4, 8), AT(5, 9), AT(6, 9)),
                                           PUT(AT(7, 10), AT(8, 3)),
                                           PUT(AT(9, 4)) };
static const column_step below_first[] = { CREATE, PUT(AT(4, 0)), PUT(AT(2, 4), AT(2, 7)), PUT(AT(1, 3)),
                                           PUT(AT(4, 1)) };
/* To put a record again writes out what was held back. */
static const column_step abandoned[] = { CREATE,
                                         PUT(AT(0, 1), AT(1, 0)),
                                         ABANDON(AT(1, 1), AT(2, 9), AT(2, 9)),
                                         PUT(AT(1, 2)),
                                         ABANDON(AT(0, 2), AT(0, 7), AT(0, 2)),
                                         PUT(AT(1, 4)),
                                         ABANDON(AT(1, 207), AT(1, 207)),
                                         PUT(AT(2, 0)),
                                         ABANDON(AT(2, 7), AT(2, 7)),
                                         REOPEN,
                                         PUT(AT(2, 8), AT(3, 0)) };
/* The file that is healed is not the one that is written next. */
static const column_step killed[] = {
    CREATE,        PUT(AT(0, 1), AT(2, 0)), KILL(AT(1, 1), AT(1, 1)),           REOPEN,
    PUT(AT(0, 2)), PUT(AT(2, 1)),           KILL(AT(0, 3), AT(0, 3)),           REOPEN,
    PUT(AT(2, 2)), PUT(AT(1, 2)),           KILL(AT(2, 7), AT(3, 1), AT(3, 1)), REOPEN,
    PUT(AT(4, 0))
};
/* The abandoned batch makes a file that was skipped. */
static const column_step abandoned_gap[] = { CREATE,        PUT(AT(0, 1), AT(2, 0)), ABANDON(AT(1, 1), AT(1, 1)),
                                             PUT(AT(0, 2)), PUT(AT(1, 3)),           PUT(AT(2, 1)) };
/* Many sectors at once. */
static const column_step wide[] = { CREATE,
                                    PUT(7, 17, 27, 37, 47),
                                    PUT(57, 67, 77, 87),
                                    PUT(97, 107, 117, 127, 137, 147),
                                    PUT(157, AT(1, 7), AT(1, 17), AT(1, 27)),
                                    PUT(AT(1, 37), AT(1, 47), AT(1, 57), AT(2, 7)),
                                    PUT(AT(2, 17), AT(2, 27), AT(2, 37), AT(2, 47)),
                                    PUT(AT(2, 57), AT(2, 67), AT(2, 77), AT(2, 87), AT(2, 97)),
                                    PUT(AT(2, 107), AT(2, 117), AT(2, 127), AT(3, 7), AT(3, 17)),
                                    PUT(AT(3, 27), AT(3, 37), AT(3, 47), AT(3, 57)),
                                    PUT(AT(3, 67), AT(3, 77), AT(3, 87), AT(3, 97), AT(3, 107)),
                                    PUT(AT(3, 117), AT(3, 127), AT(3, 137), AT(5, 7), AT(5, 17)) };
static const column_step large[] = { CREATE, PUT(3), PUT(99, 100), PUT(101) };
static const column_step by_turns[] = { CREATE,        PUT(AT(0, 1), AT(1, 3)), PUT(AT(0, 2)), PUT(AT(1, 4), AT(2, 0)),
                                        PUT(AT(0, 3)), PUT(AT(2, 2)),           PUT(AT(1, 1)), PUT(AT(3, 1)) };
static const column_step two_to_three[] = { CREATE,       PUT(3, 9), PUT(AT(1, 0)), BACKFILL, PUT(AT(0, 4), AT(0, 7)),
                                            PUT(AT(1, 2)) };
static const column_step identity[] = { CREATE, IDENTITY, PUT(3), REOPEN, PUT(4) };

/* Of a sealed file some, then all; of the current one; of one that is listed; and filled again. */
static const column_step pruned[] = { CREATE,
                                      PUT(AT(0, 1), AT(0, 7), AT(0, 9), AT(1, 0), AT(1, 99), AT(2, 3), AT(2, 8)),
                                      PRUNE(AT(0, 2), AT(0, 8)),
                                      PRUNE(AT(1, 0), AT(1, 8191)),
                                      PRUNE(AT(2, 0), AT(2, 5)),
                                      PUT(AT(0, 12)),
                                      PRUNE(AT(0, 8), AT(0, 12)),
                                      FORGET(AT(0, 7), AT(0, 7)),
                                      FORGET(AT(1, 0), AT(1, 0)),
                                      PUT(AT(0, 7), AT(1, 1)),
                                      REOPEN,
                                      PUT(AT(2, 17), AT(3, 1)),
                                      PRUNE(AT(3, 0), AT(3, 1)),
                                      PUT(AT(4, 0)) };
/* All there is in the current file; it is then left, or filled again. */
static const column_step pruned_current[] = { CREATE,
                                              PUT(AT(0, 1), AT(1, 2), AT(1, 3)),
                                              PRUNE(AT(1, 0), AT(1, 3)),
                                              PUT(AT(1, 5)),
                                              PRUNE(AT(1, 5), AT(1, 5)),
                                              PUT(AT(2, 0)),
                                              PRUNE(AT(2, 0), AT(2, 0)),
                                              FORGET(AT(2, 0), AT(2, 0)),
                                              PUT(AT(2, 0)),
                                              PUT(AT(2, 1)) };
/* With a full list of open files. */
static const column_step pruned_full[] = { CREATE,
                                           PUT(AT(0, 1), AT(1, 0), AT(2, 0), AT(3, 0), AT(4, 0), AT(5, 0), AT(6, 0),
                                               AT(7, 0), AT(8, 0), AT(9, 0)),
                                           PUT(AT(0, 7), AT(1, 8), AT(2, 8), AT(3, 8), AT(4, 8), AT(5, 8), AT(6, 8)),
                                           PRUNE(AT(8, 0), AT(8, 9)),
                                           PRUNE(AT(3, 0), AT(3, 3)),
                                           PUT(AT(8, 1)) };
/* Out of order and with dead bytes; twice; to another codec; without a record left; filled afterwards. */
static const column_step compacted[] = { CREATE,
                                         PUT(AT(0, 9), AT(1, 0), AT(1, 1), AT(2, 3)),
                                         PUT(AT(0, 3)),
                                         COMPACT(0),
                                         PUT(AT(0, 7)),
                                         PRUNE(AT(0, 9), AT(0, 9)),
                                         COMPACT(0),
                                         COMPACT(1, 2),
                                         PUT(AT(1, 5)),
                                         PRUNE(AT(1, 0), AT(1, 0)),
                                         COMPACT(1),
                                         COMPACT(0, 2),
                                         REOPEN,
                                         PRUNE(AT(1, 1), AT(1, 1)),
                                         PUT(AT(0, 5), AT(2, 4)) };

/* With a file that was skipped, one that is listed, and the current one; written on, and back again. */
static const column_step upgraded[] = { CREATE,
                                        PUT(AT(0, 1), AT(2, 7)),
                                        PUT(AT(0, 3)),
                                        UPGRADE(4),
                                        PUT(AT(1, 5), AT(2, 9)),
                                        PUT(AT(4, 1)),
                                        UPGRADE(3),
                                        PUT(AT(4, 2)),
                                        UPGRADE(4),
                                        REOPEN,
                                        PUT(AT(0, 4), AT(5, 0)) };

/* The list of pruned ranges; tables of a listed file, of a sealed one with tombstones and the current one; and a record
 * of each kind of file. */
static const column_step rebuilt[] = { CREATE,
                                       PUT(AT(0, 9), AT(0, 7), AT(1, 0), AT(1, 3), AT(1, 5), AT(2, 5), AT(2, 8)),
                                       PUT(AT(0, 3)),
                                       PRUNE(AT(1, 0), AT(1, 3)),
                                       FORGET(AT(1, 3), AT(1, 3)),
                                       LOSE_LIST,
                                       LOSE(0),
                                       LOSE(1, 2),
                                       PUT(AT(0, 12)),
                                       DAMAGE(AT(0, 7)),
                                       DAMAGE(AT(1, 5)),
                                       DAMAGE(AT(2, 5)),
                                       PUT(AT(0, 7), AT(2, 5), AT(2, 9)) };
static const column_step rebuilt_tables[] = { CREATE, PUT(AT(0, 9), AT(1, 7), AT(2, 5)), PUT(AT(0, 3)), LOSE(0),
                                              LOSE(1, 2), PUT(AT(2, 9)) };

#define SCENARIO(id, label, format, filled, codec, list, first)                                                        \
    static const column_plan plan_##id = { format, filled, codec, list };                                              \
    static const scenario id = { label,         &plan_##id,    COUNT_OF(list), first,        columns_run,              \
                                 columns_peek,  columns_open,  columns_close,  columns_look, columns_mark,             \
                                 columns_check, columns_go_on, columns_read };

SCENARIO(create_v3, "create-v3", 3, true, 0, create, 0)
SCENARIO(create_v4, "create-v4", 4, true, 0, create, 0)
SCENARIO(put_v3, "put-v3", 3, true, 0, put, 1)
SCENARIO(put_v4, "put-v4", 4, true, 0, put, 1)
SCENARIO(batch_v3, "batch-v3", 3, false, 0, batch, 1)
SCENARIO(batch_v4, "batch-v4", 4, false, 1, batch, 1)
SCENARIO(wide_v3, "wide-v3", 3, true, 0, wide, 1)
SCENARIO(wide_v4, "wide-v4", 4, true, 0, wide, 1)
SCENARIO(large_v3, "large-v3", 3, true, 0, large, 2)
SCENARIO(large_v4, "large-v4", 4, true, 0, large, 2)
SCENARIO(across_v3, "across-files-v3", 3, true, 0, across, 1)
SCENARIO(across_v4, "across-files-v4", 4, true, 0, across, 1)
SCENARIO(skipping_v3, "skipping-files-v3", 3, true, 0, skipping, 2)
SCENARIO(skipping_v4, "skipping-files-v4", 4, true, 0, skipping, 2)
SCENARIO(backfill_one_v3, "backfill-one-v3", 3, true, 0, backfill_one, 2)
SCENARIO(backfill_one_v4, "backfill-one-v4", 4, true, 2, backfill_one, 2)
SCENARIO(backfill_several_v4, "backfill-several-v4", 4, true, 0, backfill_several, 2)
SCENARIO(seal_oldest_v4, "seal-oldest-v4", 4, true, 0, seal_oldest, 3)
SCENARIO(below_first_v3, "below-first-v3", 3, true, 0, below_first, 2)
SCENARIO(below_first_v4, "below-first-v4", 4, true, 0, below_first, 2)
SCENARIO(abandoned_v3, "abandoned-v3", 3, true, 0, abandoned, 2)
SCENARIO(abandoned_v4, "abandoned-v4", 4, true, 0, abandoned, 2)
SCENARIO(abandoned_gap_v3, "abandoned-gap-v3", 3, true, 0, abandoned_gap, 2)
SCENARIO(abandoned_gap_v4, "abandoned-gap-v4", 4, true, 0, abandoned_gap, 2)
SCENARIO(killed_v3, "killed-v3", 3, true, 0, killed, 2)
SCENARIO(killed_v4, "killed-v4", 4, true, 0, killed, 2)
SCENARIO(by_turns_v3, "by-turns-v3", 3, true, 0, by_turns, 2)
SCENARIO(by_turns_v4, "by-turns-v4", 4, true, 0, by_turns, 2)
SCENARIO(two_to_three_v2, "two-becomes-three", 2, false, 0, two_to_three, 1)
SCENARIO(pruned_v4, "pruned-v4", 4, true, 0, pruned, 2)
SCENARIO(pruned_zstd_v4, "pruned-zstd-v4", 4, true, 2, pruned, 2)
SCENARIO(pruned_current_v4, "pruned-current-v4", 4, true, 1, pruned_current, 2)
SCENARIO(pruned_full_v4, "pruned-full-v4", 4, true, 0, pruned_full, 3)
SCENARIO(compacted_v4, "compacted-v4", 4, true, 0, compacted, 3)
SCENARIO(compacted_snappy_v4, "compacted-snappy-v4", 4, true, 1, compacted, 3)
SCENARIO(upgraded_v3, "upgraded-v3", 3, true, 1, upgraded, 3)
SCENARIO(rebuilt_v3, "rebuilt-v3", 3, true, 0, rebuilt_tables, 3)
SCENARIO(rebuilt_v4, "rebuilt-v4", 4, true, 0, rebuilt, 5)
SCENARIO(identity_v4, "identity-v4", 4, false, 0, identity, 1)

const scenario *const scenarios[] = {
    &create_v3,
    &create_v4,
    &put_v3,
    &put_v4,
    &batch_v3,
    &batch_v4,
    &wide_v3,
    &wide_v4,
    &large_v3,
    &large_v4,
    &across_v3,
    &across_v4,
    &skipping_v3,
    &skipping_v4,
    &backfill_one_v3,
    &backfill_one_v4,
    &backfill_several_v4,
    &seal_oldest_v4,
    &below_first_v3,
    &below_first_v4,
    &abandoned_v3,
    &abandoned_v4,
    &abandoned_gap_v3,
    &abandoned_gap_v4,
    &killed_v3,
    &killed_v4,
    &by_turns_v3,
    &by_turns_v4,
    &two_to_three_v2,
    &pruned_v4,
    &pruned_zstd_v4,
    &pruned_current_v4,
    &pruned_full_v4,
    &compacted_v4,
    &compacted_snappy_v4,
    &upgraded_v3,
    &rebuilt_v3,
    &rebuilt_v4,
    &identity_v4,
};
const size_t scenario_count = COUNT_OF(scenarios);
