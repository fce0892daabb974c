/* The replay program: runs a build on golden data, compares, prints, and ends with PASS or FAIL.
 *
 * main.c knows no network. network.c and layers.c bind one: they call its process function on arrays of pointers.
 * golden.c holds the data. port_*.c is what is left of an operating system. */
#ifndef REPLAY_H
#define REPLAY_H

#include <stddef.h>
#include <stdint.h>

/* One input or output: `data` is [replay_hops][bytes]; `exact` asks for the same bits. */
typedef struct {
    const char *name;
    const void *data;
    size_t bytes;
    int is_float;
    int exact;
} replay_tensor;

/* What EK_LAYER `number` of the build holds in each hop, [replay_layer_hops][tensor.bytes]; a `given` one is set to it,
 * the others are compared. */
typedef struct {
    replay_tensor tensor;
    int number;
    int given;
} replay_layer;

/* How far all hops of a tensor were from what was expected; `first_bad` is 1 + the first hop that alone would fail. */
typedef struct {
    int is_different;
    int first_bad;
    float signal, noise;
} replay_sum;

/* golden.c */
extern const int replay_hops, replay_layer_hops;
extern const float replay_least_ratio; /* of signal to noise energy, where bits may differ */
extern const int replay_input_count, replay_output_count, replay_layer_count;
extern const replay_tensor replay_constants[]; /* of the session: one hop each */
extern const replay_tensor replay_inputs[], replay_outputs[];
extern const replay_layer replay_layers[];
extern const void *replay_pointers[];  /* [replay_input_count] */
extern replay_sum replay_output_sums[]; /* [replay_output_count] */
extern replay_sum replay_layer_sums[];  /* [replay_layer_count] */

/* network.c: a fresh state, with its session constants; one hop, between replay_begin and replay_end. Outputs are left in replay_results[i]. */
extern void *const replay_results[];
int replay_reset(void);
int replay_process(const void *const *inputs);

/* layers.c: the same, with a call of replay_look at each EK_LAYER. */
int replay_reset_layers(void);
int replay_process_layers(const void *const *inputs);
void replay_look(int number, const void *data);

/* main.c: where a counter of instructions starts and stops. */
void replay_begin(void);
void replay_end(void);

/* timed.c, on devices with Linux: returns the first status that is not 0. */
int replay_timed(void);

/* port_*.c */
void replay_print(const char *text);
uintptr_t replay_stack_limit(void); /* what lies below this address is not the stack's */

#endif
