/* Float GRUs of few units over ek_rows_f32.h, on whole vectors of a copy, so that no loop has a rest and no store is
 * narrower than the load behind it. */
#include "ek_rows_f32.h"

#define EK_SMALL 16 /* units */
#define EK_PADDED(n) (((n) + EK_COLUMNS - 1) / EK_COLUMNS * EK_COLUMNS)

/* One step of ek_gru_f32, if it resets after the product and has few units; says whether it did. */
static int ek_gru_small(const float *restrict x, float *restrict h, const float *restrict w,
                        const float *restrict r, const float *restrict w_bias, const float *restrict r_bias,
                        int32_t inputs, int32_t n, int32_t linear_before_reset)
{
    const int32_t count = EK_PADDED(3 * n);
    float gx[4 * EK_SMALL], gh[4 * EK_SMALL], gates[3 * EK_SMALL], candidate[EK_SMALL];
    if (!linear_before_reset || n > EK_SMALL) {
        return 0;
    }
    for (int32_t j = 0; j < 4 * EK_SMALL; j += EK_LANES) {
        const int32_t some = 3 * n - j < EK_LANES ? (3 * n - j > 0 ? 3 * n - j : 0) : EK_LANES;
        ek_v_store(gx + j, ek_v_load_some(w_bias + j, some));
        ek_v_store(gh + j, ek_v_load_some(r_bias + j, some));
    }
    ek_rows_f32(x, w, gx, 1, inputs, 3 * n, 0, count);
    ek_rows_f32(h, r, gh, 1, n, 3 * n, 0, count);
    for (int32_t j = 0; j < 2 * EK_SMALL; j++) {
        gates[j] = ek_sigmoidf1(gx[j] + gh[j]);
    }
    for (int32_t j = 0; j < EK_SMALL; j++) {
        candidate[j] = ek_tanhf1(gx[2 * n + j] + gates[n + j] * gh[2 * n + j]);
    }
    for (int32_t j = 0; j < n; j++) {
        h[j] = (1.0f - gates[j]) * candidate[j] + gates[j] * h[j];
    }
    return 1;
}
