#include "edgekit.h"

void ek_quantize_s8(const float *x, float scale, int32_t zero, int8_t *y, int32_t n)
{
    const float limit = 131072.0f; /* saturates with any zero, and is exact to round */
    for (int32_t i = 0; i < n; i++) {
        float v = x[i] / scale;
        v = v == v ? v : 0.0f;
        v = v < limit ? v : limit;
        v = v > -limit ? v : -limit;
        y[i] = ek_saturate_s8((int32_t)ek_roundf1(v) + zero);
    }
}
