#include "replay.h"

#include "{name}.h"

_Alignas({upper}_ALIGN) unsigned char replay_state[{upper}_STATE_BYTES];
_Alignas({upper}_ALIGN) unsigned char replay_scratch[{upper}_SCRATCH_BYTES + 1];
static {name} *replay_network;
static float replay_output_0[{size}];
void *const replay_results[] = {{replay_output_0}};

int replay_reset(void)
{{
    replay_network = {name}_init(replay_state, sizeof replay_state);
    return replay_network == NULL;
}}

/* One image: inputs are its seed and its conditions. */
int replay_process(const void *const *inputs)
{{
    const uint64_t seed = (uint64_t)*(const int64_t *)inputs[0];
{given}    int status;
    replay_begin();
    status = {name}_sample(replay_network, replay_scratch, seed, {argument}replay_output_0, NULL, NULL);
    replay_end();
    return status;
}}
