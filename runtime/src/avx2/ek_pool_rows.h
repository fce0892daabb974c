/* Pooling of floats with neighbouring outputs of a row as lanes. The maxima or sums along each row of x come first, which
 * windows below each other share. Of integers see ek_pool_ints.h. */
#ifdef EK_ADD_V

#define EK_POOL_KEPT 64   /* rows of x whose maxima or sums are kept */
#define EK_POOL_WIDEST 16 /* kernel */
#define EK_POOL_NARROW 6  /* output below which lanes would idle */

/* A tap of some outputs: which lanes are inside, what the others have, and where the first lies in its row. */
typedef struct {
    ek_range in;
    ek_v outside;
    int32_t base;
} ek_pool_tap;

/* The taps of a row of n outputs; whether all lanes of all are inside. */
typedef struct {
    ek_pool_tap taps[EK_POOL_WIDEST];
    int32_t n, whole;
} ek_pool_block;

static inline int ek_pool_by_rows(const ek_conv_shape *s)
{
    return s->out_w >= EK_POOL_NARROW && s->stride_w <= 2 && s->k_w <= EK_POOL_WIDEST && s->stride_h <= s->k_h
           && (s->k_h - 1) * s->dil_h < EK_POOL_KEPT;
}

/* The block of outputs from ox on. */
static inline void ek_pool_block_at(const ek_conv_shape *s, int32_t ox, ek_pool_block *block)
{
    const int32_t n = ek_min(EK_LANES, s->out_w - ox), left = ox * s->stride_w - s->pad_left;
    const __m256 start = _mm256_set1_ps(EK_START);
    block->n = n;
    block->whole = n == EK_LANES && left >= 0 && left + 7 * s->stride_w + (s->k_w - 1) * s->dil_w < s->in_w;
    for (int32_t kx = 0; kx < s->k_w; kx++) {
        block->taps[kx].base = left + kx * s->dil_w;
    }
    for (int32_t kx = 0; !block->whole && kx < s->k_w; kx++) {
        ek_pool_tap *const tap = block->taps + kx;
        const int32_t lo = ek_min(ek_first(-tap->base, s->stride_w), n);
        const int32_t hi = ek_max(ek_min(ek_first(s->in_w - tap->base, s->stride_w), n), lo);
        tap->in = s->stride_w == 1 ? ek_range_of(lo, hi) : ek_even_range_of(lo, hi);
        tap->outside = _mm256_andnot_ps(_mm256_castsi256_ps(ek_lanes_between(lo, hi)), start);
    }
}

static inline ek_v ek_pool_taken(const float *row, const ek_pool_tap *tap, int32_t stride, int32_t whole)
{
    const float *const x = row + tap->base;
    if (whole) {
        return stride == 1 ? ek_v_load(x) : ek_v_load_even(x);
    }
    return _mm256_or_ps(stride == 1 ? ek_v_load_in(x, tap->in) : ek_v_load_even_in(x, tap->in), tap->outside);
}

/* All taps of a row of x; `pairs`: two beside each other are read together. */
static inline __attribute__((always_inline)) ek_v ek_pool_beside(const float *row, const ek_pool_block *block, int32_t k_w,
                                                                 int32_t stride, int32_t whole, int32_t pairs)
{
    ek_v acc = ek_v_all(EK_START);
    int32_t kx = 0;
    for (; pairs && kx + 2 <= k_w; kx += 2) {
        const ek_v a = ek_v_load(row + block->taps[kx].base), b = ek_v_load(row + block->taps[kx].base + EK_LANES);
        acc = EK_ADD_V(EK_ADD_V(acc, ek_v_even(a, b)), ek_v_odd(a, b));
    }
    for (; kx < k_w; kx++) {
        acc = EK_ADD_V(acc, ek_pool_taken(row, block->taps + kx, stride, whole));
    }
    return acc;
}

/* kept [count] = all taps of rows iy.. of x; those outside have none. */
static inline __attribute__((always_inline)) void ek_pool_keep(const float *x, const ek_conv_shape *s,
                                                               const ek_pool_block *block, int32_t k_w, int32_t stride,
                                                               int32_t whole, int32_t pairs, int32_t iy, int32_t count,
                                                               ek_v *kept)
{
    for (int32_t r = 0; r < count; r++, iy++) {
        kept[r] = iy < 0 || iy >= s->in_h
                      ? ek_v_all(EK_START)
                      : ek_pool_beside(x + (ptrdiff_t)iy * s->in_w, block, k_w, stride, whole, pairs);
    }
}

/* The same, of which small kernels unroll. */
static void ek_pool_keep_rows(const float *x, const ek_conv_shape *s, const ek_pool_block *block, int32_t iy,
                              int32_t count, ek_v *kept)
{
    const int32_t stride = s->stride_w, k_w = s->k_w;
    if (!block->whole && k_w == 3) {
        ek_pool_keep(x, s, block, 3, stride, 0, 0, iy, count, kept);
    } else if (!block->whole) {
        ek_pool_keep(x, s, block, k_w, stride, 0, 0, iy, count, kept);
    } else if (k_w == 3 && stride == 1) {
        ek_pool_keep(x, s, block, 3, 1, 1, 0, iy, count, kept);
    } else if (k_w == 3 && s->dil_w == 1) {
        ek_pool_keep(x, s, block, 3, 2, 1, 1, iy, count, kept);
    } else if (k_w == 2 && stride == 1) {
        ek_pool_keep(x, s, block, 2, 1, 1, 0, iy, count, kept);
    } else if (k_w == 2 && s->dil_w == 1) {
        ek_pool_keep(x, s, block, 2, 2, 1, 1, iy, count, kept);
    } else {
        ek_pool_keep(x, s, block, k_w, stride, 1, stride == 2 && s->dil_w == 1, iy, count, kept);
    }
}

/* All taps of windows whose first row of x is kept [0]. */
static inline ek_v ek_pool_window(const ek_conv_shape *s, const ek_v *kept)
{
    ek_v acc = kept[0];
    for (int32_t ky = 1; ky < s->k_h; ky++) {
        acc = EK_ADD_V(acc, kept[ky * s->dil_h]);
    }
    return acc;
}

#else
#include "ek_pool_ints.h"
#endif
