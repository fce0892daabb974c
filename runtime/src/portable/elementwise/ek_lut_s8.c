#include "edgekit.h"

void ek_lut_s8(const int8_t *x, const int8_t *table, int8_t *y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = table[x[i] + 128];
    }
}
