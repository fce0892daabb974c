#include "edgekit.h"

/* y = x / 2 * (1 + erf(x / sqrt(2))). */
void ek_gelu_f32(const float *x, float *y, int32_t n)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        y[i] = (0.5f * x[i]) * (1.0f + ek_erff1(x[i] * 0.70710678f));
    }
}
