/* Means of whole channels of int8, over EK_T (x) and EK_Y (y): by ek_sum_s8, or by EK_WHOLE_S8 of an instruction set. */
#include "ek_conv_shape.h"

#ifndef EK_WHOLE_S8
#define EK_WHOLE_S8 ek_whole_s8
/* Each output is the mean of a channel; returns 1. */
static inline int ek_whole_s8(const int8_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                              int32_t y_min, int32_t y_max, EK_Y *y, const ek_conv_shape *s)
{
    const int32_t n = s->in_h * s->in_w;
    for (int32_t c = 0; c < s->out_c; c++, x += n) {
        y[c] = (EK_Y)ek_output(ek_sum_s8(x, n) - x_zero * n, mult, shift, y_zero, y_min, y_max);
    }
    return 1;
}
#endif

/* Whether each window is a whole channel; then y is done. */
#define EK_POOL_WHOLE                                                                                            \
    (sizeof(EK_T) == 1 && s.out_h == 1 && s.out_w == 1 && s.pad_top == 0 && s.pad_left == 0 && s.dil_h == 1      \
     && s.dil_w == 1 && s.k_h == s.in_h && s.k_w == s.in_w                                                       \
     && EK_WHOLE_S8((const int8_t *)(const void *)x, x_zero, mult[s.in_h * s.in_w - count_min],                  \
                    shift[s.in_h * s.in_w - count_min], y_zero, y_min, y_max, y, &s))
