#include "edgekit.h"

void ek_sigmoid_f32(const float *x, float *y, int32_t n)
{
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        y[i] = ek_sigmoidf1(x[i]);
    }
}
