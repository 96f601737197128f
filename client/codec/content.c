/* How the content of a state is shown. */
#include "client/codec/request.h"
#include "client/codec/run.h"
#include "client/when.h"
#include "lib/base/text.h"

enum { CONTENT_BASE64_MAX = 4 * 1024 * 1024 };

enum cmaw_err cmaw_codec_set_slice(json_t *object, const char *key, struct cmaw_slice text)
{
    return cmaw_json_set(object, key, json_stringn(text.size == 0 ? "" : (const char *)text.data, text.size));
}

enum cmaw_err cmaw_codec_set_time(json_t *object, const char *key, uint64_t ms)
{
    char text[CMAW_WHEN_SIZE];
    cmaw_when_text(ms, text);
    return cmaw_json_set_text(object, key, text);
}

/* The JSON that the content is; NULL if it does not say so, or is none. */
static json_t *as_json(const struct cmaw_agent_state *state)
{
    if (!cmaw_slice_eq_cstr(state->content_type, "application/json") || !cmaw_codec_json_is_modest(state->content)) {
        return NULL;
    }
    return json_loadb((const char *)state->content.data, state->content.size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
}

static enum cmaw_err set_content(json_t *entry, const struct cmaw_agent_state *state)
{
    json_t *json = as_json(state);
    if (json != NULL) {
        return cmaw_json_set(entry, "content", json);
    }
    if (cmaw_utf8_valid(state->content)) {
        return cmaw_codec_set_slice(entry, "content", state->content);
    }
    CMAW_BUF_AUTO(text, CONTENT_BASE64_MAX);
    cmaw_buf_put_base64(&text, state->content);
    CMAW_TRY(text.err);
    return cmaw_codec_set_slice(entry, "content_base64", cmaw_buf_slice(&text));
}

static enum cmaw_err set_annotations(json_t *entry, const struct cmaw_agent_state *state)
{
    CMAW_REQUIRE(state->annotation_count > 0, CMAW_OK);
    json_t *object = json_object();
    CMAW_TRY(cmaw_json_set(entry, "annotations", object));
    for (uint32_t i = 0; i < state->annotation_count; i++) {
        char key[CMAW_NAME_MAX + 1];
        CMAW_TRY(cmaw_slice_to_cstr(state->annotations[i].key, key, sizeof key));
        CMAW_TRY(cmaw_codec_set_slice(object, key, state->annotations[i].value));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_codec_put_content(const struct cmaw_plan_edge *edge, const struct cmaw_agent_state *content, json_t *array)
{
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(array, entry));
    CMAW_TRY(cmaw_codec_set_slice(entry, "edge", edge->name));
    CMAW_TRY(cmaw_codec_set_slice(entry, "content_type", content->content_type));
    CMAW_TRY(set_content(entry, content));
    return set_annotations(entry, content);
}
