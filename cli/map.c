#include "map.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- What is drawn ---- */

/* A cell, by how much of what is expected in it is there; a slot without a block counts as there. */
typedef enum shade { SHADE_NONE, SHADE_MISSING, SHADE_LOW, SHADE_HALF, SHADE_HIGH, SHADE_FULL, SHADE_PRUNED } shade;

enum { SHADES = SHADE_PRUNED + 1 };

static shade shade_of(const cask_coverage *cell)
{
    const uint32_t there = cell->records + cell->skipped;
    const uint32_t expected = there + cell->missing + cell->pruned;

    if (expected == 0)
        return SHADE_NONE;
    if (cell->pruned * 2 >= expected)
        return SHADE_PRUNED;
    if (there == 0 || there == expected)
        return there == 0 ? SHADE_MISSING : SHADE_FULL;
    return (shade)(SHADE_LOW + there * 3 / expected);
}

static uint64_t first_file(const cli_map *map)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < map->count; i++)
        if (map->columns[i].count > 0 && map->columns[i].cells[0].file_id < first)
            first = map->columns[i].cells[0].file_id;
    return first;
}

/* Of all columns, which begin at the same file in a picture; 0: there is nothing to draw. */
static size_t count_files(const cli_map *map)
{
    const uint64_t first = first_file(map);
    uint64_t end = first;

    for (size_t i = 0; i < map->count; i++) {
        const cli_map_column *column = &map->columns[i];

        if (column->count > 0 && column->cells[column->count - 1].file_id + 1 > end)
            end = column->cells[column->count - 1].file_id + 1;
    }
    return (size_t)(end - first);
}

static shade shade_at(const cli_map_column *column, uint64_t file_id)
{
    if (column->count == 0 || file_id < column->cells[0].file_id || file_id - column->cells[0].file_id >= column->count)
        return SHADE_NONE;
    return shade_of(&column->cells[file_id - column->cells[0].file_id]);
}

/* ---- Loading ---- */

static int add_cell(const cask_coverage *cell, void *payload)
{
    cli_map_column *column = payload;

    if (column->count == column->capacity) {
        size_t capacity = column->capacity == 0 ? 64 : 2 * column->capacity;
        cask_coverage *grown = realloc(column->cells, capacity * sizeof(*grown));

        if (grown == NULL)
            return 1;
        column->cells = grown;
        column->capacity = capacity;
    }
    column->cells[column->count++] = *cell;
    return 0;
}

static int fail_nomem(cli_output *out)
{
    return cli_fail_with(out, CASK_E_NOMEM, NULL, "out of memory for the map");
}

static int load_columns(cli_output *out, cli_map *map, cask_archive *archive, cli_paths *names)
{
    map->columns = calloc(names->count + 1, sizeof(*map->columns));
    if (map->columns == NULL)
        return fail_nomem(out);
    for (size_t i = 0; i < names->count; i++) {
        cli_map_column *column = &map->columns[map->count++];
        int code;

        column->name = names->path[i];
        names->path[i] = NULL; /* taken over */
        code = cask_coverage_of(archive, column->name, add_cell, column);
        if (code != 0)
            return code < 0 ? cli_fail(out) : fail_nomem(out);
    }
    return CLI_DONE;
}

int cli_map_load(cli_output *out, cli_map *map, cask_archive *archive)
{
    cli_paths names = CLI_PATHS_INIT;
    int status = cli_add_columns(out, &names, archive);

    if (status == CLI_DONE)
        status = load_columns(out, map, archive, &names);
    cli_paths_dispose(&names);
    return status;
}

void cli_map_dispose(cli_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        free(map->columns[i].name);
        free(map->columns[i].cells);
    }
    free(map->columns);
}

json_t *cli_map_document(const cli_map *map)
{
    json_t *columns = cli_json_array();

    for (size_t i = 0; i < map->count; i++) {
        json_t *document = cli_json_object(), *cells = cli_json_array();

        for (size_t j = 0; j < map->columns[i].count; j++) {
            const cask_coverage *cell = &map->columns[i].cells[j];
            json_t *entry = cli_json_object();

            cli_json_set(entry, "first_slot", cli_json_u64(cell->file_id * CASK_SLOTS_PER_FILE));
            cli_json_set(entry, "records", cli_json_u64(cell->records));
            cli_json_set(entry, "missing", cli_json_u64(cell->missing));
            cli_json_set(entry, "skipped", cli_json_u64(cell->skipped));
            cli_json_set(entry, "pruned", cli_json_u64(cell->pruned));
            cli_json_append(cells, entry);
        }
        cli_json_set(document, "name", cli_json_text(map->columns[i].name));
        cli_json_set(document, "files", cells);
        cli_json_append(columns, document);
    }
    return columns;
}

/* ---- In the terminal ---- */

enum { LABEL_WIDTH = 13, WIDTH_DEFAULT = 80, WIDTH_LEAST = 24, WIDTH_MOST = 1000 };

static const char *const glyphs_ascii[SHADES] = { " ", ".", ":", "+", "*", "#", "x" };
static const char *const glyphs_utf8[SHADES] = { " ", "\u00b7", "\u2591", "\u2592", "\u2593", "\u2588", "\u00d7" };

static const char *const *choose_glyphs(void)
{
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? glyphs_utf8 : glyphs_ascii;
}

static size_t terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    unsigned long width = columns == NULL ? 0 : strtoul(columns, NULL, 10);
    struct winsize size;

    if (width == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width == 0)
        return WIDTH_DEFAULT;
    return width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : width;
}

/* Without the blanks at its end; nothing if it has nothing else. */
static void draw_line(const cli_map_column *column, uint64_t file, size_t cells, const char *const *glyphs)
{
    while (cells > 0 && shade_at(column, file + cells - 1) == SHADE_NONE)
        cells--;
    if (cells == 0)
        return;
    printf("%*llu  ", LABEL_WIDTH - 2, (unsigned long long)(file * CASK_SLOTS_PER_FILE));
    for (size_t i = 0; i < cells; i++)
        fputs(glyphs[shade_at(column, file + i)], stdout);
    putchar('\n');
}

static void draw_column(const cli_map_column *column, uint64_t first, size_t files, size_t per_line,
                        const char *const *glyphs)
{
    printf("\n%s\n", column->name);
    for (size_t at = 0; at < files; at += per_line)
        draw_line(column, first + at, files - at < per_line ? files - at : per_line, glyphs);
}

void cli_map_draw(const cli_map *map)
{
    const char *const *glyphs = choose_glyphs();
    const size_t files = count_files(map), room = terminal_width() - LABEL_WIDTH;
    const size_t per_line = room - room % 10;

    for (size_t i = 0; i < map->count && files > 0; i++)
        draw_column(&map->columns[i], first_file(map), files, per_line, glyphs);
    printf("\na cell is a file of %u slots: %s missing  %s%s%s in part  %s complete  %s pruned\n", CASK_SLOTS_PER_FILE,
           glyphs[SHADE_MISSING], glyphs[SHADE_LOW], glyphs[SHADE_HALF], glyphs[SHADE_HIGH], glyphs[SHADE_FULL],
           glyphs[SHADE_PRUNED]);
}

/* ---- As SVG ---- */

enum {
    CELL_WIDTH = 9,
    CELL_HEIGHT = 16,
    CELLS_PER_LINE = 100,
    LINE_HEIGHT = 20,
    MARGIN = 24,
    LABEL = 84,      /* pixels for the slot before a line */
    HEAD = 64,       /* above the first column */
    COLUMN_HEAD = 34,
    FOOT = 56,
    LEGEND_WIDTH = 560,
};

static const char *const fills[SHADES] = { "none", "#e5e7eb", "#c3daf0", "#86b6de", "#4a8cc4", "#1d5a96", "#e9a13b" };
static const char *const shade_names[SHADES] = { "", "missing", "in part", "in part", "in part", "complete", "pruned" };

/* As text of XML; what it cannot have becomes '?'. */
static void put_xml(FILE *to, const char *text)
{
    json_t *valid = cli_json_text(text); /* UTF-8 */

    for (const char *at = json_string_value(valid); *at != '\0'; at++) {
        if (*at == '&')
            fputs("&amp;", to);
        else if (*at == '<')
            fputs("&lt;", to);
        else if (*at == '>')
            fputs("&gt;", to);
        else
            fputc((unsigned char)*at < 0x20 ? '?' : *at, to);
    }
    json_decref(valid);
}

static void put_cells(FILE *to, size_t x, size_t y, size_t cells, const char *fill)
{
    fprintf(to, "<rect x=\"%zu\" y=\"%zu\" width=\"%zu\" height=\"%d\" fill=\"%s\"", x, y, cells * CELL_WIDTH,
            CELL_HEIGHT, fill);
}

/* Cells of one shade side by side are one rectangle; a grid is laid over them. */
static void put_line(FILE *to, const cli_map_column *column, uint64_t file, size_t cells, size_t y)
{
    size_t next;

    fprintf(to, "<text x=\"%d\" y=\"%zu\" class=\"slot\">%llu</text>\n", MARGIN + LABEL - 10, y + CELL_HEIGHT - 4,
            (unsigned long long)(file * CASK_SLOTS_PER_FILE));
    for (size_t i = 0; i < cells; i = next) {
        const shade of = shade_at(column, file + i);

        for (next = i + 1; next < cells && shade_at(column, file + next) == of;)
            next++;
        if (of == SHADE_NONE)
            continue;
        put_cells(to, MARGIN + LABEL + i * CELL_WIDTH, y, next - i, fills[of]);
        fprintf(to, "><title>slots %llu to %llu: %s</title></rect>\n",
                (unsigned long long)((file + i) * CASK_SLOTS_PER_FILE),
                (unsigned long long)((file + next) * CASK_SLOTS_PER_FILE - 1), shade_names[of]);
    }
    put_cells(to, MARGIN + LABEL, y, cells, "url(#grid)");
    fputs(" pointer-events=\"none\"/>\n", to);
}

/* Returns where the next column goes. */
static size_t put_column(FILE *to, const cli_map_column *column, uint64_t first, size_t files, size_t y)
{
    fprintf(to, "<text x=\"%d\" y=\"%zu\" class=\"column\">", MARGIN, y + 18);
    put_xml(to, column->name);
    fputs("</text>\n", to);
    y += COLUMN_HEAD;
    for (size_t at = 0; at < files; at += CELLS_PER_LINE, y += LINE_HEIGHT)
        put_line(to, column, first + at, files - at < CELLS_PER_LINE ? files - at : CELLS_PER_LINE, y);
    return y;
}

static void put_legend(FILE *to, size_t y)
{
    static const struct {
        shade first, last;
    } entries[] = {
        { SHADE_MISSING, SHADE_MISSING }, { SHADE_LOW, SHADE_HIGH }, { SHADE_FULL, SHADE_FULL },
        { SHADE_PRUNED, SHADE_PRUNED },
    };
    size_t x = MARGIN;

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++, x += 74) {
        for (int of = (int)entries[i].first; of <= (int)entries[i].last; of++, x += CELL_WIDTH) {
            put_cells(to, x, y, 1, fills[of]);
            fputs("/>\n", to);
        }
        fprintf(to, "<text x=\"%zu\" y=\"%zu\">%s</text>\n", x + 6, y + CELL_HEIGHT - 4, shade_names[entries[i].first]);
    }
    fprintf(to, "<text x=\"%zu\" y=\"%zu\" class=\"note\">a cell is a file of %u slots</text>\n", x,
            y + CELL_HEIGHT - 4, CASK_SLOTS_PER_FILE);
}

static void put_svg(FILE *to, const cli_map *map, const char *title)
{
    const size_t files = count_files(map), lines = (files + CELLS_PER_LINE - 1) / CELLS_PER_LINE;
    const size_t cells = (files < CELLS_PER_LINE ? files : CELLS_PER_LINE) * CELL_WIDTH + LABEL;
    const size_t width = 2 * MARGIN + (cells < LEGEND_WIDTH ? LEGEND_WIDTH : cells);
    const size_t height = HEAD + map->count * (COLUMN_HEAD + lines * LINE_HEIGHT) + FOOT;
    size_t y = HEAD;

    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" height=\"%zu\" viewBox=\"0 0 %zu %zu\">\n",
            width, height, width, height);
    fputs("<title>", to);
    put_xml(to, title);
    fprintf(to, "</title>\n<defs><pattern id=\"grid\" x=\"%d\" width=\"%d\" height=\"%d\" "
            "patternUnits=\"userSpaceOnUse\"><rect x=\"%d\" width=\"1\" height=\"%d\" fill=\"#ffffff\"/></pattern></defs>\n",
            MARGIN + LABEL, CELL_WIDTH, LINE_HEIGHT, CELL_WIDTH - 1, LINE_HEIGHT);
    fputs("<style>text { font: 12px sans-serif; fill: #374151 } .head { font-size: 18px; fill: #111827 } "
          ".column { font-weight: bold; font-size: 13px; fill: #111827 } "
          ".slot { text-anchor: end; font-size: 11px; fill: #6b7280 } .note { fill: #6b7280 }</style>\n"
          "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n", to);
    fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"head\">", MARGIN, MARGIN + 18);
    put_xml(to, title);
    fputs("</text>\n", to);
    for (size_t i = 0; i < map->count; i++)
        y = put_column(to, &map->columns[i], first_file(map), files, y);
    put_legend(to, y + FOOT / 2 - CELL_HEIGHT / 2);
    fputs("</svg>\n", to);
}

int cli_map_write_svg(cli_output *out, const cli_map *map, const char *title, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    int status;

    if (memory == NULL)
        return fail_nomem(out);
    put_svg(memory, map, title);
    status = fclose(memory) == 0 ? cli_write(out, path, text, size) : fail_nomem(out);
    free(text);
    return status;
}
