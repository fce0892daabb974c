#ifndef EDGEKIT_ENGINE_HOST_H
#define EDGEKIT_ENGINE_HOST_H
#include <cstdint>

extern "C" {
// Runs `layers` layers of program [layers][edgekit_engine_fields()]. `stored` are `weights` weights, `tables`
// bias, multiplier and shift of `channels` channels, `pixels` [edgekit_engine_image_bytes()] the picture, `beats`
// [edgekit_engine_dram_bytes()] the DRAM, read and written. What lies in the engine's buffer stays from call to call.
void edgekit_engine(const int32_t *program, int32_t layers, const int32_t *planes, const int8_t *stored,
                    int32_t weights, const int32_t *tables, int32_t channels, const int8_t *pixels, int8_t *beats);
int32_t edgekit_engine_fields(void);
int32_t edgekit_engine_image_bytes(void);
int32_t edgekit_engine_dram_bytes(void);
}
#endif
