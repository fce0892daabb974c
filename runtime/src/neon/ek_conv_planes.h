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
static inline void ek_fill_over(int8x8_t fill, int32_t n, int8_t *to)
{
    for (; n > 0; n -= 8, to += 8) {
        vst1_s8(to, fill);
    }
}

/* to [n] = x [n], and a few bytes behind it. */
static inline void ek_copy_over(const int8_t *x, int32_t n, int8_t *to)
{
    for (; n > 0; n -= 16, x += 16, to += 16) {
        vst1q_s8(to, vld1q_s8(x));
    }
}

/* to = `rows` rows of n columns of x, x_step apart, between columns of fill: `lo` on the left, others up to `width`. */
static inline void ek_lay_rows(const int8_t *x, ptrdiff_t x_step, int32_t rows, int32_t n, int32_t lo, int32_t width,
                               int8x8_t fill, int8_t *to)
{
    const int32_t between = width - n;
    if (rows > 0) {
        ek_fill_over(fill, lo, to);
    }
    to += lo;
    for (; n <= 16 && between <= 8 && rows > 0; rows--, x += x_step, to += width) {
        vst1q_s8(to, vld1q_s8(x));
        vst1_s8(to + n, fill);
    }
    for (; rows > 0; rows--, x += x_step, to += width) {
        ek_copy_over(x, n, to);
        ek_fill_over(fill, between, to + n);
    }
}

/* to = the rows of a band whose first output is (oy, ox); `end` is the end of all inputs, x the channel's. */
static __attribute__((noinline)) void ek_lay_plane(const int8_t *x, const int8_t *end, int32_t fill, const ek_conv_shape *s,
                                                   const ek_windows *b, int32_t oy, int32_t ox, int8_t *to)
{
    const int32_t left = ox * s->stride_w - s->pad_left, lo = ek_min(ek_max(-left, 0), b->width);
    const int32_t n = ek_max(ek_min(s->in_w - left, b->width) - lo, 0), high = b->high, width = b->width;
    const int8x8_t outside = vdup_n_s8((int8_t)fill);
    for (int32_t of = 0; of < b->planes; of++, to += high * width) {
        const int32_t top = oy * s->stride_h - s->pad_top + of * (b->is_shared ? 1 : s->dil_h);
        const int32_t above = n > 0 ? ek_min(ek_first(-top, s->stride_h), high) : high;
        const int32_t behind = ek_max(ek_min(ek_first(s->in_h - top, s->stride_h), high), above);
        const ptrdiff_t step = (ptrdiff_t)s->stride_h * s->in_w;
        const int8_t *const row = x + (ptrdiff_t)top * s->in_w + left + lo;
        int32_t last = behind; /* from which on a row is read byte by byte */
        for (; last > above && end - (row + (last - 1) * step) < n + 15; last--) {
        }
        ek_fill_over(outside, above * width, to);
        ek_lay_rows(row + above * step, step, last - above, n, lo, width, outside, to + above * width);
        for (int32_t h = last; h < behind; h++) {
            ek_fill_over(outside, lo, to + h * width);
            memcpy(to + h * width + lo, row + h * step, (size_t)n);
            ek_fill_over(outside, width - lo - n, to + h * width + lo + n);
        }
        ek_fill_over(outside, (high - behind) * width, to + behind * width);
    }
}

/* What is the same for all outputs of a channel. */
typedef struct {
    const ek_windows *band;
    const int8_t *w;
    int32x4_t bias;
    ek_factor factor;
    ek_limits limits;
} ek_channel;

/* y [4 * n] = the outputs of n windows, n <= 4. */
static inline __attribute__((always_inline)) void ek_window_outputs(const ek_channel *c, const ek_start *start, int32_t n,
                                                                    int is_wide, int is_narrow, EK_Y *y)
{
    const int8_t *from[4];
    uint8x16_t bytes[4];
    int32x4_t sums[4];
    EK_UNROLL for (int32_t v = 0; v < n; v++)
    {
        from[v] = start[v].from;
        bytes[v] = vld1q_u8(start[v].bytes);
        sums[v] = c->bias;
    }
    ek_add_windows(from, bytes, c->band->at, c->w, c->band->fours, n, is_wide, is_narrow, sums);
    ek_vector_outputs(sums, n, &c->factor, &c->limits, 0, y);
}

/* y [n] = the outputs of a channel, whose windows are all and those of the last ones: one or four, which begin inside those
 * before them. */
#define EK_PLANE_OF(name, is_wide, is_narrow)                                                                     \
    static __attribute__((noinline)) void name(const ek_windows *b, const int8_t *w, const ek_start *all,         \
                                               const ek_start *last, int32_t n, const ek_eight *e, int32_t i,     \
                                               EK_Y *y)                                                           \
    {                                                                                                             \
        const ek_channel c = {b, w, vld1q_dup_s32(e->bias + i), ek_factor_of(e, i), ek_limits_of(e)};             \
        int32_t j = 0;                                                                                            \
        for (; j + EK_SIXTEEN <= n; j += EK_SIXTEEN) {                                                            \
            ek_window_outputs(&c, all + j / 4, 4, is_wide, is_narrow, y + j);                                     \
        }                                                                                                         \
        if (n > EK_SIXTEEN && j < n) {                                                                            \
            ek_window_outputs(&c, last, 4, is_wide, is_narrow, y + n - EK_SIXTEEN);                               \
            j = n;                                                                                                \
        }                                                                                                         \
        for (; j < n; j += 4, last++) {                                                                           \
            EK_Y made[4];                                                                                         \
            ek_window_outputs(&c, last, 1, is_wide, is_narrow, made);                                             \
            memcpy(y + ek_max(ek_min(j, n - 4), 0), made, (size_t)ek_min(n, 4) * sizeof(EK_Y));                   \
        }                                                                                                         \
    }
EK_PLANE_OF(ek_plane_near, 0, EK_FOURS_FIT)
EK_PLANE_OF(ek_plane_wide, 1, EK_FOURS_FIT)
#if !EK_FOURS_FIT
EK_PLANE_OF(ek_plane_near_narrow, 0, 1)
#endif

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
    int8_t laid[EK_PLANE + EK_PLANE_BEHIND];
    ek_windows b;
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
            for (int32_t c = 0; c < s->out_c; c++, to += (ptrdiff_t)s->out_h * s->out_w) {
                const int8_t *const taps = w + (ptrdiff_t)c * bytes;
                if (c % 8 == 0) {
                    e = ek_eight_of(scales, c, ek_min(8, s->out_c - c));
                }
                if (c % per == 0) {
                    ek_lay_plane(x + (ptrdiff_t)(c / per) * plane, end, scales->x_zero, s, &b, oy, ox, laid);
                }
                if (b.is_wide) {
                    ek_plane_wide(&b, taps, all, last, n, &e, c % 8, to);
                } else if (EK_FOURS_FIT || !is_narrow) {
                    ek_plane_near(&b, taps, all, last, n, &e, c % 8, to);
                } else {
#if !EK_FOURS_FIT
                    ek_plane_near_narrow(&b, taps, all, last, n, &e, c % 8, to);
#endif
                }
            }
        }
    }
}

#endif
