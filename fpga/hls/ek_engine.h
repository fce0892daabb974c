// The top: an engine that runs layers of a program, see docs/reference/fpga-program.md of EdgeKit.
#ifndef EDGEKIT_ENGINE_H
#define EDGEKIT_ENGINE_H
#include "ek_types.h"

// Runs `layers` layers of a program from layer `first_layer` on, which read planes of the image, of DRAM and of the
// buffer, and write to the latter two. `dram_read` and `dram_write` are one memory. What lies in the buffer stays from
// run to run. Returns an ERROR of program_format.h, and in bits 31:16 the layer that could not run.
uint32_t ek_engine(const uint32_t *program, const pixel_t *image, const beat_t *dram_read, beat_t *dram_write,
                   uint32_t first_layer, uint32_t layers);
#endif
