#include "ek_paths.h"

void pool(const layer_t &layer, beats_t &x, beats_t &y)
{
    const int taps = layer.kernel.to_int() * layer.kernel.to_int();
    beat_t most;
#pragma HLS ARRAY_PARTITION variable=most.lane type=complete
    const int beats = layer.planes.to_int() * int(layer.plane_beats) * taps;
    int k = 0;
    for (int i = 0; i < beats; i++) {
#pragma HLS PIPELINE II=1
        const beat_t beat = x.read();
        for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
            if (k == 0 || beat.lane[l] > most.lane[l]) {
                most.lane[l] = beat.lane[l];
            }
        }
        if (++k == taps) {
            k = 0;
            y.write(most);
        }
    }
}
