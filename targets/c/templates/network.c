#include "{name}.h"

#include "edgekit.h"

#ifndef EK_BUILD_{name}
#error "this edgekit.h is of another build: keep the files of each build in a folder of their own"
#endif

{externs}

{name} *{name}_init(void *state, size_t size)
{{
    {name} *const net = ({name} *)state;
    if (state == NULL || size < {upper}_STATE_BYTES || (uintptr_t)state % {upper}_ALIGN != 0) {{
        return NULL;
    }}
{clear}    {name}_reset(net);
    return net;
}}

void {name}_reset({name} *net)
{{
    unsigned char *const st = (unsigned char *)net;
{reset}
}}
{session}{groups}
int {name}_process({name} *net, void *scratch, const {name}_inputs *in, {name}_outputs *out)
{{
    if ({refused}) {{
        return -1;
    }}
{ready}{dispatch}{body}
    return 0;
}}
{end}{pcm}{check}