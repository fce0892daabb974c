/* Advanced SIMD: the convolution whose outputs have one channel each. A band of rows is laid with its padding. The windows of
 * four outputs lie within 32 bytes of it, from which a table takes four columns of each: a vector of fours as in ek_fours.h.
 * Weights are packed so (edgekit.targets.c.packing.conv_weights): [outputs][k_h][k_w / 4][4], filled up with zeros; the bias has
 * what x_zero adds. */
#ifndef EK_CONV_PLANES_GUARD
#define EK_CONV_PLANES_GUARD

#include "ek_lay_fours.h"

#define EK_PLANE 8192 /* these two: _fit_in_windows of edgekit.targets.c.packing.conv_paths; bytes of a band */
#define EK_PLANE_FOURS 128
#define EK_PLANE_BEHIND 64 /* which are written and read behind them */
#define EK_PLANE_OUTPUTS 1024
#define EK_SIXTEEN 16 /* outputs at once */

/* A band: so many outputs down and across, of `planes` of `high` rows of `width` bytes (ek_lay_fours.h). Four f of the taps
 * lies at[f] bytes behind a window; lane by lane, it has the bytes of `bytes` there, by the kind of window: how many of the four
 * outputs are in the next row; where rows are shorter than four, the column of the first. */
typedef struct {
    int32_t down, across, width, planes, high, is_shared, fours, is_wide, at[EK_PLANE_FOURS];
    uint8_t bytes[4][16];
} ek_windows;

/* The window of four outputs: where it begins, and which bytes of it are lanes. */
typedef struct {
    const int8_t *from;
    const uint8_t *bytes;
} ek_start;

static inline int32_t ek_window_at(const ek_conv_shape *s, const ek_windows *b, int32_t row, int32_t ox)
{
    return row * b->width + ox * s->stride_w;
}

/* The window of four outputs from number j on. */
static inline ek_start ek_start_of(const ek_conv_shape *s, const ek_windows *b, const int8_t *laid, int32_t j)
{
    const int32_t row = j / b->across, ox = j - row * b->across;
    const int32_t kind = b->across < 4 ? ox : ek_max(ox + 4 - b->across, 0);
    const ek_start at = {laid + ek_window_at(s, b, row, ox), b->bytes[kind]};
    return at;
}

/* Where the bytes of each kind lie; whether any is behind the first 16. */
static inline void ek_window_bytes(const ek_conv_shape *s, ek_windows *b)
{
    const int32_t one_row = b->down == 1 || b->across % 4 == 0, kinds = one_row ? 1 : ek_min(b->across, 4);
    b->is_wide = 0;
    for (int32_t kind = 0; kind < kinds; kind++) {
        const int32_t first = b->across < 4 ? kind : b->across - 4 + kind;
        for (int32_t i = 0; i < 16; i++) {
            const int32_t j = first + i / 4, row = one_row ? 0 : j / b->across, ox = j - row * b->across;
            const int32_t byte = ek_window_at(s, b, row, ox) - first * s->stride_w + ek_min(i % 4, s->k_w - 1) * s->dil_w;
            b->bytes[kind][i] = (uint8_t)byte;
            b->is_wide |= byte >= 16;
        }
    }
}

/* The largest band, whose windows lie as they do in the whole picture. */
static inline void ek_windows_of(const ek_conv_shape *s, ek_windows *b)
{
    const int32_t phases = ek_phases(s, s->k_h), reach = ek_reach(s, s->k_h), behind = (s->k_w - 1) * s->dil_w + 1;
    const int32_t whole = (s->out_w - 1) * s->stride_w + behind, least = ek_min(phases * (1 + reach), s->k_h);
    const int32_t columns = (s->k_w + 3) / 4;
    int32_t down = ek_max(EK_PLANE / whole / phases - reach, EK_PLANE / whole / s->k_h);
    down = ek_min(ek_min(down, EK_PLANE_OUTPUTS / s->out_w), s->out_h);
    b->down = ek_equal_part(s->out_h, ek_max(down, 1), 1), b->across = s->out_w;
    if (down < 1) {
        const int32_t most = (EK_PLANE / least - behind) / s->stride_w + 1;
        b->across = ek_equal_part(s->out_w, ek_min(most, EK_PLANE_OUTPUTS), EK_SIXTEEN);
    }
    const int32_t shared = phases * (b->down + reach);
    b->is_shared = shared < s->k_h * b->down;
    b->planes = b->is_shared ? phases : s->k_h;
    b->high = b->down + (b->is_shared ? reach : 0);
    b->width = (b->across - 1) * s->stride_w + behind;
    b->fours = s->k_h * columns;
    for (int32_t f = 0; f < b->fours; f++) {
        const int32_t r = f / columns * s->dil_h, plane = b->is_shared ? r % s->stride_h : f / columns;
        b->at[f] = (plane * b->high + (b->is_shared ? r / s->stride_h : 0)) * b->width + f % columns * 4 * s->dil_w;
    }
    ek_window_bytes(s, b);
}

/* to [n] = fill, and a few bytes behind it. */
static inline void ek_fill_over(int8x8_t fill, ptrdiff_t n, int8_t *to)
{
    for (const int8_t *const end = to + n; to < end; to += 8) {
        vst1_s8(to, fill);
    }
}

/* to [n] = x [n], and a few bytes behind it. */
static inline void ek_copy_over(const int8_t *x, int32_t n, int8_t *to)
{
    for (int32_t i = 0; i < n; i += 16) {
        int8x16_t v = vld1q_s8(x + i), none = v;
        EK_IN_TURN(v, none);
        vst1q_s8(to + i, v);
    }
}

/* Where the rows of a plane of a band lie in a channel: `above` bytes outside, `rows` inside from byte `first` on, then
 * `below` bytes outside; of each row n bytes inside, behind `lo`. */
typedef struct {
    ptrdiff_t first, step, end; /* end: of what is read of the last one, a few bytes behind it */
    ptrdiff_t above, below;
    int32_t rows, lo, n;
} ek_inside;

static inline ek_inside ek_inside_of(const ek_conv_shape *s, const ek_windows *b, int32_t of, int32_t oy, int32_t ox)
{
    const int32_t left = ox * s->stride_w - s->pad_left, lo = ek_min(ek_max(-left, 0), b->width);
    const int32_t n = ek_max(ek_min(s->in_w - left, b->width) - lo, 0);
    const int32_t top = oy * s->stride_h - s->pad_top + of * (b->is_shared ? 1 : s->dil_h);
    const int32_t above = n > 0 ? ek_min(ek_first(-top, s->stride_h), b->high) : b->high;
    const int32_t rows = ek_max(ek_min(ek_first(s->in_h - top, s->stride_h), b->high) - above, 0);
    const ptrdiff_t step = (ptrdiff_t)s->stride_h * s->in_w;
    const ptrdiff_t first = (ptrdiff_t)top * s->in_w + above * step + left + lo;
    const ek_inside i = {first, step, first + (rows - 1) * step + n + 15, above * b->width,
                         (b->high - above - rows) * b->width, rows, lo, n};
    return i;
}

/* to [rows][width] = rows inside a channel x between columns of fill, as far as `is_over` a few bytes further; returns their
 * end. */
static inline __attribute__((always_inline)) int8_t *ek_lay_inside_rows(const int8_t *x, const ek_inside *in, int32_t width,
                                                                        int8x8_t fill, int is_over, int8_t *to)
{
    const int32_t n = in->n, lo = in->lo, between = width - n;
    const ptrdiff_t step = in->step;
    int32_t rows = in->rows;
    if (rows == 0) {
        return to;
    }
    ek_fill_over(fill, lo, to);
    to += lo;
    if (is_over && n <= 16 && between <= 8) {
        for (; rows > 0; rows--, x += step, to += width) {
            vst1q_s8(to, vld1q_s8(x));
            vst1_s8(to + n, fill);
        }
    } else if (is_over && between <= 8) {
        for (; rows > 0; rows--, x += step, to += width) {
            ek_copy_over(x, n, to);
            vst1_s8(to + n, fill);
        }
    }
    for (; rows > 0; rows--, x += step, to += width) {
        if (is_over) {
            ek_copy_over(x, n, to);
        } else {
            memcpy(to, x, (size_t)n);
        }
        ek_fill_over(fill, rows > 1 ? between : between - lo, to + n);
    }
    return to - lo;
}

/* to = a channel's rows of a band; x has `left` bytes. */
static inline void ek_lay_plane(const int8_t *x, ptrdiff_t left, const ek_inside *in, const ek_windows *b, int8x8_t fill,
                                int8_t *to)
{
    const int32_t width = b->width;
    for (int32_t of = b->planes; of > 0; of--, in++) {
        ek_fill_over(fill, in->above, to);
        to += in->above;
        if (in->end <= left) {
            to = ek_lay_inside_rows(x + in->first, in, width, fill, 1, to);
        } else {
            to = ek_lay_inside_rows(x + in->first, in, width, fill, 0, to);
        }
        ek_fill_over(fill, in->below, to);
        to += in->below;
    }
}

/* y [4 * n] = the outputs of n windows, n <= 4. */
static inline __attribute__((always_inline)) void ek_window_outputs(const ek_start *start, int32_t n, const int32_t *at,
                                                                    const int8x16_t *taps, int32_t fours, int is_wide,
                                                                    int is_narrow, int is_high, int32x4_t bias, ek_factor f,
                                                                    const ek_limits *l, EK_Y *y)
{
    const int8_t *from[4];
    uint8x16_t bytes[4];
    int32x4_t sums[4];
    EK_UNROLL for (int32_t v = 0; v < n; v++)
    {
        from[v] = start[v].from;
        bytes[v] = vld1q_u8(start[v].bytes);
        sums[v] = bias;
    }
    ek_add_windows(from, bytes, n, at, taps, fours, is_wide, is_narrow, sums);
    ek_vector_outputs(sums, n, f, l, is_high, y);
}

/* y [n] = the outputs of a channel, whose windows are `all` and, of what is behind whole sixteens, `last`: they begin inside
 * those before them. There are `known` fours, if that is not 0. */
#define EK_PLANE_OF(name, known, is_wide, is_narrow, is_high)                                                               \
    static __attribute__((noinline)) void name(const ek_windows *b, const int8_t *w, const ek_start *all,                   \
                                               const ek_start *last, int32_t n, const ek_eight *e, int32_t i,               \
                                               EK_Y *y)                                                                     \
    {                                                                                                                       \
        const ek_limits limits = ek_limits_of(e);                                                                           \
        const ek_factor f = ek_factor_of(e, i);                                                                             \
        const int32x4_t bias = vld1q_dup_s32(e->bias + i);                                                                  \
        const int32_t fours = (known) ? (known) : b->fours;                                                                 \
        int32_t at[(known) ? (known) : EK_PLANE_FOURS];                                                                     \
        int8x16_t taps[(known) ? (known) : EK_PLANE_FOURS];                                                                 \
        int32_t j = 0;                                                                                                      \
        EK_UNROLL for (int32_t k = 0; k < fours; k++)                                                                       \
        {                                                                                                                   \
            at[k] = b->at[k], taps[k] = ek_four_of(w, k);                                                                   \
        }                                                                                                                   \
        for (; j + EK_SIXTEEN <= n; j += EK_SIXTEEN, all += 4) {                                                            \
            ek_window_outputs(all, 4, at, taps, fours, is_wide, is_narrow, is_high, bias, f, &limits, y + j);               \
        }                                                                                                                   \
        if (n < 4) {                                                                                                        \
            EK_Y made[4];                                                                                                   \
            ek_window_outputs(last, 1, at, taps, fours, is_wide, is_narrow, is_high, bias, f, &limits, made);               \
            memcpy(y, made, (size_t)n * sizeof(EK_Y));                                                                      \
            return;                                                                                                         \
        }                                                                                                                   \
        if (n > EK_SIXTEEN && n - j > 4) {                                                                                  \
            ek_window_outputs(last, 4, at, taps, fours, is_wide, is_narrow, is_high, bias, f, &limits, y + n - EK_SIXTEEN); \
            return;                                                                                                         \
        }                                                                                                                   \
        for (last += n > EK_SIXTEEN ? 3 : 0; j < n; j += 4, last++) {                                                       \
            EK_Y *const to = y + ek_min(j, n - 4);                                                                          \
            ek_window_outputs(last, 1, at, taps, fours, is_wide, is_narrow, is_high, bias, f, &limits, to);                 \
        }                                                                                                                   \
    }
EK_PLANE_OF(ek_plane_of_any, 0, 1, EK_FOURS_FIT, 0)
EK_PLANE_OF(ek_plane_of_three, 3, 0, 1, 1)

/* A channel by the faster of these. */
static inline void ek_plane_outputs(const ek_windows *b, const int8_t *w, int32_t is_narrow, const ek_start *all,
                                    const ek_start *last, int32_t n, const ek_eight *e, int32_t i, EK_Y *y)
{
    if (b->fours == 3 && !b->is_wide && is_narrow && e->up[i] == 0) {
        ek_plane_of_three(b, w, all, last, n, e, i, y);
    } else {
        ek_plane_of_any(b, w, all, last, n, e, i, y);
    }
}

/* The windows of the last outputs of n. */
static inline void ek_last_windows(const ek_conv_shape *s, const ek_windows *b, const int8_t *laid, int32_t n, ek_start *last)
{
    for (int32_t i = 0; i < 4; i++) {
        const int32_t j = n > EK_SIXTEEN ? n - EK_SIXTEEN + 4 * i : ek_max(ek_min(4 * i, n - 4), 0);
        last[i] = ek_start_of(s, b, laid, j);
    }
}

/* All channels. */
static __attribute__((noinline)) void ek_conv_planes(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                     const ek_conv_shape *s)
{
    const int32_t plane = s->in_h * s->in_w, per = s->out_c / s->groups;
    const int8_t *const end = x + (ptrdiff_t)s->in_c * plane;
    const int8x8_t fill = vdup_n_s8((int8_t)scales->x_zero);
    int8_t laid[EK_PLANE + EK_PLANE_BEHIND];
    ek_windows b;
    ek_inside inside[EK_PLANE_FOURS];
    ek_start all[EK_PLANE_OUTPUTS / 4], last[4];
    ek_windows_of(s, &b);
    const int32_t bytes = (4 * b.fours + 15) & -16, is_narrow = ek_fours_are_narrow(w, (ptrdiff_t)s->out_c * bytes);
    for (int32_t j = 0; j + 4 <= b.down * b.across; j += 4) {
        all[j / 4] = ek_start_of(s, &b, laid, j);
    }
    for (int32_t oy = 0; oy < s->out_h; oy += b.down) {
        for (int32_t ox = 0; ox < s->out_w; ox += b.across) {
            const int32_t n = ek_min(b.down, s->out_h - oy) * ek_min(b.across, s->out_w - ox);
            EK_Y *to = y + (ptrdiff_t)oy * s->out_w + ox;
            ek_eight e;
            ek_last_windows(s, &b, laid, n, last);
            for (int32_t of = 0; of < b.planes; of++) {
                inside[of] = ek_inside_of(s, &b, of, oy, ox);
            }
            for (int32_t c = 0; c < s->out_c; c++, to += (ptrdiff_t)s->out_h * s->out_w) {
                if (c % 8 == 0) {
                    ek_set_eight(scales, c, ek_min(8, s->out_c - c), &e);
                }
                if (per == 1 || c % per == 0) {
                    const int8_t *const from = x + (ptrdiff_t)(per == 1 ? c : c / per) * plane;
                    ek_lay_plane(from, end - from, inside, &b, fill, laid);
                }
                ek_plane_outputs(&b, w + (ptrdiff_t)c * bytes, is_narrow, all, last, n, &e, c % 8, to);
            }
        }
    }
}

#endif
