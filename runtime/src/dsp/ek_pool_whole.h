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
/* Each output is the mean of a channel; returns 1. */
static inline int ek_pool_whole_s8(const int8_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                                   int32_t y_min, int32_t y_max, EK_Y *y, const ek_conv_shape *s)
{
    const int32_t n = s->in_h * s->in_w;
    for (int32_t c = 0; c < s->out_c; c++, x += n) {
        y[c] = (EK_Y)ek_output(ek_sum_s8(x, n) - x_zero * n, mult, shift, y_zero, y_min, y_max);
    }
    return 1;
}

/* Whether each window is a whole channel; then y is done. */
#define EK_POOL_WHOLE                                                                                            \
    (sizeof(EK_T) == 1 && s.out_h == 1 && s.out_w == 1 && s.pad_top == 0 && s.pad_left == 0 && s.dil_h == 1      \
     && s.dil_w == 1 && s.k_h == s.in_h && s.k_w == s.in_w                                                       \
     && ek_pool_whole_s8((const int8_t *)(const void *)x, x_zero, mult[s.in_h * s.in_w - count_min],             \
                         shift[s.in_h * s.in_w - count_min], y_zero, y_min, y_max, y, &s))
