#include "ek_cells_f32.h"
#include "ek_states_f32.h"

void ek_lstm_f32(const float *restrict x, float *restrict h, float *restrict c, const float *restrict w,
                 const float *restrict r, const float *restrict bias, float *restrict y, int32_t steps,
                 int32_t batch, int32_t inputs, int32_t units, float *restrict scratch)
{
    const int32_t n = units, gates = 4 * n, span = batch > 1 ? batch : steps;
    for (int32_t row = 0, rows; row < steps * batch; row += rows) {
        const int32_t b = batch > 1 ? row % batch : 0, left = span - row % span;
        rows = ek_cell_rows(left);
        ek_biased_rows_f32(x + (ptrdiff_t)row * inputs, w, bias, scratch, rows, inputs, gates, gates);
        for (int32_t i = 0, at_once = batch > 1 ? rows : 1; i < rows; i += at_once) {
            ek_rows_again_f32(h + b * n, r, scratch + i * gates, at_once, n, gates, i);
            for (int32_t s = 0; s < at_once; s++) {
                float *const own = h + (b + s) * n;
                ek_lstm_state_f32(scratch + (i + s) * gates, own, c + (b + s) * n, n);
                if (y != NULL) {
                    memcpy(y + (ptrdiff_t)(row + i + s) * n, own, (size_t)n * sizeof(float));
                }
            }
        }
    }
}
