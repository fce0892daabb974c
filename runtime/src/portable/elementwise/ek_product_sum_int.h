/* The integer sum of two products over EK_NAME and EK_Y. */
#include "edgekit.h"

void EK_NAME(const int16_t *a, const int16_t *b, int32_t m1, const int16_t *c, const int16_t *d, int32_t m2,
             int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    const int64_t half = (int64_t)1 << (shift - 1);
    for (int32_t i = 0; i < n; i++) {
        const int64_t sum = (int64_t)(a[i] * b[i]) * m1 + (int64_t)(c[i] * d[i]) * m2;
        y[i] = (EK_Y)ek_clamp64(((sum + half) >> shift) + y_zero, y_min, y_max);
    }
}
