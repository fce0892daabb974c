#include "edgekit.h"

void ek_instancenorm_f32(const float *x, const float *scale, const float *bias, float eps, float *y, int32_t batch,
                         int32_t channels, int32_t n)
{
    for (int32_t row = 0; row < batch * channels; row++) {
        const float a = scale[row % channels], b = bias[row % channels];
        float sum = x[0], squares = 0.0f, mean, inverse;
        for (int32_t i = 1; i < n; i++) {
            sum += x[i];
        }
        mean = sum / (float)n;
        for (int32_t i = 0; i < n; i++) {
            const float d = x[i] - mean;
            squares += d * d;
        }
        inverse = 1.0f / ek_sqrtf1(squares / (float)n + eps);
        EK_IVDEP
        for (int32_t i = 0; i < n; i++) {
            y[i] = ((x[i] - mean) * inverse) * a + b;
        }
        x += n;
        y += n;
    }
}
