/* Helium: means of whole channels of int8, over EK_T (x) and EK_Y (y). */
#include "edgekit.h"

#include <arm_mve.h>

/* The sum of x [n]. */
static inline int32_t ek_sum_s8(const int8_t *x, int32_t n)
{
    int32_t sum = 0;
    for (; n > 0; n -= 16, x += 16) {
        const mve_pred16_t some = vctp8q((uint32_t)n);
        sum = vaddvaq_p_s8(sum, vldrbq_z_s8(x, some), some);
    }
    return sum;
}

#include "ek_whole_channels.h"
