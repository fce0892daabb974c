/* Helium: sums of the taps of one channel, sixteen positions in four vectors; see runtime/src/tiles. */
#ifndef EK_PLANE_GUARD
#define EK_PLANE_GUARD

#include "ek_tile.h"

#define EK_PLANES_SLACK 32 /* bytes behind a band that may be read */

/* to [rows][n] = x [rows][n], their rows so many elements apart. */
static __attribute__((noinline)) void ek_copy_rows(const int8_t *x, int32_t x_step, int32_t rows, int32_t n, int8_t *to,
                                                   int32_t to_step)
{
    for (; n > 0; n -= 16, x += 16, to += 16) {
        const mve_pred16_t some = vctp8q((uint32_t)n);
        const int8_t *from = x;
        int8_t *put = to;
        for (int32_t r = rows; r > 0; r--, from += x_step, put += to_step) {
            vstrbq_p_s8(put, vldrbq_z_s8(from, some), some);
        }
    }
}

/* The same of every `stride`-th column of x. */
static __attribute__((noinline)) void ek_thin_rows(const int8_t *x, int32_t x_step, int32_t stride, int32_t rows, int32_t n,
                                                   int8_t *to, int32_t to_step)
{
    const uint16x8_t at = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)stride);
    for (; n > 0; n -= 8, x += 8 * stride, to += 8) {
        const mve_pred16_t some = vctp16q((uint32_t)n);
        const int8_t *from = x;
        int8_t *put = to;
        for (int32_t r = rows; r > 0; r--, from += x_step, put += to_step) {
            vstrbq_p_s16(put, vldrbq_gather_offset_z_s16(from, at, some), some);
        }
    }
}

typedef struct {
    int32x4_t a, b, c, d;
} ek_plane_sums;

/* sums += w times 16 elements from x + offset on. One block, so that all stays in registers. */
#define EK_PLANE_MAC(sums, x, offset, w)                                                                        \
    {                                                                                                           \
        int32x4_t first, second;                                                                                \
        __asm__("vldrb.s32 %q[p], [%[at], %[o]]\n\t"                                                            \
                "vldrb.s32 %q[q], [%[at], %[o] + 4]\n\t"                                                        \
                "vmla.s32 %q[a], %q[p], %[tap]\n\t"                                                             \
                "vldrb.s32 %q[p], [%[at], %[o] + 8]\n\t"                                                        \
                "vmla.s32 %q[b], %q[q], %[tap]\n\t"                                                             \
                "vldrb.s32 %q[q], [%[at], %[o] + 12]\n\t"                                                       \
                "vmla.s32 %q[c], %q[p], %[tap]\n\t"                                                             \
                "vmla.s32 %q[d], %q[q], %[tap]"                                                                 \
                : [a] "+w"(sums.a), [b] "+w"(sums.b), [c] "+w"(sums.c), [d] "+w"(sums.d), [p] "=&w"(first),      \
                  [q] "=&w"(second)                                                                             \
                : [at] "l"(x), [o] "i"(offset), [tap] "r"((int32_t)(w)), "m"(*(const int8_t(*)[16 + (offset)])(x))); \
    }

static inline ek_plane_sums ek_plane_of(const int8_t *band, const int8_t *w, const ek_plane_taps *t, int32_t bias)
{
    const int32x4_t start = vdupq_n_s32(bias);
    const int16_t *down = t->down;
    ek_plane_sums sums = {start, start, start, start};
    if (t->near && t->k_w == 3) {
        for (int32_t i = t->k_h; i > 0; i--, w += 3) {
            const int8_t *const row = band + *down++;
            EK_PLANE_MAC(sums, row, 0, w[0])
            EK_PLANE_MAC(sums, row, 1, w[1])
            EK_PLANE_MAC(sums, row, 2, w[2])
        }
        return sums;
    }
    if (t->k_w == 3) {
        const int32_t second = t->right[1], third = t->right[2];
        for (int32_t i = t->k_h; i > 0; i--, w += 3) {
            const int8_t *const row = band + *down++, *const middle = row + second, *const last = row + third;
            EK_PLANE_MAC(sums, row, 0, w[0])
            EK_PLANE_MAC(sums, middle, 0, w[1])
            EK_PLANE_MAC(sums, last, 0, w[2])
        }
        return sums;
    }
    for (int32_t i = t->k_h; i > 0; i--) {
        const int8_t *const row = band + *down++;
        const int16_t *right = t->right;
        for (int32_t j = t->k_w; j > 0; j--) {
            const int8_t *const at = row + *right++;
            EK_PLANE_MAC(sums, at, 0, *w++)
        }
    }
    return sums;
}

/* y [n] = the outputs of channel c at positions one after the other. */
#define EK_PLANE_LANES_TO(name, y_type, store, store_some)                                                       \
    static __attribute__((noinline)) void name(const int8_t *band, const int8_t *w, const ek_plane_taps *t,      \
                                               const ek_scales *s, int32_t c, y_type *y, int32_t n)              \
    {                                                                                                            \
        const ek_plane_taps taps = *t;                                                                           \
        const int32_t bias = s->bias[c];                                                                         \
        const ek_channel one = ek_channel_of(s, c);                                                              \
        for (; n > 0; n -= 16, band += 16, y += 16) {                                                            \
            const ek_plane_sums sums = ek_plane_of(band, w, &taps, bias);                                        \
            if (one.left >= 0) {                                                                                 \
                int32_t acc[16];                                                                                 \
                vst1q_s32(acc, sums.a);                                                                          \
                vst1q_s32(acc + 4, sums.b);                                                                      \
                vst1q_s32(acc + 8, sums.c);                                                                      \
                vst1q_s32(acc + 12, sums.d);                                                                     \
                EK_EACH_OUTPUT(acc, s, c, y, n < 16 ? n : 16)                                                    \
            } else if (n >= 16) {                                                                                \
                store(y, ek_outputs_of(sums.a, &one));                                                           \
                store(y + 4, ek_outputs_of(sums.b, &one));                                                       \
                store(y + 8, ek_outputs_of(sums.c, &one));                                                       \
                store(y + 12, ek_outputs_of(sums.d, &one));                                                      \
            } else {                                                                                             \
                store_some(y, ek_outputs_of(sums.a, &one), vctp32q((uint32_t)n));                                \
                store_some(y + 4, ek_outputs_of(sums.b, &one), n > 4 ? vctp32q((uint32_t)n - 4) : 0);            \
                store_some(y + 8, ek_outputs_of(sums.c, &one), n > 8 ? vctp32q((uint32_t)n - 8) : 0);            \
                store_some(y + 12, ek_outputs_of(sums.d, &one), n > 12 ? vctp32q((uint32_t)n - 12) : 0);         \
            }                                                                                                    \
        }                                                                                                        \
    }
EK_PLANE_LANES_TO(ek_plane_lanes_s8, int8_t, vstrbq_s32, vstrbq_p_s32)
EK_PLANE_LANES_TO(ek_plane_lanes_s16, int16_t, vstrhq_s32, vstrhq_p_s32)

#endif
