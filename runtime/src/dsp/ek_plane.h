/* Armv7E-M DSP: sums of the taps of one channel, some positions at a time; see runtime/src/tiles. */
#ifndef EK_PLANE_GUARD
#define EK_PLANE_GUARD

#include "ek_tile.h"

#define EK_PLANES_SLACK 24 /* bytes behind a band that may be read */

/* to [rows][n] = x [rows][n], their rows so many elements apart. */
static __attribute__((noinline)) void ek_copy_rows(const int8_t *x, int32_t x_step, int32_t rows, int32_t n, int8_t *to,
                                                   int32_t to_step)
{
    const int32_t last = n - 4;
    for (; rows > 0 && n < 4; rows--, x += x_step, to += to_step) {
        ek_take_run(x, n, to);
    }
    for (; rows > 0; rows--, x += x_step, to += to_step) {
        int32_t i = 0;
        for (; i < last - 4; i += 8) {
            const uint32_t first = (uint32_t)ek_word(x + i), second = (uint32_t)ek_word(x + i + 4);
            ek_put_word(to + i, first);
            ek_put_word(to + i + 4, second);
        }
        if (i < last) {
            ek_put_word(to + i, (uint32_t)ek_word(x + i));
        }
        ek_put_word(to + last, (uint32_t)ek_word(x + last));
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

#define EK_PLANE_STEPS 64
#define EK_PLANE_SUMS 128

/* A step takes three neighbours from `at` on, w the outer ones and `other` the middle one; or three with one between each
 * two, w the first two and `other` the last two; or two taps w at `at` and `other`. Those that are not there are 0. */
typedef struct {
    int32_t w, other, at;
} ek_plane_step;

/* The steps of an output, of threes or twos; none where there are too many. */
typedef struct {
    const ek_plane_taps *taps;
    const int8_t *w;
    int32_t threes, twos;
    ek_plane_step step[EK_PLANE_STEPS];
} ek_plane_steps;

/* Whether the taps of a kernel are taken in threes along its rows. */
static inline int ek_plane_has_threes(int32_t k_h, int32_t k_w)
{
    return k_w > 1 && k_h * ((k_w + 2) / 3) <= EK_PLANE_STEPS;
}

/* Choose the steps, without their weights. */
static __attribute__((noinline)) void ek_plan_steps(const ek_plane_taps *t, ek_plane_steps *p)
{
    const int32_t kernel = t->k_h * t->k_w;
    ek_plane_step *step = p->step;
    p->taps = t;
    p->threes = t->near > 0 && ek_plane_has_threes(t->k_h, t->k_w) ? t->k_h * ((t->k_w + 2) / 3) : 0;
    p->twos = p->threes == 0 && kernel <= 2 * EK_PLANE_STEPS ? (kernel + 1) / 2 : 0;
    if (p->threes > 0) {
        for (int32_t ky = 0; ky < t->k_h; ky++) {
            for (int32_t kx = 0; kx < t->k_w; kx += 3, step++) {
                step->at = t->down[ky] + t->right[kx];
            }
        }
    } else if (p->twos > 0) {
        for (int32_t i = 0, ky = 0, kx = 0; i < kernel; i++) {
            const int32_t at = t->down[ky] + t->right[kx];
            if ((i & 1) == 0) {
                step->at = at;
            }
            step->other = at;
            step += i & 1;
            ky += ++kx == t->k_w;
            kx = kx == t->k_w ? 0 : kx;
        }
    }
}

/* The weights of the steps of a channel. */
static __attribute__((noinline)) void ek_fill_steps(const int8_t *w, ek_plane_steps *p)
{
    const int32_t k_w = p->taps->k_w, near = p->taps->near;
    p->w = w;
    if (p->threes > 0) {
        for (ek_plane_step *step = p->step, *const end = step + p->threes; step < end;) {
            for (int32_t left = k_w; left > 0; left -= 3, step++) {
                const int32_t second = left > 1 ? w[1] : 0, third = left > 2 ? w[2] : 0;
                step->w = (int32_t)ek_lower_halves(w[0], near == 1 ? third : second);
                step->other = near == 1 ? second : (int32_t)ek_lower_halves(second, third);
                w += left > 2 ? 3 : left;
            }
        }
    } else {
        for (int32_t i = p->twos, left = p->taps->k_h * k_w; i > 0; i--, left -= 2, w += 2) {
            p->step[p->twos - i].w = (int32_t)ek_lower_halves(w[0], left > 1 ? w[1] : 0);
        }
    }
}

#ifdef __OPTIMIZE__ /* else too few registers are left */
/* Two sums of three rows of three taps, rows `down` apart: `half` says which half of `middle` is the middle tap of a row. */
#define EK_ROW_OF_THREE(at, outer, middle, half)                                                              \
    "ldr %[t], [%[x]" at "]\n\tsxtb16 %[h], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t"                            \
    "smlad %[a], %[t], %[" outer "], %[a]\n\tsmlab" half " %[a], %[h], %[" middle "], %[a]\n\t"              \
    "smlad %[b], %[h], %[" outer "], %[b]\n\tsmlat" half " %[b], %[t], %[" middle "], %[b]\n\t"

/* The same of positions two elements apart; y is x + 2. */
#define EK_ROW_OF_THREE_APART(at, outer, middle, half)                                                        \
    "ldr %[t], [%[x]" at "]\n\tsxtb16 %[h], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t"                            \
    "smlad %[a], %[t], %[" outer "], %[a]\n\tsmlab" half " %[a], %[h], %[" middle "], %[a]\n\t"              \
    "ldr %[t], [%[y]" at "]\n\tsxtb16 %[t], %[t]\n\tsmlat" half " %[b], %[h], %[" middle "], %[b]\n\t"       \
    "smlad %[b], %[t], %[" outer "], %[b]\n\t"

#define EK_THREE_ROWS(row, then)                                                                              \
    __asm__(row(", %[d]", "p", "m", "t") row(", %[d], lsl #1", "q", "n", "b") row("", "o", "m", "b") then     \
            : [a] "+r"(a), [b] "+r"(b), [x] "+r"(x), [y] "+r"(x2), [t] "=&r"(word), [h] "=&r"(odd)              \
            : [d] "r"(down), [o] "r"(first), [p] "r"(second), [q] "r"(third), [m] "r"(middles), [n] "r"(middle) \
            : "memory", "cc")

/* acc [n] = the sums of three steps of three taps, as far apart as the first two. */
static __attribute__((noinline)) void ek_plane_nine(const int8_t *x, const ek_plane_steps *p, int32_t bias, int32_t n,
                                                    int32_t *acc)
{
    const ek_plane_step *const s = p->step;
    const int32_t first = s[0].w, second = s[1].w, third = s[2].w, middle = s[2].other, down = s[1].at - s[0].at;
    const int32_t middles = (int32_t)ek_lower_halves(s[0].other, s[1].other), apart = p->taps->step;
    int32_t *const end = acc + n;
    x += s[0].at;
    const int8_t *x2 = x + 2;
    for (; acc < end; acc += 2) {
        int32_t a = bias, b = bias, word, odd;
        if (apart == 1) {
            EK_THREE_ROWS(EK_ROW_OF_THREE, "adds %[x], #2");
        } else {
            EK_THREE_ROWS(EK_ROW_OF_THREE_APART, "adds %[x], #4\n\tadds %[y], #4");
        }
        acc[0] = a, acc[1] = b;
    }
}
#endif

/* sums [4] = the bias and the taps of four positions: of x0 x2 and x1 x3 of four neighbours the outer taps are those of
 * two. */
static inline void ek_plane_threes(const int8_t *band, const ek_plane_step *step, int32_t count, int32_t bias,
                                   int32_t *sums)
{
    int32_t a = bias, b = bias, c = bias, d = bias;
    for (; count > 0; count--, step++) {
        const int8_t *const x = band + step->at;
        const int32_t first = ek_word(x), second = ek_word(x + 2), middle = step->other;
        const int16x2_t outer = (int16x2_t)step->w, even = __sxtb16(first), odd = ek_odd(first);
        const int16x2_t even2 = __sxtb16(second), odd2 = ek_odd(second);
        a = __smlabb((int32_t)odd, middle, __smlad(even, outer, a));
        b = __smlatb((int32_t)even, middle, __smlad(odd, outer, b));
        c = __smlabb((int32_t)odd2, middle, __smlad(even2, outer, c));
        d = __smlatb((int32_t)even2, middle, __smlad(odd2, outer, d));
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* The same of taps with one between each two. */
static inline void ek_plane_threes_wide(const int8_t *band, const ek_plane_step *step, int32_t count, int32_t bias,
                                   int32_t *sums)
{
    int32_t a = bias, b = bias, c = bias, d = bias;
    for (; count > 0; count--, step++) {
        const int8_t *const x = band + step->at;
        const int32_t first = ek_word(x), second = ek_word(x + 4), lower = step->w, upper = step->other;
        const int16x2_t even = __sxtb16(first), odd = ek_odd(first), even2 = __sxtb16(second), odd2 = ek_odd(second);
        a = __smlabt((int32_t)even2, upper, __smlad(even, (int16x2_t)lower, a));
        b = __smlabt((int32_t)odd2, upper, __smlad(odd, (int16x2_t)lower, b));
        c = __smlatb((int32_t)even, lower, __smlad(even2, (int16x2_t)upper, c));
        d = __smlatb((int32_t)odd, lower, __smlad(odd2, (int16x2_t)upper, d));
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* The same of neighbours, and of positions two elements apart. */
static inline void ek_plane_threes_apart(const int8_t *band, const ek_plane_step *step, int32_t count, int32_t bias,
                                   int32_t *sums)
{
    int32_t a = bias, b = bias, c = bias, d = bias;
    for (; count > 0; count--, step++) {
        const int8_t *const x = band + step->at;
        const int32_t first = ek_word(x), second = ek_word(x + 4), middle = step->other;
        const int16x2_t outer = (int16x2_t)step->w, odd = ek_odd(first), odd2 = ek_odd(second);
        a = __smlabb((int32_t)odd, middle, __smlad(__sxtb16(first), outer, a));
        b = __smlatb((int32_t)odd, middle, __smlad(__sxtb16(ek_word(x + 2)), outer, b));
        c = __smlabb((int32_t)odd2, middle, __smlad(__sxtb16(second), outer, c));
        d = __smlatb((int32_t)odd2, middle, __smlad(__sxtb16(ek_word(x + 6)), outer, d));
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* The same of steps of two taps, of neighbours. */
static inline void ek_plane_twos(const int8_t *band, const ek_plane_step *step, int32_t count, int32_t bias,
                                   int32_t *sums)
{
    int32_t a = bias, b = bias, c = bias, d = bias;
    for (; count > 0; count--, step++) {
        const int32_t first = ek_word(band + step->at), second = ek_word(band + step->other);
        const int16x2_t w = (int16x2_t)step->w, even = __sxtb16(first), odd = ek_odd(first);
        const int16x2_t even2 = __sxtb16(second), odd2 = ek_odd(second);
        a = __smlad(ek_lower_halves(even, even2), w, a);
        b = __smlad(ek_lower_halves(odd, odd2), w, b);
        c = __smlad(ek_upper_halves(even, even2), w, c);
        d = __smlad(ek_upper_halves(odd, odd2), w, d);
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* The same of any number of taps. */
static inline void ek_plane_of(const int8_t *band, const int8_t *w, const ek_plane_taps *t, int32_t bias, int32_t *sums)
{
    int32_t a = bias, b = bias, c = bias, d = bias;
    for (int32_t ky = 0; ky < t->k_h; ky++) {
        const int8_t *const row = band + t->down[ky];
        for (int32_t kx = 0; kx < t->k_w; kx++, w++) {
            const int8_t *const x = row + t->right[kx];
            a += x[0] * *w, b += x[1] * *w, c += x[2] * *w, d += x[3] * *w;
        }
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

/* acc [n] = the sums of n positions, and of those behind them up to a multiple of four. */
static __attribute__((noinline)) void ek_plane_sums(const int8_t *band, const ek_plane_steps *p, int32_t bias, int32_t n,
                                                    int32_t *acc)
{
    const int32_t apart = p->taps->step;
#ifdef __OPTIMIZE__
    if (p->threes == 3 && p->taps->near == 1 && p->step[2].at - p->step[1].at == p->step[1].at - p->step[0].at) {
        ek_plane_nine(band, p, bias, n, acc);
        return;
    }
#endif
    for (; n > 0; n -= 4, band += 4 * apart, acc += 4) {
        if (p->threes > 0 && p->taps->near == 2) {
            ek_plane_threes_wide(band, p->step, p->threes, bias, acc);
        } else if (p->threes > 0 && apart == 1) {
            ek_plane_threes(band, p->step, p->threes, bias, acc);
        } else if (p->threes > 0) {
            ek_plane_threes_apart(band, p->step, p->threes, bias, acc);
        } else if (p->twos > 0) {
            ek_plane_twos(band, p->step, p->twos, bias, acc);
        } else {
            ek_plane_of(band, p->w, p->taps, bias, acc);
        }
    }
}

/* y [n] = the outputs of channel c at positions one after the other. */
#define EK_PLANE_LANES_TO(name, y_type, outputs)                                                                 \
    static __attribute__((noinline)) void name(const int8_t *band, const ek_plane_steps *p, const ek_scales *s,  \
                                               int32_t c, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        int32_t acc[EK_PLANE_SUMS];                                                                              \
        for (; n > 0; n -= EK_PLANE_SUMS, y += EK_PLANE_SUMS, band += EK_PLANE_SUMS * p->taps->step) {           \
            const int32_t count = n < EK_PLANE_SUMS ? n : EK_PLANE_SUMS;                                         \
            ek_plane_sums(band, p, s->bias[c], count, acc);                                                      \
            outputs(acc, s, c, y, count);                                                                        \
        }                                                                                                        \
    }
EK_PLANE_LANES_TO(ek_plane_lanes_s8, int8_t, ek_channel_outputs_s8)
EK_PLANE_LANES_TO(ek_plane_lanes_s16, int16_t, ek_channel_outputs_s16)

#endif
