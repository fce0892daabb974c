/* Planes of EK_T as ek_conv_bands.h lays them out, in which a tap of all outputs of a band is one long row. */
#include "ek_conv_bands.h"

#define EK_POOL_LANES 512
#define EK_POOL_BESIDE 8 /* sums in flight */
#ifndef EK_WITH
#define EK_WITH nothing
#define EK_WITH_VALUE 0
#else
#define EK_WITH_VALUE EK_WITH
#endif

#ifdef EK_ADD_V
/* acc = all taps of `vectors` vectors of floats, in their order, with the sums in registers. */
static inline __attribute__((always_inline)) void ek_pool_vectors(const float *x, const int32_t *offset, int32_t taps,
                                                                  int32_t vectors, float *acc)
{
    ek_v sum[4];
    for (int32_t v = 0; v < vectors; v++) {
        sum[v] = ek_v_all(EK_START);
    }
    for (int32_t t = 0; t < taps; t++) {
        for (int32_t v = 0; v < vectors; v++) {
            sum[v] = EK_ADD_V(sum[v], ek_v_load(x + offset[t] + v * EK_LANES));
        }
    }
    for (int32_t v = 0; v < vectors; v++) {
        ek_v_store(acc + v * EK_LANES, sum[v]);
    }
}

/* acc [n] = all taps, each at its offset behind x; up to a vector behind them is read and written. */
static void ek_pool_taps(const float *x, const int32_t *offset, int32_t taps, int32_t nothing, int32_t n, float *acc)
{
    int32_t at = 0;
    (void)nothing;
    for (; at + 4 * EK_LANES <= n; at += 4 * EK_LANES) {
        ek_pool_vectors(x + at, offset, taps, 4, acc + at);
    }
    for (; at < n; at += EK_LANES) {
        ek_pool_vectors(x + at, offset, taps, 1, acc + at);
    }
}
#else
/* acc [n] += some taps, each at its offset behind x: loops of a constant length unroll, and the one over n becomes
 * vectors. */
#define EK_POOL_TAPS(taps)                                                                                           \
    static __attribute__((noinline)) void ek_pool_taps_##taps(const EK_T *restrict x, const int32_t *restrict offset, \
                                                              int32_t EK_WITH, int32_t n, EK_ACC *restrict acc)      \
    {                                                                                                                \
        (void)EK_WITH;                                                                                               \
        for (int32_t j = 0; j < n; j++) {                                                                            \
            EK_ACC sum = acc[j];                                                                                     \
            for (int32_t t = 0; t < taps; t++) {                                                                     \
                sum = EK_ADD(sum, x[offset[t] + j]);                                                                 \
            }                                                                                                        \
            acc[j] = sum;                                                                                            \
        }                                                                                                            \
    }
EK_POOL_TAPS(1)
EK_POOL_TAPS(4)
EK_POOL_TAPS(9)

/* acc [n] = all taps, in their order. */
static void ek_pool_taps(const EK_T *x, const int32_t *offset, int32_t taps, int32_t EK_WITH, int32_t n, EK_ACC *acc)
{
    int32_t t = 0;
    for (int32_t j = 0; j < n; j++) {
        acc[j] = EK_START;
    }
    for (; t + 9 <= taps; t += 9) {
        ek_pool_taps_9(x, offset + t, EK_WITH, n, acc);
    }
    for (; t + 4 <= taps; t += 4) {
        ek_pool_taps_4(x, offset + t, EK_WITH, n, acc);
    }
    for (; t < taps; t++) {
        ek_pool_taps_1(x, offset + t, EK_WITH, n, acc);
    }
}
#endif

/* to [rows][width] = rows of a channel by the strides, the first at (iy, ix); `outside` elsewhere. */
static inline void ek_pool_plane(const EK_T *restrict x, const ek_conv_shape *s, int32_t iy, int32_t ix, int32_t rows,
                                 int32_t width, EK_T outside, EK_T *restrict to)
{
    const int32_t stride = s->stride_w, lo = ek_min(ek_first(-ix, stride), width);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - ix, stride), width), lo);
    for (int32_t h = 0; h < rows; h++, iy += s->stride_h, to += width) {
        const EK_T *const row = x + (ptrdiff_t)iy * s->in_w + ix;
        const int32_t from = iy >= 0 && iy < s->in_h ? lo : width, end = iy >= 0 && iy < s->in_h ? hi : width;
        for (int32_t j = 0; j < from; j++) {
            to[j] = outside;
        }
        if (stride == 1 && from < end) {
            memcpy(to + from, row + from, (size_t)(end - from) * sizeof(EK_T));
        }
        for (int32_t j = from; stride == 2 && j < end; j++) {
            to[j] = row[2 * j];
        }
        for (int32_t j = from; stride > 2 && j < end; j++) {
            to[j] = row[j * stride];
        }
        for (int32_t j = end; j < width; j++) {
            to[j] = outside;
        }
    }
}

/* The planes of one channel for the band with output (oy, ox) first. */
static inline void ek_pool_fill(const EK_T *x, const ek_conv_shape *s, const ek_bands *b, int32_t oy, int32_t ox,
                                EK_T outside, EK_T *band)
{
    for (int32_t i = 0; i < s->stride_h; i++) {
        for (int32_t j = 0; j < s->stride_w; j++) {
            if (b->down[i] >= 0 && b->right[j] >= 0) {
                ek_pool_plane(x, s, oy * s->stride_h - s->pad_top + i, ox * s->stride_w - s->pad_left + j, b->height,
                              b->pitch, outside, band);
                band += b->height * b->pitch;
            }
        }
    }
}

#if defined(EK_POOL_MAX) || defined(EK_POOL_SUM)
#include "ek_pool_rows.h"
#endif
