#include "ek_rows.h"

void ek_lut_s16(const int16_t *x, const int16_t *table, int16_t *y, int32_t n)
{
    ek_lut_row_s16(x, table, y, n);
}
