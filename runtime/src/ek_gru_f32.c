#include "ek_gru_small_f32.h"

void ek_gru_f32(const float *restrict x, float *restrict h, const float *restrict w, const float *restrict r,
                const float *restrict w_bias, const float *restrict r_bias, int32_t inputs, int32_t units,
                int32_t linear_before_reset, float *restrict scratch)
{
    const int32_t n = units, now = linear_before_reset ? 3 * n : 2 * n;
    float *const gx = scratch, *const gh = scratch + 3 * n;
    if (ek_gru_small(x, h, w, r, w_bias, r_bias, inputs, n, linear_before_reset)) {
        return;
    }
    memcpy(gx, w_bias, (size_t)(3 * n) * sizeof(float));
    memcpy(gh, r_bias, (size_t)(3 * n) * sizeof(float));
    ek_rows_f32(x, w, gx, 1, inputs, 3 * n, 0, 3 * n);
    ek_rows_f32(h, r, gh, 1, n, 3 * n, 0, now);
    for (int32_t j = 0; j < 2 * n; j++) {
        gx[j] = ek_sigmoidf1(gx[j] + gh[j]);
    }
    if (linear_before_reset) {
        for (int32_t j = 0; j < n; j++) {
            gh[2 * n + j] = gx[n + j] * gh[2 * n + j];
        }
    } else {
        float *const reset_h = gh;
        for (int32_t j = 0; j < n; j++) {
            reset_h[j] = gx[n + j] * h[j];
        }
        ek_rows_f32(reset_h, r, gh + 2 * n, 1, n, 3 * n, 2 * n, n);
    }
    for (int32_t j = 0; j < n; j++) {
        const float z = gx[j];
        const float candidate = ek_tanhf1(gx[2 * n + j] + gh[2 * n + j]);
        h[j] = (1.0f - z) * candidate + z * h[j];
    }
}
