// The simulated engine. Numbers of layers are in the order of LayerField; see engine_config.h for the sizes.
#ifndef EDGEKIT_ENGINE_H
#define EDGEKIT_ENGINE_H
#include "bits.h"
#include "engine_config.h"

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

enum LayerField {
    PATH, HEIGHT, WIDTH, STRIDE_LOG2, KERNEL, PLANES, OUTPUTS, OUT_PLANES, X_ZERO, Y_ZERO, Y_MIN, Y_MAX, DEFORM, D, Y,
    FIRST_PLANE, FIRST_WEIGHT, FIRST_TABLE, PLANE_BEATS, GROUPS_PER_PASS, LAYER_FIELDS
};
// Added to addresses of beats in DRAM, and of pixels of the input; others are in the engine's buffer.
const int IN_DRAM = 1 << 30, IN_IMAGE = 1 << 29;

// Runs `layers` layers of `program` [layers][LAYER_FIELDS], which read planes of `image` or of earlier results: `planes`
// has the address of each one's first beat, and log2 of how often its pixels are repeated each way.
void engine(const int *program, int layers, const int *planes, const weight_t *weights, const scaling_t *scalings,
            const pixel_t *image, beat_t *dram);
#endif
