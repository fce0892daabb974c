/* {name} behind a sound device at {device_hz} Hz, for blocks of any length. Generated.
 *
 * A sample that comes in is heard {latency} samples of the device later ({latency_ms} ms), the network's hop and
 * delay included. */
#ifndef {upper}_DEVICE_H
#define {upper}_DEVICE_H

#include "{name}.h"

#define {upper}_DEVICE_RATE {device_hz}
#define {upper}_DEVICE_BYTES {bytes}u
#define {upper}_DEVICE_LATENCY {latency}

#ifdef __cplusplus
extern "C" {{
#endif

typedef struct {name}_device {name}_device;

/* Make an instance in `memory`, in silence; NULL when it is too small or misaligned. */
{name}_device *{name}_device_init(void *memory, size_t size);

/* As freshly initialized. */
void {name}_device_reset({name}_device *device);

/* Take `frames` of {takes}{gives}: channels interleaved, as many frames as the device
 * has. `given` has the network's other inputs, as knobs, and `made` where its other outputs go; NULL where there are
 * none. Returns 0, -1 when a pointer is NULL, or what {name}_process returned. */
int {name}_device_process({name}_device *device, {name} *net, void *scratch, const {name}_inputs *given,
    {name}_outputs *made, {float_pointers}, int32_t frames);

/* The same on 16-bit samples: full scale is 32768, rounded half to even, saturated. */
int {name}_device_process_s16({name}_device *device, {name} *net, void *scratch, const {name}_inputs *given,
    {name}_outputs *made, {short_pointers}, int32_t frames);

#ifdef __cplusplus
}}
#endif

#endif
