/* Helium: tiles of two outputs and two positions, 16 taps in a vector; see runtime/src/tiles. */
#ifndef EK_TILE_GUARD
#define EK_TILE_GUARD

#include "ek_scales.h"

#include <arm_mve.h>

#define EK_TILE_TAPS 512
#define EK_TILE_GROUP 16
#define EK_TILE_CHANNELS 8
#define EK_TILE_POSITIONS 16
#define EK_TILE_BYTES 2048
#define EK_TILE_ROOM (EK_TILE_BYTES + 16)
#define EK_TILE_ALIGNED
#define EK_OFFSET_MOST 9362 /* elements between channels of which seven are an offset of 16 bits */

/* to [n][channels] = x at n positions `x_step` apart, channels `plane` elements apart; positions of `to` are to_step. */
static __attribute__((noinline)) void ek_take_channels(const int8_t *x, int32_t plane, int32_t channels, int32_t x_step,
                                                       int32_t n, int8_t *to, int32_t to_step)
{
    if (plane > EK_OFFSET_MOST) {
        const uint32x4_t at = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)plane);
        for (; channels > 0; channels -= 4, x += 4 * plane, to += 4) {
            const mve_pred16_t some = vctp32q((uint32_t)channels);
            for (int32_t j = 0; j < n; j++) {
                vstrbq_p_s32(to + j * to_step, vldrbq_gather_offset_z_s32(x + j * x_step, at, some), some);
            }
        }
        return;
    }
    const uint16x8_t at = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)plane);
    for (; channels >= 8; channels -= 8, x += 8 * plane, to += 8) {
        const int8_t *from = x;
        int8_t *put = to;
        for (int32_t j = n; j > 0; j--, from += x_step, put += to_step) {
            vstrbq_s16(put, vldrbq_gather_offset_s16(from, at));
        }
    }
    if (channels > 0) {
        const mve_pred16_t rest = vctp16q((uint32_t)channels);
        for (int32_t j = n; j > 0; j--, x += x_step, to += to_step) {
            vstrbq_p_s16(to, vldrbq_gather_offset_z_s16(x, at, rest), rest);
        }
    }
}

static inline void ek_take_same(int8_t fill, int32_t n, int8_t *to)
{
    for (; n > 0; n -= 16, to += 16) {
        vstrbq_p_s8(to, vdupq_n_s8(fill), vctp8q((uint32_t)n));
    }
}

/* Rows that a window reads of some channels: rows `step` and channels `plane` elements apart, of which lo..hi-1 are
 * inside; of each n columns from `left` on, `by` apart, of those in [0, width). */
typedef struct {
    const int8_t *x;
    int32_t step, plane, channels, rows, lo, hi, left, by, n, width;
    int8_t fill;
} ek_rows_in;

/* to [channels][rows][n] = them, fill where they are outside. What lies behind `to` is written over, 15 bytes at most. */
static __attribute__((noinline)) void ek_take_rows(const ek_rows_in *w, int8_t *to)
{
    const int8x16_t outside = vdupq_n_s8(w->fill);
    const int32_t by = w->by, step = w->step, n = w->n;
    const int32_t whole = w->left >= 0 && w->left + (n - 1) * by < w->width;
    if (by > 17) {
        for (int32_t i = 0; i < w->channels * w->rows * n; i++) {
            const int32_t r = i / n % w->rows, ix = w->left + i % n * by;
            const int inside = r >= w->lo && r < w->hi && ix >= 0 && ix < w->width;
            to[i] = inside ? w->x[i / n / w->rows * w->plane + r * step + ix] : w->fill;
        }
        return;
    }
    const uint8x16_t at = vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)by);
    for (int32_t k = (n - 1) & ~15; k >= 0; k -= 16) { /* backwards, as each row writes over the start of the next one */
        const int32_t ix = w->left + k * by, count = n - k < 16 ? n - k : 16;
        const int8_t *x = w->x + ix;
        int8_t *put = to + k;
        mve_pred16_t in = vctp8q((uint32_t)count);
        if (!whole) {
            const int32_t lo = ix < 0 ? (by - 1 - ix) / by : 0, hi = ix < w->width ? (w->width - ix + by - 1) / by : 0;
            in = vctp8q((uint32_t)(hi < count ? hi : count)) & ~vctp8q((uint32_t)(lo < 16 ? lo : 16));
        }
        for (int32_t c = w->channels; c > 0; c--, x += w->plane) {
            const int8_t *from = x + w->lo * step;
            for (int32_t r = w->lo; r > 0; r--, put += n) {
                vst1q_s8(put, outside);
            }
            for (int32_t r = w->hi - w->lo; r > 0; r--, from += step, put += n) {
                vst1q_s8(put, vpselq_s8(vldrbq_gather_offset_z_s8(from, at, in), outside, in));
            }
            for (int32_t r = w->rows - w->hi; r > 0; r--, put += n) {
                vst1q_s8(put, outside);
            }
        }
    }
}

/* acc [rows][EK_TILE_POSITIONS] = bias [rows], of n positions. */
static inline void ek_tile_start(int32_t *acc, const int32_t *bias, int32_t rows, int32_t n)
{
    for (; rows > 0; rows--, bias++, acc += EK_TILE_POSITIONS) {
        for (int32_t i = 0; i < n; i += 4) {
            vst1q_s32(acc + i, vdupq_n_s32(*bias));
        }
    }
}

#define EK_TILE_LAID(n, taps) 0

/* Columns are read as they were laid. */
static inline void ek_tile_ready(int8_t *columns, int32_t taps, int32_t n)
{
    (void)columns, (void)taps, (void)n;
}

/* acc [2][EK_TILE_POSITIONS] += the products of two packed outputs with `n` columns of `taps` taps. Positions come in
 * twos: the one behind an odd number of columns is of no meaning. */
static inline void ek_tile_of_two(const int8_t *w, const int8_t *x0, int32_t taps, int32_t n, int32_t *acc)
{
    for (; n > 0; n -= 2, acc += 2) {
        const int8_t *x1 = x0 + taps, *wi = w;
        int32_t a = acc[0], b = acc[1], c = acc[EK_TILE_POSITIONS], d = acc[EK_TILE_POSITIONS + 1];
        __asm__("dls lr, %[i]\n"
                "1:\n\tvldrb.u8 q0, [%[x0]], #16\n\t"
                "vldrb.u8 q1, [%[w]], #16\n\t"
                "vmlava.s8 %[a], q0, q1\n\t"
                "vldrb.u8 q2, [%[x1]], #16\n\t"
                "vmlava.s8 %[b], q2, q1\n\t"
                "vldrb.u8 q3, [%[w]], #16\n\t"
                "vmlava.s8 %[c], q0, q3\n\t"
                "vmlava.s8 %[d], q2, q3\n\t"
                "le lr, 1b"
                : [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d), [x0] "+r"(x0), [x1] "+r"(x1), [w] "+r"(wi)
                : [i] "r"(taps >> 4)
                : "q0", "q1", "q2", "q3", "lr", "memory");
        acc[0] = a, acc[1] = b, acc[EK_TILE_POSITIONS] = c, acc[EK_TILE_POSITIONS + 1] = d;
        x0 = x1;
    }
}

/* The same of `rows` outputs. */
static __attribute__((noinline)) void ek_tile(const int8_t *w, const int8_t *columns, int32_t taps, int32_t n,
                                              int32_t rows, int32_t *acc)
{
    for (; rows > 0; rows -= 2, w += 2 * taps, acc += 2 * EK_TILE_POSITIONS) {
        ek_tile_of_two(w, columns, taps, n, acc);
    }
}

/* How the sums of a channel become outputs: s - 31 bits to the right after the doubled high word of a product, where the
 * shift s is 32 or more. */
typedef struct {
    int32_t bias, mult, shift, y_zero, y_min, y_max;
} ek_channel;

static inline ek_channel ek_channel_of(const ek_scales *s, int32_t c)
{
    const ek_channel one = {s->bias[c], s->mult[c], s->shift[c], s->y_zero, s->y_min, s->y_max};
    return one;
}

/* Four sums to the scale of outputs. */
static inline int32x4_t ek_scaled(int32x4_t acc, const ek_channel *c)
{
    return vrshlq_n_s32(vqdmulhq_n_s32(vaddq_n_s32(acc, c->bias), c->mult), 31 - c->shift);
}

static inline int32x4_t ek_limited(int32x4_t v, const ek_channel *c)
{
    return vmaxq_s32(vminq_s32(vaddq_n_s32(v, c->y_zero), vdupq_n_s32(c->y_max)), vdupq_n_s32(c->y_min));
}

/* y [n] = the outputs of a channel from its sums, of any shift. */
#define EK_EACH_OUTPUT(acc, c, y, n)                                                                             \
    for (int32_t each = 0; each < (n); each++) {                                                                 \
        (y)[each] = (__typeof__(*(y)))ek_output((int32_t)((uint32_t)(acc)[each] + (uint32_t)(c)->bias), (c)->mult, \
                                                (c)->shift, (c)->y_zero, (c)->y_min, (c)->y_max);                \
    }

/* The same; `acc` may be read up to number n rounded up to a multiple of 16. */
static inline void ek_row_outputs_s8(const int32_t *acc, const ek_channel *channel, int8_t *y, int32_t n)
{
    const ek_channel one = *channel, *const c = &one;
    if (c->shift < 32) {
        EK_EACH_OUTPUT(acc, c, y, n)
        return;
    }
    for (; n > 8; n -= 16, acc += 16, y += 16) { /* every fourth sum in a vector: narrowed, they are in order */
        const int32x4x4_t v = vld4q_s32(acc);
        const int32x4_t first = ek_scaled(v.val[0], c), second = ek_scaled(v.val[1], c);
        int16x8_t even = vqmovnbq_s32(vreinterpretq_s16_s32(first), first);
        int16x8_t odd = vqmovnbq_s32(vreinterpretq_s16_s32(second), second);
        even = vqaddq_n_s16(vqmovntq_s32(even, ek_scaled(v.val[2], c)), (int16_t)c->y_zero);
        odd = vqaddq_n_s16(vqmovntq_s32(odd, ek_scaled(v.val[3], c)), (int16_t)c->y_zero);
        const int8x16_t both = vqmovntq_s16(vqmovnbq_s16(vreinterpretq_s8_s16(even), even), odd);
        const int8x16_t least = vdupq_n_s8((int8_t)c->y_min), most = vdupq_n_s8((int8_t)c->y_max);
        vstrbq_p_s8(y, vmaxq_s8(vminq_s8(both, most), least), vctp8q((uint32_t)n));
    }
    for (; n > 0; n -= 4, acc += 4, y += 4) {
        vstrbq_p_s32(y, ek_limited(ek_scaled(vld1q_s32(acc), c), c), vctp32q((uint32_t)n));
    }
}

static inline void ek_row_outputs_s16(const int32_t *acc, const ek_channel *channel, int16_t *y, int32_t n)
{
    const ek_channel one = *channel, *const c = &one;
    if (c->shift < 32) {
        EK_EACH_OUTPUT(acc, c, y, n)
        return;
    }
    for (; n > 0; n -= 4, acc += 4, y += 4) {
        vstrhq_p_s32(y, ek_limited(ek_scaled(vld1q_s32(acc), c), c), vctp32q((uint32_t)n));
    }
}

/* y [n] = the outputs of channel c from its sums without the bias. */
#define EK_CHANNEL_OUTPUTS_TO(name, y_type, outputs)                                                             \
    static __attribute__((noinline, unused)) void name(const int32_t *acc, const ek_scales *s, int32_t c, y_type *y, int32_t n) \
    {                                                                                                            \
        const ek_channel one = ek_channel_of(s, c);                                                              \
        outputs(acc, &one, y, n);                                                                                \
    }
EK_CHANNEL_OUTPUTS_TO(ek_channel_outputs_s8, int8_t, ek_row_outputs_s8)
EK_CHANNEL_OUTPUTS_TO(ek_channel_outputs_s16, int16_t, ek_row_outputs_s16)

/* Outputs of four channels from number c on, of their sums. */
static inline int32x4_t ek_outputs_across(int32x4_t acc, const ek_scales *s, int32_t c, mve_pred16_t some)
{
    const int32x4_t mult = vldrwq_z_s32(s->mult + c, some);
    const int32x4_t left = vsubq_s32(vdupq_n_s32(31), vreinterpretq_s32_u32(vldrbq_z_u32(s->shift + c, some)));
    const int32x4_t y = vaddq_n_s32(vrshlq_s32(vqdmulhq_s32(acc, mult), left), s->y_zero);
    if (vmaxvq_p_s32(INT32_MIN, left, some) < 0) {
        return vmaxq_s32(vminq_s32(y, vdupq_n_s32(s->y_max)), vdupq_n_s32(s->y_min));
    }
    int32_t sums[4];
    vst1q_s32(sums, acc);
    for (int32_t i = 0; i < 4 && (some >> (4 * i) & 1); i++) {
        sums[i] = ek_output(sums[i], s->mult[c + i], s->shift[c + i], s->y_zero, s->y_min, s->y_max);
    }
    return vld1q_s32(sums);
}

/* y [rows][plane] = n outputs of each channel from number c on; the bias is in the sums. */
#define EK_TILE_OUTPUTS_TO(name, y_type, outputs)                                                                \
    static __attribute__((noinline)) void name(const int32_t *acc, int32_t rows, int32_t plane,                  \
                                               const ek_scales *s, int32_t c, y_type *y, int32_t n)              \
    {                                                                                                            \
        for (; rows > 0; rows--, c++, acc += EK_TILE_POSITIONS, y += plane) {                                    \
            ek_channel one = ek_channel_of(s, c);                                                                \
            one.bias = 0;                                                                                        \
            outputs(acc, &one, y, n);                                                                            \
        }                                                                                                        \
    }
EK_TILE_OUTPUTS_TO(ek_tile_outputs_s8, int8_t, ek_row_outputs_s8)
EK_TILE_OUTPUTS_TO(ek_tile_outputs_s16, int16_t, ek_row_outputs_s16)

#endif
