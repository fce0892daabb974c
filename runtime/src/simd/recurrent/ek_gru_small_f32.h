/* Float GRUs of few units over ek_rows_f32.h, on whole vectors of a copy, so that no loop has a rest and no store is
 * narrower than the load behind it. */
#include "ek_cells_f32.h"
#include "ek_states_f32.h"

#define EK_SMALL 16 /* units */
#define EK_PADDED(n) (((n) + EK_COLUMNS - 1) / EK_COLUMNS * EK_COLUMNS)

/* One step of one sequence. */
static void ek_gru_small_step(const float *restrict x, float *restrict h, const float *restrict w,
                              const float *restrict r, const float *restrict w_bias, const float *restrict r_bias,
                              int32_t inputs, int32_t n)
{
    const int32_t count = EK_PADDED(3 * n);
    float gx[4 * EK_SMALL], gh[4 * EK_SMALL], gates[3 * EK_SMALL], candidate[EK_SMALL];
    for (int32_t j = 0; j < 4 * EK_SMALL; j += EK_LANES) {
        const int32_t some = 3 * n - j < EK_LANES ? (3 * n - j > 0 ? 3 * n - j : 0) : EK_LANES;
        ek_v_store(gx + j, ek_v_load_some(w_bias + j, some));
        ek_v_store(gh + j, ek_v_load_some(r_bias + j, some));
    }
    ek_rows_f32(x, w, gx, 1, inputs, 3 * n, 0, count);
    ek_rows_f32(h, r, gh, 1, n, 3 * n, 0, count);
    for (int32_t j = 0; j < 2 * EK_SMALL; j += EK_LANES) {
        ek_v_store(gates + j, ek_v_sigmoid(ek_v_add(ek_v_load(gx + j), ek_v_load(gh + j))));
    }
    for (int32_t j = 0; j < EK_SMALL; j += EK_LANES) {
        const ek_v recurrent = ek_v_mul(ek_v_load(gates + n + j), ek_v_load(gh + 2 * n + j));
        ek_v_store(candidate + j, ek_v_tanh(ek_v_add(ek_v_load(gx + 2 * n + j), recurrent)));
    }
    for (int32_t j = 0; j < n; j++) {
        h[j] = (1.0f - gates[j]) * candidate[j] + gates[j] * h[j];
    }
}

/* ek_gru_f32, if it resets after the product and has few units; says whether it is. */
static int ek_gru_small(const float *x, float *h, const float *w, const float *r, const float *w_bias,
                        const float *r_bias, float *y, int32_t steps, int32_t batch, int32_t inputs, int32_t n,
                        int32_t linear_before_reset)
{
    if (!linear_before_reset || n > EK_SMALL) {
        return 0;
    }
    for (int32_t row = 0; row < steps * batch; row++) {
        float *const own = h + row % batch * n;
        ek_gru_small_step(x + (ptrdiff_t)row * inputs, own, w, r, w_bias, r_bias, inputs, n);
        if (y != NULL) {
            memcpy(y + (ptrdiff_t)row * n, own, (size_t)n * sizeof(float));
        }
    }
    return 1;
}
