#include "ek_image.h"

static inline float ek_place(float x)
{
    const float low = x > -1.0e6f ? x : -1.0e6f;
    return low < 1.0e6f ? low : 1.0e6f;
}

/* What the taps of one output pixel read: columns [in_c][k_h * k_w]. */
static void ek_deform_columns(const float *x, const float *offset, const float *mask, float *columns, int32_t oy,
                              int32_t ox, int32_t offset_groups, const ek_conv_shape *s)
{
    const int32_t taps = s->k_h * s->k_w, channels = s->in_c / offset_groups;
    const ptrdiff_t pixels = (ptrdiff_t)s->out_h * s->out_w, at = (ptrdiff_t)oy * s->out_w + ox;
    for (int32_t g = 0; g < offset_groups; g++) {
        for (int32_t k = 0; k < taps; k++) {
            const int32_t tap = g * taps + k;
            const float base_y = (float)(oy * s->stride_h - s->pad_top + k / s->k_w * s->dil_h);
            const float base_x = (float)(ox * s->stride_w - s->pad_left + k % s->k_w * s->dil_w);
            const float row = ek_place(base_y + offset[2 * tap * pixels + at]);
            const float column = ek_place(base_x + offset[(2 * tap + 1) * pixels + at]);
            const int32_t top = ek_floor(row), left = ek_floor(column);
            const float wy = row - (float)top, wx = column - (float)left;
            for (int32_t c = g * channels; c < (g + 1) * channels; c++) {
                const float *const plane = x + (ptrdiff_t)c * s->in_h * s->in_w;
                const float value = ek_bilinear(plane, top, left, wy, wx, s->in_h, s->in_w);
                columns[(ptrdiff_t)c * taps + k] = mask ? value * mask[tap * pixels + at] : value;
            }
        }
    }
}

void ek_deform_conv_f32(const float *restrict x, const float *restrict w, const float *restrict offset,
                        const float *restrict bias, const float *restrict mask, float *restrict y,
                        int32_t offset_groups, const ek_conv_shape *shape, float *restrict scratch)
{
    const ek_conv_shape s = *shape;
    const int32_t reach = s.in_c / s.groups * s.k_h * s.k_w, per_group = s.out_c / s.groups;
    for (int32_t oy = 0; oy < s.out_h; oy++) {
        for (int32_t ox = 0; ox < s.out_w; ox++) {
            ek_deform_columns(x, offset, mask, scratch, oy, ox, offset_groups, &s);
            for (int32_t m = 0; m < s.out_c; m++) {
                const float *const columns = scratch + (ptrdiff_t)(m / per_group) * reach;
                const float *const weights = w + (ptrdiff_t)m * reach;
                float acc = bias ? bias[m] : 0.0f;
                for (int32_t i = 0; i < reach; i++) {
                    acc += weights[i] * columns[i];
                }
                y[((ptrdiff_t)m * s.out_h + oy) * s.out_w + ox] = acc;
            }
        }
    }
}
