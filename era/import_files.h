/* The files of an import: found, opened and checked before anything is written. */
#ifndef CASK_IMPORT_FILES_H
#define CASK_IMPORT_FILES_H

#include "era_file.h"
#include "network.h"

typedef struct import_file {
    char *path;
    cask_era_name name;
    cask_era *era; /* what its structural pass found; closed but for the time it is read */
} import_file;

typedef struct import_files {
    import_file *items; /* ascending by the era in the name */
    size_t count;
    size_t capacity;
} import_files;

#define IMPORT_FILES_INIT { NULL, 0, 0 }

/* Find the files at `paths`, folders or not, and read their names. Errors: NOTFOUND, INVALID (no file, or a name that
 * is none of an era file), IO, NOMEM. */
int import_files_gather(import_files *files, const char *const *paths, size_t path_count, const cask_vfs *vfs);

/*
 * Check the structure of each file, its name but for the root in it, and that its states are of the network. A network
 * that does not know its genesis_validators_root learns it from the first state.
 * Errors: CORRUPT (with the word), WRONG_NETWORK, IO, NOMEM.
 */
int import_files_check(import_files *files, cask_network *network, const cask_vfs *vfs);

/* Open a checked file again. */
int import_file_open(import_file *file, const cask_vfs *vfs);
void import_file_close(import_file *file);

void import_files_dispose(import_files *files);

#endif
