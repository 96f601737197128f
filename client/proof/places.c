#include "client/proof/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/stack/service.h"
#include "sys/proc.h"

enum cmaw_err cmaw_places_new(const struct cmaw_terms *terms, struct cmaw_matcher *matcher, struct cmaw_places *ret_places)
{
    *ret_places = (struct cmaw_places){.terms = terms, .matcher = matcher, .unpacked = {.left = CMAW_UNPACK_BUDGET}};
    return cmaw_finds_new(&ret_places->finds);
}

void cmaw_places_free(struct cmaw_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        cmaw_buf_free(&places->list[i].name);
    }
    cmaw_finds_free(&places->finds);
    *places = (struct cmaw_places){0};
}

const char *cmaw_place_name(const struct cmaw_place *place)
{
    return (const char *)place->name.data;
}

static void on_hit(void *context, const struct cmaw_hit *hit)
{
    struct cmaw_places *places = context;
    const struct cmaw_term *term = cmaw_terms_at(places->terms, hit->tag / CMAW_FORM_COUNT);
    const bool word = hit->tag % CMAW_FORM_COUNT == CMAW_FORM_RAW && term->kind == CMAW_TERM_WORD && !hit->packed;
    cmaw_finds_add(places->finds, hit, (uint32_t)places->count - 1, word);
}

static enum cmaw_err add(struct cmaw_places *places, const char *name, struct cmaw_place **ret_place)
{
    CMAW_REQUIRE(places->count < CMAW_PLACES_MAX, CMAW_E_TOO_LARGE);
    struct cmaw_place *place = &places->list[places->count];
    *place = (struct cmaw_place){.name = CMAW_BUF(CMAW_PATH_MAX)};
    places->count++;
    cmaw_buf_put_cstr(&place->name, name);
    cmaw_buf_put_u8(&place->name, 0);
    CMAW_TRY(place->name.err);
    *ret_place = place;
    return CMAW_OK;
}

enum cmaw_err cmaw_places_search_bytes(struct cmaw_places *places, const char *name, struct cmaw_slice bytes)
{
    struct cmaw_place *place;
    CMAW_UNPACK_AUTO(unpack);
    CMAW_TRY(add(places, name, &place));
    CMAW_TRY(cmaw_unpack_new(places->matcher, on_hit, places, &places->unpacked, &unpack));
    CMAW_TRY(cmaw_unpack_bytes(unpack, bytes));
    return cmaw_unpack_end(unpack, &place->size);
}

struct looking {
    struct cmaw_place *place;
    struct cmaw_unpack *unpack;
};

static enum cmaw_err take_block(void *context, struct cmaw_slice block)
{
    struct looking *looking = context;
    for (size_t i = 0; i < block.size; i++) {
        looking->place->lines += block.data[i] == '\n';
    }
    return cmaw_unpack_bytes(looking->unpack, block);
}

static enum cmaw_err search_file(struct cmaw_places *places, const char *folder, const char *name, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(path, "%s/%s", folder, name));
    CMAW_FD_AUTO(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info;
    if (fd < 0 && errno == ENOENT) {
        return CMAW_OK; /* a database's side file that went away meanwhile */
    }
    if (fd < 0 || fstat(fd, &info) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    CMAW_REQUIRE(S_ISREG(info.st_mode), CMAW_OK);
    struct cmaw_place *place;
    const enum cmaw_err err = add(places, path, &place);
    if (err == CMAW_E_TOO_LARGE) {
        cmaw_diag_hint(diag, "move old logs out of the folder; files are not left out, because then nothing would be proven");
        return cmaw_diag_set(diag, err, "more than %d places to search: %s has too many files", CMAW_PLACES_MAX, folder);
    }
    CMAW_TRY(err);
    CMAW_UNPACK_AUTO(unpack);
    CMAW_TRY(cmaw_unpack_new(places->matcher, on_hit, places, &places->unpacked, &unpack));
    struct looking looking = {place, unpack};
    CMAW_TRY(cmaw_fd_each_block(fd, path, take_block, &looking, diag));
    return cmaw_unpack_end(unpack, &place->size);
}

enum cmaw_err cmaw_places_search_folder(struct cmaw_places *places, const char *folder, struct cmaw_diag *diag)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot read %s: %s", folder, strerror(errno));
    }
    enum cmaw_err err = CMAW_OK;
    for (int i = 0; i < count; i++) {
        if (err == CMAW_OK && entries[i]->d_name[0] != '.') {
            err = search_file(places, folder, entries[i]->d_name, diag);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}

struct reading {
    struct cmaw_places *places;
    const char *program;
};

static void on_program_hit(void *context, const struct cmaw_hit *hit)
{
    const struct reading *reading = context;
    cmaw_finds_explain(reading->places->finds, hit, reading->program);
}

static enum cmaw_err read_program(struct cmaw_places *places, const char *name, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_diag none = {0};
    const bool here = strcmp(name, "temporal") == 0 ? cmaw_service_temporal(path, &none) == CMAW_OK : cmaw_proc_find(name, path, &none) == CMAW_OK;
    CMAW_FD_AUTO(fd);
    fd = here ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return CMAW_OK; /* it explains nothing, then */
    }
    struct reading reading = {places, name};
    uint64_t size;
    return cmaw_scan_fd(places->matcher, on_program_hit, &reading, fd, path, &size, diag);
}

enum cmaw_err cmaw_places_explain(struct cmaw_places *places, struct cmaw_diag *diag)
{
    static const char *const programs[] = {"cmaw-worker", "cmaw-proxy", "cmaw-launch", "cmaw-devd", "cmaw", "init-sim", "temporal"};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0] && cmaw_finds_open(places->finds); i++) {
        CMAW_TRY(read_program(places, programs[i], diag));
    }
    return CMAW_OK;
}

void cmaw_places_count(const struct cmaw_places *places, size_t index, uint64_t *ret_found, uint64_t *ret_explained)
{
    uint64_t found = 0, explained = 0;
    for (size_t i = 0; i < cmaw_finds_count(places->finds); i++) {
        const struct cmaw_find *find = cmaw_finds_at(places->finds, i);
        found += find->place == index && find->program == NULL ? find->count : 0;
        explained += find->place == index && find->program != NULL ? find->count : 0;
    }
    *ret_found = found;
    *ret_explained = explained;
}

uint64_t cmaw_places_size(const struct cmaw_places *places)
{
    uint64_t size = 0;
    for (size_t i = 0; i < places->count; i++) {
        size += places->list[i].size;
    }
    return size;
}
