#include "ek_paths.h"

void dense(const layer_t &layer, const band_t &band, rows_t &rows, scalings_stream_t &scalings, beats_t &x,
           columns_t &y)
{
    static row_t bank[2][BANK_ROWS];
#pragma HLS AGGREGATE variable=bank
#pragma HLS ARRAY_PARTITION variable=bank dim=1 type=complete
#pragma HLS BIND_STORAGE variable=bank type=ram_s2p impl=bram
    static scalings_t scaling[2];
#pragma HLS ARRAY_PARTITION variable=scaling dim=1 type=complete
    acc_t acc[COLUMNS];
#pragma HLS ARRAY_PARTITION variable=acc type=complete
    const bool computes = band.rows > 0;
    const int beats = int(layer.beats), own = band.group & 1, next = 1 - own;
    int k = 0;
    if (band.loads) {
        scaling[next] = scalings.read();
    }
    const int trips = computes ? band.rows * out_width_of(layer) * beats : beats;
    for (int i = 0; i < trips; i++) {
#pragma HLS PIPELINE II=1
        if (band.loads && i < beats) {
            bank[next][i] = rows.read();
        }
        if (computes) {
            const beat_t beat = x.read();
            const row_t &row = bank[own][k];
            for (int c = 0; c < COLUMNS; c++) {
#pragma HLS UNROLL
                if (k == 0) {
                    acc[c] = scaling[own].channel[c].bias;
                }
            }
            for (int c = 0; c < COLUMNS; c++) {
#pragma HLS UNROLL
                int sum = 0; // exact in 8 + WEIGHT_BITS + log2(LANES) bits
                for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
                    sum += beat.lane[l].to_int() * row.weight[c * LANES + l].to_int();
                }
                acc[c] += sum;
            }
            if (++k == beats) {
                k = 0;
                column_t column;
                for (int c = 0; c < COLUMNS; c++) {
#pragma HLS UNROLL
                    column.channel[c]
                        = requantize(acc[c], scaling[own].channel[c], layer.y_zero, layer.y_min, layer.y_max);
                }
                y.write(column);
            }
        }
    }
}
