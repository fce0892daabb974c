/* Requantizing a row of EK_X to EK_Y; instruction sets have others. */
#include "edgekit.h"

/* y [n] = clamp(y_zero + requantize(x - x_zero)); y may be x. */
static inline void ek_requantize_row(const EK_X *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                                     int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = (EK_Y)ek_output(x[i] - x_zero, mult, shift, y_zero, y_min, y_max);
    }
}
