#include <stdint.h>
static _Alignas(64) unsigned char state[STATE_BYTES], scratch[SCRATCH_BYTES], given[GIVEN_BYTES], results[RESULTS_BYTES];
static double last, took[64];

#ifdef __wasm__
__attribute__((import_module("bench"), import_name("fuel"))) double fuel(void); /* that was spent, as a number that grows */
#define NOW fuel
#elif defined(__x86_64__)
static double now(void)
{
    return (double)__builtin_ia32_rdtsc();
}
#define NOW now
#else
#include <time.h>
static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
#define NOW now
#endif

static void bench_start(void)
{
    for (int i = 0; i < 64; i++) {
        took[i] = 0;
    }
    last = NOW();
}

void bench_mark(int number);
void bench_mark(int number)
{
    took[number] += NOW() - last;
    last = NOW();
}

