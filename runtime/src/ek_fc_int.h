/* The integer fully connected kernel over EK_NAME, EK_X, EK_BIAS (also the accumulator), EK_Y and EK_DOT. */
#include "ek_dot.h"

void EK_NAME(const EK_X *restrict x, const int8_t *restrict w, const EK_BIAS *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, int32_t rows, int32_t k, int32_t n)
{
    for (int32_t row = 0; row < rows; row++) {
        for (int32_t o = 0; o < n; o++) {
            const EK_BIAS acc = bias[o] + EK_DOT(x, w + (ptrdiff_t)o * k, k);
            y[o] = (EK_Y)ek_output(acc, mult[o], shift[o], y_zero, y_min, y_max);
        }
        x += k;
        y += n;
    }
}
