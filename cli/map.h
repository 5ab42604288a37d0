/* The coverage of columns as a picture, in the terminal or as SVG: one cell for each data file. */
#ifndef CLI_MAP_H
#define CLI_MAP_H

#include "inputs.h"

typedef struct cli_map_column {
    char *name;
    cask_coverage *cells; /* ascending by their files, without gaps */
    size_t count;
    size_t capacity;
} cli_map_column;

typedef struct cli_map {
    cli_map_column *columns;
    size_t count;
} cli_map;

#define CLI_MAP_INIT { NULL, 0 }

/* Returns CLI_DONE or an exit code. To be disposed of on failure too. */
int cli_map_load(cli_output *out, cli_map *map, cask_archive *archive);
void cli_map_dispose(cli_map *map);

/* To stdout, as wide as the terminal, in ASCII where the locale has no UTF-8. */
void cli_map_draw(const cli_map *map);
/* An SVG picture with this title into a file. */
int cli_map_write_svg(cli_output *out, const cli_map *map, const char *title, const char *path);
json_t *cli_map_document(const cli_map *map);

#endif
