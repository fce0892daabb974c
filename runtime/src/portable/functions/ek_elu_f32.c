#include "edgekit.h"

/* y = x, below 0 e^x - 1. */
void ek_elu_f32(const float *x, float *y, int32_t n)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        y[i] = x[i] < 0.0f ? ek_expf1(x[i]) - 1.0f : x[i];
    }
}
