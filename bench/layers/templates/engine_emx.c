
/* ---- the C above is of emx-onnx-cgen; here it becomes an engine ---- */
#include "engine.h"

{arrays}

int engine_open(void)
{{
    return 0;
}}

void *engine_input(int number)
{{
    void *const inputs[] = {{{inputs}}};
    return inputs[number];
}}

int engine_call(void)
{{
    model({inputs}, {outputs});
    return 0;
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
