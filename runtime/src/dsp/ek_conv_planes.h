/* Convolution of int8 channels each by itself, or of all of a group to one output. A band of rows, with what is around them,
 * is laid out so that outputs side by side read taps side by side. By a stride the band is apart in planes,
 * [stride_h][stride_w][height][pitch], where neighbours are neighbours; where kernels take taps along rows, columns of a stride
 * of two stay together. The bias has what x_zero adds. */
#ifndef EK_CONV_PLANES_GUARD
#define EK_CONV_PLANES_GUARD

#include "ek_conv_shape.h"

/* Where the taps of an output lie behind it: [k_h] + [k_w]; `near`: along a row they are neighbours, or 2: with one between
 * each two. The next output is `step` elements behind it, the one below `pitch`. */
typedef struct {
    const int16_t *down, *right;
    int32_t k_h, k_w, near, step, pitch;
} ek_plane_taps;

#include "ek_plane.h"

#if defined(EK_HAS_BLOCKS) && EK_BITS(EK_Y) == 8
#include "ek_nine.h"
#endif

#define EK_PLANES_BYTES 2048
#define EK_PLANES_KERNEL 64 /* rows, columns of a kernel at most */
#define EK_PLANES_WIDE 16   /* columns of a part of a row */
#define EK_PLANES_MOST 16   /* planes of a band */
#define EK_FEW_PRODUCTS 48  /* of a channel, which are taken one by one */

/* Rows and columns of outputs of a band; its planes for the columns of a stride, their height, and outputs to a row,
 * `step` elements each. `shared` elements of the padding behind a row are also those before the next one. */
typedef struct {
    int32_t rows, columns, across, step, height, pitch, shared;
    int16_t down[EK_PLANES_KERNEL], right[EK_PLANES_KERNEL];
} ek_planes;

/* What a plane of a band takes of a channel: rows of n elements from x on, to its place `at` in the band. */
typedef struct {
    ptrdiff_t x;
    int32_t rows, n, at;
} ek_part;

/* Columns of input behind the first one that the last tap of an output reads; rows likewise. */
static inline int32_t ek_reach(int32_t k, int32_t dilation)
{
    return (k - 1) * dilation;
}

/* Bytes of a band. */
static inline int32_t ek_planes_bytes(const ek_conv_shape *s, int32_t rows, int32_t pitch, int32_t shared)
{
    return s->stride_h * s->stride_w * (rows + ek_reach(s->k_h, s->dil_h) / s->stride_h) * pitch + shared;
}

/* Choose the band: whole rows where one fits. */
static inline void ek_plan_planes(const ek_conv_shape *s, ek_planes *b)
{
    const int32_t behind = ek_reach(s->k_w, s->dil_w) / s->stride_w, wide = s->out_w + behind;
    const int32_t right = ek_max(wide - s->pad_left - s->in_w, 0);
    b->step = s->stride_w == 2 && s->dil_w == 1 && ek_plane_has_rows(s->k_h, s->k_w) ? 2 : 1;
    b->across = s->stride_w / b->step;
    b->columns = s->out_w;
    b->shared = s->stride_w == 1 && s->stride_h == 1 ? ek_min(s->pad_left, right) : 0;
    b->pitch = wide - b->shared;
    b->rows = ek_min(s->out_h, (EK_PLANES_BYTES - b->shared) / (s->stride_h * s->stride_w * b->pitch)
                                   - ek_reach(s->k_h, s->dil_h) / s->stride_h);
    if (b->rows < 1) {
        const int32_t planes = ek_planes_bytes(s, 1, 1, 0);
        b->rows = 1;
        b->shared = 0;
        b->columns = ek_min(s->out_w, (EK_PLANES_BYTES / planes - behind) / EK_PLANES_WIDE * EK_PLANES_WIDE);
        b->pitch = b->columns + behind;
    }
    if (s->in_c > s->groups) { /* the sums of all channels stay */
        if (b->columns > EK_PLANE_SUMS) {
            b->rows = 1;
            b->shared = 0;
            b->columns = EK_PLANE_SUMS;
            b->pitch = b->columns + behind;
        }
        b->rows = ek_min(b->rows, EK_PLANE_SUMS / ((b->columns + 3) & ~3));
    }
    b->height = b->rows + ek_reach(s->k_h, s->dil_h) / s->stride_h;
    const int32_t row = b->step * b->pitch;
    for (int32_t k = 0; k < s->k_h; k++) {
        const int32_t at = k * s->dil_h;
        b->down[k] = (int16_t)((at % s->stride_h * b->across * b->height + at / s->stride_h) * row);
    }
    for (int32_t k = 0; k < s->k_w; k++) {
        const int32_t at = k * s->dil_w;
        b->right[k] = (int16_t)(at % b->across * b->height * row + at / b->across);
    }
}

/* part [stride_h][across] = those of the band of `rows` rows with output (oy, ox) first. */
static inline void ek_plan_parts(const ek_conv_shape *s, const ek_planes *b, int32_t oy, int32_t ox, int32_t rows,
                                 ek_part *part)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    const int32_t across = b->across, row = b->step * b->pitch;
    const int32_t end = ek_min(top + (rows - 1) * s->stride_h + ek_reach(s->k_h, s->dil_h) + 1, s->in_h);
    for (int32_t i = 0; i < s->stride_h; i++) {
        const int32_t from = ek_first(-(top + i), s->stride_h);
        for (int32_t j = 0; j < across; j++, part++) {
            const int32_t lo = ek_first(-(left + j), across);
            part->x = (ptrdiff_t)(top + i + from * s->stride_h) * s->in_w + left + j + lo * across;
            part->rows = ek_first(end - top - i, s->stride_h) - from;
            part->n = ek_min(ek_first(s->in_w - left - j, across), row + b->shared) - lo;
            part->at = ((i * across + j) * b->height + from) * row + lo;
        }
    }
}

/* Lay out the band, but for what is outside; x is the channel's. */
static __attribute__((noinline)) void ek_lay_planes(const int8_t *x, const ek_conv_shape *s, const ek_planes *b,
                                                    const ek_part *part, int8_t *band)
{
    const int32_t down = s->stride_h * s->in_w, row = b->step * b->pitch;
    for (int32_t i = s->stride_h * b->across; i > 0; i--, part++) {
        if (b->across == 1) {
            ek_copy_rows(x + part->x, down, part->rows, part->n, band + part->at, row);
        } else {
            ek_thin_rows(x + part->x, down, b->across, part->rows, part->n, band + part->at, row);
        }
    }
}

/* The outputs of channel c one by one: y [out_h][out_w] of x, its input. */
static inline void ek_plane_each(const int8_t *x, const int8_t *w, const ek_scales *scales, int32_t c, EK_Y *y,
                                 const ek_conv_shape *s)
{
    for (int32_t oy = 0; oy < s->out_h; oy++) {
        for (int32_t ox = 0; ox < s->out_w; ox++) {
            uint32_t acc = (uint32_t)scales->bias[c];
            const int8_t *wi = w;
            for (int32_t ky = 0, iy = oy * s->stride_h - s->pad_top; ky < s->k_h; ky++, iy += s->dil_h) {
                for (int32_t kx = 0, ix = ox * s->stride_w - s->pad_left; kx < s->k_w; kx++, ix += s->dil_w) {
                    const int inside = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
                    acc += (uint32_t)((inside ? x[iy * s->in_w + ix] : scales->x_zero) * *wi++);
                }
            }
            *y++ = (EK_Y)ek_output((int32_t)acc, scales->mult[c], scales->shift[c], scales->y_zero, scales->y_min,
                                   scales->y_max);
        }
    }
}

#ifdef EK_NINE_PITCH
/* The same straight from sums, of three taps in a line or by steps; `by` is not 0. The last four columns of a line may be those
 * before, too. */
static inline void ek_plane_straight(const int8_t *band, ek_plane_steps *steps, const int8_t *w, const ek_scales *scales,
                                     int32_t c, int32_t by, int32_t rows, int32_t columns, EK_Y *y)
{
    const int32_t most = columns & ~3, bias = scales->bias[c], mult = scales->mult[c];
    const int32_t added = (2 * scales->y_zero + 1) * (1 << (EK_UP_RIGHT - 1));
    const int32_t start[] = {bias * by, bias * by, bias * by, bias * by};
    ek_plane_put to = {mult, added, y};
    if (steps->line == 0 || most == 0) {
        ek_fill_steps(w, by, steps);
        ek_plane_by_steps(band, steps, start, 0, rows, columns, columns, NULL, &to);
        return;
    }
    for (; rows > 0; rows--, band += steps->taps->pitch, y += columns) {
        ek_three_outputs(band, steps->line, w, bias, mult, added, by, most, y);
        if (most < columns) {
            ek_three_outputs(band + columns - 4, steps->line, w, bias, mult, added, by, 4, y + columns - 4);
        }
    }
}

/* By how much weights are to be multiplied for that; 0 where there are no steps, or a scale has no room. */
static inline int32_t ek_plane_factor(const ek_plane_steps *steps, const ek_scales *scales, int32_t c)
{
    const int has_steps = steps->fours + steps->threes + steps->ones > 0 && !ek_plane_is_nine(steps->taps);
    return has_steps && scales->y_min == -128 && scales->y_max == 127 ? ek_up_factor(scales, c) : 0;
}
#endif

/* y = the outputs of channel c from a band of `rows` rows of `columns`, as many at once as there are sums. */
static inline void ek_plane_outputs(const int8_t *band, ek_plane_steps *steps, const int8_t *w, const ek_scales *scales,
                                    int32_t c, int32_t rows, int32_t columns, EK_Y *y)
{
    const ek_plane_taps *const v = steps->taps;
    const int32_t bias = scales->bias[c], most = ek_max(EK_PLANE_SUMS / columns, 1);
    int32_t acc[EK_PLANE_SUMS + 3];
#ifdef EK_NINE_PITCH
    const int32_t by = ek_plane_factor(steps, scales, c);
    if (by > 0) {
        ek_plane_straight(band, steps, w, scales, c, by, rows, columns, y);
        return;
    }
#endif
    if (!ek_plane_is_nine(v)) {
        ek_fill_steps(w, 1, steps);
    }
    for (int32_t high; rows > 0; rows -= high, band += high * v->pitch) {
        high = ek_min(most, rows);
        for (int32_t at = 0, wide; at < columns; at += wide, y += high * wide) {
            wide = ek_min(columns - at, EK_PLANE_SUMS);
            ek_plane_sums(band + at * v->step, steps, w, bias, 0, high, wide, wide, acc);
            EK_TILE_OUTPUTS_OF(acc, 0, 1, 0, scales, c, y, high * wide);
        }
    }
}

/* y = the output of all channels of a group, those from x on, from bands of `rows` rows of `columns`. */
static inline void ek_plane_output(const int8_t *x, const ek_conv_shape *s, const ek_planes *b, const ek_part *part,
                                   int8_t *band, ek_plane_steps *steps, const int8_t *w, const ek_scales *scales, int32_t c,
                                   int32_t rows, int32_t columns, EK_Y *y)
{
    const int32_t pitch = (columns + 3) & ~3;
    int32_t acc[EK_PLANE_SUMS];
    for (int32_t i = 0; i < s->in_c / s->groups; i++, x += s->in_h * s->in_w, w += s->k_h * s->k_w) {
        ek_lay_planes(x, s, b, part, band);
        if (!ek_plane_is_nine(steps->taps)) {
            ek_fill_steps(w, 1, steps);
        }
        ek_plane_sums(band, steps, w, scales->bias[c], i > 0, rows, columns, pitch, acc);
    }
    for (int32_t r = 0; r < rows; r++, y += columns) {
        EK_TILE_OUTPUTS_OF(acc + r * pitch, 0, 1, 0, scales, c, y, columns);
    }
}

#ifdef EK_NINE_PITCH
#define EK_NINE_MOST_ROWS (EK_PLANES_BYTES / EK_NINE_PITCH)

/* Whether each channel is by itself, and its outputs come straight from three rows of three taps. */
static inline int ek_is_nine(const ek_conv_shape *s, const ek_scales *scales)
{
    const int is_nine = s->in_c == s->groups && s->k_h == 3 && s->k_w == 3 && s->dil_w <= 2 && s->stride_w <= 3 - s->dil_w;
    const int has_rows = s->stride_h <= EK_NINE_MOST_ROWS - 2 && (s->stride_h == 1 || s->dil_h == 1);
    return is_nine && has_rows && scales->y_min == -128 && scales->y_max == 127;
}

/* y = the outputs of channel c from its band, `steps` where its scale has no room. */
static inline void ek_nine_channel(const int8_t *band, const ek_nine *v, ek_plane_steps *steps, const int8_t *w,
                                   const ek_scales *scales, int32_t c, EK_Y *y)
{
    const int32_t by = ek_up_factor(scales, c);
    if (by > 0) {
        ek_nine_outputs(band, v, w, scales->bias[c], scales->mult[c], by, y);
        return;
    }
    for (int32_t r = 0; r < v->rows; r++, band += v->down, y += v->n + v->gap) {
        ek_plane_outputs(band, steps, w, scales, c, 1, v->n, y);
    }
}

/* All channels of such a kernel at every dil_h-th row from number `phase` on. Columns of a part are as many as any other one's,
 * and an even number. */
static __attribute__((noinline)) void ek_conv_nine(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                   const ek_conv_shape *s, int32_t phase)
{
    const int16_t rows_of[] = {0, EK_NINE_PITCH, 2 * EK_NINE_PITCH};
    const int16_t columns_of[] = {0, (int16_t)s->dil_w, (int16_t)(2 * s->dil_w)};
    const int32_t down = s->stride_h * EK_NINE_PITCH, most = (EK_NINE_PITCH - 1 - 2 * s->dil_w) / s->stride_w + 1;
    const int32_t parts = (s->out_w + (most & ~1) - 1) / (most & ~1);
    const int32_t wide = s->out_w <= most ? s->out_w : ((s->out_w + parts - 1) / parts + 1) & ~1;
    const int32_t high = (EK_NINE_MOST_ROWS - 3) / s->stride_h + 1, outputs = s->out_c / s->groups, step = s->dil_h;
    const int32_t out_h = ek_first(s->out_h - phase, step);
    const ek_plane_taps taps = {rows_of, columns_of, 3, 3, s->dil_w, s->stride_w, down};
    ek_plane_steps steps;
    int8_t band[EK_PLANES_BYTES + EK_PLANES_SLACK];
    ek_plan_steps(&taps, &steps);
    for (int32_t oy = 0; oy < out_h; oy += high) {
        const int32_t rows = ek_min(high, out_h - oy), top = phase + oy * step * s->stride_h - s->pad_top;
        const int32_t from = ek_first(-top, step), last = ek_min((rows - 1) * s->stride_h + 3, ek_first(s->in_h - top, step));
        for (int32_t ox = 0; ox < s->out_w; ox += wide) {
            const int32_t n = ek_min(wide, s->out_w - ox), left = ox * s->stride_w - s->pad_left, lo = ek_max(0, -left);
            const int32_t columns = ek_min((n - 1) * s->stride_w + 2 * s->dil_w + 1, s->in_w - left) - lo;
            const ek_nine v = {down - 2 * s->stride_w * ((n + 1) / 2), down, band + n * s->stride_w + (rows - 1) * down,
                               step * s->out_w - n, band + n * s->stride_w, s->stride_w, s->dil_w,
                               (2 * scales->y_zero + 1) * (1 << (EK_UP_RIGHT - 1)), rows, n};
            const int8_t *xc = x + (ptrdiff_t)(top + from * step) * s->in_w + left + lo;
            EK_Y *yc = y + (ptrdiff_t)(phase + oy * step) * s->out_w + ox;
            memset(band, (int8_t)scales->x_zero, sizeof(band));
            for (int32_t c = 0; c < s->out_c; xc += (ptrdiff_t)s->in_h * s->in_w) {
                ek_copy_rows(xc, step * s->in_w, last - from, columns, band + from * EK_NINE_PITCH + lo, EK_NINE_PITCH);
                for (const int32_t end = c + outputs; c < end; c++, yc += s->out_h * s->out_w) {
                    ek_nine_channel(band, &v, &steps, w + c * 9, scales, c, yc);
                }
            }
        }
    }
}
#endif

/* All channels of any kernel. */
static __attribute__((noinline)) void ek_conv_kernels(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                      const ek_conv_shape *s)
{
    const int32_t plane = s->out_h * s->out_w, kernel = s->k_h * s->k_w, outputs = s->out_c / s->groups;
    int8_t band[EK_PLANES_BYTES + EK_PLANES_SLACK];
    ek_part part[EK_PLANES_MOST];
    ek_planes b;
    ek_plane_steps steps;
    const int32_t inputs = s->in_c / s->groups;
    if (inputs == 1 && plane * kernel <= EK_FEW_PRODUCTS) {
        for (int32_t c = 0; c < s->out_c; c++, w += kernel, y += plane) {
            ek_plane_each(x + c / outputs * (ptrdiff_t)s->in_h * s->in_w, w, scales, c, y, s);
        }
        return;
    }
    ek_plan_planes(s, &b);
    const int32_t near = b.across == 1 && s->dil_w <= 2 ? s->dil_w : 0;
    const ek_plane_taps taps = {b.down, b.right, s->k_h, s->k_w, near, b.step, b.step * b.pitch};
    ek_plan_steps(&taps, &steps);
    for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
        const int32_t rows = ek_min(b.rows, s->out_h - oy);
        for (int32_t ox = 0; ox < s->out_w; ox += b.columns) {
            const int32_t columns = ek_min(b.columns, s->out_w - ox);
            const int8_t *xc = x;
            memset(band, (int8_t)scales->x_zero, sizeof(band));
            ek_plan_parts(s, &b, oy, ox, rows, part);
            for (int32_t c = 0; c < s->out_c && inputs > 1; c++, xc += (ptrdiff_t)inputs * s->in_h * s->in_w) {
                ek_plane_output(xc, s, &b, part, band, &steps, w + c * (ptrdiff_t)inputs * kernel, scales, c, rows, columns,
                                y + (ptrdiff_t)c * plane + oy * s->out_w + ox);
            }
            for (int32_t c = 0; c < s->out_c && inputs == 1;) {
                ek_lay_planes(xc, s, &b, part, band);
                for (int32_t end = c + outputs; c < end; c++) {
                    ek_plane_outputs(band, &steps, w + c * kernel, scales, c, rows, columns,
                                     y + (ptrdiff_t)c * plane + oy * s->out_w + ox);
                }
                xc += (ptrdiff_t)s->in_h * s->in_w;
            }
        }
    }
}

/* All channels. */
static inline void ek_conv_planes(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y, const ek_conv_shape *s)
{
#ifdef EK_NINE_PITCH
    if (ek_is_nine(s, scales) && s->out_h * s->out_w * 9 > EK_FEW_PRODUCTS) {
        for (int32_t phase = 0; phase < s->dil_h; phase++) {
            ek_conv_nine(x, w, scales, y, s, phase);
        }
        return;
    }
#endif
    ek_conv_kernels(x, w, scales, y, s);
}

#endif
