/* Advanced SIMD: the convolution whose channels are by themselves. Eight of them lie side by side, a band of rows and columns with
 * their padding at a time, so that an output is a vector of eight. Weights are packed so (edgekit.targets.c.packing.conv_paths):
 * [channels / 8][k_h][k_w][8], filled up with zeros; the bias has what x_zero adds. */
#ifndef EK_CONV_PLANES_GUARD
#define EK_CONV_PLANES_GUARD

#include "ek_conv_shape.h"
#include "ek_tile.h"

#define EK_BAND 2048 /* positions of eight channels with their padding, on the stack */
#define EK_BAND_TAPS 256 /* these two: _fit_side_by_side of edgekit.targets.c.packing.conv_paths */
#define EK_BAND_OUTPUTS 64 /* positions of which outputs are kept before they go to their planes */

/* A band: so many outputs down and across, from inputs `width` across; tap t lies at [t] bytes behind the first one. */
typedef struct {
    int32_t down, across, width, taps, pairs, at[EK_BAND_TAPS];
} ek_band;

/* to [n][8] = fill. */
static inline void ek_fill_eights(int8x8_t fill, int32_t n, int8_t *to)
{
    for (; n > 0; n--, to += 8) {
        vst1_s8(to, fill);
    }
}

/* to [rows][width][8] = the inputs of a band whose first one is at (iy, ix); x is the first of `channels`. */
static inline void ek_lay_band(const int8_t *x, int32_t fill, const ek_conv_shape *s, int32_t channels, int32_t iy, int32_t ix,
                               int32_t rows, int32_t width, int8_t *to)
{
    const int32_t lo = ek_min(ek_max(-ix, 0), width), hi = ek_max(ek_min(s->in_w - ix, width), lo);
    const int8x8_t outside = vdup_n_s8((int8_t)fill);
    for (; rows > 0; rows--, iy++, to += 8 * width) {
        if (iy < 0 || iy >= s->in_h) {
            ek_fill_eights(outside, width, to);
            continue;
        }
        ek_fill_eights(outside, lo, to);
        ek_take_channels(x + (ptrdiff_t)iy * s->in_w + ix + lo, s->in_h * s->in_w, channels, 1, hi - lo, to + 8 * lo, 8);
        ek_fill_eights(outside, width - hi, to + 8 * hi);
    }
}

/* sums [n][8] = bias + the taps of n positions `step` bytes apart, eight channels each. */
static inline __attribute__((always_inline)) void ek_band_sums(const int8_t *x, int32_t step, const ek_band *b,
                                                               const int8_t *w, const int32_t *bias, int32_t n,
                                                               int32_t *sums)
{
    const int8_t *from[4] = {x, x + step, x + 2 * step, x + 3 * step};
    int32x4_t low[4], high[4];
    int32_t t = 0;
    for (int32_t i = 0; i < n; i++) {
        low[i] = vld1q_s32(bias), high[i] = vld1q_s32(bias + 4);
    }
    for (; t < b->pairs; t += 2, w += 16) {
        const int8x8_t u = vld1_s8(w), v = vld1_s8(w + 8);
        for (int32_t i = 0; i < n; i++) {
            const int16x8_t one = vmull_s8(vld1_s8(from[i] + b->at[t]), u);
            const int16x8_t both = vmlal_s8(one, vld1_s8(from[i] + b->at[t + 1]), v);
            low[i] = vaddw_s16(low[i], vget_low_s16(both)), high[i] = vaddw_high_s16(high[i], both);
        }
    }
    for (; t < b->taps; t++, w += 8) {
        const int8x8_t u = vld1_s8(w);
        for (int32_t i = 0; i < n; i++) {
            const int16x8_t one = vmull_s8(vld1_s8(from[i] + b->at[t]), u);
            low[i] = vaddw_s16(low[i], vget_low_s16(one)), high[i] = vaddw_high_s16(high[i], one);
        }
    }
    for (int32_t i = 0; i < n; i++) {
        vst1q_s32(sums + 8 * i, low[i]);
        vst1q_s32(sums + 8 * i + 4, high[i]);
    }
}

/* What turns the sums of eight channels into outputs. */
typedef struct {
    int32_t bias[8], mult[8], is_high; /* whether every shift is 32 or more */
    uint8_t shift[8];
    int32x4_t left[2];
} ek_eight;

static inline ek_eight ek_eight_of(const ek_scales *s, int32_t c, int32_t channels)
{
    ek_eight e;
    int32_t left[8];
    e.is_high = 1;
    for (int32_t i = 0; i < 8; i++) {
        const int32_t from = c + ek_min(i, channels - 1);
        e.bias[i] = s->bias[from], e.mult[i] = s->mult[from], e.shift[i] = s->shift[from];
        e.is_high &= e.shift[i] >= 32;
        left[i] = 31 - e.shift[i];
    }
    e.left[0] = vld1q_s32(left), e.left[1] = vld1q_s32(left + 4);
    return e;
}

/* made [n][8] = the outputs of sums [n][8]. */
static inline void ek_band_outputs(const int32_t *sums, const ek_eight *e, const ek_scales *s, int32_t n, EK_Y *made)
{
    const int32x4_t low = vld1q_s32(e->mult), high = vld1q_s32(e->mult + 4), zero = vdupq_n_s32(s->y_zero);
    const int32x4_t least = vdupq_n_s32(s->y_min), most = vdupq_n_s32(s->y_max);
    for (int32_t i = 0; i < 8 * n && !e->is_high; i++) {
        made[i] = (EK_Y)ek_output(sums[i], e->mult[i & 7], e->shift[i & 7], s->y_zero, s->y_min, s->y_max);
    }
    for (int32_t i = 0; i < n && e->is_high; i++, sums += 8, made += 8) {
        const int32x4_t a = vaddq_s32(ek_four_scaled(sums, low, e->left[0]), zero);
        const int32x4_t b = vaddq_s32(ek_four_scaled(sums + 4, high, e->left[1]), zero);
        const int16x8_t q = vcombine_s16(vmovn_s32(vmaxq_s32(vminq_s32(a, most), least)),
                                         vmovn_s32(vmaxq_s32(vminq_s32(b, most), least)));
        if (sizeof(EK_Y) == 1) {
            vst1_s8((int8_t *)(void *)made, vmovn_s16(q));
        } else {
            vst1q_s16((int16_t *)(void *)made, q);
        }
    }
}

/* y [channels][n] = made [n][8], channels `plane` elements apart. */
static inline void ek_put_eight(const EK_Y *made, int32_t n, int32_t channels, EK_Y *y, int32_t plane)
{
    int32_t j = 0;
    for (; sizeof(EK_Y) == 1 && channels == 8 && j + 8 <= n; j += 8) {
        ek_turn_eight((const int8_t *)(const void *)(made + 8 * j), 8, (int8_t *)(void *)(y + j), plane);
    }
    for (; j < n; j++) {
        for (int32_t c = 0; c < channels; c++) {
            y[(ptrdiff_t)c * plane + j] = made[8 * j + c];
        }
    }
}

/* The band whose outputs fit: whole rows, or a part of one. */
static inline ek_band ek_band_of(const ek_conv_shape *s)
{
    ek_band b;
    const int32_t reach = (s->k_w - 1) * s->dil_w + 1, high = (s->k_h - 1) * s->dil_h + 1;
    b.across = ek_min(ek_min(s->out_w, EK_BAND_OUTPUTS), (EK_BAND / high - reach) / s->stride_w + 1);
    b.width = (b.across - 1) * s->stride_w + reach;
    b.down = b.across < s->out_w ? 1 : ek_min(s->out_h, (EK_BAND / b.width - high) / s->stride_h + 1);
    b.taps = s->k_h * s->k_w;
    for (int32_t t = 0; t < b.taps; t++) {
        b.at[t] = 8 * (t / s->k_w * s->dil_h * b.width + t % s->k_w * s->dil_w);
    }
    return b;
}

/* sums [n][8] = those of a row of a band. */
static inline void ek_band_row(const int8_t *x, const ek_band *b, const int8_t *w, int32_t step, const int32_t *bias, int32_t n,
                               int32_t *sums)
{
    int32_t j = 0;
    for (; j + 4 <= n; j += 4) {
        ek_band_sums(x + j * step, step, b, w, bias, 4, sums + 8 * j);
    }
    for (; j < n; j++) {
        ek_band_sums(x + j * step, 0, b, w, bias, 1, sums + 8 * j);
    }
}

/* y = the outputs of a band, so many down and n across, of `channels` channels. */
static inline void ek_band_outputs_to(const int8_t *x, const ek_band *b, const int8_t *w, const ek_conv_shape *s,
                                      const ek_eight *e, const ek_scales *scales, int32_t down, int32_t n, int32_t channels,
                                      EK_Y *y)
{
    const int32_t most = EK_BAND_OUTPUTS / b->across;
    int32_t sums[8 * EK_BAND_OUTPUTS];
    EK_Y made[8 * EK_BAND_OUTPUTS];
    for (int32_t r = 0; r < down; r += most, y += most * s->out_w) {
        const int32_t rows = ek_min(most, down - r);
        for (int32_t i = 0; i < rows; i++, x += (ptrdiff_t)8 * s->stride_h * b->width) {
            ek_band_row(x, b, w, 8 * s->stride_w, e->bias, n, sums + 8 * i * n);
        }
        ek_band_outputs(sums, e, scales, rows * n, made);
        ek_put_eight(made, rows * n, channels, y, s->out_h * s->out_w); /* more than one row where they are whole */
    }
}

/* All channels. */
static __attribute__((noinline)) void ek_conv_planes(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                     const ek_conv_shape *s)
{
    int8_t laid[8 * EK_BAND];
    ek_band b = ek_band_of(s);
    for (int32_t c = 0; c < s->out_c; c += 8, w += 8 * b.taps) {
        const int32_t channels = ek_min(8, s->out_c - c);
        const int8_t *const from = x + (ptrdiff_t)c * s->in_h * s->in_w;
        const ek_eight e = ek_eight_of(scales, c, channels);
        b.pairs = ek_are_narrow(w, b.taps / 2) ? b.taps & ~1 : 0;
        for (int32_t oy = 0; oy < s->out_h; oy += b.down) {
            const int32_t down = ek_min(b.down, s->out_h - oy);
            const int32_t rows = (down - 1) * s->stride_h + (s->k_h - 1) * s->dil_h + 1;
            for (int32_t ox = 0; ox < s->out_w; ox += b.across) {
                const int32_t n = ek_min(b.across, s->out_w - ox);
                ek_lay_band(from, scales->x_zero, s, channels, oy * s->stride_h - s->pad_top, ox * s->stride_w - s->pad_left,
                            rows, b.width, laid);
                ek_band_outputs_to(laid, &b, w, s, &e, scales, down, n, channels,
                                   y + ((ptrdiff_t)c * s->out_h + oy) * s->out_w + ox);
            }
        }
    }
}

#endif
