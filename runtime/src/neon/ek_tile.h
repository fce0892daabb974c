/* Advanced SIMD: tiles of two outputs and four positions, 16 taps in a vector; see runtime/src/tiles. */
#ifndef EK_TILE_GUARD
#define EK_TILE_GUARD

#include "ek_rows.h"
#include "ek_scales.h"

#define EK_TILE_TAPS 512
#define EK_TILE_FILL 16 /* taps of which a piece has a multiple */
#define EK_TILE_CHANNELS 8
#define EK_TILE_POSITIONS 64
#define EK_TILE_OUTPUTS 16 /* at once; even */
#define EK_TILE_BYTES 8192
#define EK_TILE_ROOM EK_TILE_BYTES
#define EK_TILE_TOGETHER 1
#define EK_TILE_STEP 4 /* positions of which columns take a multiple */
#define EK_TILE_FEW 0 /* every tile is added to a bias */
#define EK_TILE_ALIGNED
#define EK_TILE_LAID(n, taps) 0

/* to [8][8] = x [8][8] with rows and columns exchanged. */
static inline void ek_turn_eight(const int8_t *x, int32_t plane, int8_t *to, int32_t to_step)
{
    int8x8_t v[8];
    for (int32_t i = 0; i < 8; i++) {
        v[i] = vld1_s8(x + (ptrdiff_t)i * plane);
    }
    const int8x8x2_t a = vtrn_s8(v[0], v[1]), b = vtrn_s8(v[2], v[3]), c = vtrn_s8(v[4], v[5]), d = vtrn_s8(v[6], v[7]);
    const int16x4x2_t e = vtrn_s16(vreinterpret_s16_s8(a.val[0]), vreinterpret_s16_s8(b.val[0]));
    const int16x4x2_t f = vtrn_s16(vreinterpret_s16_s8(a.val[1]), vreinterpret_s16_s8(b.val[1]));
    const int16x4x2_t g = vtrn_s16(vreinterpret_s16_s8(c.val[0]), vreinterpret_s16_s8(d.val[0]));
    const int16x4x2_t h = vtrn_s16(vreinterpret_s16_s8(c.val[1]), vreinterpret_s16_s8(d.val[1]));
    const int16x4_t low[4] = {e.val[0], f.val[0], e.val[1], f.val[1]}, high[4] = {g.val[0], h.val[0], g.val[1], h.val[1]};
    for (int32_t i = 0; i < 4; i++) {
        const int32x2x2_t two = vtrn_s32(vreinterpret_s32_s16(low[i]), vreinterpret_s32_s16(high[i]));
        vst1_s8(to + i * to_step, vreinterpret_s8_s32(two.val[0]));
        vst1_s8(to + (i + 4) * to_step, vreinterpret_s8_s32(two.val[1]));
    }
}

/* to [8] = x at eight channels. */
static inline void ek_take_eight(const int8_t *x, int32_t plane, int8_t *to)
{
    int8x8_t v = vld1_dup_s8(x);
    v = vld1_lane_s8(x += plane, v, 1);
    v = vld1_lane_s8(x += plane, v, 2);
    v = vld1_lane_s8(x += plane, v, 3);
    v = vld1_lane_s8(x += plane, v, 4);
    v = vld1_lane_s8(x += plane, v, 5);
    v = vld1_lane_s8(x += plane, v, 6);
    v = vld1_lane_s8(x + plane, v, 7);
    vst1_s8(to, v);
}

/* to [n][channels] = x at n positions `x_step` apart, channels `plane` elements apart; positions of `to` are to_step. */
static __attribute__((noinline)) void ek_take_channels(const int8_t *x, int32_t plane, int32_t channels, int32_t x_step,
                                                       int32_t n, int8_t *to, int32_t to_step)
{
    for (; channels >= 8; channels -= 8, x += 8 * (ptrdiff_t)plane, to += 8) {
        int32_t j = 0;
        for (; x_step == 1 && j + 8 <= n; j += 8) {
            ek_turn_eight(x + j, plane, to + j * to_step, to_step);
        }
        for (; j < n; j++) {
            ek_take_eight(x + j * x_step, plane, to + j * to_step);
        }
    }
    for (int32_t c = 0; c < channels; c++, x += plane) {
        for (int32_t j = 0; j < n; j++) {
            to[j * to_step + c] = x[j * x_step];
        }
    }
}

static inline void ek_take_same(int8_t fill, int32_t n, int8_t *to)
{
    memset(to, fill, (size_t)n);
}

/* Rows that a window reads of some channels: rows `step` and channels `plane` elements apart, of which lo..hi-1 are
 * inside; of each n columns from `left` on, `by` apart, of those in [0, width). */
typedef struct {
    const int8_t *x;
    int32_t step, plane, channels, rows, lo, hi, left, by, n, width;
    int8_t fill;
} ek_rows_in;

/* to [n] = x [n], which do not overlap. */
static inline void ek_take_run(const int8_t *x, int32_t n, int8_t *to)
{
    for (; n >= 8; n -= 8, x += 8, to += 8) {
        vst1_s8(to, vld1_s8(x));
    }
    if (n >= 4) {
        memcpy(to, x, 4);
        n -= 4, x += 4, to += 4;
    }
    for (; n > 0; n--) {
        *to++ = *x++;
    }
}

/* to [channels][rows][n] = them, fill where they are outside. */
static __attribute__((noinline)) void ek_take_rows(const ek_rows_in *w, int8_t *to)
{
    const int is_whole = w->left >= 0 && w->left + (w->n - 1) * w->by < w->width;
    const int8_t *x = w->x + w->left;
    for (int32_t c = 0; c < w->channels; c++, x += w->plane) {
        const int8_t *row = x;
        for (int32_t r = 0; r < w->rows; r++, row += w->step, to += w->n) {
            if (r < w->lo || r >= w->hi) {
                ek_take_same(w->fill, w->n, to);
            } else if (is_whole && w->by == 1) {
                ek_take_run(row, w->n, to);
            } else {
                for (int32_t i = 0, ix = w->left; i < w->n; i++, ix += w->by) {
                    to[i] = ix >= 0 && ix < w->width ? row[i * w->by] : w->fill;
                }
            }
        }
    }
}

/* acc [rows][EK_TILE_POSITIONS] = bias [rows], of n positions and those behind them up to a multiple of four; 0 in the row
 * behind an odd number. */
static inline void ek_tile_start(int32_t *acc, const int32_t *bias, int32_t rows, int32_t n)
{
    if (rows & 1) {
        memset(acc + rows * EK_TILE_POSITIONS, 0, EK_TILE_POSITIONS * sizeof(*acc));
    }
    for (; rows > 0; rows--, acc += EK_TILE_POSITIONS) {
        const int32x4_t start = vdupq_n_s32(*bias++);
        for (int32_t i = 0; i < n; i += 4) {
            vst1q_s32(acc + i, start);
        }
    }
}

/* Columns are read as they were laid. */
static inline void ek_tile_ready(int8_t *columns, int32_t taps, int32_t n)
{
    (void)columns, (void)taps, (void)n;
}

/* The sums of four vectors, one in each lane. */
static inline int32x4_t ek_sums_of_four(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d)
{
    return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
}

/* acc [2][EK_TILE_POSITIONS] += the products of two packed outputs with four positions. */
#define EK_TILE_OF_FOUR(name, mac)                                                                                    \
    static inline void name(const int8_t *w, const int8_t *x, int32_t apart, int32_t groups, int32_t *acc)           \
    {                                                                                                                \
        const int8_t *x1 = x + apart, *x2 = x1 + apart, *x3 = x2 + apart;                                            \
        int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;                               \
        for (; groups > 0; groups--, x += 16, x1 += 16, x2 += 16, x3 += 16, w += 32) {                               \
            const int8x16_t p = vld1q_s8(x), q = vld1q_s8(x1), r = vld1q_s8(x2), s = vld1q_s8(x3);                   \
            const int8x16_t u = vld1q_s8(w), v = vld1q_s8(w + 16);                                                   \
            a = mac(a, p, u), b = mac(b, q, u), c = mac(c, r, u), d = mac(d, s, u);                                  \
            e = mac(e, p, v), f = mac(f, q, v), g = mac(g, r, v), h = mac(h, s, v);                                  \
        }                                                                                                            \
        vst1q_s32(acc, vaddq_s32(vld1q_s32(acc), ek_sums_of_four(a, b, c, d)));                                      \
        acc += EK_TILE_POSITIONS;                                                                                    \
        vst1q_s32(acc, vaddq_s32(vld1q_s32(acc), ek_sums_of_four(e, f, g, h)));                                      \
    }
EK_TILE_OF_FOUR(ek_tile_of_four, ek_mac_s8)
#ifdef EK_MAC_NARROW
EK_TILE_OF_FOUR(ek_tile_of_four_narrow, ek_mac_narrow_s8)
#define EK_MANY_POSITIONS 16 /* from which on it pays to look at all weights before */
#endif

/* acc [2][EK_TILE_POSITIONS] += their products with one position. */
static inline void ek_tile_of_one(const int8_t *w, const int8_t *x, int32_t groups, int32_t *acc)
{
    int32x4_t a = vdupq_n_s32(0), b = a;
    for (; groups > 0; groups--, x += 16, w += 32) {
        const int8x16_t p = vld1q_s8(x);
        a = ek_mac_s8(a, p, vld1q_s8(w)), b = ek_mac_s8(b, p, vld1q_s8(w + 16));
    }
    acc[0] += vaddvq_s32(a), acc[EK_TILE_POSITIONS] += vaddvq_s32(b);
}

/* acc [rows][EK_TILE_POSITIONS] += the products of packed outputs with `n` positions of `taps` taps, `apart` bytes apart.
 * Outputs come in twos: the one behind an odd number is of no meaning. */
static __attribute__((noinline)) void ek_tile(const int8_t *w, const int8_t *columns, int32_t apart, int32_t taps,
                                              int32_t n, int32_t rows, int32_t *acc)
{
    const int32_t groups = taps >> 4;
#ifdef EK_MAC_NARROW
    const int is_narrow = n >= EK_MANY_POSITIONS && ek_are_narrow(w, (rows + 1) / 2 * 2 * groups);
#endif
    for (; rows > 0; rows -= 2, w += 2 * taps, acc += 2 * EK_TILE_POSITIONS) {
        const int8_t *x = columns;
        int32_t j = 0;
#ifdef EK_MAC_NARROW
        for (; is_narrow && j + 4 <= n; j += 4, x += 4 * apart) {
            ek_tile_of_four_narrow(w, x, apart, groups, acc + j);
        }
#endif
        for (; j + 4 <= n; j += 4, x += 4 * apart) {
            ek_tile_of_four(w, x, apart, groups, acc + j);
        }
        for (; j < n; j++, x += apart) {
            ek_tile_of_one(w, x, groups, acc + j);
        }
    }
}

/* y [rows][plane] = n outputs of each channel from number c on, of sums [rows][apart] with their bias. */
#define EK_TILE_OUTPUTS_TO(name, y_type, outputs)                                                                \
    static __attribute__((noinline, unused)) void name(const int32_t *acc, int32_t apart, int32_t rows,           \
                                                       int32_t plane, const ek_scales *s, int32_t c, y_type *y,  \
                                                       int32_t n)                                                \
    {                                                                                                            \
        for (; rows > 0; rows--, c++, acc += apart, y += plane) {                                                \
            outputs(acc, s->mult[c], s->shift[c], s->y_zero, s->y_min, s->y_max, y, n);                          \
        }                                                                                                        \
    }
EK_TILE_OUTPUTS_TO(ek_tile_outputs_s8, int8_t, ek_channel_outputs_s8)
EK_TILE_OUTPUTS_TO(ek_tile_outputs_s16, int16_t, ek_channel_outputs_s16)

/* y [n] = from [n], `apart` elements from one to the next. */
#define EK_PUT_APART_TO(name, y_type)                                                \
    static inline void name(const y_type *from, int32_t n, y_type *y, int32_t apart) \
    {                                                                                \
        for (; n > 0; n--, y += apart) {                                             \
            *y = *from++;                                                            \
        }                                                                            \
    }
EK_PUT_APART_TO(ek_put_apart_s8, int8_t)
EK_PUT_APART_TO(ek_put_apart_s16, int16_t)

#endif
