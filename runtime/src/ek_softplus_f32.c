#include "edgekit.h"

/* y = log(1 + e^x); x above 20. */
void ek_softplus_f32(const float *x, float *y, int32_t n)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        y[i] = x[i] > 20.0f ? x[i] : ek_logf1(1.0f + ek_expf1(ek_minf1(x[i], 20.0f)));
    }
}
