/* {name}: one streaming network as C99. Generated; see manifest.json for the facts.
 *
 * The caller owns all memory: one state block per instance, and one scratch block that instances may share
 * as long as only one of them runs at a time. Both are aligned to {upper}_ALIGN bytes. Inputs and outputs
 * must not overlap. Nothing here allocates, locks, prints or blocks. */
#ifndef {upper}_H
#define {upper}_H

#include <stddef.h>
#include <stdint.h>

{defines}

#ifdef __cplusplus
extern "C" {{
#endif

typedef struct {name} {name};

typedef struct {{
{inputs}
}} {name}_inputs;

typedef struct {{
{outputs}
}} {name}_outputs;

/* Make an instance in `state`, at zero; NULL when it is too small or misaligned. */
{name} *{name}_init(void *state, size_t size);

/* As freshly initialized{reset}. */
void {name}_reset({name} *net);
{session}
/* Run one hop. Returns 0, or -1 when a pointer is NULL, one in the structs too, or scratch is misaligned{status}.
 * NaN and infinity in an input read as 0 where the network carries state, so that they do not outlive their hop. */
int {name}_process({name} *net, void *scratch, const {name}_inputs *in, {name}_outputs *out);
{pcm}
#ifdef __cplusplus
}}
#endif

#endif
