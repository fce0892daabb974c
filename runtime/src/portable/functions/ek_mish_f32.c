#include "edgekit.h"

/* y = x * tanh(log(1 + e^x)). */
void ek_mish_f32(const float *x, float *y, int32_t n)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        y[i] = x[i] * ek_tanhf1(ek_softplusf1(x[i]));
    }
}
