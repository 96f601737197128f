#include <stdio.h>
#include <string.h>

#include "client/json.h"
#include "client/settings.h"
#include "client/store/passphrase.h"
#include "client/store/transfer.h"
#include "client/verbs.h"
#include "lib/base/text.h"

#define EXPORT_OPTION "--export-passphrase-file"

struct store_args {
    struct cmaw_settings settings;
    const char *file;       /* of the new passphrase, or the export's */
    const char *output;
    struct cmaw_words trust;
    bool all;
    bool force;
};

static enum cmaw_err get_passphrase(const char *what, const char *option, const char *file, bool is_new, struct cmaw_buf *passphrase,
                                    struct cmaw_diag *diag)
{
    const struct cmaw_passphrase_source source = {.what = what, .option = option, .file = file, .is_new = is_new};
    return cmaw_passphrase_get(&source, passphrase, diag);
}

static enum cmaw_err change_passphrase(const struct store_args *args, struct cmaw_diag *diag)
{
    CMAW_STORE_AUTO(store);
    bool has = false;
    CMAW_TRY(cmaw_store_open_locked(&args->settings, &store, diag));
    CMAW_TRY(cmaw_store_has_passphrase(store, &has, diag));
    if (!has) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the run store has no passphrase yet: the first run sets it");
    }
    cmaw_store_close(&store);
    CMAW_TRY(cmaw_store_open_unlocked(&args->settings, &store, diag));
    CMAW_BUF_AUTO(passphrase, CMAW_PASSPHRASE_MAX);
    CMAW_TRY(get_passphrase("the run store", "--new-passphrase-file", args->file, true, &passphrase, diag));
    CMAW_TRY(cmaw_store_set_passphrase(store, cmaw_buf_slice(&passphrase), diag));
    char file[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_settings_passphrase(&args->settings, file, diag));
    (void)printf("the run store has a new passphrase\n");
    if (file[0] != '\0') {
        cmaw_progress("%s still holds the old one: put the new one there", file);
    }
    return CMAW_OK;
}

static enum cmaw_err store_passwd(int argc, char **argv, struct cmaw_diag *diag)
{
    struct store_args args = {0};
    const struct cmaw_option options[] = {
        {"new-passphrase-file", "FILE", "the new passphrase (default: asked at the terminal)", &args.file, NULL, NULL},
        CMAW_OPTION_STORE(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "store passwd", .words = "", .options = options, .example = "cmaw store passwd",
        .summary = "Changes the passphrase. At any instant, whatever fails, either the old or the new one opens the store. Copies of the file\n"
                   "made before keep the old one; and whoever has such a copy and the old passphrase can open this store too: see docs/store.md."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : change_passphrase(&args, diag);
}

static enum cmaw_err add_id(void *context, const struct cmaw_run_record *record)
{
    struct cmaw_buf *ids = context;
    cmaw_buf_put(ids, cmaw_bytes32_slice(&record->run_id));
    return ids->err;
}

/* The ids of the runs named, each once; or of all, the oldest first. */
static enum cmaw_err gather_ids(struct cmaw_store *store, const struct store_args *args, const struct cmaw_words *names, struct cmaw_buf *ids,
                                struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(newest_first, CMAW_TRANSFER_MAX);
    if (args->all) {
        CMAW_TRY(cmaw_store_each_run(store, INT64_MAX, add_id, &newest_first, diag));
        for (size_t at = newest_first.size; at > 0; at -= CMAW_HASH_SIZE) {
            cmaw_buf_put(ids, cmaw_slice_sub(cmaw_buf_slice(&newest_first), at - CMAW_HASH_SIZE, CMAW_HASH_SIZE));
        }
        return ids->err;
    }
    for (size_t i = 0; i < names->count; i++) {
        CMAW_RUN_RECORD_AUTO(record);
        CMAW_TRY(cmaw_store_find_run(store, names->items[i], &record, diag));
        bool known = false;
        for (size_t at = 0; at < ids->size; at += CMAW_HASH_SIZE) {
            known = known || cmaw_bytes32_eq(&record.run_id, cmaw_slice_sub(cmaw_buf_slice(ids), at, CMAW_HASH_SIZE));
        }
        if (!known) {
            CMAW_TRY(add_id(ids, &record));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err export_runs(const struct store_args *args, const struct cmaw_words *names, struct cmaw_diag *diag)
{
    CMAW_STORE_AUTO(store);
    CMAW_BUF_AUTO(ids, CMAW_TRANSFER_MAX);
    CMAW_BUF_AUTO(passphrase, CMAW_PASSPHRASE_MAX);
    CMAW_BUF_AUTO(file, CMAW_TRANSFER_MAX);
    CMAW_TRY(cmaw_store_open_unlocked(&args->settings, &store, diag));
    CMAW_TRY(gather_ids(store, args, names, &ids, diag));
    CMAW_TRY(get_passphrase("the export", EXPORT_OPTION, args->file, true, &passphrase, diag));
    const struct cmaw_export request = {.run_ids = cmaw_buf_slice(&ids), .all = args->all, .passphrase = cmaw_buf_slice(&passphrase)};
    CMAW_TRY(cmaw_store_export(store, &request, &file, diag));
    CMAW_TRY(cmaw_file_write(args->output, cmaw_buf_slice(&file), 0600, diag));
    const size_t count = ids.size / CMAW_HASH_SIZE;
    if (args->settings.json) {
        CMAW_JSON_AUTO(json);
        json = json_object();
        CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
        CMAW_TRY(cmaw_json_set_u64(json, "runs", count));
        CMAW_TRY(cmaw_json_set_text(json, "file", args->output));
        return cmaw_json_print(json);
    }
    (void)printf("%s: %zu run%s, sealed under the export's passphrase\n", args->output, count, count == 1 ? "" : "s");
    return CMAW_OK;
}

static enum cmaw_err store_export(int argc, char **argv, struct cmaw_diag *diag)
{
    struct store_args args = {0};
    const struct cmaw_option options[] = {
        {"output", "FILE", "where to write them", &args.output, NULL, NULL, 'o'},
        {"all", NULL, "every run and every pinned deployment of the store", NULL, NULL, &args.all},
        {"export-passphrase-file", "FILE", "the export's own passphrase (default: asked at the terminal)", &args.file, NULL, NULL},
        CMAW_OPTION_STORE(args.settings), CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "store export", .words = "[RUN…]", .max_words = CMAW_WORDS_MAX, .options = options, .example = "cmaw store export --all -o runs.cmaw",
        .summary = "Writes runs with their secrets, and the deployments pinned for them, to one file that opens with a passphrase of its own."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    cmaw_diag_hint(diag, "cmaw store export --help");
    if (args.output == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "store export: missing -o FILE");
    }
    if (args.all == (words.count > 0)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "store export: name the runs, or --all");
    }
    diag->hint[0] = '\0';
    return export_runs(&args, &words, diag);
}

static enum cmaw_err read_hashes(const struct cmaw_words *words, struct cmaw_buf *hashes, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < words->count; i++) {
        struct cmaw_bytes32 hash;
        if (cmaw_hex_decode_exact(cmaw_slice_of_cstr(words->items[i]), hash.bytes, sizeof hash.bytes) != CMAW_OK) {
            return cmaw_diag_set(diag, CMAW_E_USAGE, "--trust is not 64 lower-case hex digits");
        }
        cmaw_buf_put(hashes, cmaw_bytes32_slice(&hash));
    }
    return hashes->err;
}

static enum cmaw_err untrusted_at(const struct cmaw_import_result *result, size_t at, char ret_hex[static 2 * CMAW_HASH_SIZE + 1])
{
    return cmaw_hex_to_cstr(cmaw_slice_sub(cmaw_buf_slice(&result->untrusted), at, CMAW_HASH_SIZE), ret_hex, 2 * CMAW_HASH_SIZE + 1);
}

static enum cmaw_err print_import_json(const struct cmaw_import_result *result)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_json_set_u64(json, "added", result->added));
    CMAW_TRY(cmaw_json_set_u64(json, "known", result->known));
    CMAW_TRY(cmaw_json_set_u64(json, "completed", result->completed));
    CMAW_TRY(cmaw_json_set_u64(json, "shredded", result->shredded));
    CMAW_TRY(cmaw_json_set_u64(json, "pinned", result->pinned));
    if (result->unsigned_documents > 0) {
        CMAW_TRY(cmaw_json_set_u64(json, CMAW_UNSIGNED_KEY, result->unsigned_documents));
    }
    json_t *list = json_array();
    CMAW_TRY(cmaw_json_set(json, "untrusted", list));
    for (size_t at = 0; at < result->untrusted.size; at += CMAW_HASH_SIZE) {
        char hex[2 * CMAW_HASH_SIZE + 1];
        CMAW_TRY(untrusted_at(result, at, hex));
        CMAW_TRY(cmaw_json_append(list, json_string(hex)));
    }
    return cmaw_json_print(json);
}

static enum cmaw_err print_import(const struct cmaw_import_result *result, const char *path)
{
    (void)printf("runs new here: %zu; here already: %zu; given their end: %zu; shredded here, which they stay: %zu\n", result->added, result->known,
                 result->completed, result->shredded);
    if (result->pinned > 0) {
        (void)printf("deployments trusted because you named them: %zu\n", result->pinned);
    }
    if (result->unsigned_documents > 0) {
        (void)printf("INSECURE: " CMAW_UNSIGNED_NOTE "\n");
    }
    for (size_t at = 0; at < result->untrusted.size; at += CMAW_HASH_SIZE) {
        char hex[2 * CMAW_HASH_SIZE + 1];
        CMAW_TRY(untrusted_at(result, at, hex));
        (void)printf("not trusted here, so its runs do not open: manifest %s\n  if you know that hash: cmaw store import %s --trust %s\n", hex, path, hex);
    }
    return CMAW_OK;
}

static enum cmaw_err import_runs(const struct store_args *args, const char *path, struct cmaw_diag *diag)
{
    CMAW_STORE_AUTO(store);
    CMAW_BUF_AUTO(file, CMAW_TRANSFER_MAX);
    CMAW_BUF_AUTO(hashes, CMAW_WORDS_MAX * CMAW_HASH_SIZE);
    CMAW_BUF_AUTO(passphrase, CMAW_PASSPHRASE_MAX);
    struct cmaw_import_result result = {0};
    CMAW_TRY(read_hashes(&args->trust, &hashes, diag));
    CMAW_TRY(cmaw_file_read(path, &file, diag));
    CMAW_TRY(cmaw_store_open_unlocked(&args->settings, &store, diag));
    CMAW_TRY(get_passphrase("the export", EXPORT_OPTION, args->file, false, &passphrase, diag));
    const struct cmaw_import request = {.file = cmaw_buf_slice(&file), .passphrase = cmaw_buf_slice(&passphrase), .trusted = cmaw_buf_slice(&hashes)};
    CMAW_TRY(cmaw_store_import(store, &request, &result, diag));
    const enum cmaw_err err = args->settings.json ? print_import_json(&result) : print_import(&result, path);
    cmaw_buf_free(&result.untrusted);
    return err;
}

static enum cmaw_err store_import(int argc, char **argv, struct cmaw_diag *diag)
{
    struct store_args args = {0};
    const struct cmaw_option options[] = {
        {"trust", "HEX", "pin the deployment of this manifest hash from the file; repeat", NULL, &args.trust, NULL},
        {"export-passphrase-file", "FILE", "the export's passphrase (default: asked at the terminal)", &args.file, NULL, NULL},
        CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned),
        CMAW_OPTION_STORE(args.settings), CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "store import", .words = "FILE", .min_words = 1, .max_words = 1, .options = options, .example = "cmaw store import runs.cmaw --trust 41f0…",
        .summary = "Brings the runs of an export into this store, all or none; doing it again changes nothing. Trusts no deployment of the file but\n"
                   "those that --trust names: the machine that the runs come from shows the hashes with cmaw list --json."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : import_runs(&args, words.items[0], diag);
}

/* Without the passphrase, which may be forgotten: whoever can write the file can destroy it in any case. */
static enum cmaw_err open_to_shred(const struct cmaw_settings *settings, struct cmaw_store **ret_store, struct cmaw_diag *diag)
{
    CMAW_STORE_AUTO(store);
    bool old = false;
    CMAW_TRY(cmaw_store_open_locked(settings, &store, diag));
    CMAW_TRY(cmaw_store_is_old(store, &old, diag));
    if (old) {
        return cmaw_store_open_unlocked(settings, ret_store, diag);
    }
    *ret_store = store;
    store = NULL;
    return CMAW_OK;
}

static enum cmaw_err shred(const struct store_args *args, const char *name, struct cmaw_diag *diag)
{
    CMAW_STORE_AUTO(store);
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_TRY(open_to_shred(&args->settings, &store, diag));
    CMAW_TRY(cmaw_store_find_run(store, name, &record, diag));
    if (record.status <= CMAW_RUN_RUNNING && !args->force) {
        cmaw_diag_hint(diag, "cmaw wait %s first, or --force: its result will never be read", record.workflow_id);
        return cmaw_diag_set(diag, CMAW_E_DENIED, "run %s has not ended, as far as this store knows", record.workflow_id);
    }
    CMAW_TRY(cmaw_store_shred(store, &record, diag));
    (void)printf("shredded %s: nothing in this store opens its states any more; copies of the store from before do\n", record.workflow_id);
    return CMAW_OK;
}

static enum cmaw_err store_shred(int argc, char **argv, struct cmaw_diag *diag)
{
    struct store_args args = {0};
    const struct cmaw_option options[] = {
        {"force", NULL, "also a run that has not ended", NULL, NULL, &args.force}, CMAW_OPTION_STORE(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "store shred", .words = "RUN", .min_words = 1, .max_words = 1, .options = options, .example = "cmaw store shred cmaw-3f02",
        .summary = "Destroys the secrets of a run, so that its states can never be read again with this store: not its inputs, not its result. The record\n"
                   "of the run stays. Needs no passphrase and cannot be undone. Backups and exports made before still hold the secrets."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : shred(&args, words.items[0], diag);
}

enum cmaw_err cmaw_command_store(int argc, char **argv, struct cmaw_diag *diag)
{
    static const struct cmaw_subverb verbs[] = {
        {"passwd", "change its passphrase", store_passwd},
        {"export", "write runs to a file for another store", store_export},
        {"import", "bring the runs of such a file into this store", store_import},
        {"shred", "destroy the secrets of a run", store_shred},
    };
    return cmaw_options_group("store", verbs, sizeof verbs / sizeof verbs[0], "cmaw store export --all -o runs.cmaw", argc, argv, diag);
}
