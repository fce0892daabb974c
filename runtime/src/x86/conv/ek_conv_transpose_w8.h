/* Integer transposed convolution over EK_NAME and what ek_conv_window.h takes: for each remainder of output positions
 * by the strides a convolution with the taps that meet it. w and bias are packed so (edgekit.targets.c.packing.conv_paths):
 * [phase][out_c][inputs][taps of the phase] and [phase][out_c]. */
#include "ek_bits.h"
#if EK_BITS(EK_X) == 8
#include "ek_conv_transpose_runs.h"
#endif
#include "ek_conv_window.h"
#include "ek_phases.h"
#include "ek_transposed_depthwise.h"

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const int32_t inputs = s.in_c / s.groups, outputs = s.out_c / s.groups;
    const ptrdiff_t plane = (ptrdiff_t)s.out_h * s.out_w, x_group = (ptrdiff_t)inputs * s.in_h * s.in_w;
    if (EK_TRANSPOSED_DEPTHWISE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, &s)) {
        return;
    }
    for (int32_t py = 0; py < s.stride_h; py++) {
        const ek_phase v = ek_phase_of(py, s.out_h, s.k_h, s.stride_h, s.dil_h, s.pad_top);
        for (int32_t px = 0; px < s.stride_w; px++, bias += s.out_c) {
            const ek_phase h = ek_phase_of(px, s.out_w, s.k_w, s.stride_w, s.dil_w, s.pad_left);
            const ek_window window = {v.out, h.out, v.count, h.count, 1, 1, v.at, v.step, h.at, h.step,
                                      s.out_w * s.stride_h, s.stride_w};
            const int32_t taps = inputs * v.count * h.count;
            for (int32_t g = 0; g < s.groups; g++, w += (ptrdiff_t)outputs * taps) {
                const int32_t o = g * outputs;
                const ek_layer layer = {x + g * x_group, w, bias + o, mult + o, shift + o,
                                        y + o * plane + (ptrdiff_t)py * s.out_w + px, x_zero, y_zero, y_min, y_max,
                                        inputs, outputs, s.in_h, s.in_w, plane};
                if (window.out_h > 0 && window.out_w > 0) {
                    ek_conv_window(&layer, &window);
                }
            }
        }
    }
}
