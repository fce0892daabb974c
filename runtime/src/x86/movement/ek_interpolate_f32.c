/* Interpolation along an axis over ek_vector.h. Along the last one lanes are outputs, picked from two vectors of x, where
 * those hold what a vector of outputs reads; along others they are neighbours in rows of x. */
#include "ek_vector.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_MOST_TAPS 4
#define EK_MOST_VECTORS 64 /* of outputs of the last axis */

/* Where a vector of outputs reads x: `count` floats from `first` on, of which each tap picks some. */
typedef struct {
    int32_t first, count, lanes;
    float w[EK_MOST_TAPS][EK_LANES];
    int32_t picks[EK_MOST_TAPS][EK_LANES];
} ek_reads;

/* y [inner] = the sum of taps of rows of x. */
static void ek_interpolate_row(const float *x, const int32_t *from, const float *w, float *y, int32_t inner, int32_t taps)
{
    for (int32_t i = 0; i < inner; i += EK_LANES) {
        const int32_t n = inner - i;
        ek_v sum = ek_v_mul(ek_v_all(w[0]), ek_v_load_some(x + (ptrdiff_t)from[0] * inner + i, n));
        for (int32_t t = 1; t < taps; t++) {
            const ek_v taken = ek_v_load_some(x + (ptrdiff_t)from[t] * inner + i, n);
            sum = ek_v_add(sum, ek_v_mul(ek_v_all(w[t]), taken));
        }
        ek_v_store_some(y + i, sum, n);
    }
}

/* The reads of outputs from number j on; 0 where two vectors do not hold them. */
static int ek_reads_of(const int32_t *index, const float *weights, int32_t j, int32_t out_n, int32_t taps, ek_reads *r)
{
    int32_t last = index[j * taps];
    r->first = last;
    r->lanes = out_n - j < EK_LANES ? out_n - j : EK_LANES;
    for (int32_t i = j * taps; i < (j + r->lanes) * taps; i++) {
        r->first = index[i] < r->first ? index[i] : r->first;
        last = index[i] > last ? index[i] : last;
    }
    r->count = last + 1 - r->first;
    for (int32_t t = 0; t < taps; t++) {
        for (int32_t i = 0; i < EK_LANES; i++) {
            const int32_t of = (j + (i < r->lanes ? i : 0)) * taps + t;
            r->picks[t][i] = index[of] - r->first;
            r->w[t][i] = weights[of];
        }
    }
    return r->count <= 2 * EK_LANES;
}

/* Those outputs of one row of x. */
EK_INLINE ek_v ek_picked(const float *x, const ek_reads *r, int32_t taps)
{
    const float *const from = x + r->first;
    const ek_v low = ek_v_load_some(from, r->count);
    const ek_v high = r->count > EK_LANES ? ek_v_load_some(from + EK_LANES, r->count - EK_LANES) : ek_v_zero();
    ek_v sum = ek_v_mul(ek_v_load(r->w[0]), ek_v_pick(low, high, ek_picks_load(r->picks[0])));
    for (int32_t t = 1; t < taps; t++) {
        sum = ek_v_add(sum, ek_v_mul(ek_v_load(r->w[t]), ek_v_pick(low, high, ek_picks_load(r->picks[t]))));
    }
    return sum;
}

/* Along the last axis, if it can be picked; says so. */
static int ek_interpolate_last(const float *x, const int32_t *index, const float *weights, float *y, int32_t outer,
                               int32_t in_n, int32_t out_n, int32_t taps)
{
    const int32_t vectors = (out_n + EK_LANES - 1) / EK_LANES;
    ek_reads reads[EK_MOST_VECTORS];
    if (taps > EK_MOST_TAPS || vectors > EK_MOST_VECTORS) {
        return 0;
    }
    for (int32_t v = 0; v < vectors; v++) {
        if (!ek_reads_of(index, weights, v * EK_LANES, out_n, taps, reads + v)) {
            return 0;
        }
    }
    for (int32_t o = 0; o < outer; o++, x += in_n, y += out_n) {
        for (int32_t v = 0; v < vectors; v++) {
            const ek_v sum = taps == 2 ? ek_picked(x, reads + v, 2) : ek_picked(x, reads + v, taps);
            ek_v_store_some(y + v * EK_LANES, sum, reads[v].lanes);
        }
    }
    return 1;
}

void ek_interpolate_f32(const float *restrict x, const int32_t *restrict index, const float *restrict weights,
                        float *restrict y, int32_t outer, int32_t in_n, int32_t out_n, int32_t inner, int32_t taps)
{
    if (inner == 1 && ek_interpolate_last(x, index, weights, y, outer, in_n, out_n, taps)) {
        return;
    }
    for (int32_t o = 0; o < outer; o++, x += (ptrdiff_t)in_n * inner) {
        for (int32_t j = 0; j < out_n; j++, y += inner) {
            ek_interpolate_row(x, index + (ptrdiff_t)j * taps, weights + (ptrdiff_t)j * taps, y, inner, taps);
        }
    }
}
