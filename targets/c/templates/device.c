#include "{name}_device.h"

#include "ek_device.h"

static const float taps[{count}] = {{
{taps}
}};

static const ek_device_stream sources[{ins}] = {{{sources}}};{sinks}

static const ek_device shape = {{
    taps, {count}, {up}, {down}, {hop}, {inputs}, {outputs}, sources, {sinks_name}, {ins}, {outs}, {lead}, {past_in}, {past_out},
}};

struct {name}_device {{
    ek_device_state state;
    float samples[{floats}];
}};

struct around {{
    {name} *net;
    void *scratch;
    const {name}_inputs *given;
    {name}_outputs *made;
}};

static int run_hop(const void *context, const float *x, float *y)
{{
    const struct around *const a = context;
    {name}_inputs in;
    {name}_outputs out;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    if (a->given != NULL) {{
        in = *a->given;
    }}
    if (a->made != NULL) {{
        out = *a->made;
    }}
{wired}
    return {name}_process(a->net, a->scratch, &in, &out);
}}

{name}_device *{name}_device_init(void *memory, size_t size)
{{
    if (memory == NULL || size < {upper}_DEVICE_BYTES || (uintptr_t)memory % sizeof(float) != 0) {{
        return NULL;
    }}
    {name}_device_reset(({name}_device *)memory);
    return ({name}_device *)memory;
}}

void {name}_device_reset({name}_device *device)
{{
    ek_device_reset(&shape, &device->state);
}}

int {name}_device_process({name}_device *device, {name} *net, void *scratch, const {name}_inputs *given,
    {name}_outputs *made, {float_pointers}, int32_t frames)
{{
    const struct around context = {{net, scratch, given, made}};
    const void *const from[] = {{{from}}};{to}
    const ek_device_block block = {{from, {to_name}, 0}};
    if (device == NULL || {missing}) {{
        return -1;
    }}
    return ek_device_run(&shape, &device->state, run_hop, &context, &block, frames);
}}

int {name}_device_process_s16({name}_device *device, {name} *net, void *scratch, const {name}_inputs *given,
    {name}_outputs *made, {short_pointers}, int32_t frames)
{{
    const struct around context = {{net, scratch, given, made}};
    const void *const from[] = {{{from}}};{to}
    const ek_device_block block = {{from, {to_name}, 1}};
    if (device == NULL || {missing}) {{
        return -1;
    }}
    return ek_device_run(&shape, &device->state, run_hop, &context, &block, frames);
}}
