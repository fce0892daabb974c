/* An engine as the program of device_engines.py runs it: each call has all inputs, and leaves all outputs. */
#ifndef ENGINE_H
#define ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define ENGINE_LAYERS {layers} /* whether each layer ends with engine_layer */
enum {{ ENGINE_CALLS = {calls}, ENGINE_INPUTS = {inputs}, ENGINE_OUTPUTS = {outputs} }};
static const size_t engine_input_bytes[ENGINE_INPUTS] = {{{input_bytes}}};
static const size_t engine_output_bytes[ENGINE_OUTPUTS] = {{{output_bytes}}};

/* Returns 0 where the network is ready. */
int engine_open(void);
void *engine_input(int number);
int engine_call(void);
const void *engine_output(int number);
/* Of the memory that it was given: how many bytes it left unused. */
size_t engine_spare_bytes(void);
/* Of engine_main.c: an engine that is counted by layer calls it at the end of each. */
void engine_layer(void);

#ifdef __cplusplus
}}
#endif

#endif
