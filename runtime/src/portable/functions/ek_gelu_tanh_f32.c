#include "edgekit.h"

/* y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))). */
void ek_gelu_tanh_f32(const float *x, float *y, int32_t n)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        y[i] = (0.5f * x[i]) * (1.0f + ek_tanhf1(0.7978846f * (x[i] + (0.044715f * x[i]) * (x[i] * x[i]))));
    }
}
