#include "ek_paths.h"

// Nine taps of a pixel.
struct window_t {
    beat_t tap[9];
};

static beat_t result_of(const layer_t &layer, const window_t &window, const weight_t weights[9][LANES],
                        const scaling_t scaling[LANES])
{
#pragma HLS INLINE
    int sum[LANES];
#pragma HLS ARRAY_PARTITION variable=sum type=complete
    beat_t result;
    for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
        sum[l] = 0; // exact in 8 + WEIGHT_BITS + 4 bits
    }
    for (int t = 0; t < 9; t++) {
#pragma HLS UNROLL
        for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
            sum[l] += window.tap[t].lane[l].to_int() * weights[t][l].to_int();
        }
    }
    for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
        acc_t acc = scaling[l].bias;
        acc += sum[l];
        result.lane[l] = requantize(acc, scaling[l], layer.y_zero, layer.y_min, layer.y_max);
    }
    return result;
}

void depthwise(const layer_t &layer, int groups, const tables_t &tables, beats_t &x, dilations_t &d, beats_t &y)
{
    static beat_t line[3][LINE_ROWS][LINE_BEATS]; // a copy for each column of taps
#pragma HLS AGGREGATE variable=line
#pragma HLS ARRAY_PARTITION variable=line dim=1 type=complete
#pragma HLS ARRAY_PARTITION variable=line dim=2 type=complete
#pragma HLS BIND_STORAGE variable=line type=ram_s2p impl=bram
    const int height = layer.height.to_int(), width = layer.width.to_int();
    const int lead = layer.deform ? DMAX + 1 : 2, skip = (1 << layer.stride_log2.to_int()) - 1;
    const int beats = (height + lead) * width * groups;
    int row = 0, column = 0, g = 0, at = 0, reach = 1;
    for (int i = 0; i < beats; i++) {
#pragma HLS PIPELINE II=1
        const int center = row - lead;
        if (layer.deform && center >= 0 && g == 0) {
            reach = d.read().to_int();
        }
        if (center >= 0 && (center & skip) == 0 && (column & skip) == 0) {
            window_t window;
#pragma HLS ARRAY_PARTITION variable=window.tap type=complete
            for (int kx = 0; kx < 3; kx++) {
#pragma HLS UNROLL
                const int tap_x = column + (kx - 1) * reach;
                const bool in_row = tap_x >= 0 && tap_x < width;
                beat_t found[LINE_ROWS]; // of every bank, at one address
#pragma HLS ARRAY_PARTITION variable=found type=complete
                for (int b = 0; b < LINE_ROWS; b++) {
#pragma HLS UNROLL
                    found[b] = line[kx][b][in_row ? at + (kx - 1) * reach * groups : 0];
                }
                for (int ky = 0; ky < 3; ky++) {
#pragma HLS UNROLL
                    const int tap_y = center + (ky - 1) * reach;
                    const bool inside = in_row && tap_y >= 0 && tap_y < height;
                    for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
                        window.tap[3 * ky + kx].lane[l] = inside ? found[tap_y % LINE_ROWS].lane[l] : layer.x_zero;
                    }
                }
            }
            y.write(result_of(layer, window, tables.tap[g], tables.scaling[g]));
        }
        if (row < height) {
            const beat_t beat = x.read();
            for (int kx = 0; kx < 3; kx++) {
#pragma HLS UNROLL
                line[kx][row % LINE_ROWS][at] = beat;
            }
        }
        at++;
        if (++g == groups) {
            g = 0;
            if (++column == width) {
                column = at = 0;
                row++;
            }
        }
    }
}
