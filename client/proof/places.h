/* Where the terms of a run are looked for, and with what result. */
#ifndef CMAW_CLIENT_PROOF_PLACES_H
#define CMAW_CLIENT_PROOF_PLACES_H

#include "client/proof/finds.h"
#include "client/proof/terms.h"
#include "client/proof/unpack.h"

enum { CMAW_PLACES_MAX = 256 };

struct cmaw_place {
    struct cmaw_buf name; /* a path, or what it is; ends with a NUL */
    uint64_t size;        /* bytes looked at */
    uint64_t lines;       /* line feeds among them */
};

struct cmaw_places {
    const struct cmaw_terms *terms;
    struct cmaw_matcher *matcher; /* with the patterns of terms */
    struct cmaw_finds *finds;     /* place: index in list */
    struct cmaw_unpack_totals unpacked;
    size_t count;
    struct cmaw_place list[CMAW_PLACES_MAX];
};

const char *cmaw_place_name(const struct cmaw_place *place);

/* terms and matcher are borrowed. */
enum cmaw_err cmaw_places_new(const struct cmaw_terms *terms, struct cmaw_matcher *matcher, struct cmaw_places *ret_places);
void cmaw_places_free(struct cmaw_places *places);

enum cmaw_err cmaw_places_search_bytes(struct cmaw_places *places, const char *name, struct cmaw_slice bytes);
/* Every regular file of the folder, in the order of names. TOO_LARGE over CMAW_PLACES_MAX places. */
enum cmaw_err cmaw_places_search_folder(struct cmaw_places *places, const char *folder, struct cmaw_diag *diag);
/* If there are finds that a fixed text may explain (finds.h): looks for them in the programs of a stack, as far as they are on this machine. */
enum cmaw_err cmaw_places_explain(struct cmaw_places *places, struct cmaw_diag *diag);

void cmaw_places_count(const struct cmaw_places *places, size_t index, uint64_t *ret_found, uint64_t *ret_explained);
/* Of all places, in bytes. */
uint64_t cmaw_places_size(const struct cmaw_places *places);

#endif
