#include "enclave/kms/json_memory.h"

#include <jansson.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/base/bytes.h"

/* Before each piece: its size, which free is not told. */
union head {
    size_t size;
    max_align_t align;
};

static void *take(size_t size)
{
    union head *head = size > SIZE_MAX - sizeof *head ? NULL : calloc(1, sizeof *head + size);
    if (head == NULL) {
        return NULL;
    }
    head->size = size;
    return head + 1;
}

static void give_back(void *piece)
{
    if (piece != NULL) {
        union head *head = (union head *)piece - 1;
        cmaw_wipe(piece, head->size);
        free(head);
    }
}

static void set(void)
{
    json_set_alloc_funcs(take, give_back);
}

void cmaw_json_wipe_on_free(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, set);
}
