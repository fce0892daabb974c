#include "edgekit.h"

void ek_finite_f32(const float *x, float *y, int32_t n, float limit)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        const float v = x[i];
        y[i] = (v < 0.0f ? -v : v) <= limit ? v : 0.0f;
    }
}
