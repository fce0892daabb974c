/* {name}.c with a recorder: compile this file in the place of {name}.c. Generated.
 *
 * {name}_record starts it. Every later hop of that instance then goes to a function of yours: inputs, outputs, and
 * checksums of its states before and after. `edgekit replay` compares a recording with the network.
 *
 * {upper}_RECORD_STATES  hops from one copy of all states to the next, 100 where it is not defined. A copy also goes
 *                        out where the states changed between two hops.
 * {upper}_RECORD_LAYERS  where it is defined, the result of every layer goes out, too. */
#include "{name}_recorder.h"

int {name}_process_alone({name} *net, void *scratch, const {name}_inputs *in, {name}_outputs *out);
{declared}#define {name}_process {name}_process_alone
#define {name}_process_s16 {name}_process_s16_alone
#ifdef {upper}_RECORD_LAYERS
static void ek_record_layer(int number, const void *data);
#define EK_LAYER(number, data) ek_record_layer(number, data)
#define EK_RECORD_LAYERS 4u
#define EK_RECORD_LAYERS_BYTES {layers_bytes}u
#else
#define EK_RECORD_LAYERS 0u
#define EK_RECORD_LAYERS_BYTES 0u
#endif
#include "../{name}.c"
#undef {name}_process
#undef {name}_process_s16

#ifndef {upper}_RECORD_STATES
#define {upper}_RECORD_STATES 100
#endif
#define EK_RECORD_STATES 1u
#define EK_RECORD_SHORT 2u
#define EK_RECORD_WEIGHTS 8u

static {name}_sink ek_record_sink_of;
static void *ek_record_user_of;
static const {name} *ek_recorded;
static uint32_t ek_record_hop, ek_record_sum, ek_record_states_sum, ek_record_layers_left;

static uint32_t ek_record_crc32(uint32_t crc, const void *data, size_t size)
{{
    static const uint32_t table[16] = {{
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
    }};
    const unsigned char *byte = (const unsigned char *)data;
    for (crc = ~crc; size > 0; size--, byte++) {{
        crc = table[(crc ^ *byte) & 15u] ^ crc >> 4;
        crc = table[(crc ^ (uint32_t)(*byte >> 4)) & 15u] ^ crc >> 4;
    }}
    return ~crc;
}}

/* Zeros for NULL. */
static void ek_record_send(const void *data, size_t size)
{{
    static const unsigned char zero = 0;
    for (size_t left = data == NULL ? size : size > 0, part = data == NULL ? 1 : size; left > 0; left--) {{
        const void *const bytes = data == NULL ? &zero : data;
        ek_record_sum = ek_record_crc32(ek_record_sum, bytes, part);
        ek_record_sink_of(ek_record_user_of, bytes, part);
    }}
}}

static void ek_record_send_head(uint32_t size, uint32_t kind, uint32_t before)
{{
    const uint32_t head[6] = {{0x63724b45u, size, ek_record_hop, kind, 0x{build}u, before}};
    ek_record_sum = 0;
    ek_record_send(head, sizeof head);
}}

static void ek_record_send_tail(int status, uint32_t after, uint32_t inputs)
{{
    const uint32_t tail[3] = {{(uint32_t)status, after, inputs}};
    ek_record_send(tail, sizeof tail);
    ek_record_sink_of(ek_record_user_of, &ek_record_sum, sizeof ek_record_sum);
}}

#ifdef {upper}_RECORD_LAYERS
static void ek_record_layer(int number, const void *data)
{{
    static const uint32_t bytes[{layers}] = {{{layer_bytes}}};
    if (ek_record_layers_left >= bytes[number]) {{
        ek_record_layers_left -= bytes[number];
        ek_record_send(data, bytes[number]);
    }}
}}
#endif

static void ek_record_begin(const {name} *net, uint32_t kind, uint32_t size, const void *const *in, const uint32_t *bytes, int count)
{{
    const uint32_t before = ek_record_crc32(0, net, {upper}_STATE_BYTES);
    const int whole = ek_record_hop % {upper}_RECORD_STATES == 0 || before != ek_record_states_sum;
    const uint32_t states = whole ? {upper}_STATE_BYTES : 0;
    ek_record_send_head(states + size + EK_RECORD_LAYERS_BYTES, kind | (whole ? EK_RECORD_STATES : 0u) | EK_RECORD_LAYERS, before);
    ek_record_send(net, states);
    for (int i = 0; i < count; i++) {{
        ek_record_send(in[i], bytes[i]);
    }}
    ek_record_layers_left = EK_RECORD_LAYERS_BYTES;
}}

static uint32_t ek_record_end_of_layers(void)
{{
    const uint32_t left = ek_record_layers_left;
    ek_record_layers_left = 0; /* those of other instances are not recorded */
    return left;
}}

static int ek_record_end(const {name} *net, int status, const void *const *in, const uint32_t *in_bytes, int in_count,
    void *const *out, const uint32_t *out_bytes, int out_count)
{{
    uint32_t inputs = 0;
    ek_record_send(NULL, ek_record_end_of_layers());
    for (int i = 0; i < out_count; i++) {{
        ek_record_send(out[i], out_bytes[i]);
    }}
    for (int i = 0; i < in_count; i++) {{
        inputs = in[i] == NULL ? inputs : ek_record_crc32(inputs, in[i], in_bytes[i]);
    }}
    ek_record_states_sum = ek_record_crc32(0, net, {upper}_STATE_BYTES);
    ek_record_send_tail(status, ek_record_states_sum, inputs);
    ek_record_hop++;
    return status;
}}

int {name}_process({name} *net, void *scratch, const {name}_inputs *in, {name}_outputs *out)
{{
    static const uint32_t in_bytes[{ins}] = {{{in_bytes}}}, out_bytes[{outs}] = {{{out_bytes}}};
    const void *given[{ins}];
    void *made[{outs}];
    int status;
    if (net == NULL || net != ek_recorded || in == NULL || out == NULL) {{
        return {name}_process_alone(net, scratch, in, out);
    }}
    memcpy(given, in, sizeof given);
    memcpy(made, out, sizeof made);
    ek_record_begin(net, 0u, {size}u, given, in_bytes, {ins});
    status = {name}_process_alone(net, scratch, in, out);
    return ek_record_end(net, status, given, in_bytes, {ins}, made, out_bytes, {outs});
}}
{short}
void {name}_record({name} *net, {name}_sink sink, void *user)
{{
    ek_recorded = sink == NULL ? NULL : net;
    ek_record_sink_of = sink;
    ek_record_user_of = user;
    ek_record_hop = 0;
    if (ek_recorded != NULL) {{
        ek_record_send_head({weights_bytes}u, EK_RECORD_WEIGHTS, ek_record_crc32(0, net, {upper}_STATE_BYTES));
{weights}
        ek_record_send_tail(0, 0, 0);
    }}
}}
