#include "edgekit.h"

void ek_finite_f32(const float *x, float *y, int32_t n, float floor, float limit)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        const float v = x[i];
        const float size = v < 0.0f ? -v : v;
        y[i] = ((size >= floor) & (size <= limit)) ? v : 0.0f;
    }
}
