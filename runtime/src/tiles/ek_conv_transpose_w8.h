/* Integer transposed convolution over EK_NAME, EK_PATH and what ek_conv_transpose_taps.h takes: of int8 inputs each phase is
 * a convolution by tiles. Weights and bias are packed so (edgekit.targets.c.packing.conv_paths): [phase], as ek_conv_tiles.h has
 * them, with the last tap first, and [phase][out_c]. Others are as in ek_conv_transpose_int.h. */
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

/* All phases; `s` is the transposed convolution's, `scales` those of the phase. */
static __attribute__((noinline)) void ek_conv_phases(const int8_t *x, const int8_t *w, ek_scales *scales, EK_Y *y,
                                                     const ek_conv_shape *s, int32_t strips)
{
    const ek_places to = {s->out_h * s->out_w, s->out_w * s->stride_h, s->stride_w};
    for (int32_t py = 0; py < s->stride_h; py++) {
        const ek_phase v = ek_phase_of(py, s->out_h, s->k_h, s->stride_h, s->dil_h, s->pad_top);
        for (int32_t px = 0; px < s->stride_w; px++, scales->bias += s->out_c) {
            const ek_phase h = ek_phase_of(px, s->out_w, s->k_w, s->stride_w, s->dil_w, s->pad_left);
            const ek_conv_shape one = ek_conv_of_phase(s, &v, &h);
            EK_Y *const first = y + (ptrdiff_t)py * s->out_w + px;
            if (v.count * h.count == 0) {
                ek_phase_without_taps(scales, &one, &to, first);
                continue;
            }
            if (v.out * h.out > 0) {
                ek_conv_tiles(x, w, scales, first, &one, &to, strips);
            }
            w += s->groups * ek_group_bytes(&one, ek_first_piece(&one, strips));
        }
    }
}

#ifdef EK_TILE_STRIPS
void EK_PATH(strips)(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
                     const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
                     int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    ek_scales scales = {bias, mult, shift, x_zero, y_zero, y_min, y_max};
    ek_conv_phases(x, w, &scales, y, shape, 1);
}
#endif

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    ek_scales scales = {bias, mult, shift, x_zero, y_zero, y_min, y_max};
    ek_conv_phases(x, w, &scales, y, shape, 0);
}
#else
#include "ek_conv_transpose_int.h"
#endif
