#include "replay.h"

#include "{name}.h"

_Alignas({upper}_ALIGN) unsigned char replay_state[{upper}_STATE_BYTES];
_Alignas({upper}_ALIGN) unsigned char replay_scratch[{upper}_SCRATCH_BYTES + 1];
static {name} *replay_network;
{arrays}
void *const replay_results[] = {{{results}}};

int replay_reset(void)
{{
    replay_network = {name}_init(replay_state, sizeof replay_state);
{session}}}

int replay_process(const void *const *inputs)
{{
    const {name}_inputs in = {{{in_pointers}}};
    {name}_outputs out = {{{out_pointers}}};
    int status;
    replay_begin();
    status = {name}_process(replay_network, replay_scratch, &in, &out);
    replay_end();
    return status;
}}
