/* The thread pool: every index exactly once, whatever n and the thread count. */
#include "tests/runtime/fake.h"
#include "runtime/pool.h"

static unsigned char hits[10007];

static void touch(void *arg, int64_t begin, int64_t end)
{
    (void)arg;
    for (int64_t i = begin; i < end; i++) hits[i]++;
}

static LpcPool *pool_new(int threads)
{
    LpcPool *pool = aligned_alloc(64, lpc_pool_bytes(threads));
    CHECK(lpc_pool_start(pool, threads) == 0, "start");
    return pool;
}

static void covers_all(void)
{
    static const int64_t ns[] = {0, 1, 2, 3, 5, 64, 1000, 10007};
    for (int threads = 1; threads <= 5; threads++) {
        LpcPool *pool = pool_new(threads);
        lpc_threads use = lpc_pool_threads(pool);
        for (size_t k = 0; k < sizeof ns / sizeof *ns; k++) {
            memset(hits, 0, sizeof hits);
            use.parallel_for(use.pool, touch, NULL, ns[k]);
            for (int64_t i = 0; i < (int64_t)sizeof hits; i++)
                if (hits[i] != (i < ns[k])) {
                    CHECK(0, "threads %d, n %d: index %d hit %d times", threads, (int)ns[k], (int)i,
                          hits[i]);
                    break;
                }
        }
        lpc_pool_stop(pool);
        free(pool);
    }
}

static void add(void *arg, int64_t begin, int64_t end)
{
    int64_t *sums = arg;
    for (int64_t i = begin; i < end; i++) sums[i * 8]++;
}

/* Back to back, and with pauses in which the workers fall asleep. */
static void many_loops(void)
{
    static int64_t sums[8 * 8];
    LpcPool *pool = pool_new(4);
    lpc_threads use = lpc_pool_threads(pool);
    uint64_t begin = lpc_now_ns();
    for (int i = 0; i < 3000; i++) {
        use.parallel_for(use.pool, add, sums, 8);
        if (i % 500 == 0) usleep(2000);
    }
    printf("  %.1f us per loop\n", (double)(lpc_now_ns() - begin) * 1e-3 / 3000);
    for (int i = 0; i < 8; i++) CHECK(sums[i * 8] == 3000, "sum %d", (int)sums[i * 8]);
    lpc_pool_stop(pool);
    free(pool);
}

static void queue_keeps_order(void)
{
    LpcSlot slots[3] = {0};
    LpcQueue queue;
    lpc_queue_init(&queue, slots, 3);
    for (uint64_t i = 0; i < 3; i++) {
        lpc_queue_reserve(&queue)->receive_ns = i;
        lpc_queue_commit(&queue);
    }
    for (uint64_t i = 0; i < 20; i++) {
        CHECK(lpc_queue_front(&queue)->receive_ns == i, "order");
        lpc_queue_release(&queue);
        lpc_queue_reserve(&queue)->receive_ns = i + 3;
        lpc_queue_commit(&queue);
    }
    lpc_queue_abort(&queue);
    CHECK(!lpc_queue_front(&queue) && !lpc_queue_reserve(&queue), "aborted");
    lpc_queue_reset(&queue);
    CHECK(lpc_queue_reserve(&queue) == &slots[0], "reset");
}

int main(void)
{
    RUN_CASE(covers_all);
    RUN_CASE(many_loops);
    RUN_CASE(queue_keeps_order);
    return failures != 0;
}
