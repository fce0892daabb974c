#include "edgekit.h"

void ek_requantize_s8_s8(const int8_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min,
                         int32_t y_max, int8_t *y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = (int8_t)ek_output(x[i] - x_zero, mult, shift, y_zero, y_min, y_max);
    }
}
