// The simulated engine; see engine_config.h for its sizes.
#ifndef EDGEKIT_ENGINE_H
#define EDGEKIT_ENGINE_H
#include <cstddef>
#include <vector>

#include "bits.h"
#include "engine_config.h"
#include "program_format.h"

typedef signed_bits<8> act_t;
typedef signed_bits<WEIGHT_BITS> weight_t;
typedef signed_bits<ACC_BITS> acc_t;

struct beat_t { // LANES channels of a pixel
    act_t lane[LANES];
};
struct pixel_t { // of the input
    act_t lane[IMAGE_LANES];
};
struct scaling_t { // of an output channel
    signed_bits<32> bias;
    unsigned_bits<MULT_BITS> mult;
    unsigned_bits<6> shift;
};

// A layer of a program, decoded.
struct layer_t {
    int field[LAYER_FIELDS];
    std::vector<uint32_t> planes;     // the address of each plane that it reads
    std::vector<scaling_t> scalings;  // [blocks][channels]
    std::vector<weight_t> weights;    // [blocks][rows][weights of a row]
    int operator[](LayerField name) const { return field[name]; }
};

// Runs a layer, which reads planes of `image`, `dram` or the buffer, and writes to the latter two.
void engine(const layer_t &layer, const pixel_t *image, beat_t *dram);
#endif
