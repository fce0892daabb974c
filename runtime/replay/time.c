/* Times hops from inside C, where no interpreter adds to them. */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <time.h>

typedef int (*process_function)(void *network, void *scratch, const void *inputs, void *outputs);

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* inputs and outputs: [hops][count] pointers, each row a struct of a build; nanoseconds: [hops]. Returns the first
 * status that is not 0. */
int ek_time_hops(process_function process, void *network, void *scratch, const void *const *inputs, int32_t input_count,
                 void *const *outputs, int32_t output_count, int32_t hops, int64_t *nanoseconds);

int ek_time_hops(process_function process, void *network, void *scratch, const void *const *inputs, int32_t input_count,
                 void *const *outputs, int32_t output_count, int32_t hops, int64_t *nanoseconds)
{
    for (int32_t hop = 0; hop < hops; hop++) {
        const void *const *const in = inputs + (int64_t)hop * input_count;
        void *const *const out = outputs + (int64_t)hop * output_count;
        const int64_t start = now_ns();
        const int status = process(network, scratch, in, (void *)(uintptr_t)out);
        nanoseconds[hop] = now_ns() - start;
        if (status != 0) {
            return status;
        }
    }
    return 0;
}
