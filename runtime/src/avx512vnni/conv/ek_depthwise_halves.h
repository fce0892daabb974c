/* Depthwise 3x3 and 5x5 float convolution with strides of 2, padded by half of the kernel. Of each row of x the even and the
 * odd columns are put apart once, for all rows of y that take it. What the kernel's columns on the left and on the right
 * give is summed apart and moves by a lane behind the last row. */
#ifndef EK_DEPTHWISE_HALVES_GUARD
#define EK_DEPTHWISE_HALVES_GUARD

#include "ek_conv_shape.h"
#include "ek_epilogue_lanes.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_HALVES_SIZE 5   /* of a kernel, at most */
#define EK_HALVES_ROWS 256 /* of y */

/* The even and the odd columns of row iy, of which those of both vectors that are inside are read. */
EK_INLINE void ek_halves_row(const float *x, const ek_conv_shape *s, int32_t iy, const __mmask16 *in, ek_v *even, ek_v *odd)
{
    if (iy >= 0 && iy < s->in_h) {
        const float *const row = x + (ptrdiff_t)iy * s->in_w;
        const ek_v first = _mm512_maskz_loadu_ps(in[0], row), second = _mm512_maskz_loadu_ps(in[1], row + EK_LANES);
        *even = ek_v_even(first, second);
        *odd = ek_v_odd(first, second);
    } else {
        *even = *odd = ek_v_zero();
    }
}

/* Lanes `from`.. of both. */
EK_INLINE ek_v ek_halves_lanes(ek_v first, ek_v second, int32_t from)
{
    const __m512i low = _mm512_castps_si512(first), high = _mm512_castps_si512(second);
    return _mm512_castsi512_ps(from == 1 ? _mm512_alignr_epi32(high, low, 1) : _mm512_alignr_epi32(high, low, 15));
}

/* n columns of a channel's rows. `left` [out_h] holds the sums for the next column of those before, and gets those of these. */
EK_INLINE void ek_halves_columns(const float *x, const ek_conv_shape *s, const __mmask16 *in, const float *w, float bias,
                                 const ek_bounds *bounds, float *y, int32_t n, ek_v *left, int32_t size)
{
    const int32_t half = size / 2, rows = s->out_h, across = s->out_w;
    const ek_v start = ek_v_all(bias), zero = ek_v_zero();
    const ek_bounds own = *bounds; /* which stores cannot change */
    ek_v even[EK_HALVES_SIZE], odd[EK_HALVES_SIZE], taps[9];
    for (int32_t t = 0; t < 9 && size == 3; t++) {
        taps[t] = ek_v_all(w[t]);
    }
    for (int32_t ky = 2; ky < size; ky++) {
        ek_halves_row(x, s, ky - 2 - half, in, even + ky, odd + ky);
    }
    for (int32_t oy = 0; oy < rows; oy++, y += across) {
        ek_v next = zero, sums = start, last = zero; /* for the column on the right, for the own one and that on the left */
        for (int32_t ky = 0; ky < size; ky++) {
            if (ky < size - 2) {
                even[ky] = even[ky + 2];
                odd[ky] = odd[ky + 2];
            } else {
                ek_halves_row(x, s, 2 * oy + ky - half, in, even + ky, odd + ky);
            }
            for (int32_t kx = 0; kx < size; kx++) {
                const ek_v tap = size == 3 ? taps[ky * size + kx] : ek_v_all(w[ky * size + kx]);
                ek_v *const sum = kx < half ? &next : kx < half + 2 ? &sums : &last;
                *sum = ek_v_fma(tap, (kx + half) % 2 ? odd[ky] : even[ky], *sum);
            }
        }
        sums = ek_v_add(sums, ek_halves_lanes(left[oy], next, EK_LANES - 1));
        left[oy] = next;
        if (size > 3) {
            sums = ek_v_add(sums, ek_halves_lanes(last, zero, 1));
        }
        ek_v_store_some(y, ek_bounded(sums, &own), n);
    }
}

/* Returns 0 where kernels, their strides or the rows are others, and does nothing then. */
static int ek_depthwise_by_halves(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                                  const ek_conv_shape *s)
{
    const int32_t size = s->k_w, per_group = s->out_c / s->groups;
    const int32_t square = s->k_h == size && s->stride_h == 2 && s->stride_w == 2 && s->dil_h == 1 && s->dil_w == 1;
    const int32_t one = s->out_w <= EK_LANES && s->in_w <= 2 * EK_LANES; /* what the next vector gives would be missing */
    ek_v left[EK_HALVES_ROWS];
    if (!square || (size != 3 && (size != 5 || !one)) || s->pad_top != size / 2 || s->pad_left != size / 2
        || s->out_h > EK_HALVES_ROWS) {
        return 0;
    }
    for (int32_t o = 0; o < s->out_c; o++) {
        const float *const from = x + (ptrdiff_t)(per_group == 1 ? o : o / per_group) * s->in_h * s->in_w;
        const float *const own = w + (ptrdiff_t)o * size * size;
        const float start = bias ? bias[o] : 0.0f;
        for (int32_t oy = 0; oy < s->out_h; oy++) {
            left[oy] = ek_v_zero();
        }
        for (int32_t ox = 0; ox < s->out_w; ox += EK_LANES) {
            const int32_t inside = s->in_w - 2 * ox, n = ek_min(EK_LANES, s->out_w - ox);
            const __mmask16 in[2] = {ek_first_lanes(ek_max(inside, 0)), ek_first_lanes(ek_max(inside - EK_LANES, 0))};
            float *const to = y + (ptrdiff_t)o * s->out_h * s->out_w + ox;
            if (size == 3) {
                ek_halves_columns(from + 2 * ox, s, in, own, start, bounds, to, n, left, 3);
            } else {
                ek_halves_columns(from + 2 * ox, s, in, own, start, bounds, to, n, left, 5);
            }
        }
    }
    return 1;
}

#endif
