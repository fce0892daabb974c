#define EK_X int16_t
#define EK_Y int8_t
#include "ek_requantize_row.h"
#include "ek_rows.h"

void ek_lut_s16_s8(const int16_t *x, const int16_t *table, int32_t mult, int32_t shift, int32_t y_zero, int8_t *y,
                   int32_t n)
{
    int16_t values[128];
    for (int32_t at = 0; at < n; at += 128) {
        const int32_t count = n - at < 128 ? n - at : 128;
        ek_lut_row_s16(x + at, table, values, count);
        ek_requantize_row(values, 0, mult, shift, y_zero, -128, 127, y + at, count);
    }
}
