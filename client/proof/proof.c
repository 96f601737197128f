#include "client/proof/proof.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/text.h"

enum cmaw_err cmaw_proof_new(const char *name, struct cmaw_proof *ret_proof)
{
    *ret_proof = (struct cmaw_proof){.name = name, .text = CMAW_BUF(CMAW_PROOF_TEXT_MAX), .json = json_object()};
    return ret_proof->json == NULL ? CMAW_E_NO_MEMORY : CMAW_OK;
}

void cmaw_proof_free(struct cmaw_proof *proof)
{
    cmaw_buf_free(&proof->text);
    json_decref(proof->json);
    proof->json = NULL;
}

void cmaw_proof_line(struct cmaw_proof *proof, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    cmaw_text_tame(line);
    cmaw_buf_put_cstr(&proof->text, "  ");
    cmaw_buf_put_cstr(&proof->text, line);
    cmaw_buf_put_cstr(&proof->text, "\n");
}

void cmaw_plaintexts_free(struct cmaw_plaintexts **plaintexts)
{
    if (*plaintexts != NULL) {
        for (size_t i = 0; i < CMAW_EDGES_MAX; i++) {
            cmaw_opened_free(&(*plaintexts)->opened[i]);
        }
        free(*plaintexts);
        *plaintexts = NULL;
    }
}

enum cmaw_err cmaw_plaintexts_open(const struct cmaw_outcome *outcome, struct cmaw_plaintexts **ret_plaintexts, struct cmaw_diag *diag)
{
    struct cmaw_plaintexts *plaintexts = calloc(1, sizeof *plaintexts);
    CMAW_REQUIRE(plaintexts != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = CMAW_OK;
    for (uint32_t edge = 1; err == CMAW_OK && edge <= outcome->run->plan.edge_count; edge++) {
        if ((outcome->run->edges[edge - 1].bound & CMAW_BOUND_STATE) != 0) {
            err = cmaw_outcome_open(outcome, edge, &plaintexts->opened[edge - 1], diag);
            plaintexts->count++;
        }
    }
    if (err != CMAW_OK) {
        cmaw_plaintexts_free(&plaintexts);
        return err;
    }
    *ret_plaintexts = plaintexts;
    return CMAW_OK;
}
