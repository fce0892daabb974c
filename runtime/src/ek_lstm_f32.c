#include "ek_rows_f32.h"

/* One sequence's step: gates g, whose products are there. */
static void ek_lstm_cell_f32(float *restrict g, float *restrict h, float *restrict c, int32_t n)
{
    for (int32_t j = 0; j < 3 * n; j++) {
        g[j] = ek_sigmoidf1(g[j]);
    }
    for (int32_t j = 0; j < n; j++) {
        c[j] = g[2 * n + j] * c[j] + g[j] * ek_tanhf1(g[3 * n + j]);
    }
    for (int32_t j = 0; j < n; j++) {
        h[j] = g[n + j] * ek_tanhf1(c[j]);
    }
}

/* Steps of one sequence, or sequences of one step, share a reading of w, and sequences one of r. */
void ek_lstm_f32(const float *restrict x, float *restrict h, float *restrict c, const float *restrict w,
                 const float *restrict r, const float *restrict bias, float *restrict y, int32_t steps,
                 int32_t batch, int32_t inputs, int32_t units, float *restrict scratch)
{
    const int32_t n = units, gates = 4 * n, all = steps * batch, span = batch > 1 ? batch : steps;
    for (int32_t row = 0, rows; row < all; row += rows) {
        const int32_t b = batch > 1 ? row % batch : 0, left = span - row % span;
        rows = left < EK_LSTM_F32_ROWS ? left : EK_LSTM_F32_ROWS;
        for (int32_t i = 0; i < rows; i++) {
            memcpy(scratch + (ptrdiff_t)i * gates, bias, (size_t)gates * sizeof(float));
        }
        ek_rows_f32(x + (ptrdiff_t)row * inputs, w, scratch, rows, inputs, gates, 0, gates);
        if (batch > 1) {
            ek_rows_f32(h + (ptrdiff_t)b * n, r, scratch, rows, n, gates, 0, gates);
        }
        for (int32_t i = 0; i < rows; i++) {
            float *const g = scratch + (ptrdiff_t)i * gates;
            const ptrdiff_t own = batch > 1 ? (ptrdiff_t)(b + i) * n : 0;
            if (batch == 1) {
                ek_rows_f32(h, r, g, 1, n, gates, 0, gates);
            }
            ek_lstm_cell_f32(g, h + own, c + own, n);
            if (y != NULL) {
                memcpy(y + (ptrdiff_t)(row + i) * n, h + own, (size_t)n * sizeof(float));
            }
        }
    }
}
