/* Armv7E-M DSP: means of whole channels of int8, over EK_T (x) and EK_Y (y). */
#include "ek_conv_shape.h"
#include "ek_dot.h"

#define EK_SUM_WORDS 240 /* whose bytes have room in sums of 16 bits */

/* The sum of x [n]. */
static inline int32_t ek_sum_s8(const int8_t *x, int32_t n)
{
    const int16x2_t ones = 0x10001;
    int32_t sum = 0;
    while (n >= 4) {
        const int8_t *const end = x + 4 * ek_min(n / 4, EK_SUM_WORDS);
        int16x2_t even = 0, odd = 0;
        n -= (int32_t)(end - x);
        for (; x != end; x += 4) {
            const int32_t word = ek_word(x);
            __asm__("sxtab16 %0, %0, %2\n\tsxtab16 %1, %1, %2, ror #8" : "+r"(even), "+r"(odd) : "r"(word));
        }
        sum = __smlad(even, ones, __smlad(odd, ones, sum));
    }
    for (; n > 0; n--) {
        sum += *x++;
    }
    return sum;
}

#include "ek_whole_channels.h"
