#include "ek_sums_f32.h"

void ek_instancenorm_f32(const float *x, const float *scale, const float *bias, float eps, float *y, int32_t batch,
                         int32_t channels, int32_t n)
{
    for (int32_t row = 0; row < batch * channels; row++) {
        const float a = scale[row % channels], b = bias[row % channels];
        const float mean = ek_sum_f32(x, n) / (float)n;
        const float inverse = 1.0f / ek_sqrtf1(ek_squares_f32(x, mean, n) / (float)n + eps);
        EK_IVDEP
        for (int32_t i = 0; i < n; i++) {
            y[i] = ((x[i] - mean) * inverse) * a + b;
        }
        x += n;
        y += n;
    }
}
