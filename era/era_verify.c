/* Verification of sets: era files, and the columns of an archive. */
#include "../archive/archive_internal.h"
#include "../archive/parallel.h"
#include "era_proof.h"
#include "network.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A file with more findings than these is not worth listing further. */
enum { FINDINGS_MAX = 1000 };

/* Returned inside here where the caller's report function wants no more, or a file has too many findings. */
enum { STOPPED = CASK_E_REFUSED };

/* States that are in memory at the same time: they are the largest thing there is. */
enum { STATES_MAX = 2 };

#define SLICE_SIZE_MIN (1u << 20)

/* A file, or an archive. */
typedef struct input {
    char *path;
    cask_era_name name;
    bool has_name;
    const cask_network *network; /* NULL: not known */
    era_record *records;
    size_t record_count;
    cask_verified totals;
    uint64_t blocks;
    uint64_t pruned;
    bool full; /* of findings */
} input;

typedef struct verification {
    cask_verify_options options;
    cask_report_fn report;
    void *payload;
    bool guess_network;
    input *inputs;
    size_t count;
    size_t capacity;
    unsigned workers;    /* inputs, or eras of an archive, at a time */
    unsigned inner_jobs; /* threads for each of them */
    pthread_mutex_t mutex; /* guards what follows, and all reports */
    pthread_cond_t state_gone;
    unsigned states;
    uint64_t done;
    uint64_t bytes;
    int stop; /* what the report function returned, if it was not 0 */
    cask_verify_result *result;
    era_columns columns; /* of an archive */
    const char *column;  /* that the store checks; NULL: none */
    bool era_pass;       /* its columns were checked before */
    bool snappy;         /* so are its blocks and states stored */
    era_keys *keys;
} verification;

/* ---- Reports ------------------------------------------------------------------------------------------------ */

/* Who reports: an input, on one of the threads. */
typedef struct reporter {
    verification *v;
    input *input; /* NULL: look for it by the path */
} reporter;

static input *input_of(const reporter *r, const cask_report *found)
{
    for (size_t i = 0; r->input == NULL && i < r->v->count; i++) {
        if (strcmp(r->v->inputs[i].path, found->file) == 0)
            return &r->v->inputs[i];
    }
    return r->input != NULL ? r->input : &r->v->inputs[0];
}

static int count_and_report(const cask_report *found, reporter *r)
{
    verification *v = r->v;
    input *of = input_of(r, found);

    if (v->stop != 0)
        return STOPPED;
    if (of->full)
        return r->input != NULL ? STOPPED : 0;
    of->totals.findings += found->corrupt;
    of->totals.unproven += found->unproven;
    of->totals.notes += !found->corrupt && !found->unproven;
    v->stop = v->report(found, v->payload);
    of->full = of->totals.findings >= FINDINGS_MAX;
    return v->stop != 0 || (of->full && r->input != NULL) ? STOPPED : 0;
}

/* Findings about a value of an archive: say where its record is. */
static void find_record(cask_report *found, cask_path *path, const era_columns *c)
{
    const struct {
        const char *path;
        cask_column *column;
    } columns[] = { { c->blocks_path, c->blocks },
                    { c->states_path, c->states },
                    { c->block_roots_path, c->block_roots },
                    { c->state_roots_path, c->state_roots } };

    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        if (found->offset == CASK_NO_OFFSET && columns[i].path != NULL && strcmp(columns[i].path, found->file) == 0 &&
            cask_column_locate(path, &found->offset, columns[i].column, found->slot) == CASK_OK)
            found->file = path->text;
    }
}

/* Findings of the store: say which era the slot is of. A state is that of the slot behind its era. */
static void find_era(cask_report *found, const verification *v)
{
    static const char *const columns[] = { "blocks", "block_roots", "state_roots", "states" };
    const cask_network *network = v->inputs[0].network;

    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        if (v->column == NULL || network == NULL || found->slot == CASK_NO_SLOT || strcmp(v->column, columns[i]) != 0)
            continue;
        found->has_era = true;
        found->era = found->slot / cask_network_slots_per_era(network) + (strcmp(columns[i], "states") != 0);
    }
}

/* A cask_report_fn. */
static int on_report(const cask_report *found, void *payload)
{
    reporter *r = payload;
    cask_report named = *found;
    cask_path path;
    int code;

    /* Damage to records of an archive was found by the store already. */
    if (r->v->era_pass && strncmp(found->what, "record-", 7) == 0)
        return 0;
    if (r->v->snappy && strcmp(found->what, "record-codec") == 0)
        named.what = "snappy";
    find_era(&named, r->v);
    find_record(&named, &path, &r->v->columns);
    pthread_mutex_lock(&r->v->mutex);
    code = count_and_report(&named, r);
    pthread_mutex_unlock(&r->v->mutex);
    return code;
}

static era_rules rules_for(reporter *r, const cask_network *network)
{
    const cask_verify_options *options = &r->v->options;

    return (era_rules){ .network = network, .level = options->level, .jobs = r->v->inner_jobs, .report = on_report,
                        .payload = r, .trusted_root = options->trusted_root,
                        .trusted_slot = options->trusted_slot, .keys = r->v->keys };
}

static void tell_progress(verification *v, const char *path, uint64_t done, uint64_t total, uint64_t bytes)
{
    pthread_mutex_lock(&v->mutex);
    v->done += done;
    v->bytes += bytes;
    if (v->options.progress != NULL)
        v->options.progress(path, v->done, total, v->bytes, v->payload);
    pthread_mutex_unlock(&v->mutex);
}

/* ---- One era ------------------------------------------------------------------------------------------------ */

static void enter_state(verification *v)
{
    pthread_mutex_lock(&v->mutex);
    while (v->states == STATES_MAX)
        pthread_cond_wait(&v->state_gone, &v->mutex);
    v->states++;
    pthread_mutex_unlock(&v->mutex);
}

static void leave_state(verification *v)
{
    pthread_mutex_lock(&v->mutex);
    v->states--;
    pthread_cond_signal(&v->state_gone);
    pthread_mutex_unlock(&v->mutex);
}

static size_t slice_size(const verification *v)
{
    size_t size = ERA_SLICE_SIZE / v->workers;

    return size < SLICE_SIZE_MIN ? SLICE_SIZE_MIN : size;
}

/* Check an era, and leave its record in *record, owned. */
static int check_era(era_record *record, uint64_t *blocks, era_checker *checker, const era_source *source,
                     const era_rules *rules, verification *v)
{
    int code;

    enter_state(v);
    code = era_checker_begin(checker, rules, source);
    leave_state(v);
    if (code == CASK_OK)
        code = era_checker_run(blocks, checker, slice_size(v));
    *record = checker->record;
    checker->record.history = NULL;
    return code;
}

/* ---- Names -------------------------------------------------------------------------------------------------- */

static int flag_name(const era_rules *rules, const char *word, const input *in, const char *message)
{
    const cask_report found = { .what = word, .file = in->path, .slot = CASK_NO_SLOT, .offset = CASK_NO_OFFSET,
                                .corrupt = true, .message = message };

    return rules->report(&found, rules->payload);
}

static int check_config_name(const input *in, const era_rules *rules)
{
    cask_era_name name;

    if (!in->has_name) {
        const cask_error *error = cask_error_last();

        cask_era_name_parse(&name, in->path); /* once more, for the reason */
        return flag_name(rules, error->word[0] == '\0' ? "name-config" : error->word, in, error->message);
    }
    if (in->network != NULL && strcmp(in->name.config_name, cask_network_name(in->network)) != 0)
        return flag_name(rules, "name-config", in,
                         "the name does not begin with the network's CONFIG_NAME; rename the file, or give its own "
                         "network");
    return CASK_OK;
}

static int check_name_era(const input *in, const cask_era *era, const era_rules *rules)
{
    if (!in->has_name || era->group_count == 0 || in->name.era == era->groups[0].facts.era)
        return CASK_OK;
    if (era->groups[0].facts.offset > 0) /* the first group was too damaged to be listed */
        return CASK_OK;
    return flag_name(rules, "name-era", in, "the era in the name is not that of the first group; rename the file");
}

static int check_name_root(const input *in, const cask_era *era, const era_checker *checker, const era_rules *rules)
{
    const cask_era_group last = era->groups[era->group_count - 1].facts;

    if (!in->has_name || !checker->state_read)
        return CASK_OK;
    if (last.offset + last.size < era->size) /* what follows was too damaged to be listed */
        return CASK_OK;
    return era_flag_error(rules, checker->source->era, era_check_name_root(&checker->state, era, &in->name));
}

/* ---- One file ----------------------------------------------------------------------------------------------- */

static int check_group(input *in, const cask_era *era, size_t group, const era_rules *rules, verification *v)
{
    const era_source source = era_source_of_group(era, group);
    era_checker checker = ERA_CHECKER_INIT;
    era_rules here = *rules;
    int code;

    if (era->groups[group].damaged && here.level > CASK_VERIFY_BYTES)
        here.level = CASK_VERIFY_BYTES; /* its index is not to be relied on */
    code = check_era(&in->records[in->record_count], &in->blocks, &checker, &source, &here, v);
    in->records[in->record_count].path = in->path;
    in->records[in->record_count].blocks_path = in->path;
    in->records[in->record_count].findings += era->groups[group].damaged;
    in->record_count++;
    if (code == CASK_OK && group + 1 == era->group_count)
        code = check_name_root(in, era, &checker, rules);
    in->totals.bytes += era->groups[group].facts.size;
    era_checker_dispose(&checker);
    return code;
}

static int check_groups(input *in, const cask_era *era, const era_rules *rules, verification *v)
{
    in->records = calloc(era->group_count > 0 ? era->group_count : 1, sizeof(*in->records));
    if (in->records == NULL)
        return cask_fail_nomem();
    for (size_t i = 0; i < era->group_count; i++)
        CASK_TRY(check_group(in, era, i, rules, v));
    return CASK_OK;
}

static int check_file(input *in, verification *v)
{
    reporter r = { v, in };
    const era_rules rules = rules_for(&r, in->network);
    cask_era *era = NULL;
    int code = era_scan(&era, in->path, in->network, v->options.vfs, on_report, &r);

    if (code == CASK_OK && rules.level >= CASK_VERIFY_BYTES)
        code = check_config_name(in, &rules);
    if (code == CASK_OK && rules.level >= CASK_VERIFY_BYTES)
        code = check_name_era(in, era, &rules);
    if (code == CASK_OK && rules.level >= CASK_VERIFY_BYTES)
        code = check_groups(in, era, &rules, v);
    cask_era_close(era);
    return code == STOPPED && in->full && v->stop == 0 ? CASK_OK : code;
}

static int check_file_at(size_t index, unsigned worker, void *context)
{
    verification *v = context;
    input *in = &v->inputs[index];
    int code;

    (void)worker;
    code = check_file(in, v);
    tell_progress(v, in->path, 1, v->count, in->totals.bytes);
    return code;
}

/* ---- Sets --------------------------------------------------------------------------------------------------- */

static int add_input(const char *path, void *payload)
{
    verification *v = payload;
    input *in;

    if (v->count == v->capacity) {
        size_t capacity = v->capacity == 0 ? 16 : 2 * v->capacity;
        input *grown = realloc(v->inputs, capacity * sizeof(*grown));

        if (grown == NULL)
            return cask_fail_nomem();
        v->inputs = grown;
        v->capacity = capacity;
    }
    in = &v->inputs[v->count];
    *in = (input){ .path = strdup(path), .network = v->options.network };
    if (in->path == NULL)
        return cask_fail_nomem();
    v->count++;
    in->has_name = cask_era_name_parse(&in->name, path) == CASK_OK;
    if (in->network == NULL && in->has_name && v->guess_network)
        in->network = era_network_builtin(in->name.config_name);
    return CASK_OK;
}

static const char *set_of(const input *in)
{
    return in->has_name ? in->name.config_name : "";
}

static int compare_records(const void *a, const void *b)
{
    const era_record *left = a, *right = b;

    return (left->era > right->era) - (left->era < right->era);
}

/* Move the records of the inputs of one set into one list, sorted. */
static int gather_records(era_record **records_out, size_t *count_out, verification *v, const char *set)
{
    era_record *records;
    size_t count = 0;

    for (size_t i = 0; i < v->count; i++)
        count += strcmp(set_of(&v->inputs[i]), set) == 0 ? v->inputs[i].record_count : 0;
    records = calloc(count > 0 ? count : 1, sizeof(*records));
    if (records == NULL)
        return cask_fail_nomem();
    *records_out = records;
    *count_out = count;
    count = 0;
    for (size_t i = 0; i < v->count; i++) {
        input *in = &v->inputs[i];

        if (strcmp(set_of(in), set) != 0)
            continue;
        for (size_t j = 0; j < in->record_count; j++)
            records[count++] = in->records[j];
        v->result->eras += in->record_count;
        in->record_count = 0;
    }
    qsort(records, count, sizeof(*records), compare_records);
    return CASK_OK;
}

static void dispose_records(era_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        era_record_dispose(&records[i]);
    free(records);
}

static int prove_set(verification *v, const input *first)
{
    reporter r = { v, NULL };
    const era_rules rules = rules_for(&r, first->network);
    era_record *records = NULL;
    size_t count = 0;
    int code;

    CASK_TRY(gather_records(&records, &count, v, set_of(first)));
    code = era_prove(&v->result->proven_from, &v->result->proven_to, records, count, &rules);
    dispose_records(records, count);
    return code;
}

static int prove_sets(verification *v)
{
    for (size_t i = 0; i < v->count; i++) {
        if (v->inputs[i].record_count > 0)
            CASK_TRY(prove_set(v, &v->inputs[i]));
    }
    return CASK_OK;
}

/* ---- Both --------------------------------------------------------------------------------------------------- */

/* What a program built with an older header does not know of stays at its default. */
static int take_options(verification *v, const cask_verify_options *given)
{
    v->options = (cask_verify_options)CASK_VERIFY_OPTIONS_INIT;
    if (given != NULL && (given->struct_size == 0 || given->struct_size > sizeof(v->options)))
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE,
                         "options of a size that this library does not know; begin with CASK_VERIFY_OPTIONS_INIT");
    if (given != NULL)
        memcpy(&v->options, given, given->struct_size);
    if (v->options.level >= CASK_VERIFY_SIGNATURES)
        return era_keys_new(&v->keys);
    return CASK_OK;
}

static int begin(verification *v, cask_verify_result *result, const cask_verify_options *options,
                 cask_report_fn report, void *payload)
{
    *v = (verification){ .report = report, .payload = payload, .result = result, .guess_network = true,
                         .columns = ERA_COLUMNS_INIT };
    *result = (cask_verify_result){ .proven_from = CASK_NO_SLOT, .proven_to = CASK_NO_SLOT };
    pthread_mutex_init(&v->mutex, NULL);
    pthread_cond_init(&v->state_gone, NULL);
    return take_options(v, options);
}

/* Share the threads out among `count` things that can be checked at the same time. */
static void share_jobs(verification *v, size_t count)
{
    unsigned jobs = v->options.jobs == 0 ? 1 : v->options.jobs;

    jobs = jobs > CASK_JOBS_MAX ? CASK_JOBS_MAX : jobs;
    v->workers = count < jobs ? (unsigned)count : jobs;
    if (v->options.level >= CASK_VERIFY_SIGNATURES && v->workers > STATES_MAX)
        v->workers = STATES_MAX; /* each keeps the public keys of its state */
    v->workers = v->workers == 0 ? 1 : v->workers;
    v->inner_jobs = jobs / v->workers;
}

/* Tell what came of each input, and forget them. */
static int end(verification *v, int code)
{
    for (size_t i = 0; i < v->count; i++) {
        input *in = &v->inputs[i];

        in->totals.path = in->path;
        v->result->blocks += in->blocks;
        v->result->pruned += in->pruned;
        v->result->bytes += in->totals.bytes;
        v->result->findings += in->totals.findings;
        v->result->unproven += in->totals.unproven;
        if (code == CASK_OK && v->options.verified != NULL)
            v->options.verified(&in->totals, v->payload);
        dispose_records(in->records, in->record_count);
        free(in->path);
    }
    free(v->inputs);
    era_keys_free(v->keys);
    era_columns_close(&v->columns);
    pthread_cond_destroy(&v->state_gone);
    pthread_mutex_destroy(&v->mutex);
    return v->stop != 0 ? v->stop : code;
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

static int verify_files(verification *v, const char *const *paths, size_t path_count)
{
    for (size_t i = 0; i < path_count; i++)
        CASK_TRY(cask_era_files(paths[i], v->options.vfs, add_input, v));
    share_jobs(v, v->count);
    CASK_TRY(cask_parallel(v->workers, v->count, check_file_at, v));
    return prove_sets(v);
}

int cask_verify_files(cask_verify_result *result_out, const char *const *paths, size_t path_count,
                      const cask_verify_options *options, cask_report_fn report, void *payload)
{
    verification v;
    int code = begin(&v, result_out, options, report, payload);

    if (code == CASK_OK)
        code = verify_files(&v, paths, path_count);
    return end(&v, code);
}

int cask_era_verify(const char *path, const cask_network *network, cask_verify_level level, unsigned jobs,
                    const cask_vfs *vfs, cask_report_fn report, void *payload, uint64_t *bytes_out)
{
    cask_verify_options options = CASK_VERIFY_OPTIONS_INIT;
    cask_verify_result result;
    verification v;
    int code;

    options.network = network;
    options.level = level;
    options.jobs = jobs;
    options.vfs = vfs;
    code = begin(&v, &result, &options, report, payload);
    v.guess_network = false;
    if (code == CASK_OK)
        code = verify_files(&v, &path, 1);
    code = end(&v, code);
    if (bytes_out != NULL)
        *bytes_out = result.bytes;
    return code;
}

/* ---- Archives ----------------------------------------------------------------------------------------------- */

/* Damage that leaves nothing to look into is a finding like others. */
static int column_error(reporter *r, int code)
{
    const cask_error error = *cask_error_last();
    const cask_report found = { .what = *error.word == '\0' ? "corrupt" : error.word,
                                .file = *error.file == '\0' ? r->input->path : error.file, .slot = error.slot,
                                .offset = error.offset, .corrupt = true, .message = error.message };

    return code == CASK_E_CORRUPT ? on_report(&found, r) : code;
}

typedef struct column_visit {
    cask_archive *archive;
    reporter *reporter;
} column_visit;

static int verify_column(const char *name, void *payload)
{
    column_visit *visit = payload;
    reporter *r = visit->reporter;
    cask_column *column = NULL;
    uint64_t bytes = 0;
    int code = cask_column_open(&column, visit->archive, name, NULL);

    if (code == CASK_OK) {
        r->v->snappy = cask_column_codec(column) == CASK_CODEC_SNAPPY;
        r->v->column = name;
        code = cask_column_verify(column, r->v->options.jobs, on_report, r, &bytes);
    }
    r->input->totals.bytes += bytes;
    tell_progress(r->v, name, 0, 0, bytes);
    cask_column_close(column);
    code = code == STOPPED ? code : column_error(r, code);
    r->v->column = NULL;
    return code;
}

/* NULL: no import made the archive. */
static int load_network(cask_network **network_out, const cask_archive *archive, const cask_network *asked)
{
    const char *text;
    size_t size;
    int code = cask_archive_identity(&text, &size, archive);

    *network_out = NULL;
    if (code == CASK_E_NOTFOUND)
        return asked == NULL ? CASK_OK : era_network_copy(network_out, asked);
    CASK_TRY(code);
    CASK_TRY(cask_network_parse(network_out, text, size));
    if (asked == NULL || era_network_same(asked, *network_out))
        return CASK_OK;
    cask_network_free(*network_out);
    *network_out = NULL;
    return cask_fail(CASK_E_WRONG_NETWORK, CASK_NOWHERE,
                     "the archive holds the history of another network than the one given; leave --network out");
}

/* For list_eras(). */
typedef struct era_list {
    input *in;
    cask_column *states;
    const era_rules *rules;
    size_t capacity;
} era_list;

static int list_era(era_list *list, uint64_t slot, bool pruned)
{
    const uint64_t slots = cask_network_slots_per_era(list->in->network);
    const era_finding finding = { "state-slot", slot / slots, CASK_AT_SLOT(list->in->path, CASK_NO_OFFSET, slot), NULL,
                                  NULL };
    input *in = list->in;

    if (slot % slots != 0)
        return pruned ? CASK_OK : era_flag(list->rules, &finding, "a state at a slot that is not the first of an era");
    if (pruned && slot == 0) { /* there is nothing else of the genesis era */
        in->pruned++;
        return CASK_OK;
    }
    if (in->record_count == list->capacity) {
        era_record *grown = realloc(in->records, (list->capacity + 64) * sizeof(*grown));

        if (grown == NULL)
            return cask_fail_nomem();
        in->records = grown;
        list->capacity += 64;
    }
    in->records[in->record_count++] = (era_record){ .era = slot / slots, .state_slot = slot, .state_pruned = pruned };
    return CASK_OK;
}

/* A cask_column_file_fn. */
static int list_file(const cask_column_file *file, void *payload)
{
    uint8_t states[CASK_SLOTS_PER_FILE];
    era_list *list = payload;

    if (file->records + file->pruned == 0)
        return CASK_OK;
    CASK_TRY(cask_column_slots(states, list->states, file->file_id));
    for (uint64_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (states[i] != CASK_SLOT_EMPTY)
            CASK_TRY(list_era(list, file->file_id * CASK_SLOTS_PER_FILE + i, states[i] == CASK_SLOT_PRUNED));
    }
    return CASK_OK;
}

/* The eras that the archive has a state of, or had: for each a record that says so. */
static int list_eras(input *in, cask_column *states, const era_rules *rules)
{
    era_list list = { .in = in, .states = states, .rules = rules };

    return cask_column_files(states, list_file, &list);
}

typedef struct archive_check {
    verification *v;
    const era_rules *rules;
} archive_check;

static int check_era_at(size_t index, unsigned worker, void *context)
{
    const archive_check *a = context;
    verification *v = a->v;
    input *in = &v->inputs[0];
    era_source source = era_source_of_columns(&v->columns, in->records[index].state_slot,
                                              cask_network_slots_per_era(in->network));
    era_checker checker = ERA_CHECKER_INIT;
    uint64_t blocks = 0;
    int code;

    (void)worker;
    source.state_pruned = in->records[index].state_pruned;
    code = check_era(&in->records[index], &blocks, &checker, &source, a->rules, v);
    era_checker_dispose(&checker);
    pthread_mutex_lock(&v->mutex);
    in->blocks += blocks;
    in->pruned += in->records[index].pruned + in->records[index].state_pruned;
    pthread_mutex_unlock(&v->mutex);
    tell_progress(v, in->path, 1, in->record_count, 0);
    return code;
}

static int flag_unfinished(uint64_t era, void *payload)
{
    const archive_check *a = payload;
    const input *in = &a->v->inputs[0];

    return era_flag_unproven(a->rules, era, CASK_AT_SLOT(in->path, CASK_NO_OFFSET,
                                                         era * cask_network_slots_per_era(in->network)),
                             "an import of this era did not finish, nothing of it was compared; import it again");
}

static int check_eras(verification *v, cask_archive *archive, reporter *r)
{
    input *in = &v->inputs[0];
    const era_rules unshared = rules_for(r, in->network);
    era_rules rules;
    archive_check a = { v, &rules };

    CASK_TRY(list_eras(in, v->columns.states, &unshared));
    share_jobs(v, in->record_count);
    rules = rules_for(r, in->network);
    CASK_TRY(cask_parallel(v->workers, in->record_count, check_era_at, &a));
    CASK_TRY(prove_sets(v));
    era_columns_close(&v->columns); /* an archive that is open for writing lends each of them once */
    return cask_unfinished_eras(archive, flag_unfinished, &a);
}

static int verify_archive(verification *v, cask_archive *archive, const char *path, cask_network **network)
{
    reporter r;
    column_visit visit = { archive, &r };
    int code;

    CASK_TRY(add_input(path, v));
    r = (reporter){ v, &v->inputs[0] };
    share_jobs(v, 1);
    CASK_TRY(load_network(network, archive, v->options.network));
    v->inputs[0].network = *network;
    v->inputs[0].has_name = false;
    CASK_TRY(cask_archive_columns(archive, verify_column, &visit));
    if (*network == NULL || v->options.level < CASK_VERIFY_BYTES)
        return CASK_OK;
    code = era_columns_open(&v->columns, archive, path);
    if (code == CASK_E_NOTFOUND || code == CASK_E_CORRUPT) /* nothing was imported yet; or it was reported */
        return CASK_OK;
    CASK_TRY(code);
    v->era_pass = true;
    return check_eras(v, archive, &r);
}

int cask_verify_archive(cask_verify_result *result_out, cask_archive *archive, const char *path,
                        const cask_verify_options *options, cask_report_fn report, void *payload)
{
    cask_network *network = NULL;
    verification v;
    int code = begin(&v, result_out, options, report, payload);

    if (code == CASK_OK)
        code = verify_archive(&v, archive, path, &network);
    if (code == STOPPED && v.stop == 0 && v.inputs[0].full)
        code = CASK_OK;
    code = end(&v, code);
    cask_network_free(network);
    return code;
}
