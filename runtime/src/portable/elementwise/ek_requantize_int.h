/* The requantization of a tensor over EK_NAME, EK_X and EK_Y. */
#include "ek_requantize_row.h"

void EK_NAME(const EK_X *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max,
             EK_Y *y, int32_t n)
{
    ek_requantize_row(x, x_zero, mult, shift, y_zero, y_min, y_max, y, n);
}
