/*
 * An archive as flat bytes in memory, read-only to the library, that can be damaged and set right again in place: a
 * damage costs as much as the bytes that it changes. For one thread.
 */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include "vfs_memory.h"

enum { IMAGE_FILES_MAX = 48 };

typedef struct image_file {
    char name[64]; /* below the archive: "archive.conf", "blocks/data_00000" */
    bool there;
    uint8_t *bytes; /* room for image_room() */
    size_t size;
    uint8_t *good; /* NULL: not a file of the archive */
    size_t good_size;
    size_t from; /* the bytes that may differ from the good ones */
    size_t to;
} image_file;

typedef struct image {
    cask_vfs vfs;
    const char *folder;
    size_t count;
    image_file files[IMAGE_FILES_MAX];
} image;

/* Read all files of the archive in `folder`, which lie in it and in the folders in it. */
image *image_read(const cask_vfs *vfs, const char *folder);
void image_free(image *m);

/* The bytes that a file may grow to. */
size_t image_room(const image_file *file);
/* The file of that name, or NULL. */
image_file *image_find(image *m, const char *name);

/* Damage. Bytes beyond the size are made as needed, and are zero. */
void image_patch(image_file *file, size_t offset, const void *bytes, size_t size);
void image_resize(image_file *file, size_t size);
void image_remove(image_file *file);
/* All bytes of a file, which may be one that is not there yet. */
image_file *image_put(image *m, const char *name, const void *bytes, size_t size);
bool image_is_good(const image_file *file);

/* Undo all of it. */
void image_restore(image *m);

/* The good files on a disk of their own. */
memory_disk *image_to_disk(const image *m);
/* Do the same damage to such a disk, and undo it: no file of the archive is left as it was not. */
void image_damage_disk(const image *m, memory_disk *disk);
void image_restore_disk(const image *m, memory_disk *disk);

#endif
