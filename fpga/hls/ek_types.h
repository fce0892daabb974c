// What goes through the engine. Its sizes are in ek_config.h.
#ifndef EDGEKIT_TYPES_H
#define EDGEKIT_TYPES_H
#include <cstdint>

#include <ap_int.h>

#include "ek_config.h"
#include "ek_stream.h"
#include "program_format.h"

typedef ap_int<8> act_t;
typedef ap_int<WEIGHT_BITS> weight_t;
typedef ap_int<ACC_BITS> acc_t;
typedef ap_int<ACC_BITS + MULT_BITS + 1> product_t;
typedef ap_uint<4> dilation_t;
typedef ap_uint<16> side_t;
typedef ap_uint<28> place_t; // a beat of a memory

struct beat_t { // LANES channels of a pixel
    act_t lane[LANES];
};
struct pixel_t { // of the input
    act_t lane[IMAGE_LANES];
};
struct column_t { // results of the dense array for a pixel
    act_t channel[COLUMNS];
};
struct scaling_t { // of an output channel
    acc_t bias;
    ap_uint<MULT_BITS> mult;
    ap_uint<6> shift;
};
struct scalings_t {
    scaling_t channel[COLUMNS];
};
struct row_t { // of the dense array's weights, [column][lane]
    weight_t weight[COLUMNS * LANES];
};
struct plane_t { // where a plane begins, and log2 of how often its pixels are repeated
    ap_uint<2> region, up;
    place_t beat;
};

typedef beat_t buffer_t[BUFFER_BEATS];

// A layer's record, and what follows of it.
struct layer_t {
    ap_uint<2> path, stride_log2;
    bool deform;
    ap_uint<8> kernel;
    side_t height, width, planes, out_planes;
    act_t x_zero, y_zero, y_min, y_max;
    plane_t y, d;
    uint32_t first_plane, first_block, plane_beats, beats, groups, groups_per_pass;
};

// Rows of the result of a group of a dense layer; a group of -1 has none. The other bank of weights is filled with the
// first rows. A band of BAND_BEATS beats or one row keeps the streams of a simulation short.
struct band_t {
    int group, row, rows;
    bool loads; // the weights of the next group
};

// What memories may hold, by the program's header.
struct limits_t {
    uint32_t words, buffer, dram, image, layers;
};

// Tables of a pass of the depthwise path.
struct tables_t {
    weight_t tap[TABLE_GROUPS][9][LANES];
    scaling_t scaling[TABLE_GROUPS][LANES];
};

typedef hls::stream<beat_t, 32> beats_t;
typedef hls::stream<dilation_t, 32> dilations_t;
typedef hls::stream<column_t, 16> columns_t;
typedef hls::stream<row_t, 2> rows_t;
typedef hls::stream<scalings_t, 2> scalings_stream_t;

inline int out_width_of(const layer_t &layer)
{
#pragma HLS INLINE
    return ((layer.width.to_int() - 1) >> layer.stride_log2.to_int()) + 1;
}

inline int out_height_of(const layer_t &layer)
{
#pragma HLS INLINE
    return ((layer.height.to_int() - 1) >> layer.stride_log2.to_int()) + 1;
}

// clamp(zero + ((acc * mult + 2^(shift - 1)) >> shift)), shift in 1..62: (p >> (shift - 1)) + 1, halved.
inline act_t requantize(acc_t acc, const scaling_t &scaling, act_t zero, act_t low, act_t high)
{
#pragma HLS INLINE
    const product_t product = acc * scaling.mult;
    const product_t halves = product >> (scaling.shift.to_int() - 1);
    const ap_int<ACC_BITS + MULT_BITS + 2> value = ((halves + 1) >> 1) + zero;
    act_t result = act_t(value);
    if (value < low) {
        result = low;
    } else if (value > high) {
        result = high;
    }
    return result;
}
#endif
