/* The integer magnitude over EK_NAME and EK_Y. */
#include "ek_root.h"

void EK_NAME(const int16_t *a, int32_t m1, const int16_t *b, int32_t m2, int64_t add, int32_t shift, int32_t y_zero,
             int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    const int32_t half = shift / 2;
    for (int32_t i = 0; i < n; i++) {
        const int64_t power = (int64_t)(a[i] * a[i]) * m1 + (int64_t)(b[i] * b[i]) * m2 + add;
        const int64_t root = ((int64_t)ek_root64((uint64_t)power) + ((int64_t)1 << (half - 1))) >> half;
        y[i] = (EK_Y)ek_clamp64(root + y_zero, y_min, y_max);
    }
}
