/* Integer transposed convolution over EK_NAME and what ek_conv_transpose_taps.h takes: of int8 inputs each phase is a
 * convolution by tiles. Weights and bias are packed so (edgekit.targets.c.packing): [phase], as ek_conv_tiles.h has them,
 * with the last tap first, and [phase][out_c]. Those of few
 * taps are as in ek_conv_transpose_runs.h, others as in ek_conv_transpose_int.h. */
#include "ek_of_y.h"

#if EK_BITS(EK_X) == 8
#include "ek_conv_phase.h"
#include "ek_conv_transpose_runs.h"
#include "ek_conv_tiles.h"

/* Outputs of a phase without taps: those of its bias. */
static void ek_phase_without_taps(const ek_scales *scales, const ek_conv_shape *s, const ek_places *to, EK_Y *y)
{
    for (int32_t c = 0; c < s->out_c; c++, y += to->plane) {
        const EK_Y v = (EK_Y)ek_output(scales->bias[c], scales->mult[c], scales->shift[c], scales->y_zero, scales->y_min,
                                       scales->y_max);
        for (int32_t i = 0; i < s->out_h * s->out_w; i++) {
            y[i / s->out_w * to->down + i % s->out_w * to->right] = v;
        }
    }
}

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const ek_places to = {s.out_h * s.out_w, s.out_w * s.stride_h, s.stride_w};
    ek_scales scales = {bias, mult, shift, x_zero, y_zero, y_min, y_max};
    if (ek_conv_transpose_runs(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, &s)) {
        return;
    }
    for (int32_t py = 0; py < s.stride_h; py++) {
        const ek_phase v = ek_phase_of(py, s.out_h, s.k_h, s.stride_h, s.dil_h, s.pad_top);
        for (int32_t px = 0; px < s.stride_w; px++, scales.bias += s.out_c) {
            const ek_phase h = ek_phase_of(px, s.out_w, s.k_w, s.stride_w, s.dil_w, s.pad_left);
            const ek_conv_shape one = ek_conv_of_phase(&s, &v, &h);
            EK_Y *const first = y + (ptrdiff_t)py * s.out_w + px;
            if (v.count * h.count == 0) {
                ek_phase_without_taps(&scales, &one, &to, first);
                continue;
            }
            if (v.out * h.out > 0) {
                ek_conv_tiles(x, w, &scales, first, &one, &to);
            }
            w += s.groups * ek_group_bytes(&one);
        }
    }
}
#else
#include "ek_conv_transpose_int.h"
#endif
