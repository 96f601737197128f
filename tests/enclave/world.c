#include "tests/enclave/world.h"
#include "tests/unit/free_port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "enclave/kms/exchange.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "sys/addr.h"
#include "sys/folder.h"

enum { IMAGE_MAX = 64 << 20, WAIT_MS = 60000, HOUR_MS = 3600 * 1000 };
#define PARENT "arn:aws:iam::111122223333:role/enclave-parent"
#define ADMIN "arn:aws:iam::111122223333:role/kms-admin"

void must(enum cmaw_err err, const char *what)
{
    if (err != CMAW_OK) {
        fail_msg("%s: %s", what, cmaw_err_text(err));
    }
}

uint64_t world_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void start(const char *program, const char *const *argv, int out, int err, int ready, struct cmaw_proc *ret_proc)
{
    struct cmaw_diag diag = {0};
    char path[CMAW_PATH_MAX];
    if (program[0] == '/') {
        must(cmaw_path(path, "%s", program), "path");
    } else if (cmaw_proc_find(program, path, &diag) != CMAW_OK) {
        fail_msg("%s", diag.text);
    }
    const struct cmaw_proc_spec spec = {.path = path, .argv = argv, .in = -1, .out = out, .err = err, .fds = {ready},
                                        .fd_count = ready >= 0 ? 1 : 0, .die_with_parent = true};
    must(cmaw_proc_start(&spec, ret_proc, &diag), program);
}

/* Runs to the end and appends what it prints. */
static void run(const char *program, const char *const *argv, struct cmaw_buf *output)
{
    CMAW_PROC_AUTO(proc);
    struct cmaw_diag diag = {0};
    int ends[2];
    int status = -1;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    start(program, argv, ends[1], -1, -1, &proc);
    close(ends[1]);
    must(cmaw_file_read_fd(ends[0], program, output, &diag), program);
    close(ends[0]);
    must(cmaw_proc_wait(&proc, WAIT_MS, &status), program);
    assert_int_equal(status, 0);
}

static void start_daemon(const char *program, const char *const *argv, const char *log, struct cmaw_proc *ret_proc)
{
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    start(program, argv, fd, fd, ready[1], ret_proc);
    close(ready[1]);
    close(fd);
    if (cmaw_proc_await_ready(ready[0], WAIT_MS) != CMAW_OK) {
        CMAW_BUF_AUTO(text, 1 << 20);
        struct cmaw_diag diag = {0};
        CMAW_IGNORE(cmaw_file_read(log, &text, &diag));
        const size_t cut = text.size > 800 ? text.size - 800 : 0;
        fail_msg("%s is not ready: %.*s", program, (int)(text.size - cut), (const char *)text.data + cut);
    }
    close(ready[0]);
}

static void access_key(const struct world *world, const char *arn, struct cmaw_buf ret_parts[3])
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "Arn"};
    CMAW_BUF_AUTO(text, 4096);
    const char *const argv[] = {"cmaw-devd", "access-key", "--dir", world->dir, "--arn", arn, NULL};
    run("cmaw-devd", argv, &text);
    json_t *json = json_loadb((const char *)text.data, text.size, 0, NULL);
    for (size_t i = 0; i < 3; i++) {
        ret_parts[i] = CMAW_BUF(256);
        cmaw_buf_put_cstr(&ret_parts[i], json_string_value(json_object_get(json, names[i])));
    }
    json_decref(json);
}

static void read_roots(struct world *world)
{
    CMAW_BUF_AUTO(der, 4096);
    CMAW_BUF_AUTO(pem, 16384);
    struct cmaw_diag diag = {0};
    char path[CMAW_PATH_MAX];
    must(cmaw_path(path, "%s/attestation-root.der", world->dir), "path");
    must(cmaw_file_read(path, &der, &diag), path);
    cmaw_sha256(cmaw_buf_slice(&der), world->attestation_root);
    must(cmaw_path(path, "%s/tls-ca.pem", world->dir), "path");
    must(cmaw_file_read(path, &pem, &diag), path);
    must(cmaw_tls_client_new(cmaw_buf_slice(&pem), &world->tls), "roots");
}

static void start_devd(struct world *world)
{
    char port[8];
    char log[128];
    (void)snprintf(port, sizeof port, "%u", world->kms_port);
    (void)snprintf(log, sizeof log, "%s/devd.log", world->dir);
    const char *const serve[] = {"cmaw-devd", "serve", "--dir", world->dir, "--port", port, "--ready-fd", "3", NULL};
    start_daemon("cmaw-devd", serve, log, &world->devd);
}

void world_restart_devd(struct world *world)
{
    cmaw_proc_kill(&world->devd);
    start_devd(world);
}

void world_open(struct world *world)
{
    (void)signal(SIGPIPE, SIG_IGN);
    *world = (struct world){.devd = CMAW_PROC_NONE, .dir = "/tmp/cmaw-enclave-test-XXXXXX"};
    assert_non_null(mkdtemp(world->dir));
    CMAW_BUF_AUTO(nothing, 4096);
    const char *const init[] = {"cmaw-devd", "init", "--dir", world->dir, NULL};
    run("cmaw-devd", init, &nothing);
    world->kms_port = free_port();
    start_devd(world);
    access_key(world, ADMIN, world->admin);
    access_key(world, PARENT, world->parent);
    read_roots(world);
}

void world_close(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        world_stop(&world->nodes[i]);
    }
    cmaw_proc_kill(&world->devd);
    for (size_t i = 0; i < 3; i++) {
        cmaw_buf_free(&world->admin[i]);
        cmaw_buf_free(&world->parent[i]);
    }
    cmaw_tls_client_free(world->tls);
    cmaw_buf_free(&world->manifest);
    cmaw_buf_free(&world->bundle);
    struct cmaw_diag diag = {0};
    must(cmaw_folder_remove(world->dir, &diag), diag.text);
}

static uint16_t dial_port;

static enum cmaw_err dial(uint32_t timeout_ms, int *ret_fd)
{
    (void)timeout_ms;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(dial_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(*ret_fd, (const struct sockaddr *)&address, sizeof address) == 0 ? CMAW_OK : CMAW_E_UNAVAILABLE;
}

uint32_t world_kms(struct world *world, bool admin, const char *operation, const char *body, struct cmaw_buf *answer)
{
    const struct cmaw_buf *parts = admin ? world->admin : world->parent;
    const struct cmaw_kms kms = {.host = "kms.cmaw.test", .tls = world->tls, .dial = dial, .now_ms = world_now_ms};
    const struct cmaw_kms_key key = {
        .arn = CMAW_SLICE_LIT("arn:aws:kms:eu-central-1:111122223333:key/x"),
        .credentials = {cmaw_buf_slice(&parts[0]), cmaw_buf_slice(&parts[1]), CMAW_SLICE_EMPTY},
        .deadline_ms = cmaw_deadline_in(WAIT_MS),
    };
    CMAW_BUF_AUTO(buf, CMAW_HTTP_RESPONSE_MAX);
    struct cmaw_http_response response;
    struct cmaw_kms_failure failure = {0};
    char target[64];
    dial_port = world->kms_port;
    (void)snprintf(target, sizeof target, "TrentService.%s", operation);
    CMAW_KMS_SESSION_AUTO(session);
    must(cmaw_kms_open(&kms, &key, &session, &failure), "session");
    if (cmaw_kms_exchange(&session, target, cmaw_slice_of_cstr(body), &buf, &response, &failure) != CMAW_OK) {
        fail_msg("%s: %s %s", operation, failure.type, failure.message);
    }
    cmaw_buf_put(answer, response.body);
    return response.status;
}

#define ADMIN_STATEMENT                                                                                                 \
    "{\"Sid\":\"Admin\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"" ADMIN "\"},\"Action\":[\"kms:Describe*\","        \
    "\"kms:Get*\",\"kms:List*\",\"kms:PutKeyPolicy\",\"kms:Encrypt\"],\"Resource\":\"*\"}"

static void make_key(struct world *world, struct node *node)
{
    CMAW_BUF_AUTO(body, 8192);
    CMAW_BUF_AUTO(answer, CMAW_HTTP_RESPONSE_MAX);
    cmaw_buf_put_cstr(&body, "{\"Policy\":\"");
    cmaw_buf_put_json_escaped(&body, CMAW_SLICE_LIT("{\"Version\":\"2012-10-17\",\"Statement\":[" ADMIN_STATEMENT "]}"));
    cmaw_buf_put_cstr(&body, "\"}");
    cmaw_buf_put_u8(&body, 0);
    const uint32_t status = world_kms(world, true, "CreateKey", (const char *)body.data, &answer);
    if (status != 200) {
        fail_msg("CreateKey: %.*s", (int)answer.size, (const char *)answer.data);
    }
    json_t *json = json_loadb((const char *)answer.data, answer.size, 0, NULL);
    (void)snprintf(node->arn, sizeof node->arn, "%s",
                   json_string_value(json_object_get(json_object_get(json, "KeyMetadata"), "Arn")));
    json_decref(json);
}

struct node *world_add(struct world *world, const char *name, const char *program, const char *mode, bool proto)
{
    assert_true(world->node_count < ROLES_MAX);
    struct node *node = &world->nodes[world->node_count++];
    *node = (struct node){.name = name, .program = program, .mode = mode, .proto = proto, .tmp_kib = 1024,
                          .launcher = CMAW_PROC_NONE, .proxy = CMAW_PROC_NONE};
    char dir[sizeof world->dir]; /* the compiler cannot see that a node's paths and this do not overlap */
    memcpy(dir, world->dir, sizeof dir);
    (void)snprintf(node->eif, sizeof node->eif, "%s/%s.eif", dir, name);
    (void)snprintf(node->socket, sizeof node->socket, "%s/%s.sock", dir, name);
    (void)snprintf(node->state, sizeof node->state, "%s/%s.state", dir, name);
    (void)snprintf(node->log, sizeof node->log, "%s/%s.log", dir, name);
    node_build_image(world, node);
    make_key(world, node);
    return node;
}

uint32_t node_role(const struct world *world, const struct node *node)
{
    return (uint32_t)(node - world->nodes) + 1;
}

static void put_policy(struct world *world, struct node *node, const struct cmaw_bytes32 *mh, bool may_look)
{
    CMAW_BUF_AUTO(policy, 8192);
    CMAW_BUF_AUTO(body, 16384);
    CMAW_BUF_AUTO(answer, CMAW_HTTP_RESPONSE_MAX);
    struct cmaw_pcr lock;
    const uint32_t role = node_role(world, node);
    must(cmaw_role_lock_pcr(mh, role, &lock), "role lock");
    cmaw_buf_printf(&policy, "{\"Version\":\"2012-10-17\",\"Statement\":[" ADMIN_STATEMENT
                             ",{\"Sid\":\"Look\",\"Effect\":\"%s\",\"Principal\":{\"AWS\":\"" PARENT
                             "\"},\"Action\":\"kms:DescribeKey\",\"Resource\":\"*\"},", may_look ? "Allow" : "Deny");
    cmaw_buf_put_cstr(&policy, "{\"Sid\":\"Use\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"" PARENT
                               "\"},\"Action\":[\"kms:Decrypt\",\"kms:GenerateDataKey\"],\"Resource\":\"*\",\"Condition\":{"
                               "\"StringEqualsIgnoreCase\":{\"kms:RecipientAttestation:PCR0\":\"");
    cmaw_buf_put_hex(&policy, CMAW_SLICE_ARRAY(node->pcrs.pcr0));
    cmaw_buf_put_cstr(&policy, "\",\"kms:RecipientAttestation:PCR16\":\"");
    cmaw_buf_put_hex(&policy, cmaw_pcr_slice(&lock));
    cmaw_buf_printf(&policy, "\"},\"StringEquals\":{\"kms:EncryptionContext:sst\":\"1\",\"kms:EncryptionContext:tenant\":\"test\","
                             "\"kms:EncryptionContext:role\":\"%u\",\"kms:EncryptionContext:manifest\":\"", role);
    cmaw_buf_put_hex(&policy, cmaw_bytes32_slice(mh));
    cmaw_buf_put_cstr(&policy, "\"}}}]}");
    cmaw_buf_printf(&body, "{\"KeyId\":\"%s\",\"Policy\":\"", node->arn);
    cmaw_buf_put_json_escaped(&body, cmaw_buf_slice(&policy));
    cmaw_buf_put_cstr(&body, "\"}");
    cmaw_buf_put_u8(&body, 0);
    if (world_kms(world, true, "PutKeyPolicy", (const char *)body.data, &answer) != 200) {
        fail_msg("PutKeyPolicy: %.*s", (int)answer.size, (const char *)answer.data);
    }
}

void world_manifest(struct world *world)
{
    static struct cmaw_manifest manifest;
    manifest = (struct cmaw_manifest){
        .version = 1, .tenant = CMAW_SLICE_LIT("test"), .serial = 1, .epoch = 1,
        .attestation_root = CMAW_SLICE_ARRAY(world->attestation_root),
        .not_before_ms = world_now_ms() - HOUR_MS, .not_after_ms = world_now_ms() + HOUR_MS,
        .role_count = world->node_count,
    };
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct node *node = &world->nodes[i];
        manifest.roles[i] = (struct cmaw_role){
            .id = i + 1, .name = cmaw_slice_of_cstr(node->name), .kms_key_arn = cmaw_slice_of_cstr(node->arn),
            .measurement_count = 1, .measurements = {{.pcrs = {CMAW_SLICE_ARRAY(node->pcrs.pcr0)}}}};
    }
    world->manifest = CMAW_BUF(CMAW_MANIFEST_MAX);
    cmaw_manifest_encode(&manifest, &world->manifest);
    must(cmaw_manifest_parse(cmaw_buf_slice(&world->manifest), &manifest), "manifest");
    for (uint32_t i = 0; i < world->node_count; i++) {
        put_policy(world, &world->nodes[i], &manifest.mh, true);
    }
}

void world_let_look(struct world *world, struct node *node, bool may_look)
{
    static struct cmaw_manifest manifest;
    must(cmaw_manifest_parse(cmaw_buf_slice(&world->manifest), &manifest), "manifest");
    put_policy(world, node, &manifest.mh, may_look);
}

void world_start(struct world *world, struct node *node)
{
    char nsm[128], forward[256], target[32];
    (void)snprintf(nsm, sizeof nsm, "%s/nsm.sock", world->dir);
    (void)snprintf(target, sizeof target, "127.0.0.1:%u", world->kms_port);
    (void)snprintf(forward, sizeof forward, "uds:%s:8000=%s", node->socket, target);
    const char *const proxy[] = {"cmaw-proxy", "--forward", forward, "--allow", target, "--ready-fd", "3", NULL};
    start_daemon("cmaw-proxy", proxy, node->log, &node->proxy);
    if (node->as_nobody) {
        char egress[CMAW_PATH_MAX];
        must(cmaw_path(egress, "%s_8000", node->socket), "path");
        assert_int_equal(chown(egress, 65534, 65534), 0);
    }
    char program[160];
    (void)snprintf(program, sizeof program, "%s/cmaw-launch", world->dir);
    const char *const launch[] = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "run", "--eif",
                                  node->eif, "--socket", node->socket, "--nsm", nsm, "--name", node->name, "--state-dir",
                                  node->state, "--ready-fd", "3", NULL};
    start_daemon(node->as_nobody ? "/usr/bin/setpriv" : "cmaw-launch", node->as_nobody ? launch : launch + 4, node->log,
                 &node->launcher);
}

void world_give_up_root(struct world *world, struct node *node)
{
    enum { NOBODY = 65534 };
    CMAW_BUF_AUTO(program, IMAGE_MAX);
    struct cmaw_diag diag = {0};
    char from[CMAW_PATH_MAX], to[CMAW_PATH_MAX], nsm[CMAW_PATH_MAX];
    must(cmaw_proc_find("cmaw-launch", from, &diag), "cmaw-launch");
    must(cmaw_path(to, "%s/cmaw-launch", world->dir), "path");
    must(cmaw_path(nsm, "%s/nsm.sock", world->dir), "path");
    must(cmaw_file_read(from, &program, &diag), from);
    must(cmaw_file_write(to, cmaw_buf_slice(&program), 0755, &diag), to);
    char dir[sizeof world->dir];
    memcpy(dir, world->dir, sizeof dir);
    (void)snprintf(node->state, sizeof node->state, "%s/nobody", dir); /* what root left is not ours */
    assert_int_equal(chown(world->dir, NOBODY, NOBODY) | chown(node->eif, NOBODY, NOBODY) | chown(nsm, NOBODY, NOBODY), 0);
    node->as_nobody = true;
}

void world_stop(struct node *node)
{
    cmaw_proc_kill(&node->launcher);
    cmaw_proc_kill(&node->proxy);
}

int node_connect(const struct node *node)
{
    struct cmaw_addr addr = {.port = 5000};
    int fd = -1;
    (void)snprintf(addr.path, sizeof addr.path, "%s", node->socket);
    must(cmaw_addr_connect(&addr, WAIT_MS, &fd), "connect");
    return fd;
}

void node_call(int fd, const struct cmaw_request *request, struct cmaw_buf *buf, struct cmaw_response *ret_response)
{
    must(cmaw_rpc_call(fd, request, cmaw_deadline_in(4 * WAIT_MS), buf, ret_response), "call");
}

static struct cmaw_credentials credentials_of(const struct world *world)
{
    return (struct cmaw_credentials){cmaw_buf_slice(&world->parent[0]), cmaw_buf_slice(&world->parent[1]), CMAW_SLICE_EMPTY};
}

struct cmaw_request provision_request(const struct world *world, const struct node *node)
{
    return (struct cmaw_request){.verb = CMAW_VERB_PROVISION,
                                 .provision = {.manifest = cmaw_buf_slice(&world->manifest), .role = node_role(world, node),
                                               .credentials = credentials_of(world), .nonce = CMAW_SLICE_LIT("nonce")}};
}

struct cmaw_request configure_request(const struct world *world, const struct node *node, const struct cmaw_role_key *key)
{
    return (struct cmaw_request){
        .verb = CMAW_VERB_CONFIGURE,
        .configure = {.manifest = cmaw_buf_slice(&world->manifest), .role = node_role(world, node), .kms_blob = key->kms_blob,
                      .birth_cert = key->birth_cert, .ak_doc = key->ak_doc, .credentials = credentials_of(world)}};
}

void world_provision(struct world *world)
{
    static struct cmaw_bundle bundle;
    struct cmaw_buf answers[ROLES_MAX];
    bundle = (struct cmaw_bundle){.manifest = cmaw_buf_slice(&world->manifest), .role_count = world->node_count};
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct cmaw_request request = provision_request(world, &world->nodes[i]);
        struct cmaw_response response;
        answers[i] = CMAW_BUF(CMAW_FRAME_MAX);
        const int fd = node_connect(&world->nodes[i]);
        node_call(fd, &request, &answers[i], &response);
        close(fd);
        if (response.code != CMAW_CODE_OK) {
            fail_msg("provision %s: %s %.*s %.*s", world->nodes[i].name, cmaw_code_name(response.code),
                     (int)response.kms_error.type.size, (const char *)response.kms_error.type.data,
                     (int)response.kms_error.message.size, (const char *)response.kms_error.message.data);
        }
        bundle.roles[i] = (struct cmaw_role_key){i + 1, response.provision.birth_cert, response.provision.ak_doc,
                                                 response.provision.kms_blob};
    }
    world->bundle = CMAW_BUF(CMAW_BUNDLE_MAX);
    cmaw_bundle_encode(&bundle, &world->bundle);
    for (uint32_t i = 0; i < world->node_count; i++) {
        cmaw_buf_free(&answers[i]);
    }
    struct cmaw_finding finding = {0};
    if (cmaw_bundle_verify(cmaw_buf_slice(&world->bundle), NULL, CMAW_DOC_SIGNED, &world->deployment, &finding) != CMAW_OK) {
        fail_msg("bundle: %s %s", finding.check, finding.text);
    }
}

void world_configure(struct world *world, struct node *node)
{
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    const struct cmaw_role_key *key = cmaw_bundle_role(&world->deployment.bundle, node_role(world, node));
    const struct cmaw_request request = configure_request(world, node, key);
    const int fd = node_connect(node);
    node_call(fd, &request, &answer, &response);
    close(fd);
    if (response.code != CMAW_CODE_OK) {
        fail_msg("configure %s: %s", node->name, cmaw_code_name(response.code));
    }
}
