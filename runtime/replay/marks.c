/* Times what lies between the marks of a build on this machine: every layer, and what follows the last one. */
#define _POSIX_C_SOURCE 199309L
#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef int (*process_function)(void *network, void *scratch, const void *inputs, void *outputs);

static process_function marked;
static int64_t started, *intervals;
static size_t room, count;

void replay_begin(void);
void replay_end(void);
void ek_mark(process_function process, int64_t *nanoseconds, size_t size);
size_t ek_marked_count(void);
int ek_marked(void *network, void *scratch, const void *inputs, void *outputs);
int ek_nothing(void *network, void *scratch, const void *inputs, void *outputs);

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void replay_begin(void)
{
    started = now_ns();
}

void replay_end(void)
{
    const int64_t now = now_ns();
    if (count < room) {
        intervals[count] = now - started;
    }
    count++;
}

/* From here on ek_marked calls `process`; the first `size` intervals go to `nanoseconds`. */
void ek_mark(process_function process, int64_t *nanoseconds, size_t size)
{
    marked = process;
    intervals = nanoseconds;
    room = size;
    count = 0;
}

size_t ek_marked_count(void)
{
    return count;
}

int ek_marked(void *network, void *scratch, const void *inputs, void *outputs)
{
    int status;
    replay_begin();
    status = marked(network, scratch, inputs, outputs);
    replay_end();
    return status;
}

/* A process function without layers: what it takes is the clock's own time. */
int ek_nothing(void *network, void *scratch, const void *inputs, void *outputs)
{
    (void)network, (void)scratch, (void)inputs, (void)outputs;
    return 0;
}
