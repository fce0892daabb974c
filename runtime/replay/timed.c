/* What a device with Linux tells beside the replay: the outputs of the golden hops, and the time of each hop.
 *
 * "golden HOP OUTPUT BYTES" with the bytes in hexadecimal; "core N"; "times NS NS ..." of hops over golden inputs again
 * and again, each round from the fresh state. */
#define _GNU_SOURCE
#include "replay.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP_HOPS 200
#define PER_LINE 64

/* A program that hangs ends by itself, whatever became of who started it. */
__attribute__((constructor)) static void limit_time(void)
{
    alarm(REPLAY_TIMED_SECONDS);
}

/* As on the machine that exports: the last core that the process may use. */
static void bind_to_last_core(void)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    for (int core = CPU_SETSIZE - 1; core >= 0; core--) {
        if (CPU_ISSET(core, &allowed)) {
            CPU_ZERO(&one);
            CPU_SET(core, &one);
            if (sched_setaffinity(0, sizeof one, &one) == 0) {
                printf("core %d\n", core);
            }
            return;
        }
    }
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static const void *const *inputs_of(int hop)
{
    for (int i = 0; i < replay_input_count; i++) {
        const size_t offset = replay_inputs[i].bytes * (size_t)(hop % replay_hops);
        replay_pointers[i] = (const unsigned char *)replay_inputs[i].data + offset;
    }
    return replay_pointers;
}

static int tell_golden(void)
{
    int status = replay_reset();
    for (int hop = 0; status == 0 && hop < replay_hops; hop++) {
        status = replay_process(inputs_of(hop));
        for (int i = 0; i < replay_output_count; i++) {
            const unsigned char *const bytes = replay_results[i];
            printf("golden %d %d ", hop, i);
            for (size_t at = 0; at < replay_outputs[i].bytes; at++) {
                printf("%02x", bytes[at]);
            }
            putchar('\n');
        }
    }
    return status;
}

/* One round; `tell` prints its times. */
static int time_hops(int hops, int tell)
{
    static int64_t nanoseconds[REPLAY_TIMED_HOPS > WARM_UP_HOPS ? REPLAY_TIMED_HOPS : WARM_UP_HOPS];
    int status = replay_reset();
    for (int hop = 0; status == 0 && hop < hops; hop++) {
        const void *const *const inputs = inputs_of(hop);
        const int64_t start = now_ns();
        status = replay_process(inputs);
        nanoseconds[hop] = now_ns() - start;
    }
    for (int hop = 0; tell && status == 0 && hop < hops; hop++) {
        printf("%s%lld%s", hop % PER_LINE == 0 ? "times " : " ", (long long)nanoseconds[hop],
               hop % PER_LINE == PER_LINE - 1 || hop == hops - 1 ? "\n" : "");
    }
    return status;
}

int replay_timed(void)
{
    int status = tell_golden();
    bind_to_last_core();
    if (status == 0) {
        status = time_hops(REPLAY_TIMED_HOPS < WARM_UP_HOPS ? REPLAY_TIMED_HOPS : WARM_UP_HOPS, 0);
    }
    for (int round = 0; status == 0 && round < REPLAY_TIMED_ROUNDS; round++) {
        status = time_hops(REPLAY_TIMED_HOPS, 1);
    }
    return status;
}
