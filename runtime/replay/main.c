#include "replay.h"

#include "edgekit.h"

/* How far below main the stack is looked at; 0 where others own what is there. */
#ifndef REPLAY_PAINTED_BYTES
#define REPLAY_PAINTED_BYTES 32768u
#endif
#define PAINT 0xA5u

/* A counter of instructions wants so many hops, over golden inputs again and again, and nothing compared. */
#ifndef REPLAY_COUNTED_HOPS
#define REPLAY_COUNTED_HOPS 0
#endif

static int failures, layer_hop;

__attribute__((noinline)) void replay_begin(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void replay_end(void)
{
    __asm__ volatile("" ::: "memory");
}

/* ---- printing ------------------------------------------------------------------------------- */

static void print_number(uint32_t value)
{
    char digits[11];
    int at = 10;
    digits[10] = 0;
    do {
        digits[--at] = (char)('0' + (int)(value % 10u));
        value /= 10u;
    } while (value != 0);
    replay_print(&digits[at]);
}

static void print_ratio(const replay_sum *sum)
{
    if (sum->noise == 0.0f || !(sum->signal > 0.0f)) {
        replay_print("different");
    } else {
        const float db = 4.3429448f * ek_logf1(sum->signal / sum->noise);
        replay_print(db < 0.0f ? "-" : "");
        print_number((uint32_t)(db < 0.0f ? -db : db));
        replay_print(" dB");
    }
}

static int is_near(const replay_tensor *tensor, float noise, float signal)
{
    return tensor->is_float && !tensor->exact && noise * replay_least_ratio <= signal;
}

/* "output y: equal", "layer conv: FAIL, 12 dB, hop 3", which is the first that fails */
static void judge(const char *kind, const replay_tensor *tensor, const replay_sum *sum)
{
    const int is_good = !sum->is_different || is_near(tensor, sum->noise, sum->signal);
    replay_print(kind);
    replay_print(tensor->name);
    replay_print(is_good ? ": " : ": FAIL, ");
    if (sum->is_different) {
        print_ratio(sum);
    } else {
        replay_print("equal");
    }
    if (!is_good && sum->first_bad > 0) {
        replay_print(", hop ");
        print_number((uint32_t)(sum->first_bad - 1));
    }
    replay_print("\n");
    failures += !is_good;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static const unsigned char *at_hop(const replay_tensor *tensor, int hop)
{
    return (const unsigned char *)tensor->data + tensor->bytes * (size_t)hop;
}

static void compare(replay_sum *sum, const replay_tensor *tensor, int hop, const void *found)
{
    const unsigned char *const a = at_hop(tensor, hop), *const b = found;
    int is_different = 0;
    float signal = 0.0f, noise = 0.0f;
    for (size_t i = 0; i < tensor->bytes; i++) {
        is_different |= a[i] != b[i];
    }
    if (tensor->is_float) {
        const float *const x = (const float *)(const void *)a, *const y = found;
        for (size_t i = 0; i < tensor->bytes / sizeof *x; i++) {
            const float error = y[i] - x[i];
            signal += x[i] * x[i];
            noise += error * error;
        }
    }
    if (is_different && sum->first_bad == 0 && !is_near(tensor, noise, signal)) {
        sum->first_bad = hop + 1;
    }
    sum->is_different |= is_different;
    sum->signal += signal;
    sum->noise += noise;
}

static const void *const *inputs_of(int hop)
{
    for (int i = 0; i < replay_input_count; i++) {
        replay_pointers[i] = at_hop(&replay_inputs[i], hop);
    }
    return replay_pointers;
}

static void check_status(int status)
{
    if (status != 0) {
        replay_print("process: FAIL, it returned an error\n");
        failures++;
    }
}

/* ---- the stack ------------------------------------------------------------------------------ */

#if REPLAY_PAINTED_BYTES

static size_t painted;

/* Bytes below here; volatile, and through an integer, since nobody owns them. */
static volatile unsigned char *paint_stack(void)
{
    unsigned char here;
    volatile uintptr_t address = (uintptr_t)&here - 256u;
    const uintptr_t limit = replay_stack_limit(), room = address > limit ? address - limit : 0;
    painted = room < REPLAY_PAINTED_BYTES ? (size_t)room : REPLAY_PAINTED_BYTES;
    volatile unsigned char *const lowest = (volatile unsigned char *)(address - painted);
    for (size_t i = 0; i < painted; i++) {
        lowest[i] = PAINT;
    }
    return lowest;
}

static void print_stack(volatile const unsigned char *lowest)
{
    size_t free_bytes = 0;
    while (free_bytes < painted && lowest[free_bytes] == PAINT) {
        free_bytes++;
    }
    replay_print("stack_bytes: ");
    print_number((uint32_t)(painted + 256u - free_bytes));
    replay_print("\n");
}

#endif

/* ---- the two runs --------------------------------------------------------------------------- */

/* The build as it is linked. */
static void replay_whole(void)
{
    int status = replay_reset();
#if REPLAY_PAINTED_BYTES
    volatile const unsigned char *const stack = paint_stack();
#endif
    for (int hop = 0; status == 0 && hop < replay_hops; hop++) {
        status = replay_process(inputs_of(hop));
        for (int i = 0; i < replay_output_count; i++) {
            compare(&replay_output_sums[i], &replay_outputs[i], hop, replay_results[i]);
        }
    }
#if REPLAY_PAINTED_BYTES
    print_stack(stack);
#endif
    check_status(status);
    for (int i = 0; i < replay_output_count; i++) {
        judge("output ", &replay_outputs[i], &replay_output_sums[i]);
    }
}

void replay_look(int number, const void *data)
{
    for (int i = 0; i < replay_layer_count; i++) {
        const replay_layer *const layer = &replay_layers[i];
        if (layer->number == number && layer->given) {
            memcpy((void *)(uintptr_t)data, at_hop(&layer->tensor, layer_hop), layer->tensor.bytes);
        } else if (layer->number == number) {
            compare(&replay_layer_sums[i], &layer->tensor, layer_hop, data);
        }
    }
}

/* The same code with a look at its layers. */
static void replay_layer_by_layer(void)
{
    int status = replay_reset_layers();
    for (layer_hop = 0; status == 0 && layer_hop < replay_layer_hops; layer_hop++) {
        status = replay_process_layers(inputs_of(layer_hop));
    }
    check_status(status);
    for (int i = 0; i < replay_layer_count; i++) {
        if (!replay_layers[i].given) {
            judge("layer ", &replay_layers[i].tensor, &replay_layer_sums[i]);
        }
    }
}

static int replay_counted(void)
{
    int status = replay_reset();
    for (int hop = 0; status == 0 && hop < REPLAY_COUNTED_HOPS; hop++) {
        status = replay_process(inputs_of(hop % replay_hops));
    }
    return status != 0;
}

int main(void)
{
    if (REPLAY_COUNTED_HOPS > 0) {
        return replay_counted();
    }
    replay_whole();
    if (replay_layer_hops > 0) {
        replay_layer_by_layer();
    }
#ifdef REPLAY_TIMED_HOPS
    if (failures == 0) {
        check_status(replay_timed());
    }
#endif
    replay_print(failures ? "FAIL\n" : "PASS\n");
    return failures ? 1 : 0;
}
