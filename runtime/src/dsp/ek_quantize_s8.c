/* Armv7E-M: one instruction limits a number. */
#include "ek_quotient.h"

void ek_quantize_s8(const float *x, float scale, int32_t zero, int8_t *y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        y[i] = (int8_t)__ssat(ek_quotient(x[i], scale) + zero, 8);
    }
}
