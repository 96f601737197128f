#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/seal.h"
#include "lib/pb/pb.h"
#include "lib/sst/grant_open.h"
#include "lib/sst/state_open.h"
#include "tests/sst1/vec.h"

enum { BYTES_MAX = 16 * 1024 * 1024 };

/* {"1": hex, …} as an encoded GrantSecrets, in the order of the file. */
static struct cmaw_slice secrets_of_map(struct vec *v, const json_t *item)
{
    struct cmaw_buf *buf = vec_buf(v, BYTES_MAX);
    const char *edge_text;
    json_t *secret;
    json_object_foreach(json_object_get(item, "secrets"), edge_text, secret) {
        uint64_t edge = 0;
        (void)vec_ok(v, cmaw_parse_u64(edge_text, UINT32_MAX, &edge), "edge id");
        const size_t mark = cmaw_pb_open(buf);
        cmaw_pb_put_u64(buf, 1, edge);
        cmaw_pb_put_bytes(buf, 2, vec_decode(v, secret, "secret"));
        cmaw_pb_close(buf, 1, mark);
    }
    return cmaw_buf_slice(buf);
}

static void key_of(struct vec *v, const json_t *item, struct cmaw_hpke_key *ret_key)
{
    (void)vec_ok(v, cmaw_secret_copy(vec_bytes(v, item, "sk"), &ret_key->private_key), "sk");
    (void)vec_ok(v, cmaw_x25519_public(&ret_key->private_key, ret_key->public_key), "public key");
}

/* What HPKE and the content cipher make on the way, step by step. */
static void check_grant_parts(struct vec *v, const json_t *item, const struct cmaw_bytes32 *run_id, uint32_t role)
{
    const struct cmaw_bytes32 pk = vec_bytes32(v, item, "pk");
    const struct cmaw_fields fields = CMAW_FIELDS(CMAW_F(cmaw_bytes32_slice(run_id)), CMAW_F_U64(role));
    struct cmaw_buf *info = vec_buf(v, BYTES_MAX);
    struct cmaw_buf *context = vec_buf(v, BYTES_MAX);
    uint8_t enc[CMAW_HPKE_ENC_SIZE] = {0};
    CMAW_HPKE_KEY_AUTO(ephemeral);
    CMAW_SECRET_AUTO(exporter);
    CMAW_SECRET_AUTO(exported);
    cmaw_ctx_put(info, CMAW_LABEL_GRANT, fields);
    cmaw_ctx_put(context, CMAW_LABEL_GRANT_AAD, fields);
    vec_equal(v, item, "info", cmaw_buf_slice(info));
    vec_equal(v, item, "context", cmaw_buf_slice(context));
    (void)vec_ok(v, cmaw_hpke_derive_key_pair(vec_bytes(v, item, "ikm_e"), &ephemeral), "ephemeral key");
    vec_equal(v, item, "sk_e", cmaw_secret_slice(&ephemeral.private_key));
    if (vec_ok(v, cmaw_hpke_setup_sender_with(&ephemeral, pk.bytes, cmaw_buf_slice(info), enc, &exporter), "setup")) {
        vec_equal(v, item, "enc", CMAW_SLICE_ARRAY(enc));
        vec_equal(v, item, "exporter_secret", cmaw_secret_slice(&exporter));
        (void)vec_ok(v, cmaw_hpke_export(&exporter, CMAW_SLICE_LIT("SST/1 grant"), 32, &exported), "export");
        vec_equal(v, item, "exported", cmaw_secret_slice(&exported));
    }
}

static void check_grant_opens(struct vec *v, const json_t *item, const struct cmaw_grant *grant,
    const struct cmaw_bytes32 *run_id)
{
    CMAW_HPKE_KEY_AUTO(key);
    CMAW_EDGE_SECRETS_AUTO(opened);
    CMAW_EDGE_SECRETS_AUTO(expected);
    key_of(v, item, &key);
    vec_equal(v, item, "pk", CMAW_SLICE_ARRAY(key.public_key));
    (void)vec_ok(v, cmaw_grant_open(grant, run_id, &key, &opened), "open");
    vec_secrets(v, item, "secrets", &expected);
    for (uint32_t edge = 1; edge <= CMAW_EDGES_MAX; edge++) {
        (void)vec_check(v, cmaw_slice_eq(cmaw_edge_secrets_of(&opened, edge), cmaw_edge_secrets_of(&expected, edge)),
            "opened secrets");
    }
}

void vec_grant(struct vec *v, const json_t *item)
{
    const struct cmaw_bytes32 run_id = vec_bytes32(v, item, "run_id");
    const struct cmaw_bytes32 pk = vec_bytes32(v, item, "pk");
    const struct cmaw_bytes32 random32 = vec_bytes32(v, item, "random32");
    const uint32_t role = vec_u32(v, item, "role");
    const struct cmaw_slice plaintext = secrets_of_map(v, item);
    struct cmaw_buf *made = vec_buf(v, BYTES_MAX);
    struct cmaw_grant grant;
    check_grant_parts(v, item, &run_id, role);
    vec_equal(v, item, "plaintext", plaintext);
    (void)vec_ok(v, cmaw_grant_seal_with(&run_id, role, &pk, plaintext, vec_bytes(v, item, "ikm_e"), &random32, made), "seal");
    vec_equal(v, item, "grant", cmaw_buf_slice(made));
    if (vec_ok(v, cmaw_grant_decode(vec_bytes(v, item, "grant"), &grant), "decode")) {
        vec_equal(v, item, "sealed", grant.sealed);
        check_grant_opens(v, item, &grant, &run_id);
    }
}

void vec_grant_fail(struct vec *v, const json_t *item)
{
    const struct cmaw_bytes32 run_id = vec_bytes32(v, item, "run_id");
    struct cmaw_grant grant;
    CMAW_HPKE_KEY_AUTO(key);
    CMAW_EDGE_SECRETS_AUTO(secrets);
    key_of(v, item, &key);
    (void)vec_check(v,
        cmaw_grant_decode(vec_bytes(v, item, "grant"), &grant) != CMAW_OK ||
            cmaw_grant_open(&grant, &run_id, &key, &secrets) != CMAW_OK,
        "opened");
}

/* content_type, annotations and salt of a case, and its content. */
static void content_of(struct vec *v, const json_t *item, struct cmaw_slice content, struct cmaw_agent_state *state)
{
    size_t i;
    json_t *annotation;
    state->content_type = vec_text(v, item, "content_type");
    state->content = content;
    state->salt = vec_bytes(v, item, "salt");
    json_array_foreach(json_object_get(item, "annotations"), i, annotation) {
        if (vec_check(v, state->annotation_count < CMAW_ANNOTATIONS_MAX, "annotations")) {
            state->annotations[state->annotation_count++] =
                (struct cmaw_annotation){vec_text(v, annotation, "key"), vec_text(v, annotation, "value")};
        }
    }
}

static void check_padded(struct vec *v, const json_t *item, struct cmaw_slice agent_state, uint32_t size_class)
{
    struct cmaw_buf *padded = vec_buf(v, BYTES_MAX);
    cmaw_buf_put_lp(padded, agent_state);
    const size_t size = cmaw_class_size(size_class);
    if (vec_check(v, padded->size <= size, "size class")) {
        uint8_t *zeros = cmaw_buf_extend(padded, size - padded->size);
        memset(zeros, 0, (size_t)(padded->data + padded->size - zeros));
        vec_equal_sha256(v, item, "padded_sha256", cmaw_buf_slice(padded));
    }
}

static void check_state_keys(struct vec *v, const json_t *item, const struct cmaw_state_seal *what)
{
    struct cmaw_buf *context = vec_buf(v, BYTES_MAX);
    CMAW_SECRET_AUTO(key);
    (void)vec_ok(v, cmaw_edge_state_key(what->secret, what->run_id, what->edge->id, &key), "state key");
    vec_equal(v, item, "state_key", cmaw_secret_slice(&key));
    cmaw_ctx_put(context, CMAW_LABEL_STATE_AAD, CMAW_FIELDS(CMAW_F(vec_bytes(v, item, "header"))));
    vec_equal(v, item, "context", cmaw_buf_slice(context));
}

static void check_sealed(struct vec *v, const json_t *item, struct cmaw_slice bytes, const struct cmaw_sealed *sealed)
{
    vec_equal(v, item, "commit", cmaw_bytes32_slice(&sealed->commit));
    vec_equal(v, item, "digest", cmaw_bytes32_slice(&sealed->digest));
    vec_equal_u64(v, item, "size_class", sealed->size_class);
    vec_equal_u64(v, item, "state_length", bytes.size);
    vec_equal_sha256(v, item, "state_sha256", bytes);
    if (json_is_string(json_object_get(item, "state"))) {
        vec_equal(v, item, "state", bytes);
    }
}

static void check_opens(struct vec *v, const json_t *item, struct cmaw_slice bytes, const struct cmaw_state_seal *what)
{
    struct cmaw_state state;
    CMAW_OPENED_AUTO(opened);
    if (!vec_ok(v, cmaw_state_parse(bytes, &state), "parse")) {
        return;
    }
    vec_equal(v, item, "header", state.header.bytes);
    if (!vec_ok(v, cmaw_state_open(&state, what->edge, what->run_id, what->secret, &opened), "open")) {
        return;
    }
    struct cmaw_buf *again = vec_buf(v, BYTES_MAX);
    cmaw_agent_state_encode(&opened.content, again);
    vec_equal_sha256(v, item, "agent_state_sha256", cmaw_buf_slice(again));
    vec_equal(v, item, "commit", cmaw_bytes32_slice(&opened.commit));
}

void vec_state(struct vec *v, const json_t *item)
{
    const struct cmaw_bytes32 random32 = vec_bytes32(v, item, "random32");
    const struct cmaw_bytes32 salt = vec_bytes32(v, item, "salt");
    struct cmaw_agent_state *content = vec_alloc(v, sizeof *content);
    struct cmaw_buf *agent_state = vec_buf(v, BYTES_MAX);
    struct cmaw_buf *made = vec_buf(v, BYTES_MAX);
    struct cmaw_state_header header;
    struct cmaw_bytes32 run_id = {0};
    struct cmaw_sealed sealed = {0};
    if (!vec_ok(v, cmaw_state_header_decode(vec_bytes(v, item, "header"), &header), "header")) {
        return;
    }
    content_of(v, item, vec_repeat(v, vec_bytes(v, item, "content_unit"), vec_u64(v, item, "content_length")), content);
    cmaw_agent_state_encode(content, agent_state);
    vec_equal_sha256(v, item, "agent_state_sha256", cmaw_buf_slice(agent_state));
    check_padded(v, item, cmaw_buf_slice(agent_state), vec_u32(v, item, "size_class"));

    (void)vec_ok(v, cmaw_bytes32_of(header.run, &run_id), "run");
    struct cmaw_bytes32 *parents = vec_alloc(v, (header.parent_count + 1) * sizeof *parents);
    for (uint32_t i = 0; i < header.parent_count; i++) {
        (void)vec_ok(v, cmaw_bytes32_of(cmaw_state_parent(&header, i), &parents[i]), "parent");
    }
    const struct cmaw_plan_edge edge = {.id = header.edge, .size_class = vec_u32(v, item, "requested_class")};
    const struct cmaw_state_seal what = {
        .edge = &edge,
        .run_id = &run_id,
        .secret = vec_bytes(v, item, "secret"),
        .kind = (enum cmaw_state_kind)header.kind,
        .parents = parents,
        .parent_count = header.parent_count,
        .content = content,
    };
    check_state_keys(v, item, &what);
    if (vec_ok(v, cmaw_state_seal_with(&what, &salt, &random32, made, &sealed), "seal")) {
        check_sealed(v, item, cmaw_buf_slice(made), &sealed);
        check_opens(v, item, cmaw_buf_slice(made), &what);
    }
}

void vec_state_fail(struct vec *v, const json_t *item)
{
    const struct cmaw_bytes32 run_id = vec_bytes32(v, item, "run_id");
    const struct cmaw_plan_edge edge = {.id = vec_u32(v, item, "edge"), .size_class = vec_u32(v, item, "edge_class")};
    struct cmaw_state state;
    CMAW_OPENED_AUTO(opened);
    (void)vec_check(v,
        cmaw_state_parse(vec_bytes(v, item, "state"), &state) != CMAW_OK ||
            cmaw_state_open(&state, &edge, &run_id, vec_bytes(v, item, "secret"), &opened) != CMAW_OK,
        "opened");
}

void vec_commit(struct vec *v, const json_t *item)
{
    struct cmaw_agent_state *content = vec_alloc(v, sizeof *content);
    struct cmaw_agent_state *parsed = vec_alloc(v, sizeof *parsed);
    struct cmaw_buf *encoded = vec_buf(v, BYTES_MAX);
    struct cmaw_bytes32 commit = {0};
    content_of(v, item, vec_bytes(v, item, "content"), content);
    cmaw_agent_state_encode(content, encoded);
    vec_equal(v, item, "agent_state", cmaw_buf_slice(encoded));
    if (vec_ok(v, cmaw_agent_state_parse(vec_bytes(v, item, "agent_state"), parsed), "parse")) {
        (void)vec_ok(v, cmaw_agent_state_commit(parsed, &commit), "commit");
        vec_equal(v, item, "commit", cmaw_bytes32_slice(&commit));
    }
}

void vec_commits_differ(struct vec *v, const json_t *root)
{
    const json_t *cases = json_object_get(root, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        for (size_t j = 0; j < i; j++) {
            (void)vec_check(v,
                !cmaw_slice_eq(vec_text(v, json_array_get(cases, i), "commit"), vec_text(v, json_array_get(cases, j), "commit")),
                "two commitments are equal");
        }
    }
}

void vec_salt(struct vec *v, const json_t *item)
{
    const struct cmaw_bytes32 run_id = vec_bytes32(v, item, "run_id");
    const struct cmaw_bytes32 random32 = vec_bytes32(v, item, "random32");
    struct cmaw_bytes32 salt = {0};
    (void)vec_ok(v,
        cmaw_agent_state_salt(vec_bytes(v, item, "secret"), &run_id, vec_u32(v, item, "edge"), &random32,
            vec_bytes(v, item, "content"), &salt), "salt");
    vec_equal(v, item, "salt", cmaw_bytes32_slice(&salt));
}
