/*
 * A disk in memory that knows what would survive a loss of power. For one thread.
 *
 * It keeps two states. What programs see: every call at once. What is durable: the contents of a file as of its last
 * sync, the entries of a folder as of its last sync_folder, each for itself (a synced file whose entry was never
 * synced is lost). The changes between the two are pending: a crash keeps any of them, torn or not.
 *
 * Files are lists of pages, which disks that were copied from each other share; so a copy costs little.
 */
#ifndef TEST_VFS_MEMORY_H
#define TEST_VFS_MEMORY_H

#include "vfs.h"

typedef struct memory_disk memory_disk;

/* An empty disk: one folder, "/". */
memory_disk *memory_disk_new(void);
void memory_disk_free(memory_disk *disk);
const cask_vfs *memory_disk_vfs(memory_disk *disk);

/* ---- Crashes ---------------------------------------------------------------------------------------------------- */

typedef enum disk_loss {
    LOSS_NOTHING,  /* the process died: what it wrote is there, but no more durable than it was */
    LOSS_UNSYNCED, /* the power went: what was not synced is gone */
    LOSS_SOME      /* the power went: each pending change is there, or not, or torn, or zeros; `seed` says which */
} disk_loss;

/* What a new process finds on the disk after a crash at this moment: a disk of its own, without open files. */
memory_disk *memory_disk_after_crash(const memory_disk *disk, disk_loss loss, uint64_t seed);

/* A part of what a crash at this moment may keep or lose by itself. Outcome 0 is always that nothing was kept. */
typedef enum crash_choice_kind {
    CHOICE_SIZE,  /* how long the file is: one of the lengths it had since its last sync */
    CHOICE_TAIL,  /* what was never written of a file that became longer reads as zeros, or as garbage */
    CHOICE_WRITE, /* a part of a write, of one sector of 512 bytes, arrived or did not */
    CHOICE_ENTRY  /* an entry of a folder was made, removed, exchanged, or was not */
} crash_choice_kind;

typedef struct crash_choice {
    crash_choice_kind kind;
    unsigned outcomes;
    size_t change;   /* which of the pending changes; of SIZE and TAIL the first of its file */
    size_t file;     /* inode; of ENTRY the one that the entry leads to */
    uint64_t offset; /* of a part of a write */
    size_t size;
} crash_choice;

/* The choices that a crash now would make; their number. To free. */
size_t memory_disk_choices(const memory_disk *disk, crash_choice **choices_out);
/* The disk after a crash that made them so: outcomes[i] is less than choices[i].outcomes. */
memory_disk *memory_disk_chosen(const memory_disk *disk, const crash_choice *choices, const uint8_t *outcomes,
                                size_t count);
/* For people: what choice `choice` is about. */
void memory_disk_print_choice(const memory_disk *disk, const crash_choice *choice, unsigned outcome);

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

/* A hash of all folders and files as programs see them. */
uint64_t memory_disk_hash(const memory_disk *disk);
/* The same of what is durable. */
uint64_t memory_disk_durable_hash(const memory_disk *disk);

/* ---- The trace: every call that changes the disk or makes it durable -------------------------------------------- */

typedef enum disk_step_kind {
    STEP_CREATE,
    STEP_WRITE,
    STEP_TRUNCATE,
    STEP_SYNC,
    STEP_RENAME,
    STEP_UNLINK,
    STEP_MAKE_FOLDER,
    STEP_SYNC_FOLDER
} disk_step_kind;

typedef struct disk_step {
    disk_step_kind kind;
    char path[128];  /* its end, if longer; the new name of a rename */
    uint64_t offset; /* of a write; the new size, of a truncation */
    uint64_t size;   /* of a write */
} disk_step;

/* Steps since the beginning or the last memory_disk_forget_steps(). Borrowed until the next call. */
size_t memory_disk_steps(const memory_disk *disk, const disk_step **steps_out);
void memory_disk_forget_steps(memory_disk *disk);
/* How many of them are of this kind, and concern a path that ends with `suffix`. */
size_t memory_disk_count_steps(const memory_disk *disk, disk_step_kind kind, const char *suffix);
/* Print them, for people. */
void memory_disk_print_steps(const memory_disk *disk);

/* Call `visit` before each step: the disk is then as all steps before it have left it. NULL: no more. */
void memory_disk_on_step(memory_disk *disk, void (*visit)(void *payload), void *payload);

#endif
