#include "ek_cells_f32.h"

void ek_rnn_f32(const float *restrict x, float *restrict h, const float *restrict w, const float *restrict r,
                const float *restrict bias, float *restrict y, int32_t steps, int32_t batch, int32_t inputs,
                int32_t units, int32_t relu, float *restrict scratch)
{
    const int32_t n = units, span = batch > 1 ? batch : steps;
    for (int32_t row = 0, rows; row < steps * batch; row += rows) {
        const int32_t b = batch > 1 ? row % batch : 0, left = span - row % span;
        rows = ek_cell_rows(left);
        ek_biased_rows_f32(x + (ptrdiff_t)row * inputs, w, bias, scratch, rows, inputs, n, n);
        for (int32_t i = 0, at_once = batch > 1 ? rows : 1; i < rows; i += at_once) {
            float *const own = h + b * n, *const g = scratch + i * n;
            ek_rows_f32(own, r, g, at_once, n, n, 0, n);
            for (int32_t j = 0; j < at_once * n; j++) {
                own[j] = relu ? (g[j] > 0.0f ? g[j] : 0.0f) : ek_tanhf1(g[j]);
            }
            if (y != NULL) {
                memcpy(y + (ptrdiff_t)(row + i) * n, own, (size_t)(at_once * n) * sizeof(float));
            }
        }
    }
}
