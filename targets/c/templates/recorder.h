/* A recorder of {name}: what it takes and gives, hop by hop, for `edgekit replay`. Generated. */
#ifndef {upper}_RECORDER_H
#define {upper}_RECORDER_H

#include "../{name}.h"

#ifdef __cplusplus
extern "C" {{
#endif

/* Takes bytes of a recording, in order: it writes to a file, a UART, a buffer. */
typedef void (*{name}_sink)(void *user, const void *bytes, size_t size);

/* Record the later hops of one instance; NULL for `sink` ends it. */
void {name}_record({name} *net, {name}_sink sink, void *user);

#ifdef __cplusplus
}}
#endif

#endif
