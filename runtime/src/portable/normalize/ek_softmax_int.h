/* The integer softmax over EK_NAME and EK_Y. */
#include "edgekit.h"

void EK_NAME(const int16_t *restrict x, int32_t m, int32_t s, const int32_t *restrict exp2, int32_t mult, int32_t shift,
             int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y, int32_t rows, int32_t n)
{
    for (int32_t row = 0; row < rows; row++) {
        int32_t top = x[0];
        int64_t sum = 0;
        for (int32_t i = 1; i < n; i++) {
            top = x[i] > top ? x[i] : top;
        }
        for (int32_t i = 0; i < n; i++) {
            sum += ek_exp2_q30(exp2, ek_requantize64(top - x[i], m, s));
        }
        const int64_t inverse = ((int64_t)1 << 62) / sum;
        for (int32_t i = 0; i < n; i++) {
            const int64_t part = ek_exp2_q30(exp2, ek_requantize64(top - x[i], m, s)) * inverse;
            y[i] = (EK_Y)ek_output(part >> 31, mult, shift, y_zero, y_min, y_max);
        }
        x += n;
        y += n;
    }
}
