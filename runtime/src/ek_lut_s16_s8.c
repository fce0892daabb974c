#include "edgekit.h"

void ek_lut_s16_s8(const int16_t *x, const int16_t *table, int32_t mult, int32_t shift, int32_t y_zero, int8_t *y,
                   int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = (int8_t)ek_output(ek_lut_s16_at(table, x[i]), mult, shift, y_zero, -128, 127);
    }
}
