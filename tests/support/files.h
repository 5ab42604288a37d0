/* Files of a test, through any table of system calls: temporary folders, whole files, comparing whole trees. */
#ifndef TEST_FILES_H
#define TEST_FILES_H

#include "check.h"
#include "vfs.h"

/* A new folder on the real file system, in the working directory; free with temp_folder_remove(). */
char *temp_folder_new(void);
/* Remove it with all that is in it. */
void temp_folder_remove(char *path);
/* The same of any folder of the real file system. */
void folder_remove(const char *path);

/* "folder/name", to free. */
char *path_join(const char *folder, const char *name);

bool file_exists(const cask_vfs *vfs, const char *path);
uint64_t file_size(const cask_vfs *vfs, const char *path);
/* The whole file, to free. */
uint8_t *file_read(const cask_vfs *vfs, const char *path, size_t *size_out);
/* Make or replace it, durably. */
void file_write(const cask_vfs *vfs, const char *path, const void *bytes, size_t size);
/* Overwrite or append some bytes, durably. */
void file_patch(const cask_vfs *vfs, const char *path, uint64_t offset, const void *bytes, size_t size);
void file_truncate(const cask_vfs *vfs, const char *path, uint64_t size);
void file_remove(const cask_vfs *vfs, const char *path);
void folder_make(const cask_vfs *vfs, const char *path);

/* Every file below a folder, byte for byte. */
typedef struct tree tree;
tree *tree_read(const cask_vfs *vfs, const char *folder);
void tree_free(tree *t);
/* Make its folders and files below `folder`. */
void tree_write(const tree *t, const cask_vfs *vfs, const char *folder);
/* Fail the test unless they are equal; says where they are not. Paths are relative to each tree's folder. */
void assert_tree_equal(const tree *left, const tree *right);
/* Take it, compare, free: nothing below `folder` has changed since `before`. */
void assert_tree_unchanged(const tree *before, const cask_vfs *vfs, const char *folder);

#endif
