#include "edgekit.h"

void ek_add_s16_s8(const int16_t *a, int32_t a_step, int32_t a_zero, int32_t m1, const int16_t *b, int32_t b_step,
                  int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y,
                  int32_t n)
{
    const int64_t half = (int64_t)1 << (shift - 1);
    for (int32_t i = 0; i < n; i++) {
        const int64_t da = a[i * a_step] - a_zero, db = b[i * b_step] - b_zero;
        y[i] = (int8_t)ek_clamp64(((da * m1 + db * m2 + half) >> shift) + y_zero, y_min, y_max);
    }
}
