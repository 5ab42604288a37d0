/*
 * What the store promises about an archive that rotted: verify reports it, naming the file; what is read is right or
 * an error, and no record is said to be absent; opening for writing loses nothing that setting the file right again
 * would not bring back.
 */
#ifndef TEST_PROMISE_H
#define TEST_PROMISE_H

#include "image.h"
#include "store.h"

enum { SUBJECT_SLOTS_MAX = 64 };

/* An archive whose files are damaged one at a time. */
typedef struct subject {
    uint32_t version; /* of formats 2 and 3 nothing is promised but that bounds hold */
    image *m;
    memory_disk *disk; /* the same, good */
    uint64_t hash;     /* of that */
    size_t count;
    uint64_t slots[SUBJECT_SLOTS_MAX]; /* of its records */
    uint64_t pruned; /* the slot that was pruned, CASK_NO_SLOT: none was */
    store *reader; /* opened, with nothing in its cache, or closed */
} subject;

/* Of the archive of the store as it is on its disk; `slots` are those of its records. */
subject subject_of(const store *s, const uint64_t *slots, size_t count);
void subject_dispose(subject *s);

#define IDENTITY "whose history this is"

typedef struct tally {
    uint64_t tried;
    uint64_t written; /* of them, also opened for writing */
    uint64_t refused; /* where that was refused */
    uint64_t excepted;
    uint64_t failed;
} tally;

typedef struct question {
    const char *names[3];  /* files of the archive, NULL for none: a report must name one of them. None: it is not asked
                              for */
    const uint64_t *slots; /* to be read */
    size_t count;
    bool write;            /* open for writing as well */
} question;

/* Ask it of the damaged image. Prints why, if a promise is broken. */
bool promise_kept(const subject *s, const question *q, tally *t);
/* Whether a report names one of the files; what is read is not looked at. */
bool promise_reported(const subject *s, const question *q);

#endif
