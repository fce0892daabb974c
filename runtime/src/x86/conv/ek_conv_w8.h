/* Integer convolution over EK_NAME, EK_PATH and what ek_conv_window.h takes: window by window; position by position; with
 * channels side by side; and, of int8 inputs, point by point. */
#include "ek_bits.h"
#include "ek_conv_depthwise.h"
#include "ek_conv_window.h"

#ifndef EK_CONV
#define EK_CONV void EK_NAME
#define EK_CONV_BANDS void EK_PATH(bands)
#define EK_CONV_POINTS void EK_PATH(points)
#include "ek_conv_positions.h"
#endif

#include "ek_conv_beside.h"
#if EK_BITS(EK_X) == 8
#include "ek_conv_pointwise.h"
#endif

EK_CONV(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
        const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min, int32_t y_max,
        EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const int32_t inputs = s.in_c / s.groups, outputs = s.out_c / s.groups, taps = inputs * s.k_h * s.k_w;
    const ptrdiff_t plane = (ptrdiff_t)s.out_h * s.out_w, x_group = (ptrdiff_t)inputs * s.in_h * s.in_w;
    const ek_window window = {s.out_h, s.out_w, s.k_h, s.k_w, s.stride_h, s.stride_w, -s.pad_top, s.dil_h,
                              -s.pad_left, s.dil_w, s.out_w, 1};
    if (EK_DEPTHWISE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, &s)) {
        return;
    }
    for (int32_t g = 0; g < s.groups; g++) {
        const int32_t o = g * outputs;
        const ek_layer layer = {x + g * x_group, w + (ptrdiff_t)o * taps, bias + o, mult + o, shift + o, y + o * plane,
                                x_zero, y_zero, y_min, y_max, inputs, outputs, s.in_h, s.in_w, plane};
        ek_conv_window(&layer, &window);
    }
}
