#include "{name}_adapter.h"

#include "ek_device.h"

#define HOP {hop}
#define INPUTS {inputs}
#define OUTPUTS {outputs}

static const ek_device_stream sources[{ins}] = {{{sources}}};{sinks}

struct {name}_adapter {{
    ek_device shape;
    ek_device_state state;
    float samples[];
}};

struct around {{
    {name} *net;
    void *scratch;
    const {name}_inputs *given;
    const {name}_outputs *made;
    int32_t *hops;
}};

static int run_hop(const void *context, const float *x, float *y)
{{
    const struct around *const a = context;
    {name}_inputs in = *a->given;
    {name}_outputs out = *a->made;
{wired}
    *a->hops += 1;
    return {name}_process(a->net, a->scratch, &in, &out);
}}

static int32_t up_to(int32_t n, int32_t step)
{{
    return (n + step - 1) / step;
}}

int32_t {name}_adapter_bytes(int32_t count, int32_t up, int32_t down)
{{
    const int32_t past_in = up_to(count, up), past_out = up_to(count, down) + up_to(up, down) + 1;
    const int32_t floats = INPUTS * (2 * past_in + HOP) + OUTPUTS * (past_out + 2 * HOP);
    return (int32_t)(sizeof({name}_adapter) + (size_t)floats * sizeof(float));
}}

{name}_adapter *{name}_adapter_init(void *memory, const float *taps, int32_t count, int32_t up, int32_t down)
{{
    {name}_adapter *const adapter = memory;
    const int32_t lead = (int32_t)((int64_t)(HOP - 1) * down / up);
    const ek_device shape = {{
        taps, count, up, down, HOP, INPUTS, OUTPUTS, sources, {sinks_name}, {ins}, {outs}, lead,
        up_to(count, up), up_to(count, down) + up_to(up, down) + 1,
    }};
    adapter->shape = shape;
    ek_device_reset(&adapter->shape, &adapter->state);
    return adapter;
}}

int32_t {name}_adapter_process({name}_adapter *adapter, {name} *net, void *scratch, const {name}_inputs *given,
    const {name}_outputs *made, const void *const *in, void *const *out, int32_t frames)
{{
    int32_t hops = 0;
    const struct around context = {{net, scratch, given, made, &hops}};
    const ek_device_block block = {{in, out, 0}};
    return ek_device_run(&adapter->shape, &adapter->state, run_hop, &context, &block, frames) == 0 ? hops : -1;
}}
