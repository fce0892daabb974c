#ifndef EDGEKIT_HOST_H
#define EDGEKIT_HOST_H
#include <cstdint>

extern "C" {
// Why this engine cannot run the `count` words of a program.bin, as its error register says it; 0 where it can.
int32_t edgekit_engine_check(const uint32_t *words, uint32_t count);
int32_t edgekit_engine_layers(const uint32_t *words);
// Runs `layers` layers of a checked program from layer `first` on; returns an ERROR of program_format.h. `pixels`
// [edgekit_engine_image_bytes()] is the picture, `beats` [edgekit_engine_dram_bytes()] the DRAM, read and written. What
// lies in the engine's buffer stays from call to call.
int32_t edgekit_engine(const uint32_t *words, int32_t first, int32_t layers, const int8_t *pixels, int8_t *beats);
int32_t edgekit_engine_image_bytes(void);
int32_t edgekit_engine_dram_bytes(void);
}
#endif
