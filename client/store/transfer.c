#include "client/store/transfer.h"

#include <string.h>

#include "client/store/store_private.h"

static const char magic[] = "cmaw-runs/1\n";
enum { LOG_N_MAX = 17, R = 8, P_MAX = 4 };
static const uint64_t MS_MAX = 253402300799999; /* the end of the year 9999 */

/* A file may not make its reader work, or take memory, without end. */
static enum cmaw_err check_cost(struct cmaw_slice kdf)
{
    struct cmaw_reader reader = cmaw_reader_of(kdf);
    const uint32_t log_n = cmaw_read_u32be(&reader);
    const uint32_t r = cmaw_read_u32be(&reader);
    const uint32_t p = cmaw_read_u32be(&reader);
    CMAW_TRY(reader.err);
    return log_n >= 10 && log_n <= LOG_N_MAX && r == R && p >= 1 && p <= P_MAX ? CMAW_OK : CMAW_E_MALFORMED;
}

static struct cmaw_slice read_lp(struct cmaw_reader *reader)
{
    return cmaw_read_bytes(reader, cmaw_read_u32be(reader));
}

enum cmaw_err cmaw_transfer_parse(struct cmaw_slice file, struct cmaw_transfer *ret_transfer)
{
    struct cmaw_reader reader = cmaw_reader_of(file);
    const struct cmaw_slice name = cmaw_read_bytes(&reader, sizeof magic - 1);
    const struct cmaw_slice kdf = cmaw_read_bytes(&reader, CMAW_STORE_KDF_SIZE);
    const struct cmaw_slice head = read_lp(&reader);
    CMAW_TRY(reader.err);
    if (!cmaw_slice_eq_cstr(name, magic)) {
        return cmaw_slice_eq_cstr(cmaw_slice_sub(name, 0, strlen("cmaw-runs/")), "cmaw-runs/") ? CMAW_E_UNSUPPORTED : CMAW_E_MALFORMED;
    }
    CMAW_TRY(check_cost(kdf));
    *ret_transfer = (struct cmaw_transfer){.kdf = kdf, .head = head, .rest = reader};
    return CMAW_OK;
}

enum cmaw_err cmaw_transfer_next(struct cmaw_transfer *transfer, struct cmaw_slice *ret_sealed)
{
    const struct cmaw_slice sealed = read_lp(&transfer->rest);
    CMAW_TRY(transfer->rest.err);
    *ret_sealed = sealed;
    return CMAW_OK;
}

void cmaw_transfer_begin(struct cmaw_slice kdf, struct cmaw_buf *file)
{
    cmaw_buf_put(file, CMAW_SLICE_LIT(magic));
    cmaw_buf_put(file, kdf);
}

void cmaw_transfer_run_free(struct cmaw_transfer_run *run)
{
    cmaw_run_record_free(&run->record);
    cmaw_buf_free(&run->secrets);
}

static void put_text(struct cmaw_buf *buf, const char *text)
{
    cmaw_buf_put_lp(buf, cmaw_slice_of_cstr(text));
}

void cmaw_transfer_run_encode(const struct cmaw_transfer_run *run, struct cmaw_buf *buf)
{
    const struct cmaw_run_record *record = &run->record;
    cmaw_buf_put(buf, cmaw_bytes32_slice(&record->run_id));
    cmaw_buf_put(buf, cmaw_bytes32_slice(&record->mh));
    put_text(buf, record->workflow_id);
    put_text(buf, record->request_id);
    put_text(buf, record->name);
    put_text(buf, record->address);
    put_text(buf, record->ns);
    put_text(buf, record->code);
    cmaw_buf_put_u8(buf, (uint8_t)record->status);
    cmaw_buf_put_u64be(buf, record->created_ms);
    cmaw_buf_put_u64be(buf, record->ended_ms);
    cmaw_buf_put_u64be(buf, run->shredded_ms);
    cmaw_buf_put_lp(buf, cmaw_buf_slice(&record->plan));
    cmaw_buf_put_lp(buf, cmaw_buf_slice(&record->ticket));
    cmaw_buf_put_lp(buf, cmaw_buf_slice(&record->inputs));
    cmaw_buf_put_lp(buf, cmaw_buf_slice(&record->result));
    cmaw_buf_put_lp(buf, cmaw_buf_slice(&run->secrets));
}

/* These texts are shown at terminals. */
static void take_text(struct cmaw_reader *reader, char *text, size_t capacity)
{
    const struct cmaw_slice bytes = read_lp(reader);
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] < 0x20 || bytes.data[i] > 0x7e) {
            cmaw_reader_fail(reader, CMAW_E_MALFORMED);
            return;
        }
    }
    const enum cmaw_err err = cmaw_slice_to_cstr(bytes, text, capacity);
    if (err != CMAW_OK) {
        cmaw_reader_fail(reader, err);
    }
}

static void take_bytes(struct cmaw_reader *reader, struct cmaw_buf *buf, size_t max)
{
    *buf = CMAW_BUF(max);
    cmaw_buf_put(buf, read_lp(reader));
    if (buf->err != CMAW_OK) {
        cmaw_reader_fail(reader, buf->err);
    }
}

static uint64_t take_time(struct cmaw_reader *reader)
{
    const uint64_t ms = cmaw_read_u64be(reader);
    if (ms > MS_MAX) {
        cmaw_reader_fail(reader, CMAW_E_MALFORMED);
    }
    return ms;
}

static enum cmaw_err take_run(struct cmaw_reader *reader, struct cmaw_transfer_run *run)
{
    struct cmaw_run_record *record = &run->record;
    CMAW_TRY(cmaw_bytes32_of(cmaw_read_bytes(reader, CMAW_HASH_SIZE), &record->run_id));
    CMAW_TRY(cmaw_bytes32_of(cmaw_read_bytes(reader, CMAW_HASH_SIZE), &record->mh));
    take_text(reader, record->workflow_id, sizeof record->workflow_id);
    take_text(reader, record->request_id, sizeof record->request_id);
    take_text(reader, record->name, sizeof record->name);
    take_text(reader, record->address, sizeof record->address);
    take_text(reader, record->ns, sizeof record->ns);
    take_text(reader, record->code, sizeof record->code);
    record->status = (enum cmaw_run_status)cmaw_read_u8(reader);
    record->created_ms = take_time(reader);
    record->ended_ms = take_time(reader);
    run->shredded_ms = take_time(reader);
    take_bytes(reader, &record->plan, CMAW_PLAN_MAX);
    take_bytes(reader, &record->ticket, CMAW_TICKET_MAX);
    take_bytes(reader, &record->inputs, CMAW_STORE_INPUTS_MAX);
    take_bytes(reader, &record->result, CMAW_STORE_RESULT_MAX);
    take_bytes(reader, &run->secrets, CMAW_STORE_SECRETS_MAX);
    return cmaw_reader_end(reader);
}

static enum cmaw_err check_run(const struct cmaw_transfer_run *run)
{
    char workflow_id[CMAW_WORKFLOW_ID_SIZE];
    cmaw_workflow_id(&run->record.run_id, workflow_id);
    CMAW_REQUIRE(strcmp(workflow_id, run->record.workflow_id) == 0, CMAW_E_MALFORMED);
    CMAW_REQUIRE(run->record.status <= CMAW_RUN_TIMED_OUT, CMAW_E_MALFORMED);
    CMAW_REQUIRE(run->shredded_ms == 0 || run->secrets.size == 0, CMAW_E_MALFORMED);
    CMAW_EDGE_SECRETS_AUTO(secrets);
    CMAW_BUF_AUTO(again, CMAW_STORE_SECRETS_MAX);
    CMAW_TRY(cmaw_store_unpack_secrets(cmaw_buf_slice(&run->secrets), &secrets));
    CMAW_TRY(cmaw_store_pack_secrets(&secrets, &again));
    return cmaw_ct_eq(cmaw_buf_slice(&again), cmaw_buf_slice(&run->secrets)) ? CMAW_OK : CMAW_E_MALFORMED; /* in the order of edges */
}

enum cmaw_err cmaw_transfer_run_decode(struct cmaw_slice bytes, struct cmaw_transfer_run *ret_run)
{
    struct cmaw_reader reader = cmaw_reader_of(bytes);
    CMAW_TRANSFER_RUN_AUTO(run);
    CMAW_TRY(take_run(&reader, &run));
    CMAW_TRY(check_run(&run));
    *ret_run = run;
    run = (struct cmaw_transfer_run){0};
    return CMAW_OK;
}
