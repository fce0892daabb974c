#include "edgekit.h"

/* y = log(1 + e^x). */
void ek_softplus_f32(const float *x, float *y, int32_t n)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        y[i] = ek_softplusf1(x[i]);
    }
}
