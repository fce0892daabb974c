#include "ek_rows_f32.h"

void ek_lstm_f32(const float *restrict x, float *restrict h, float *restrict c, const float *restrict w,
                 const float *restrict r, const float *restrict bias, int32_t inputs, int32_t units,
                 float *restrict scratch)
{
    const int32_t n = units;
    float *const g = scratch;
    memcpy(g, bias, (size_t)(4 * n) * sizeof(float));
    ek_rows_f32(x, w, g, 1, inputs, 4 * n, 0, 4 * n);
    ek_rows_f32(h, r, g, 1, n, 4 * n, 0, 4 * n);
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
