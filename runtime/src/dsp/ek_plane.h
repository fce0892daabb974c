/* Armv7E-M DSP: sums of the taps of one channel, four positions at a time; see runtime/src/tiles. */
#ifndef EK_PLANE_GUARD
#define EK_PLANE_GUARD

#include "ek_tile.h"

#define EK_PLANES_SLACK 16 /* bytes behind a band that may be read */

/* to [rows][n] = x [rows][n], their rows so many elements apart. */
static __attribute__((noinline)) void ek_copy_rows(const int8_t *x, int32_t x_step, int32_t rows, int32_t n, int8_t *to,
                                                   int32_t to_step)
{
    for (; rows > 0; rows--, x += x_step, to += to_step) {
        ek_take_run(x, n, to);
    }
}

/* The same of every `stride`-th column of x. */
static __attribute__((noinline)) void ek_thin_rows(const int8_t *x, int32_t x_step, int32_t stride, int32_t rows, int32_t n,
                                                   int8_t *to, int32_t to_step)
{
    for (; rows > 0; rows--, x += x_step, to += to_step) {
        const int8_t *from = x;
        for (int32_t j = 0; j < n; j++, from += stride) {
            to[j] = *from;
        }
    }
}

#define EK_THREES 64
#define EK_PLANE_SUMS 32

/* Three taps side by side, from `at` on: the outer ones in halves of a word, and the middle one. */
typedef struct {
    int32_t outer, middle, at;
} ek_three;

/* The taps of a channel one by one. */
static inline int32_t ek_plan_taps(const int8_t *w, const ek_plane_taps *t, ek_three *three)
{
    if (t->k_h * t->k_w > EK_THREES) {
        return 0;
    }
    for (int32_t ky = 0; ky < t->k_h; ky++) {
        for (int32_t kx = 0; kx < t->k_w; kx++, three++, w++) {
            three->middle = *w;
            three->at = t->down[ky] + t->right[kx];
        }
    }
    return -t->k_h * t->k_w;
}

/* three [..] = the taps of a channel in threes, those that are not there 0; returns how many. Where few lie side by side
 * they are single ones, the middle of each, and their number is negative; 0 where there are too many. */
static __attribute__((noinline)) int32_t ek_plan_threes(const int8_t *w, const ek_plane_taps *t, ek_three *three)
{
    const int8_t *const w0 = w;
    int32_t count = 0;
    for (int32_t ky = 0; ky < t->k_h; ky++) {
        const int32_t first = count;
        for (int32_t kx = 0; kx < t->k_w; kx++, w++) {
            const int32_t at = t->down[ky] + (t->near ? kx : t->right[kx]);
            int32_t i = t->near && count > first ? count - 1 : first;
            while (i < count && (at < three[i].at || at > three[i].at + 2)) {
                i++;
            }
            if (i == EK_THREES) {
                return ek_plan_taps(w0, t, three);
            }
            if (i == count) {
                three[i] = (ek_three){0, 0, at};
                count++;
            }
            const int32_t place = at - three[i].at;
            three[i].middle |= place == 1 ? *w : 0;
            three[i].outer |= place == 0 ? (uint8_t)*w | (*w < 0 ? 0xff00 : 0) : place == 2 ? *w * 65536 : 0;
        }
    }
    return 5 * count <= 3 * t->k_h * t->k_w ? count : ek_plan_taps(w0, t, three);
}

/* sums [4] += the taps of four positions: of x0 x2 and x1 x3 of four neighbours the outer taps are those of two. */
static inline void ek_plane_threes(const int8_t *band, const ek_three *three, int32_t count, int32_t *sums)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    for (; count > 0; count--, three++) {
        const int8_t *const x = band + three->at;
        const int32_t first = ek_word(x), second = ek_word(x + 2), middle = three->middle;
        const int16x2_t outer = (int16x2_t)three->outer, even = __sxtb16(first), odd = ek_odd(first);
        const int16x2_t even2 = __sxtb16(second), odd2 = ek_odd(second);
        a = __smlabb((int32_t)odd, middle, __smlad(even, outer, a));
        b = __smlatb((int32_t)even, middle, __smlad(odd, outer, b));
        c = __smlabb((int32_t)odd2, middle, __smlad(even2, outer, c));
        d = __smlatb((int32_t)even2, middle, __smlad(odd2, outer, d));
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* The same of `count` taps. */
static inline void ek_plane_ones(const int8_t *band, const ek_three *one, int32_t count, int32_t *sums)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    for (; count > 0; count--, one++) {
        const int8_t *const x = band + one->at;
        const int32_t w = one->middle;
        a += x[0] * w, b += x[1] * w, c += x[2] * w, d += x[3] * w;
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* The same of any number. */
static inline void ek_plane_of(const int8_t *band, const int8_t *w, const ek_plane_taps *t, int32_t *sums)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    for (int32_t ky = 0; ky < t->k_h; ky++) {
        const int8_t *const row = band + t->down[ky];
        for (int32_t kx = 0; kx < t->k_w; kx++, w++) {
            const int8_t *const x = row + t->right[kx];
            a += x[0] * *w, b += x[1] * *w, c += x[2] * *w, d += x[3] * *w;
        }
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* y [n] = the outputs of channel c at positions one after the other. */
#define EK_PLANE_LANES_TO(name, y_type, outputs)                                                                 \
    static __attribute__((noinline)) void name(const int8_t *band, const int8_t *w, const ek_plane_taps *t,      \
                                               const ek_scales *s, int32_t c, y_type *y, int32_t n)              \
    {                                                                                                            \
        const int32_t bias = s->bias[c];                                                                         \
        int32_t acc[EK_PLANE_SUMS];                                                                              \
        ek_three three[EK_THREES];                                                                               \
        const int32_t threes = ek_plan_threes(w, t, three);                                                      \
        for (; n > 0; n -= EK_PLANE_SUMS, y += EK_PLANE_SUMS) {                                                  \
            const int32_t count = n < EK_PLANE_SUMS ? n : EK_PLANE_SUMS;                                         \
            for (int32_t j = 0; j < count; j += 4, band += 4) {                                                  \
                acc[j] = acc[j + 1] = acc[j + 2] = acc[j + 3] = bias;                                            \
                if (threes > 0) {                                                                                \
                    ek_plane_threes(band, three, threes, acc + j);                                               \
                } else if (threes < 0) {                                                                         \
                    ek_plane_ones(band, three, -threes, acc + j);                                                \
                } else {                                                                                         \
                    ek_plane_of(band, w, t, acc + j);                                                            \
                }                                                                                                \
            }                                                                                                    \
            outputs(acc, s, c, y, count);                                                                        \
        }                                                                                                        \
    }
EK_PLANE_LANES_TO(ek_plane_lanes_s8, int8_t, ek_channel_outputs_s8)
EK_PLANE_LANES_TO(ek_plane_lanes_s16, int16_t, ek_channel_outputs_s16)

#endif
