/* Depthwise float convolution with strides of 1 of planes that keep their width: all outputs of a channel are one long row, in
 * which a tap is the plane itself at an offset, so that vectors are full however narrow the plane is. What a column of taps
 * reads beside the plane, the rows' neighbours, is left out of its sum; rows above and below are 0. */
#ifndef EK_DEPTHWISE_FLAT_GUARD
#define EK_DEPTHWISE_FLAT_GUARD

#include "ek_conv_shape.h"
#include "ek_epilogue_lanes.h"

#define EK_FLAT_WIDEST 32  /* kernel */
#define EK_FLAT_MASKS 4096 /* of columns of taps, each of all vectors */
#define EK_FLAT_VECTORS 4  /* at once */
#define EK_FLAT_ROOM 4096  /* floats of a plane with the rows above and below */
#define EK_FLAT_REACH 256  /* columns of x behind the first of a window */
#define EK_FLAT_SLACK (EK_FLAT_REACH + 2 * EK_LANES)
#define EK_FLAT_CHANNEL 30 /* cycles of a plane beside its products */
#define EK_FLAT_LAY 20     /* those of a row in ek_depthwise_window.h */

/* The masks of columns of taps [k_w] of `vectors` vectors, EK_FLAT_VECTORS of them side by side. */
static void ek_flat_masks(const ek_conv_shape *s, int32_t vectors, __mmask16 *in)
{
    const __m512i width = _mm512_set1_epi32(s->in_w), step = _mm512_set1_epi32(EK_LANES);
    __m512i column = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int32_t v = 0; v < vectors; v++, column = _mm512_add_epi32(column, step)) {
        __mmask16 *const to = in + v / EK_FLAT_VECTORS * s->k_w * EK_FLAT_VECTORS + v % EK_FLAT_VECTORS;
        __mmask16 behind = _mm512_cmpge_epi32_mask(column, width);
        while (behind) {
            column = _mm512_mask_sub_epi32(column, behind, column, width);
            behind = _mm512_cmpge_epi32_mask(column, width);
        }
        for (int32_t kx = 0; kx < s->k_w; kx++) {
            const __m512i ix = _mm512_add_epi32(column, _mm512_set1_epi32(kx * s->dil_w - s->pad_left));
            to[kx * EK_FLAT_VECTORS] = _mm512_cmplt_epu32_mask(ix, width);
        }
    }
}

/* `vectors` vectors of one channel, of which n outputs are left; x is the first tap's, y the first output's. */
static inline __attribute__((always_inline)) void ek_flat_vectors(const ek_conv_shape *s, const __mmask16 *in, const float *x,
                                                                  const float *w, float start, const ek_bounds *bounds,
                                                                  float *y, int32_t n, int32_t vectors, int32_t k_h)
{
    const ptrdiff_t down = (ptrdiff_t)s->dil_h * s->in_w;
    ek_v sums[EK_FLAT_VECTORS], column[EK_FLAT_VECTORS];
    for (int32_t v = 0; v < vectors; v++) {
        sums[v] = ek_v_all(start);
    }
    for (int32_t kx = 0; kx < s->k_w; kx++, in += EK_FLAT_VECTORS, x += s->dil_w, w++) {
        for (int32_t v = 0; v < vectors; v++) {
            column[v] = ek_v_mul(ek_v_all(w[0]), ek_v_load(x + v * EK_LANES));
        }
        for (int32_t ky = 1; ky < k_h; ky++) {
            for (int32_t v = 0; v < vectors; v++) {
                column[v] = ek_v_fma(ek_v_all(w[ky * s->k_w]), ek_v_load(x + ky * down + v * EK_LANES), column[v]);
            }
        }
        for (int32_t v = 0; v < vectors; v++) {
            sums[v] = _mm512_mask_add_ps(sums[v], in[v], sums[v], column[v]);
        }
    }
    for (int32_t v = 0; v < vectors; v++) {
        ek_v_store_some(y + v * EK_LANES, ek_bounded(sums[v], bounds), n - v * EK_LANES);
    }
}

/* All outputs of one channel, whose first tap reads x. */
static inline __attribute__((always_inline)) void ek_flat_channel(const ek_conv_shape *s, const __mmask16 *in, const float *x,
                                                                  const float *w, float start, const ek_bounds *bounds,
                                                                  float *y, int32_t k_h)
{
    const int32_t n = s->out_h * s->out_w;
    for (int32_t at = 0; at < n; at += EK_FLAT_VECTORS * EK_LANES, in += s->k_w * EK_FLAT_VECTORS) {
        switch ((n - at + EK_LANES - 1) / EK_LANES) {
        case 1: ek_flat_vectors(s, in, x + at, w, start, bounds, y + at, n - at, 1, k_h); break;
        case 2: ek_flat_vectors(s, in, x + at, w, start, bounds, y + at, n - at, 2, k_h); break;
        case 3: ek_flat_vectors(s, in, x + at, w, start, bounds, y + at, n - at, 3, k_h); break;
        default: ek_flat_vectors(s, in, x + at, w, start, bounds, y + at, n - at, 4, k_h); break;
        }
    }
}

/* Whether it takes less time than rows by themselves, of which each is laid out and takes whole vectors. A load takes two
 * cycles here, and a product one there. */
static int ek_flat_pays(const ek_conv_shape *s)
{
    const int32_t taps = s->k_h * s->k_w, vectors = (s->out_h * s->out_w + EK_LANES - 1) / EK_LANES;
    const int32_t rows = ek_max(s->in_h + s->pad_top, s->out_h + (s->k_h - 1) * s->dil_h);
    const int32_t wide = (s->out_w + EK_LANES - 1) / EK_LANES, near = s->dil_h == 1 && s->dil_w == 1;
    const int32_t square = s->k_h == 3 && s->k_w == 3 && near, laid = EK_FLAT_LAY * ((wide + 1) / 2) + taps * wide * 5 / 4;
    const int32_t row = square ? 12 * wide : s->k_h == 1 ? (taps + 24) * wide : laid;
    if (s->stride_h != 1 || s->stride_w != 1 || s->out_w != s->in_w || s->k_w > EK_FLAT_WIDEST
        || (s->k_w - 1) * s->dil_w > EK_FLAT_REACH || s->pad_left > EK_FLAT_REACH || rows * s->in_w > EK_FLAT_ROOM
        || (vectors + EK_FLAT_VECTORS) * s->k_w > EK_FLAT_MASKS) {
        return 0;
    }
    return (2 * taps + 10) * vectors + EK_FLAT_CHANNEL < row * s->out_h;
}

/* Room for a plane with its rows above and below: what is read before and behind the plane is 0. */
static float *ek_flat_room(const ek_conv_shape *s, float *room)
{
    float *const own = room + EK_FLAT_SLACK, *const plane = own + s->pad_top * s->in_w;
    float *const behind = plane + s->in_h * s->in_w;
    float *const end = own + (s->out_h + (s->k_h - 1) * s->dil_h) * s->in_w + EK_FLAT_REACH + EK_LANES;
    memset(own - s->pad_left, 0, (size_t)(plane - own + s->pad_left) * sizeof(float));
    memset(behind, 0, (size_t)ek_max((int32_t)(end - behind), 0) * sizeof(float));
    return own;
}

/* Returns 0 where planes are others, or so wide that rows by themselves fill vectors; it does nothing then. */
static int ek_depthwise_flat(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                             const ek_conv_shape *s)
{
    const int32_t plane = s->in_h * s->in_w, n = s->out_h * s->out_w, per_group = s->out_c / s->groups;
    __mmask16 in[EK_FLAT_MASKS];
    float room[2][EK_FLAT_ROOM + 2 * EK_FLAT_SLACK];
    if (!ek_flat_pays(s)) {
        return 0;
    }
    ek_flat_masks(s, (n + EK_LANES - 1) / EK_LANES, in);
    for (int32_t o = 0; o < s->out_c; o++, y += n, w += s->k_h * s->k_w) { /* one is stored while the other is read */
        float *const own = o < 2 ? ek_flat_room(s, room[o]) : room[o & 1] + EK_FLAT_SLACK;
        const float *const from = x + (ptrdiff_t)(per_group == 1 ? o : o / per_group) * plane;
        const float *const first = own - s->pad_left;
        const float start = bias ? bias[o] : 0.0f;
        for (int32_t i = 0; i < plane; i += EK_LANES) {
            ek_v_store_some(own + s->pad_top * s->in_w + i, ek_v_load_some(from + i, plane - i), plane - i);
        }
        switch (s->k_h) {
        case 1: ek_flat_channel(s, in, first, w, start, bounds, y, 1); break;
        case 3: ek_flat_channel(s, in, first, w, start, bounds, y, 3); break;
        case 5: ek_flat_channel(s, in, first, w, start, bounds, y, 5); break;
        default: ek_flat_channel(s, in, first, w, start, bounds, y, s->k_h); break;
        }
    }
    return 1;
}

#endif
