#include "edgekit.h"

void ek_dequantize_s8(const int8_t *restrict x, float scale, int32_t zero, float *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = (float)(x[i] - zero) * scale;
    }
}
