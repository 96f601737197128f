#include "host/worker/runs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256, BUDGET = 8 * 1024 * 1024 };

struct run {
    struct run *next;
    char id[CMAW_TEMPORAL_ID_SIZE];
    struct cmaw_interpreter *interpreter;
    size_t weight;
    uint64_t used; /* a counter's value: greater is later */
    bool evicting;
};

struct cmaw_runs {
    pthread_mutex_t lock;
    struct run *buckets[BUCKETS];
    size_t count;
    size_t weight;
    uint64_t clock;
};

static struct run **slot_of(struct cmaw_runs *runs, const char *id)
{
    uint32_t hash = 2166136261u; // FNV-1a

    for (const char *c = id; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    }
    struct run **slot = &runs->buckets[hash % BUCKETS];
    while (*slot != NULL && strcmp((*slot)->id, id) != 0) {
        slot = &(*slot)->next;
    }
    return slot;
}

enum cmaw_err cmaw_runs_new(struct cmaw_runs **ret_runs)
{
    struct cmaw_runs *runs = calloc(1, sizeof *runs);

    CMAW_REQUIRE(runs != NULL, CMAW_E_NO_MEMORY);
    pthread_mutex_init(&runs->lock, NULL);
    *ret_runs = runs;
    return CMAW_OK;
}

static void remove_at(struct cmaw_runs *runs, struct run **slot)
{
    struct run *run = *slot;

    *slot = run->next;
    runs->count--;
    runs->weight -= run->weight;
    cmaw_interpreter_free(run->interpreter);
    free(run);
}

void cmaw_runs_free(struct cmaw_runs *runs)
{
    if (runs == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (runs->buckets[i] != NULL) {
            remove_at(runs, &runs->buckets[i]);
        }
    }
    pthread_mutex_destroy(&runs->lock);
    free(runs);
}

struct cmaw_interpreter *cmaw_runs_find(struct cmaw_runs *runs, const char *id)
{
    pthread_mutex_lock(&runs->lock);
    const struct run *run = *slot_of(runs, id);
    struct cmaw_interpreter *found = run != NULL ? run->interpreter : NULL;
    pthread_mutex_unlock(&runs->lock);
    return found;
}

static enum cmaw_err put(struct cmaw_runs *runs, const char *id, struct cmaw_interpreter *interpreter)
{
    struct run **slot = slot_of(runs, id);

    if (*slot != NULL) {
        remove_at(runs, slot);
    }
    struct run *run = calloc(1, sizeof *run);
    CMAW_REQUIRE(run != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = cmaw_slice_to_cstr(cmaw_slice_of_cstr(id), run->id, sizeof run->id);
    if (err != CMAW_OK) {
        free(run);
        return err;
    }
    run->interpreter = interpreter;
    run->used = ++runs->clock;
    run->next = *slot;
    *slot = run;
    runs->count++;
    return CMAW_OK;
}

enum cmaw_err cmaw_runs_put(struct cmaw_runs *runs, const char *id, struct cmaw_interpreter *interpreter)
{
    pthread_mutex_lock(&runs->lock);
    const enum cmaw_err err = put(runs, id, interpreter);
    pthread_mutex_unlock(&runs->lock);
    return err;
}

void cmaw_runs_remove(struct cmaw_runs *runs, const char *id)
{
    pthread_mutex_lock(&runs->lock);
    struct run **slot = slot_of(runs, id);
    if (*slot != NULL) {
        remove_at(runs, slot);
    }
    pthread_mutex_unlock(&runs->lock);
}

static struct run *oldest(struct cmaw_runs *runs)
{
    struct run *found = NULL;

    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct run *run = runs->buckets[i]; run != NULL; run = run->next) {
            if (!run->evicting && (found == NULL || run->used < found->used)) {
                found = run;
            }
        }
    }
    return found;
}

bool cmaw_runs_settle(struct cmaw_runs *runs, const char *id, char ret_victim[static CMAW_TEMPORAL_ID_SIZE])
{
    struct run *victim = NULL;

    pthread_mutex_lock(&runs->lock);
    struct run *run = *slot_of(runs, id);
    if (run != NULL) {
        runs->weight -= run->weight;
        run->weight = cmaw_interpreter_weight(run->interpreter);
        runs->weight += run->weight;
        run->used = ++runs->clock;
    }
    if (runs->weight > BUDGET && runs->count > 1) {
        victim = oldest(runs);
    }
    if (victim != NULL) {
        victim->evicting = true;
        memcpy(ret_victim, victim->id, sizeof victim->id);
    }
    pthread_mutex_unlock(&runs->lock);
    return victim != NULL;
}

size_t cmaw_runs_count(struct cmaw_runs *runs)
{
    pthread_mutex_lock(&runs->lock);
    const size_t count = runs->count;
    pthread_mutex_unlock(&runs->lock);
    return count;
}
