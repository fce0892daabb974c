/* Geometry that the convolutions share. */
#ifndef EK_CONV_SHAPE_GUARD
#define EK_CONV_SHAPE_GUARD

#include "edgekit.h"

/* A 1x1 convolution without stride or padding is one long row. */
static inline ek_conv_shape ek_conv_flatten(const ek_conv_shape *shape)
{
    ek_conv_shape s = *shape;
    if (s.k_h == 1 && s.k_w == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_top == 0 && s.pad_left == 0
        && s.out_h == s.in_h && s.out_w == s.in_w) {
        s.in_w = s.in_h * s.in_w;
        s.out_w = s.in_w;
        s.in_h = 1;
        s.out_h = 1;
    }
    return s;
}

/* Smallest j >= 0 with j * step >= v. */
static inline int32_t ek_first(int32_t v, int32_t step)
{
    return v <= 0 ? 0 : step == 1 ? v : step == 2 ? (v + 1) >> 1 : (v + step - 1) / step;
}

static inline int32_t ek_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t ek_max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

#endif
