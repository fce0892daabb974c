/* {name} behind a sound device of any rate, for blocks of any length; the rate is chosen at run time. Generated. */
#ifndef {upper}_ADAPTER_H
#define {upper}_ADAPTER_H

#include "{name}.h"

#ifdef __cplusplus
extern "C" {{
#endif

typedef struct {name}_adapter {name}_adapter;

/* Bytes of an instance. The rates are device * up = network * down, and the filter between them has so many taps. */
int32_t {name}_adapter_bytes(int32_t count, int32_t up, int32_t down);

/* Make an instance in `memory`, in silence; `taps` [count] stay the caller's. */
{name}_adapter *{name}_adapter_init(void *memory, const float *taps, int32_t count, int32_t up, int32_t down);

/* Take `frames` of each input, `in` [{ins}], and give as many of each output, `out` [{outs}]: channels interleaved. `given` has
 * the network's other inputs, as knobs, and `made` where its other outputs go. Returns how many hops ran, or -1 when
 * {name}_process did not return 0. */
int32_t {name}_adapter_process({name}_adapter *adapter, {name} *net, void *scratch, const {name}_inputs *given,
    const {name}_outputs *made, const void *const *in, void *const *out, int32_t frames);

#ifdef __cplusplus
}}
#endif

#endif
