/* Pooling of integers over EK_T: the rows of x beneath a row of outputs are joined first, element by element, then the
 * columns. Sums of int8 have 16 bits; each x has x_zero less. */
#include "ek_outputs.h"

#define EK_INLINE static inline __attribute__((always_inline))
#define EK_POOL_ROW 1024  /* elements of x beneath a row of outputs */
#define EK_POOL_ROOM 4096 /* of such rows together */
#define EK_POOL_NARROW 4  /* output below which lanes would idle */
#ifdef EK_POOL_SUM
typedef int16_t ek_pool_e;
#define EK_POOL_TAKEN (sizeof(EK_T) == 1)
#define EK_POOL_MOST 128 /* taps whose sum fits */
#define EK_POOL_ZERO x_zero
#else
typedef EK_T ek_pool_e;
#define EK_POOL_TAKEN 1
#define EK_POOL_MOST INT32_MAX
#define EK_POOL_ZERO 0
#endif
#define EK_POOL_E (32 / (int32_t)sizeof(ek_pool_e)) /* of a vector */

static inline int ek_pool_by_lines(const ek_conv_shape *s)
{
    return EK_POOL_TAKEN && s->out_w >= EK_POOL_NARROW && s->k_h * s->k_w <= EK_POOL_MOST
           && (s->k_w - 1) * s->dil_w < EK_POOL_ROW / 2 && s->stride_w <= EK_POOL_ROW / 8;
}

EK_INLINE __m256i ek_pool_joined(__m256i a, __m256i b)
{
#ifdef EK_POOL_SUM
    return _mm256_add_epi16(a, b);
#else
    return sizeof(EK_T) == 1 ? _mm256_max_epi8(a, b) : _mm256_max_epi16(a, b);
#endif
}

/* A whole vector, a half or a quarter of elements from x on. */
EK_INLINE __m256i ek_pool_load(const EK_T *x, int32_t elements)
{
    const void *const at = x;
    const size_t bytes = (size_t)elements * sizeof(EK_T);
    int32_t four = 0;
    memcpy(&four, at, 4);
#ifdef EK_POOL_SUM
    return _mm256_cvtepi8_epi16(bytes == 16  ? _mm_loadu_si128((const __m128i *)at)
                                : bytes == 8 ? _mm_loadl_epi64((const __m128i *)at)
                                             : _mm_cvtsi32_si128(four));
#else
    return bytes == 32 ? _mm256_loadu_si256((const __m256i *)at)
                       : _mm256_castsi128_si256(bytes == 16 ? _mm_loadu_si128((const __m128i *)at)
                                                            : _mm_loadl_epi64((const __m128i *)at));
#endif
}

/* to [elements] = the rows from x on, `step` apart, joined. */
EK_INLINE void ek_pool_down(const EK_T *x, ptrdiff_t step, int32_t rows, int32_t elements, __m256i less, ek_pool_e *to)
{
    __m256i acc = ek_pool_load(x, elements);
    for (int32_t r = 1; r < rows; r++) {
        acc = ek_pool_joined(acc, ek_pool_load(x + r * step, elements));
    }
#ifdef EK_POOL_SUM
    acc = _mm256_sub_epi16(acc, less);
#else
    (void)less;
#endif
    if (elements == EK_POOL_E) {
        _mm256_storeu_si256((__m256i *)(void *)to, acc);
    } else if (elements == EK_POOL_E / 2) {
        _mm_storeu_si128((__m128i *)(void *)to, _mm256_castsi256_si128(acc));
    } else {
        _mm_storel_epi64((__m128i *)(void *)to, _mm256_castsi256_si128(acc));
    }
}

/* The same of n elements, where the last vector overlaps the one before. */
EK_INLINE void ek_pool_rows_of(const EK_T *x, ptrdiff_t step, int32_t rows, int32_t x_zero, int32_t n, ek_pool_e *to)
{
    const __m256i less = _mm256_set1_epi16((int16_t)(rows * x_zero));
    const int32_t half = EK_POOL_E / 2, quarter = EK_POOL_E / 4;
    int32_t j = 0;
    for (; n >= EK_POOL_E && j < n; j += EK_POOL_E) {
        const int32_t at = ek_min(j, n - EK_POOL_E);
        ek_pool_down(x + at, step, rows, EK_POOL_E, less, to + at);
    }
    if (j < n && n >= half) {
        ek_pool_down(x, step, rows, half, less, to);
        ek_pool_down(x + n - half, step, rows, half, less, to + n - half);
    } else if (j < n && n >= quarter) {
        ek_pool_down(x, step, rows, quarter, less, to);
        ek_pool_down(x + n - quarter, step, rows, quarter, less, to + n - quarter);
    } else {
        for (; j < n; j++) {
            int32_t acc = x[j];
            for (int32_t r = 1; r < rows; r++) {
#ifdef EK_POOL_SUM
                acc += x[r * step + j];
#else
                acc = ek_max(acc, x[r * step + j]);
#endif
            }
#ifdef EK_POOL_SUM
            acc -= rows * x_zero;
#endif
            to[j] = (ek_pool_e)acc;
        }
    }
}

/* The same, of which few rows unroll; nothing where there are none. */
static void ek_pool_beneath(const EK_T *x, ptrdiff_t step, int32_t rows, int32_t x_zero, int32_t n, ek_pool_e *to)
{
    if (rows <= 0) {
        memset(to, EK_START, (size_t)n * sizeof(ek_pool_e));
    } else if (rows == 2) {
        ek_pool_rows_of(x, step, 2, x_zero, n, to);
    } else if (rows == 3) {
        ek_pool_rows_of(x, step, 3, x_zero, n, to);
    } else {
        ek_pool_rows_of(x, step, rows, x_zero, n, to);
    }
}

EK_INLINE __m256i ek_pool_beside(const ek_pool_e *row, int32_t taps, int32_t dil)
{
    __m256i acc = _mm256_loadu_si256((const __m256i *)(const void *)row);
    for (int32_t t = 1; t < taps; t++) {
        acc = ek_pool_joined(acc, _mm256_loadu_si256((const __m256i *)(const void *)(row + t * dil)));
    }
    return acc;
}

/* Every second element of two vectors. */
EK_INLINE __m256i ek_pool_even(__m256i a, __m256i b)
{
    if (sizeof(ek_pool_e) == 1) {
        const __m256i low = _mm256_set1_epi16(255);
        return _mm256_permute4x64_epi64(_mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low)), 0xd8);
    }
    a = _mm256_srai_epi32(_mm256_slli_epi32(a, 16), 16);
    b = _mm256_srai_epi32(_mm256_slli_epi32(b, 16), 16);
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
}

/* to [n], and up to a vector behind, = the columns of each window joined. */
EK_INLINE void ek_pool_columns_of(const ek_pool_e *row, int32_t taps, int32_t dil, int32_t stride, int32_t n, ek_pool_e *to)
{
    for (int32_t j = 0; j < n; j += EK_POOL_E) {
        __m256i v;
        if (stride == 1) {
            v = ek_pool_beside(row + j, taps, dil);
        } else if (stride == 2) {
            v = ek_pool_even(ek_pool_beside(row + 2 * j, taps, dil), ek_pool_beside(row + 2 * j + EK_POOL_E, taps, dil));
        } else {
            ek_pool_e few[EK_POOL_E];
            for (int32_t i = 0; i < EK_POOL_E; i++) {
                const ek_pool_e *const at = row + (ptrdiff_t)ek_min(j + i, n - 1) * stride;
                int32_t acc = at[0];
                for (int32_t t = 1; t < taps; t++) {
#ifdef EK_POOL_SUM
                    acc += at[t * dil];
#else
                    acc = ek_max(acc, at[t * dil]);
#endif
                }
                few[i] = (ek_pool_e)acc;
            }
            v = _mm256_loadu_si256((const __m256i *)(const void *)few);
        }
        _mm256_storeu_si256((__m256i *)(void *)(to + j), v);
    }
}

/* The same, of which small kernels unroll. */
static void ek_pool_columns(const ek_pool_e *row, int32_t taps, int32_t dil, int32_t stride, int32_t n, ek_pool_e *to)
{
    if (taps == 2 && stride == 2 && dil == 1) {
        ek_pool_columns_of(row, 2, 1, 2, n, to);
    } else if (taps == 3 && stride == 2 && dil == 1) {
        ek_pool_columns_of(row, 3, 1, 2, n, to);
    } else if (taps == 3 && stride == 1 && dil == 1) {
        ek_pool_columns_of(row, 3, 1, 1, n, to);
    } else if (stride == 1) {
        ek_pool_columns_of(row, taps, dil, 1, n, to);
    } else if (stride == 2) {
        ek_pool_columns_of(row, taps, dil, 2, n, to);
    } else {
        ek_pool_columns_of(row, taps, dil, stride, n, to);
    }
}

#ifdef EK_POOL_SUM
/* The taps of output `o` along an axis that count. */
#define EK_POOL_TAPS_OF(o, stride, pad, dil, k, size, behind)                                        \
    (ek_end_tap((o) * (stride) - (pad), dil, k, include_pad ? (size) + (behind) : (size))            \
     - (include_pad ? 0 : ek_first_tap((o) * (stride) - (pad), dil)))

/* y [n] = means of sums, by factor 0, or with `each` by their own; y has `room`. */
static void ek_pool_means(const int16_t *sums, const int32_t *mult, const uint8_t *shift, int32_t each, int32_t y_zero,
                          int32_t y_min, int32_t y_max, int8_t *y, int32_t n, ptrdiff_t room)
{
    const ek_i zero = ek_i_all(y_zero), least = ek_i_all(y_min), most = ek_i_all(y_max);
    for (int32_t j = 0; j < n; j += EK_WIDTH) {
        const ek_i m = ek_i_load_s32(mult + each * j, EK_WIDTH), s = ek_i_load_u8(shift + each * j, EK_WIDTH);
        const ek_i q = ek_i_requantize(ek_i_load_s16(sums + j, EK_WIDTH), m, s);
        const int32_t some = room >= j + EK_WIDTH ? EK_WIDTH : n - j;
        ek_i_store_s8(y + j, ek_i_clamp(ek_i_add(q, zero), least, most), some);
    }
}
#endif
