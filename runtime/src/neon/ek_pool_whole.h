/* Advanced SIMD: means of whole channels of int8, over EK_T (x) and EK_Y (y). */
#include "ek_dot.h"

/* The sum of x [n]. */
static inline int32_t ek_sum_s8(const int8_t *x, int32_t n)
{
    int32x4_t sum = vdupq_n_s32(0);
    for (; n >= 16; n -= 16, x += 16) {
        sum = vpadalq_s16(sum, vpaddlq_s8(vld1q_s8(x)));
    }
    if (n > 0) {
        sum = vpadalq_s16(sum, vpaddlq_s8(ek_some_s8(x, n)));
    }
    return vaddvq_s32(sum);
}

#include "ek_whole_channels.h"
