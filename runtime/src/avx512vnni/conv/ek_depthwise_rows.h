/* Depthwise 3x3 and 5x5 float convolution with strides of 1 of planes that keep their width. All outputs of a channel are one
 * long row, in which a row of the kernel reads the plane at one offset: each column of the kernel has a sum of its own,
 * which then moves by some lanes, and what it has from beside the plane is left out. So a vector of outputs takes
 * one load for each row of the kernel, and is full however narrow the plane is. */
#ifndef EK_DEPTHWISE_ROWS_GUARD
#define EK_DEPTHWISE_ROWS_GUARD

#include "ek_conv_shape.h"
#include "ek_epilogue_lanes.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_LONG_VECTORS 1024 /* of a plane */
#define EK_LONG_SIZE 5       /* of a kernel, at most */
#define EK_LONG_MOST 2       /* vectors at once */
#define EK_LONG_SHARED 2304  /* outputs of a plane that is near enough to be taken by rows */

/* Of vectors of a plane: lanes whose taps of a column of the kernel, not the middle one, are inside; those whose taps of
 * a row are, which all are in vectors low..high. */
typedef struct {
    __mmask16 columns[EK_LONG_VECTORS + EK_LONG_MOST][EK_LONG_SIZE - 1];
    __mmask16 rows[EK_LONG_VECTORS + EK_LONG_MOST][EK_LONG_SIZE];
    __mmask16 all;
    int32_t n, low, high;
} ek_long_lanes;

static __attribute__((noinline)) void ek_long_lanes_of(const ek_conv_shape *s, int32_t at_once, ek_long_lanes *to)
{
    const __m512i width = _mm512_set1_epi32(s->in_w), step = _mm512_set1_epi32(EK_LANES);
    const int32_t half = s->k_w / 2, plane = s->in_h * s->in_w, down = s->dil_h * s->in_w, above = s->pad_top * s->in_w;
    __m512i column = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    to->all = EK_ALL_IN;
    to->n = s->out_h * s->out_w;
    to->low = (above + EK_LANES - 1) / EK_LANES;
    to->high = (plane + above - (s->k_h - 1) * down) / EK_LANES - at_once;
    for (int32_t v = 0; v * EK_LANES < to->n + at_once * EK_LANES; v++, column = _mm512_add_epi32(column, step)) {
        __mmask16 behind = _mm512_cmpge_epi32_mask(column, width);
        while (behind) {
            column = _mm512_mask_sub_epi32(column, behind, column, width);
            behind = _mm512_cmpge_epi32_mask(column, width);
        }
        for (int32_t i = 0; i < s->k_w - 1; i++) {
            const __m512i ix = _mm512_add_epi32(column, _mm512_set1_epi32(i < half ? i - half : i - half + 1));
            to->columns[v][i] = _mm512_cmplt_epu32_mask(ix, width);
        }
        const int32_t edges = v < to->low + at_once - 1 || v > to->high;
        for (int32_t ky = 0, at = v * EK_LANES - above; ky < s->k_h && edges; ky++, at += down) {
            to->rows[v][ky] = (__mmask16)ek_range_of(ek_min(ek_max(-at, 0), EK_LANES), ek_max(plane - at, 0));
        }
    }
}

/* Those of lanes `from`.. of both that are in. */
EK_INLINE ek_v ek_v_lanes_from(__mmask16 in, ek_v first, ek_v second, int32_t from)
{
    const __m512i low = _mm512_castps_si512(first), high = _mm512_castps_si512(second);
    return _mm512_castsi512_ps(from == 1    ? _mm512_maskz_alignr_epi32(in, high, low, 1)
                               : from == 2  ? _mm512_maskz_alignr_epi32(in, high, low, 2)
                               : from == 14 ? _mm512_maskz_alignr_epi32(in, high, low, 14)
                                            : _mm512_maskz_alignr_epi32(in, high, low, 15));
}

/* A vector of outputs with what the kernel's columns on the right have in the next vector, too. */
EK_INLINE void ek_long_store(ek_v sums, const __mmask16 *in, const ek_v *own, const ek_v *next, int32_t apart, int32_t size,
                             const ek_bounds *bounds, float *y, int32_t n)
{
    for (int32_t kx = size / 2 + 1; kx < size; kx++) {
        sums = ek_v_add(sums, ek_v_lanes_from(in[kx - 1], own[kx], next[kx * apart], kx - size / 2));
    }
    sums = ek_bounded(sums, bounds);
    if (n >= EK_LANES) {
        ek_v_store(y, sums);
    } else {
        ek_v_store_some(y, sums, ek_max(n, 0));
    }
}

/* sums [size][vectors] of the kernel's columns, of which the first row reads x; at `edges` some rows are outside. Loads have
 * a mask everywhere, or else each product would load its operand again. */
EK_INLINE void ek_long_sums(const float *x, ptrdiff_t down, const __mmask16 (*rows)[EK_LONG_SIZE], __mmask16 all,
                            const float *w, const ek_v *taps, ek_v start, int32_t size, int32_t vectors, int edges,
                            ek_v *sums)
{
    for (int32_t i = 0; i < size * vectors; i++) {
        sums[i] = i / vectors == size / 2 ? start : ek_v_zero();
    }
    for (int32_t ky = 0; ky < size; ky++, x += down) {
        ek_v row[EK_LONG_MOST];
        for (int32_t v = 0; v < vectors; v++) {
            row[v] = _mm512_maskz_loadu_ps(edges ? rows[v][ky] : all, x + v * EK_LANES);
        }
        for (int32_t kx = 0; kx < size; kx++) {
            const ek_v tap = taps ? taps[ky * size + kx] : ek_v_all(w[ky * size + kx]);
            for (int32_t v = 0; v < vectors; v++) {
                sums[kx * vectors + v] = ek_v_fma(tap, row[v], sums[kx * vectors + v]);
            }
        }
    }
}

/* One channel. Outputs, whose right neighbours are in the next vector, wait for it. */
EK_INLINE void ek_long_channel(const ek_conv_shape *s, const ek_long_lanes *p, const float *x, const float *w, float bias,
                               const ek_bounds *bounds, float *y, int32_t size, int32_t vectors)
{
    const int32_t half = size / 2, low = p->low, high = p->high, n = p->n;
    const ptrdiff_t down = (ptrdiff_t)s->dil_h * s->in_w;
    const ek_v start = ek_v_all(bias);
    const ek_bounds own = *bounds; /* which stores cannot change */
    ek_v taps[9], last[EK_LONG_SIZE], waits = start;
    const ek_v *const held = size == 3 ? taps : NULL;
    int32_t v = 0;
    for (int32_t t = 0; t < 9 && size == 3; t++) {
        taps[t] = ek_v_all(w[t]);
    }
    for (int32_t kx = 0; kx < size; kx++) {
        last[kx] = start;
    }
    x -= (ptrdiff_t)s->pad_top * s->in_w;
    for (; v * EK_LANES < n; v += vectors) {
        const __mmask16 (*const in)[EK_LONG_SIZE - 1] = p->columns + v;
        ek_v sums[EK_LONG_SIZE * EK_LONG_MOST];
        const float *const from = x + v * EK_LANES;
        if (v < low || v > high) {
            ek_long_sums(from, down, p->rows + v, p->all, w, held, start, size, vectors, 1, sums);
        } else {
            ek_long_sums(from, down, p->rows + v, p->all, w, held, start, size, vectors, 0, sums);
        }
        for (int32_t i = 0; i < vectors; i++) {
            const int32_t before = (v + i - 1) * EK_LANES;
            if (before >= 0) {
                ek_long_store(waits, in[i - 1], last, sums + i, vectors, size, &own, y + before, n - before);
            }
            waits = sums[half * vectors + i];
            for (int32_t kx = 0; kx < half; kx++) {
                const ek_v *const next = sums + kx * vectors + i;
                waits = ek_v_add(waits, ek_v_lanes_from(in[i][kx], last[kx], *next, EK_LANES + kx - half));
            }
            for (int32_t kx = 0; kx < size; kx++) {
                last[kx] = sums[kx * vectors + i];
            }
        }
    }
    v--;
    ek_long_store(waits, p->columns[v], last, last, 1, size, &own, y + v * EK_LANES, n - v * EK_LANES);
}

/* Returns 0 where planes or kernels are others, or vectors nearly fill the rows of a small plane, of which three rows of y
 * then share what is loaded; it does nothing then. */
static int ek_depthwise_rows(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                             const ek_conv_shape *s)
{
    const int32_t n = s->out_h * s->out_w, size = s->k_w, per_group = s->out_c / s->groups;
    const int32_t by_rows = (s->out_w + EK_LANES - 1) / EK_LANES * s->out_h, vectors = (n + EK_LANES - 1) / EK_LANES;
    const int32_t whole = size == 3 && s->dil_h == 1 && n <= EK_LONG_SHARED && 10 * by_rows <= 11 * vectors;
    const ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
    ek_long_lanes lanes;
    if ((size != 3 && size != 5) || s->k_h != size || s->stride_h != 1 || s->stride_w != 1 || s->dil_w != 1
        || s->out_w != s->in_w || s->pad_left != size / 2 || whole || n > EK_LONG_VECTORS * EK_LANES) {
        return 0;
    }
    ek_long_lanes_of(s, size == 3 ? 1 : 2, &lanes);
    for (int32_t o = 0; o < s->out_c; o++) {
        const float *const from = x + (per_group == 1 ? o : o / per_group) * plane;
        const float *const own = w + (ptrdiff_t)o * size * size;
        if (size == 3) {
            ek_long_channel(s, &lanes, from, own, bias ? bias[o] : 0.0f, bounds, y + (ptrdiff_t)o * n, 3, 1);
        } else {
            ek_long_channel(s, &lanes, from, own, bias ? bias[o] : 0.0f, bounds, y + (ptrdiff_t)o * n, 5, 2);
        }
    }
    return 1;
}

#endif
