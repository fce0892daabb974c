#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "{name}.h"
#define NODES {nodes}
static float *ticks[NODES + 1];
static int hop, last = -1;
static double before;
static double now(void)
{{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}}
void bench_tick(int node);
void bench_tick(int node)
{{
    const double t = now();
    if (last >= 0) {{
        ticks[last][hop] = (float)(t - before);
    }}
    last = node;
    before = now();
}}
static int compare(const void *a, const void *b)
{{
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}}
static float at(float *times, int count, double part)
{{
    qsort(times, (size_t)count, sizeof *times, compare);
    return times[(int)(part * (count - 1))];
}}
/* argv[1]: float inputs of 16 hops and the session's constants; argv[2] and [3]: hops and rounds; argv[4]: bytes
 * that are walked through before each hop, so that it comes cold. Prints median, p99, least and p99.9 of the best
 * round, then the nodes' medians. */
int main(int argc, char **argv)
{{
    FILE *const source = fopen(argv[1], "rb");
    const int hops = atoi(argv[2]), rounds = atoi(argv[3]);
    void *const state = aligned_alloc(64, ({upper}_STATE_BYTES + 63u) / 64u * 64u);
    void *const scratch = aligned_alloc(64, ({upper}_SCRATCH_BYTES + 64u) / 64u * 64u);
    {name} *const net = {name}_init(state, {upper}_STATE_BYTES);
    float *const x = aligned_alloc(64, sizeof(float) * ({n_in} * 16u + 16u));
    float *const y = aligned_alloc(64, (sizeof(float) * {n_out} + 127u) / 64u * 64u);
    float *const constants = malloc(sizeof(float) * ({n_constants} + 1u));
    float *const times = malloc(sizeof(float) * (size_t)hops);
    const size_t walked = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    volatile char *const far = calloc(walked + 1, 1);
    float best[4] = {{1e9f, 1e9f, 1e9f, 1e9f}};
    if (fread(x, sizeof(float), {n_in} * 16u, source) != {n_in} * 16u
        || fread(constants, sizeof(float), {n_constants}, source) != {n_constants}) {{
        return 2;
    }}
    for (int i = 0; i < NODES; i++) {{
        ticks[i] = calloc((size_t)hops, sizeof(float));
    }}
{session}    for (int round = 0; round < rounds; round++) {{
        for (hop = 0; hop < hops; hop++) {{
            const float *const xh = x + (hop & 15) * {n_in};
            const {name}_inputs in = {{{in_pointers}}};
            {name}_outputs out = {{{out_pointers}}};
            for (size_t i = 0; i < walked; i += 64) {{
                far[i]++;
            }}
            const double start = now();
            last = -1;
            if ({name}_process(net, scratch, &in, &out) != 0) {{
                return 3;
            }}
            times[hop] = (float)(now() - start);
        }}
        const float median = at(times, hops, 0.5);
        if (median < best[0]) {{
            best[0] = median;
            best[1] = at(times, hops, 0.99);
            best[2] = times[0];
            best[3] = at(times, hops, 0.999);
        }}
    }}
    printf("%g %g %g %g\n", (double)best[0], (double)best[1], (double)best[2], (double)best[3]);
    for (int i = 0; i < NODES; i++) {{
        printf("%g\n", (double)at(ticks[i], hops, 0.5));
    }}
    return 0;
}}
