#include "edgekit.h"

/* y = x * clamp(x / 6 + 0.5, 0, 1). */
void ek_hard_swish_f32(const float *x, float *y, int32_t n)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        y[i] = x[i] * ek_minf1(ek_maxf1(x[i] * 0.166666672f + 0.5f, 0.0f), 1.0f);
    }
}
