/* The integer sum of two operands over EK_NAME, EK_X and EK_Y. */
#include "edgekit.h"

void EK_NAME(const EK_X *a, int32_t a_step, int32_t a_zero, int32_t m1, const EK_X *b, int32_t b_step,
             int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
             int32_t n)
{
    const int64_t half = (int64_t)1 << (shift - 1);
    for (int32_t i = 0; i < n; i++) {
        const int64_t da = a[i * a_step] - a_zero, db = b[i * b_step] - b_zero;
        y[i] = (EK_Y)ek_clamp64(((da * m1 + db * m2 + half) >> shift) + y_zero, y_min, y_max);
    }
}
