#include "ek_rows_f32.h"

void ek_rnn_f32(const float *restrict x, float *restrict h, const float *restrict w, const float *restrict r,
                const float *restrict bias, int32_t inputs, int32_t units, int32_t relu, float *restrict scratch)
{
    const int32_t n = units;
    float *const g = scratch;
    memcpy(g, bias, (size_t)n * sizeof(float));
    ek_rows_f32(x, w, g, 1, inputs, n, 0, n);
    ek_rows_f32(h, r, g, 1, n, n, 0, n);
    for (int32_t j = 0; j < n; j++) {
        h[j] = relu ? (g[j] > 0.0f ? g[j] : 0.0f) : ek_tanhf1(g[j]);
    }
}
