#include "ek_memory.h"

// Writes lanes first .. first + count - 1 of a beat; memory keeps the others.
static void put(const layer_t &layer, int plane, int pixel, const beat_t &beat, int first, int count, beat_t *dram,
                buffer_t buffer)
{
#pragma HLS INLINE
    const int at = layer.y.beat.to_int() + plane * int(layer.plane_beats) + pixel;
    if (layer.y.region == IN_DRAM) {
        if (count == LANES) {
            dram[at] = beat;
        } else {
            beat_t whole = dram[at];
            for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
                if (l >= first && l < first + count) {
                    whole.lane[l] = beat.lane[l];
                }
            }
            dram[at] = whole;
        }
    } else {
        for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
            if (l >= first && l < first + count) {
                buffer[at].lane[l] = beat.lane[l];
            }
        }
    }
}

void store_columns(const layer_t &layer, const band_t &band, columns_t &y, beat_t *dram, buffer_t buffer)
{
    constexpr int PARTS = COLUMNS > LANES ? COLUMNS / LANES : 1; // beats of a result
    constexpr int SHARE = COLUMNS < LANES ? COLUMNS : LANES;     // channels of a beat that a result has
    const int width = out_width_of(layer), writes = band.rows * width * PARTS;
    column_t column;
#pragma HLS ARRAY_PARTITION variable=column.channel type=complete
    int part = 0, pixel = band.row * width;
    for (int i = 0; i < writes; i++) {
#pragma HLS PIPELINE II=1
#pragma HLS DEPENDENCE variable=dram type=inter dependent=false
        if (part == 0) {
            column = y.read();
        }
        const int slot = band.group * COLUMNS + part * LANES, plane = slot / LANES, first = slot % LANES;
        beat_t beat;
#pragma HLS ARRAY_PARTITION variable=beat.lane type=complete
        for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
            beat.lane[l] = column.channel[part * SHARE + l % SHARE];
        }
        if (plane < layer.out_planes.to_int()) {
            put(layer, plane, pixel, beat, first, SHARE, dram, buffer);
        }
        if (++part == PARTS) {
            part = 0;
            pixel++;
        }
    }
}

void store_beats(const layer_t &layer, int first, int outers, int parts, beats_t &y, beat_t *dram, buffer_t buffer)
{
    const int writes = outers * int(layer.plane_beats) * parts;
    int part = 0, pixel = 0, plane = first;
    for (int i = 0; i < writes; i++) {
#pragma HLS PIPELINE II=1
        const beat_t beat = y.read();
        if (plane + part < layer.out_planes.to_int()) {
            put(layer, plane + part, pixel, beat, 0, LANES, dram, buffer);
        }
        if (++part == parts) {
            part = 0;
            if (++pixel == int(layer.plane_beats)) {
                pixel = 0;
                plane++;
            }
        }
    }
}
