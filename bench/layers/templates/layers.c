#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <time.h>
typedef int process(void *, void *, const void *, void *);
static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}
/* The least microseconds of a call; of this thread alone where calls are `slow`. */
double bench_least(process *run, void *net, void *scratch, const void *in, void *out, int32_t calls, int32_t slow);
double bench_least(process *run, void *net, void *scratch, const void *in, void *out, int32_t calls, int32_t slow)
{
    const clockid_t clock = slow ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    double least = 1e9;
    for (int32_t i = 0; i < calls; i++) {
        const double start = now(clock);
        run(net, scratch, in, out);
        const double took = now(clock) - start;
        least = took < least ? took : least;
    }
    return least;
}
/* GMAC/s of float32: chains of vectors, enough to hide how long a product takes, and few enough for 16 registers. */
#define CHAINS 10
typedef float lanes __attribute__((vector_size(BYTES)));
double bench_peak(void);
double bench_peak(void)
{
    const clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
    double best = 0.0;
    for (int turn = 0; turn < 20; turn++) {
        lanes a[CHAINS] = {{0}}, b = {0}, c = {0};
        for (int j = 0; j < CHAINS; j++) {
            __asm__ volatile("" : "+x"(a[j])); /* of which the compiler does not know that all are alike */
        }
        const double start = now(clock);
        for (int i = 0; i < 20000; i++) {
            for (int j = 0; j < CHAINS; j++) {
                a[j] = a[j] * b + c;
            }
            __asm__ volatile("" : "+x"(b), "+x"(c));
        }
        const double took = now(clock) - start;
        for (int j = 0; j < CHAINS; j++) {
            __asm__ volatile("" : : "x"(a[j]));
        }
        const double rate = 20000.0 * CHAINS * (BYTES / 4) / took * 1e-3;
        best = rate > best ? rate : best;
    }
    return best;
}
