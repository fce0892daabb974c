/* A build of EdgeKit, with inputs and outputs as arrays of the program. */
#include "engine.h"

#include "{name}.h"

static _Alignas(64) unsigned char state[{state}], scratch[{scratch}];
{arrays}
static {name} *opened;

int engine_open(void)
{{
    opened = {name}_init(state, sizeof state);
    return opened == NULL;
}}

void *engine_input(int number)
{{
    void *const inputs[] = {{{inputs}}};
    return inputs[number];
}}

int engine_call(void)
{{
    const {name}_inputs given = {{{inputs}}};
    {name}_outputs made = {{{outputs}}};
    return {name}_process(opened, scratch, &given, &made);
}}

const void *engine_output(int number)
{{
    void *const outputs[] = {{{outputs}}};
    return outputs[number];
}}

size_t engine_spare_bytes(void)
{{
    return 0;
}}
