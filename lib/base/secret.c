#include "lib/base/secret.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

/* Slots of CMAW_SECRET_MAX bytes in locked arenas. Arenas are never unmapped: their number is the high-water mark of
 * secrets held at once, 512 to an arena. */
enum { ARENA_BYTES = 64 * 1024, ARENA_SLOTS = ARENA_BYTES / CMAW_SECRET_MAX, ARENAS_MAX = 64 };

struct arena {
    uint8_t *base;
    uint8_t used[ARENA_SLOTS];
    size_t used_count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena arenas[ARENAS_MAX];
static size_t arena_count;

static enum cmaw_err arena_add(void)
{
    CMAW_REQUIRE(arena_count < ARENAS_MAX, CMAW_E_NO_MEMORY);
    void *base = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CMAW_REQUIRE(base != MAP_FAILED, CMAW_E_NO_MEMORY);
    if (mlock(base, ARENA_BYTES) != 0 || madvise(base, ARENA_BYTES, MADV_DONTDUMP) != 0 ||
        madvise(base, ARENA_BYTES, MADV_WIPEONFORK) != 0) {
        (void)munmap(base, ARENA_BYTES);
        return CMAW_E_NO_MEMORY;
    }
    arenas[arena_count++].base = base;
    return CMAW_OK;
}

static uint8_t *slot_take(void)
{
    for (size_t a = 0; a < arena_count; a++) {
        struct arena *arena = &arenas[a];
        if (arena->used_count == ARENA_SLOTS) {
            continue;
        }
        const uint8_t *free_flag = memchr(arena->used, 0, ARENA_SLOTS);
        const size_t index = (size_t)(free_flag - arena->used);
        arena->used[index] = 1;
        arena->used_count++;
        return arena->base + index * CMAW_SECRET_MAX;
    }
    return NULL;
}

static void slot_give_back(const uint8_t *slot)
{
    for (size_t a = 0; a < arena_count; a++) {
        if (slot >= arenas[a].base && slot < arenas[a].base + ARENA_BYTES) {
            arenas[a].used[(size_t)(slot - arenas[a].base) / CMAW_SECRET_MAX] = 0;
            arenas[a].used_count--;
            return;
        }
    }
}

enum cmaw_err cmaw_secret_new(size_t size, struct cmaw_secret *ret_secret)
{
    CMAW_REQUIRE(size >= 1 && size <= CMAW_SECRET_MAX && ret_secret->bytes == NULL, CMAW_E_BUG);
    enum cmaw_err err = CMAW_OK;
    pthread_mutex_lock(&lock);
    uint8_t *slot = slot_take();
    if (slot == NULL && (err = arena_add()) == CMAW_OK) {
        slot = slot_take();
    }
    pthread_mutex_unlock(&lock);
    CMAW_TRY(err);
    *ret_secret = (struct cmaw_secret){slot, size};
    return CMAW_OK;
}

enum cmaw_err cmaw_secret_copy(struct cmaw_slice bytes, struct cmaw_secret *ret_secret)
{
    CMAW_TRY(cmaw_secret_new(bytes.size, ret_secret));
    memcpy(ret_secret->bytes, bytes.data, bytes.size);
    return CMAW_OK;
}

void cmaw_secret_release(struct cmaw_secret *secret)
{
    if (secret == NULL || secret->bytes == NULL) {
        return;
    }
    cmaw_wipe(secret->bytes, CMAW_SECRET_MAX);
    pthread_mutex_lock(&lock);
    slot_give_back(secret->bytes);
    pthread_mutex_unlock(&lock);
    *secret = (struct cmaw_secret){NULL, 0};
}

struct cmaw_secret cmaw_secret_take(struct cmaw_secret *from)
{
    const struct cmaw_secret taken = *from;
    *from = (struct cmaw_secret){NULL, 0};
    return taken;
}

bool cmaw_secret_eq(const struct cmaw_secret *a, const struct cmaw_secret *b)
{
    return cmaw_ct_eq(cmaw_secret_slice(a), cmaw_secret_slice(b));
}
