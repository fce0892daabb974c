#include "replay.h"

{arrays}


const int replay_hops = {hops}, replay_layer_hops = {layer_hops};
const float replay_least_ratio = {ratio:.6e}f;
const int replay_input_count = {n_in}, replay_output_count = {n_out}, replay_layer_count = {n_layer};

const replay_tensor replay_constants[] = {{
    {constants},
}};
const replay_tensor replay_inputs[] = {{
    {inputs},
}};
const replay_tensor replay_outputs[] = {{
    {outputs},
}};
const replay_layer replay_layers[] = {{
    {layers},
}};

const void *replay_pointers[{n_in}];
replay_sum replay_output_sums[{n_out}], replay_layer_sums[{sums}];
