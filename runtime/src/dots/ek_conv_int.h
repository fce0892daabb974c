/* The integer convolution over ek_dots: the taps of an output element lie side by side in a column, from which all
 * outputs of its group take them. Few outputs of a group, and depthwise ones, are rows of one tap after the other
 * instead; short rows are one run over planes with their padding. Over the macros of runtime/src/ek_conv_int.h. */
#include "ek_rows.h"
#define EK_W int8_t
#include "ek_conv_taps.h"
#include "ek_taps_row.h"

#define EK_OUTPUTS_AT_ONCE 64
#define EK_COLUMN 512 /* taps that are gathered at once; even */

/* What one call has in common. */
typedef struct {
    const EK_ACC *bias;
    const int32_t *mult;
    const uint8_t *shift;
    int32_t x_zero, y_zero, y_min, y_max;
} ek_conv_numbers;

static inline void ek_conv_outputs(const EK_ACC *acc, const int32_t *mult, const uint8_t *shift,
                                   const ek_conv_numbers *c, EK_Y *y, int32_t n)
{
    const void *const sums = acc;
    void *const to = y;
    if (sizeof(EK_ACC) == 4 && sizeof(EK_Y) == 1) {
        ek_outputs_s32_s8(sums, mult, shift, c->y_zero, c->y_min, c->y_max, to, n);
    } else if (sizeof(EK_ACC) == 4) {
        ek_outputs_s32_s16(sums, mult, shift, c->y_zero, c->y_min, c->y_max, to, n);
    } else if (sizeof(EK_Y) == 1) {
        ek_outputs_s64_s8(sums, mult, shift, c->y_zero, c->y_min, c->y_max, to, n);
    } else {
        ek_outputs_s64_s16(sums, mult, shift, c->y_zero, c->y_min, c->y_max, to, n);
    }
}

/* out [count] = taps number.. of output (oy, ox) in memory order of the weights; fill where they are outside. */
static inline void ek_column(const EK_X *restrict x, EK_X fill, const ek_conv_shape *s, int32_t oy, int32_t ox,
                             int32_t number, int32_t count, EK_X *restrict out)
{
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    const int inside = left >= 0 && left + (s->k_w - 1) * s->dil_w < s->in_w;
    int32_t kx = number % s->k_w, ky = number / s->k_w % s->k_h;
    x += number / (s->k_w * s->k_h) * plane + left;
    if (s->k_w * s->k_h == 1 && inside && top >= 0 && top < s->in_h) {
        x += (ptrdiff_t)top * s->in_w;
        for (int32_t i = 0; i < count; i++, x += plane) {
            out[i] = *x;
        }
        return;
    }
    while (count > 0) {
        const int32_t iy = top + ky * s->dil_h, run = ek_min(s->k_w - kx, count);
        const EK_X *const row = x + (ptrdiff_t)iy * s->in_w;
        if (iy < 0 || iy >= s->in_h) {
            for (int32_t i = 0; i < run; i++) {
                out[i] = fill;
            }
        } else if (inside) {
            for (int32_t i = 0; i < run; i++) {
                out[i] = row[(kx + i) * s->dil_w];
            }
        } else {
            for (int32_t i = 0; i < run; i++) {
                const int32_t right = (kx + i) * s->dil_w;
                out[i] = left + right >= 0 && left + right < s->in_w ? row[right] : fill;
            }
        }
        out += run, count -= run, kx = 0;
        if (++ky == s->k_h) {
            ky = 0;
            x += plane;
        }
    }
}

/* acc [rows] += `taps` taps of an output, or of a column of nothing but x_zero, times the rows of w. */
static inline void ek_conv_dots(const EK_X *x, const ek_conv_numbers *c, const int8_t *w, const ek_conv_shape *s,
                                int32_t oy, int32_t ox, int32_t taps, int32_t rows, EK_X *column, EK_ACC *acc)
{
    for (int32_t at = 0; at < taps; at += EK_COLUMN) {
        const int32_t n = ek_min(EK_COLUMN, taps - at);
        if (x != NULL) {
            ek_column(x, (EK_X)c->x_zero, s, oy, ox, at, n, column);
        }
        EK_DOTS(column, 0, w + EK_SPAN(at), taps, n, rows, acc);
    }
}

/* All output elements of `rows` channels from number o on. */
static void ek_conv_by_columns(const EK_X *x, const ek_conv_numbers *c, const int8_t *w, const ek_conv_shape *s,
                               int32_t o, int32_t rows, EK_Y *y)
{
    const int32_t taps = s->in_c / s->groups * s->k_h * s->k_w, plane = s->out_h * s->out_w;
    EK_ACC start[EK_OUTPUTS_AT_ONCE], acc[EK_OUTPUTS_AT_ONCE];
    EK_Y made[EK_OUTPUTS_AT_ONCE];
    EK_X column[EK_COLUMN];
    memset(start, 0, sizeof(start));
    if (c->x_zero != 0) {
        for (int32_t i = 0; i < ek_min(taps, EK_COLUMN); i++) {
            column[i] = (EK_X)c->x_zero;
        }
        ek_conv_dots(NULL, c, w, s, 0, 0, taps, rows, column, start);
    }
    for (int32_t j = 0; j < rows; j++) {
        start[j] = c->bias[o + j] - start[j];
    }
    for (int32_t oy = 0; oy < s->out_h; oy++) {
        for (int32_t ox = 0; ox < s->out_w; ox++, y++) {
            memcpy(acc, start, sizeof(acc));
            ek_conv_dots(x, c, w, s, oy, ox, taps, rows, column, acc);
            ek_conv_outputs(acc, c->mult + o, c->shift + o, c, made, rows);
            for (int32_t j = 0; j < rows; j++) {
                y[j * plane] = made[j];
            }
        }
    }
}

/* Columns of one output row of a channel: the taps of from..to-1 are all inside. */
typedef struct {
    const EK_X *x; /* of the first column, before the padding */
    int32_t first, n, from, to;
} ek_conv_block;

/* acc [n] += one tap for the columns where it is inside and another one is not. */
static inline void ek_conv_edges(const ek_conv_block *b, const EK_X *x, int32_t zero, EK_W w, int32_t kx,
                                 const ek_conv_shape *s, EK_ACC *acc)
{
    const int32_t base = kx * s->dil_w - s->pad_left;
    const int32_t lo = ek_max(ek_first(-base, s->stride_w) - b->first, 0);
    const int32_t hi = ek_min(ek_first(s->in_w - base, s->stride_w) - b->first, b->n);
    (void)zero;
    for (int32_t j = lo; j < ek_min(hi, b->from); j++) {
        acc[j] += EK_TERM(x[j * s->stride_w], zero, w);
    }
    for (int32_t j = ek_max(lo, b->to); j < hi; j++) {
        acc[j] += EK_TERM(x[j * s->stride_w], zero, w);
    }
}

/* acc [n] = start, or acc itself, + taps at offset [taps] of the columns whose taps are all inside. */
static inline void ek_conv_inside(const ek_conv_block *b, const int32_t *offset, const int8_t *w, int32_t taps,
                                  int32_t stride, int is_first, EK_ACC start, EK_ACC *acc)
{
    const void *const x = b->x + (ptrdiff_t)b->from * stride;
    const int32_t n = b->to - b->from;
    int32_t sums[EK_BLOCK];
    if (sizeof(EK_X) == 1 && is_first) {
        ek_taps_row_s8(x, offset, w, taps, stride, (int32_t)start, (int32_t *)(void *)(acc + b->from), n);
        return;
    }
    if (sizeof(EK_X) == 1) {
        ek_taps_row_s8(x, offset, w, taps, stride, 0, sums, n);
    } else {
        ek_taps_row_s16(x, offset, w, taps, stride, 0, sums, n);
    }
    for (int32_t j = 0; j < n; j++) {
        acc[b->from + j] = (is_first ? start : start + acc[b->from + j]) + sums[j];
    }
}

/* acc [n] = the sums of a block of output row oy: bias, and the taps of channels and rows that are inside. */
static inline void ek_conv_block_sums(const ek_conv_block *b, int32_t zero, const int8_t *w, const ek_conv_shape *s,
                                      int32_t oy, EK_ACC bias, EK_ACC *acc)
{
    const int32_t taps = s->in_c / s->groups * s->k_h * s->k_w;
    int32_t offset[EK_TAPS_IN_ROW], c = 0, ky = 0, kx = 0, used = 0, total = 0, is_first = 1;
    int8_t tap[EK_TAPS_IN_ROW];
    const int is_whole = b->from == 0 && b->to == b->n;
    for (int32_t j = 0; j < b->n && !is_whole; j++) {
        acc[j] = bias;
    }
    for (int32_t at = 0; at < taps; at++) {
        const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dil_h;
        if (iy >= 0 && iy < s->in_h) {
            tap[used] = EK_AT(w, at);
            offset[used] = (c * s->in_h + iy) * s->in_w + kx * s->dil_w;
            total += tap[used];
            if (!is_whole) {
                ek_conv_edges(b, b->x + offset[used], zero, tap[used], kx, s, acc);
            }
            used++;
        }
        if (b->from < b->to && (used == EK_TAPS_IN_ROW || (at + 1 == taps && used > 0))) {
            ek_conv_inside(b, offset, tap, used, s->stride_w, is_first, (is_first ? bias : 0) - (EK_ACC)total * zero,
                           acc);
            is_first = 0, total = 0;
        }
        used = used == EK_TAPS_IN_ROW ? 0 : used;
        if (++kx == s->k_w) {
            kx = 0;
            if (++ky == s->k_h) {
                ky = 0, c++;
            }
        }
    }
    for (int32_t j = b->from; j < b->to && is_first; j++) {
        acc[j] = bias;
    }
}

/* Channel o. */
static void ek_conv_by_taps(const EK_X *x, const ek_conv_numbers *c, const int8_t *w, const ek_conv_shape *s,
                            int32_t o, EK_Y *y)
{
    const int32_t reach = (s->k_w - 1) * s->dil_w, lo = ek_min(ek_first(s->pad_left, s->stride_w), s->out_w);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - reach + s->pad_left, s->stride_w), s->out_w), lo);
    int32_t mult[EK_BLOCK];
    uint8_t shift[EK_BLOCK];
    EK_ACC acc[EK_BLOCK];
    if (s->out_h == 1 && s->out_w == 1) {
        *y = (EK_Y)ek_output(ek_conv_pixel(x, c->x_zero, w, s, 0, 0, c->bias[o]), c->mult[o], c->shift[o], c->y_zero,
                             c->y_min, c->y_max);
        return;
    }
    for (int32_t j = 0; j < ek_min(EK_BLOCK, s->out_w); j++) {
        mult[j] = c->mult[o], shift[j] = c->shift[o];
    }
    for (int32_t oy = 0; oy < s->out_h; oy++, y += s->out_w) {
        for (int32_t ox = 0; ox < s->out_w; ox += EK_BLOCK) {
            const int32_t n = ek_min(EK_BLOCK, s->out_w - ox), from = ek_min(ek_max(lo - ox, 0), n);
            const ek_conv_block b = {x + (ptrdiff_t)ox * s->stride_w - s->pad_left, ox, n, from,
                                     ek_max(ek_min(hi - ox, n), from)};
            ek_conv_block_sums(&b, c->x_zero, w, s, oy, c->bias[o], acc);
            ek_conv_outputs(acc, mult, shift, c, y + ox, n);
        }
    }
}

/* The planes of a group with their padding, one for each phase of the strides: output (oy, ox) reads tap t at
 * offset [t] + oy * width + ox, so that several short rows of outputs are one run. */
typedef struct {
    int32_t height, width, taps, offset[EK_TAPS_IN_ROW];
} ek_conv_planes;

/* Whether the outputs' rows are short, and the planes fit. */
static inline int ek_conv_fits_planes(const ek_conv_shape *s, ek_conv_planes *p)
{
    const int32_t inputs = s->in_c / s->groups;
    p->height = s->out_h + (s->k_h - 1) * s->dil_h / s->stride_h;
    p->width = s->out_w + (s->k_w - 1) * s->dil_w / s->stride_w;
    return s->out_h > 1 && s->out_w < EK_SHORT_ROW && p->width <= EK_BLOCK && p->height <= EK_PADDED_PLANES &&
           (int64_t)inputs * s->k_h * s->k_w <= EK_TAPS_IN_ROW &&
           (int64_t)inputs * s->stride_h * s->stride_w * p->height * p->width <= EK_PADDED_PLANES;
}

/* out [inputs, stride_h, stride_w, height, width] = the planes; fill where they are outside. */
static inline void ek_conv_lay_planes(const EK_X *restrict x, EK_X fill, const ek_conv_shape *s, ek_conv_planes *p,
                                      EK_X *restrict out)
{
    p->taps = 0;
    for (int32_t c = 0; c < s->in_c / s->groups; c++, x += (ptrdiff_t)s->in_h * s->in_w) {
        for (int32_t py = 0; py < s->stride_h; py++) {
            for (int32_t px = 0; px < s->stride_w; px++) {
                for (int32_t i = 0; i < p->height; i++) {
                    const int32_t iy = i * s->stride_h + py - s->pad_top;
                    const int is_inside = iy >= 0 && iy < s->in_h;
                    int32_t ix = px - s->pad_left;
                    for (int32_t j = 0; j < p->width; j++, ix += s->stride_w) {
                        *out++ = is_inside && ix >= 0 && ix < s->in_w ? x[iy * s->in_w + ix] : fill;
                    }
                }
            }
        }
        for (int32_t ky = 0; ky < s->k_h; ky++) {
            for (int32_t kx = 0; kx < s->k_w; kx++) {
                const int32_t dy = ky * s->dil_h, dx = kx * s->dil_w;
                const int32_t phase = (c * s->stride_h + dy % s->stride_h) * s->stride_w + dx % s->stride_w;
                p->offset[p->taps++] = (phase * p->height + dy / s->stride_h) * p->width + dx / s->stride_w;
            }
        }
    }
}

/* Channel o of a group whose planes are laid out. */
static inline void ek_conv_planes_channel(const EK_X *planes, const ek_conv_planes *p, const ek_conv_numbers *c,
                                          const int8_t *w, const ek_conv_shape *s, int32_t o, EK_Y *y)
{
    const int32_t most = EK_BLOCK / p->width;
    int32_t mult[EK_BLOCK], total = 0;
    uint8_t shift[EK_BLOCK];
    int8_t tap[EK_TAPS_IN_ROW];
    for (int32_t t = 0; t < p->taps; t++) {
        tap[t] = EK_AT(w, t);
        total += tap[t];
    }
    for (int32_t j = 0; j < EK_BLOCK; j++) {
        mult[j] = c->mult[o], shift[j] = c->shift[o];
    }
    const EK_ACC start = c->bias[o] - (EK_ACC)total * c->x_zero;
    for (int32_t oy = 0; oy < s->out_h; oy += most) {
        const int32_t rows = ek_min(most, s->out_h - oy), n = (rows - 1) * p->width + s->out_w;
        const void *const x = planes + (ptrdiff_t)oy * p->width;
        EK_ACC acc[EK_BLOCK];
        EK_Y made[EK_BLOCK];
        if (sizeof(EK_X) == 1) {
            ek_taps_row_s8(x, p->offset, tap, p->taps, 1, (int32_t)start, (int32_t *)(void *)acc, n);
        } else {
            int32_t sums[EK_BLOCK];
            ek_taps_row_s16(x, p->offset, tap, p->taps, 1, 0, sums, n);
            for (int32_t j = 0; j < n; j++) {
                acc[j] = start + sums[j];
            }
        }
        ek_conv_outputs(acc, mult, shift, c, made, n);
        for (int32_t i = 0; i < rows; i++, y += s->out_w) {
            memcpy(y, made + i * p->width, (size_t)s->out_w * sizeof(*y));
        }
    }
}

/* The `channels` channels of a group, from number o on. */
static void ek_conv_by_planes(const EK_X *x, const ek_conv_numbers *c, const int8_t *w, const ek_conv_shape *s,
                              int32_t o, int32_t channels, ek_conv_planes *p, EK_Y *y)
{
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w;
    EK_X planes[EK_PADDED_PLANES];
    ek_conv_lay_planes(x, (EK_X)c->x_zero, s, p, planes);
    for (int32_t i = 0; i < channels; i++) {
        ek_conv_planes_channel(planes, p, c, w + i * EK_SPAN(p->taps), s, o + i, y + i * plane);
    }
}

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const ek_conv_numbers c = {bias, mult, shift, x_zero, y_zero, y_min, y_max};
    const int32_t per_group = s.out_c / s.groups, inputs = s.in_c / s.groups, plane = s.out_h * s.out_w;
    const ptrdiff_t row = EK_SPAN(inputs * s.k_h * s.k_w), group = (ptrdiff_t)inputs * s.in_h * s.in_w;
    ek_conv_planes planes;
    const int is_planes = (inputs == 1 || per_group < 4) && ek_conv_fits_planes(&s, &planes);
    int32_t o = 0;
    while (o < s.out_c) {
        const int32_t left = per_group - o % per_group;
        const int32_t rows = inputs == 1 || per_group < 4 ? 1 : ek_min(EK_OUTPUTS_AT_ONCE, left);
        const EK_X *const xg = x + o / per_group * group;
        EK_Y *const to = y + (ptrdiff_t)o * plane;
        if (is_planes) {
            ek_conv_by_planes(xg, &c, w + o * row, &s, o, per_group, &planes, to);
            o += per_group;
            continue;
        }
        if (rows > 1) {
            ek_conv_by_columns(xg, &c, w + o * row, &s, o, rows, to);
        } else {
            ek_conv_by_taps(xg, &c, w + o * row, &s, o, to);
        }
        o += rows;
    }
}
