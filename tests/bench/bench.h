/*
 * What the measurements share. Each prints one line per figure: its name, ours, the bare program's, their ratio, the
 * goal for it. The bare program is the least that does the same to the same files, with the system's calls alone.
 *
 * Ours and the bare program run in turns, in pairs, because the speed of a shared machine and its disk changes from
 * second to second: of each the median is printed, and the median of the ratios within a pair.
 */
#ifndef BENCH_H
#define BENCH_H

#include "slotcask/archive.h"

/* The bare programs' calls: an error ends the program. */
int bench_create(const char *path);
void bench_write(int file, const void *bytes, size_t size, uint64_t offset);
void bench_read(int file, void *bytes, size_t size, uint64_t offset);
void bench_sync(int file);

/* End the program if `code` is an error of ours. */
void bench_must(int code);

/* Memory that was written to once, so that no page of it is missing when time is taken; filled by chance, so that it
 * cannot be compressed. */
uint8_t *bench_bytes(size_t size);
/* A number below `end` by chance. */
uint64_t bench_below(uint64_t end);

double bench_now_ns(void);
/* Sorts them. */
double bench_median(double *values, size_t count);

/* Do one measured thing and return how long it took. */
typedef double (*bench_fn)(void *context);

/* Measure `pairs` pairs and print the line. `count` things are done per call: times are printed for one. goal: the most
 * that the ratio may be, 0: there is none. */
void bench_compare(const char *name, size_t pairs, size_t count, double goal, bench_fn ours, bench_fn bare,
                   void *context);
/* Print a line for two numbers, or with bare 0 for a number with the most that it may be. */
void bench_print(const char *name, const char *unit, double ours, double bare, double goal);
void bench_print_heading(const char *title);

/* Run `body` in a process of its own and wait for its end: what it uses is then not that of others. */
void bench_in_child(void (*body)(void));
/* The most memory this process has used, and the bytes it made the system write to a device. */
double bench_peak_memory(void);
double bench_device_bytes(void);

/* Let the page cache have `size` bytes of memory that it need not ask for: a guest gives what is free back to its host,
 * and to get it again costs three times as much as to copy into it. */
void bench_warm_page_cache(size_t size);

/* Work in a new folder, in $SLOTCASK_BENCH_FOLDER or the working directory: it should be on a disk. */
void bench_enter_folder(void);
void bench_leave_folder(void);
/* Remove a file or folder, and wait until the disk is quiet again. */
void bench_remove(const char *path);

/* ---- Archives ---- */

cask_archive *bench_open(const char *path, bool read_only);
cask_column *bench_column(cask_archive *archive, const char *name, const cask_column_options *options);

#endif
