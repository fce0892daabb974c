/* The integer mean of squares over EK_NAME and EK_Y. */
#include "edgekit.h"

void EK_NAME(const int16_t *restrict x, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max,
             EK_Y *restrict y, int32_t outer, int32_t n, int32_t inner)
{
    for (int32_t o = 0; o < outer; o++) {
        for (int32_t j = 0; j < inner; j++) {
            int64_t sum = 0;
            for (int32_t i = 0; i < n; i++) {
                const int32_t v = x[(ptrdiff_t)i * inner + j];
                sum += v * v;
            }
            *y++ = (EK_Y)ek_output(sum, mult, shift, y_zero, y_min, y_max);
        }
        x += (ptrdiff_t)n * inner;
    }
}
