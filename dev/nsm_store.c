#include "dev/nsm_store.h"

#include <string.h>

#include "dev/sql.h"
#include "lib/base/text.h"
#include "lib/crypto/random.h"

enum { WORDS = 8 };

static bool module_id_valid(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    const size_t size = strlen(text);
    return size <= CMAW_NSM_MODULE_ID_MAX && strspn(text, allowed) == size && strstr(text, "-enc") != NULL
           && strstr(text, "-enc") != text;
}

static enum cmaw_err parse_pcr(const char *text, bool optional, uint8_t pcr[CMAW_PCR_SIZE])
{
    if (optional && strcmp(text, "-") == 0) {
        return CMAW_OK; /* stays zero */
    }
    return cmaw_hex_decode_exact(cmaw_slice_of_cstr(text), pcr, CMAW_PCR_SIZE);
}

enum cmaw_err cmaw_nsm_parse_new(const char *text, struct cmaw_nsm_instance *ret_instance)
{
    static const uint32_t registers[WORDS - 2] = {0, 1, 2, 3, 4, 8};
    char copy[1024], *words[WORDS], *rest = NULL;
    struct cmaw_nsm_instance instance = {0};
    CMAW_TRY(cmaw_slice_to_cstr(cmaw_slice_of_cstr(text), copy, sizeof copy));
    size_t count = 0;
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        CMAW_REQUIRE(count < WORDS, CMAW_E_MALFORMED);
        words[count++] = word;
    }
    CMAW_REQUIRE(count == WORDS && module_id_valid(words[0]), CMAW_E_MALFORMED);
    CMAW_TRY(cmaw_slice_to_cstr(cmaw_slice_of_cstr(words[0]), instance.module_id, sizeof instance.module_id));
    const bool debug = strcmp(words[1], "1") == 0;
    CMAW_REQUIRE(debug || strcmp(words[1], "0") == 0, CMAW_E_MALFORMED);
    for (size_t i = 0; i < WORDS - 2; i++) {
        uint8_t *pcr = instance.pcrs[registers[i]];
        CMAW_TRY(parse_pcr(words[i + 2], i >= 3, pcr));
        if (debug && registers[i] != 3 && registers[i] != 4) {
            memset(pcr, 0, CMAW_PCR_SIZE);
        }
    }
    cmaw_nsm_boot(&instance);
    *ret_instance = instance;
    return CMAW_OK;
}

enum cmaw_err cmaw_nsm_insert(struct sqlite3 *db, const struct cmaw_nsm_instance *instance,
                              char ret_token[static CMAW_NSM_TOKEN_SIZE + 1])
{
    uint8_t random[CMAW_NSM_TOKEN_SIZE / 2];
    char token[CMAW_NSM_TOKEN_SIZE + 1];
    CMAW_TRY(cmaw_random(random, sizeof random));
    CMAW_TRY(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(random), token, sizeof token));
    CMAW_TRY(cmaw_sql_run(db, "INSERT INTO instance VALUES (?, ?, ?, ?)", "ttbi", token, instance->module_id,
                          CMAW_SLICE_ARRAY(instance->pcrs), (int64_t)instance->locked));
    memcpy(ret_token, token, sizeof token);
    return CMAW_OK;
}

enum cmaw_err cmaw_nsm_load(struct sqlite3 *db, const char *token, struct cmaw_nsm_instance *ret_instance)
{
    struct cmaw_nsm_instance instance;
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(db, &rows, "SELECT module_id, pcrs, locked FROM instance WHERE token = ?", "t", token));
    CMAW_TRY(cmaw_sql_next(rows));
    CMAW_TRY(cmaw_sql_copy(rows, 0, instance.module_id, sizeof instance.module_id));
    const struct cmaw_slice pcrs = cmaw_sql_blob(rows, 1);
    CMAW_REQUIRE(pcrs.size == sizeof instance.pcrs, CMAW_E_MALFORMED);
    memcpy(instance.pcrs, pcrs.data, sizeof instance.pcrs);
    instance.locked = (uint32_t)cmaw_sql_i64(rows, 2);
    *ret_instance = instance;
    return CMAW_OK;
}

enum cmaw_err cmaw_nsm_save(struct sqlite3 *db, const char *token, const struct cmaw_nsm_instance *instance)
{
    return cmaw_sql_run(db, "UPDATE instance SET pcrs = ?, locked = ? WHERE token = ?", "bit",
                        CMAW_SLICE_ARRAY(instance->pcrs), (int64_t)instance->locked, token);
}
