#include "ek_gru_small_f32.h"
#include "ek_states_f32.h"

/* One sequence's step: gx [3 n] and gh [3 n] are there, but of gh only [2 n] where reset comes before the product. */
static void ek_gru_cell_f32(float *restrict gx, float *restrict gh, float *restrict h, const float *restrict r,
                            const float *restrict r_bias, int32_t n, int32_t linear_before_reset)
{
    float *const reset_h = gh, *const recurrent = gh + (linear_before_reset ? 2 : 1) * n;
    ek_gru_gates_f32(gx, gh, n);
    if (!linear_before_reset) {
        for (int32_t j = 0; j < n; j++) {
            reset_h[j] = gx[n + j] * h[j];
        }
        memcpy(recurrent, r_bias + 2 * n, (size_t)n * sizeof(float));
        ek_rows_f32(reset_h, r, recurrent, 1, n, 3 * n, 2 * n, n);
    }
    ek_gru_state_f32(gx, recurrent, h, n, linear_before_reset);
}

void ek_gru_f32(const float *restrict x, float *restrict h, const float *restrict w, const float *restrict r,
                const float *restrict w_bias, const float *restrict r_bias, float *restrict y, int32_t steps,
                int32_t batch, int32_t inputs, int32_t units, int32_t linear_before_reset, float *restrict scratch)
{
    const int32_t n = units, gates = 3 * n, now = linear_before_reset ? gates : 2 * n, span = batch > 1 ? batch : steps;
    float *const gx = scratch, *const gh = scratch + ek_cell_rows(span) * gates;
    if (ek_gru_small(x, h, w, r, w_bias, r_bias, y, steps, batch, inputs, n, linear_before_reset)) {
        return;
    }
    for (int32_t row = 0, rows; row < steps * batch; row += rows) {
        const int32_t b = batch > 1 ? row % batch : 0, left = span - row % span;
        rows = ek_cell_rows(left);
        ek_biased_rows_f32(x + (ptrdiff_t)row * inputs, w, w_bias, gx, rows, inputs, gates, gates);
        for (int32_t i = 0, at_once = batch > 1 ? rows : 1; i < rows; i += at_once) {
            ek_biased_rows_f32(h + b * n, r, r_bias, gh, at_once, n, gates, now);
            for (int32_t s = 0; s < at_once; s++) {
                float *const own = h + (b + s) * n;
                ek_gru_cell_f32(gx + (i + s) * gates, gh + s * now, own, r, r_bias, n, linear_before_reset);
                if (y != NULL) {
                    memcpy(y + (ptrdiff_t)(row + i + s) * n, own, (size_t)n * sizeof(float));
                }
            }
        }
    }
}
