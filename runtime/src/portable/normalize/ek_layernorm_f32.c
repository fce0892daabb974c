#include "ek_sums_f32.h"

void ek_layernorm_f32(const float *x, const float *scale, const float *bias, float eps, float *y, float *means,
                      float *inverses, int32_t rows, int32_t n)
{
    for (int32_t row = 0; row < rows; row++) {
        const float mean = ek_sum_f32(x, n) / (float)n;
        const float inverse = 1.0f / ek_sqrtf1(ek_squares_f32(x, mean, n) / (float)n + eps);
        if (means) {
            means[row] = mean;
        }
        if (inverses) {
            inverses[row] = inverse;
        }
        EK_IVDEP
        for (int32_t i = 0; i < n; i++) {
            const float v = ((x[i] - mean) * inverse) * scale[i];
            y[i] = bias ? v + bias[i] : v;
        }
        x += n;
        y += n;
    }
}
