#include "edgekit.h"

void ek_mul_s16_s8(const int16_t *a, int32_t a_step, int32_t a_zero, const int16_t *b, int32_t b_step, int32_t b_zero,
                  int32_t m, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, int8_t *y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t product = (a[i * a_step] - a_zero) * (b[i * b_step] - b_zero);
        y[i] = (int8_t)ek_output(product, m, shift, y_zero, y_min, y_max);
    }
}
