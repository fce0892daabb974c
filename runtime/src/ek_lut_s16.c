#include "edgekit.h"

void ek_lut_s16(const int16_t *x, const int16_t *table, int16_t *y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = ek_lut_s16_at(table, x[i]);
    }
}
