/* Vectors of AVX2 with FMA. */
#ifndef EK_VECTOR_GUARD
#define EK_VECTOR_GUARD

#include "ek_x86.h"

#define EK_LANES 8
#define EK_TILE_ROWS 4 /* of so many vectors each: their sums stay in registers */
#define EK_TILE_VECTORS 3
#define EK_ROWS_TOGETHER 6
#define EK_ALL_IN 0xffu
typedef __m256 ek_v;

static inline __m256i ek_first_lanes(int32_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline ek_v ek_v_zero(void)
{
    return _mm256_setzero_ps();
}

static inline ek_v ek_v_all(float x)
{
    return _mm256_set1_ps(x);
}

static inline ek_v ek_v_load(const float *x)
{
    return _mm256_loadu_ps(x);
}

/* The first n; the other lanes are 0. */
static inline ek_v ek_v_load_some(const float *x, int32_t n)
{
    return _mm256_maskload_ps(x, ek_first_lanes(n));
}

/* Lanes from..to-1 of a load, or those of one that takes every second float: the others are 0, and are not read. */
typedef struct {
    __m256i first, second;
} ek_range;

static inline __m256i ek_lanes_between(int32_t from, int32_t to)
{
    return _mm256_andnot_si256(ek_first_lanes(from), ek_first_lanes(to));
}

static inline ek_range ek_range_of(int32_t from, int32_t to)
{
    const ek_range in = {ek_lanes_between(from, to), _mm256_setzero_si256()};
    return in;
}

static inline ek_range ek_even_range_of(int32_t from, int32_t to)
{
    const ek_range in = {ek_lanes_between(2 * from, 2 * to - 1), ek_lanes_between(2 * from - 8, 2 * to - 9)};
    return in;
}

static inline ek_v ek_v_load_in(const float *x, ek_range in)
{
    return _mm256_maskload_ps(x, in.first);
}

/* Every second of 2 * EK_LANES - 1 floats. */
static inline ek_v ek_v_load_even(const float *x)
{
    const __m256 first = _mm256_loadu_ps(x), second = ek_v_load_some(x + 8, 7);
    const __m256 halves = _mm256_shuffle_ps(first, second, 0x88);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(halves), 0xd8));
}

/* Every second lane of both. */
static inline ek_v ek_v_even(ek_v first, ek_v second)
{
    const __m256 halves = _mm256_shuffle_ps(first, second, 0x88);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(halves), 0xd8));
}

static inline ek_v ek_v_odd(ek_v first, ek_v second)
{
    const __m256 halves = _mm256_shuffle_ps(first, second, 0xdd);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(halves), 0xd8));
}

static inline ek_v ek_v_load_even_in(const float *x, ek_range in)
{
    return ek_v_even(_mm256_maskload_ps(x, in.first), _mm256_maskload_ps(x + 8, in.second));
}

static inline ek_v ek_v_load_range(const float *x, int32_t from, int32_t to)
{
    return ek_v_load_in(x, ek_range_of(from, to));
}

static inline ek_v ek_v_load_even_range(const float *x, int32_t from, int32_t to)
{
    return ek_v_load_even_in(x, ek_even_range_of(from, to));
}

static inline void ek_v_store(float *x, ek_v v)
{
    _mm256_storeu_ps(x, v);
}

static inline void ek_v_store_some(float *x, ek_v v, int32_t n)
{
    _mm256_maskstore_ps(x, ek_first_lanes(n), v);
}

/* The lanes that are in, from x on; the others are 0. */
static inline ek_v ek_v_load_spread(const float *x, uint32_t in)
{
    float lanes[EK_LANES];
    if (in == EK_ALL_IN) {
        return ek_v_load(x);
    }
    for (int32_t j = 0; j < EK_LANES; j++) {
        lanes[j] = in >> j & 1 ? *x++ : 0.0f;
    }
    return ek_v_load(lanes);
}

/* The lanes that are in, side by side. */
static inline void ek_v_store_packed(float *x, ek_v v, uint32_t in)
{
    float lanes[EK_LANES];
    if (in == EK_ALL_IN) {
        ek_v_store(x, v);
        return;
    }
    ek_v_store(lanes, v);
    for (int32_t j = 0; j < EK_LANES; j++) {
        if (in >> j & 1) {
            *x++ = lanes[j];
        }
    }
}

static inline ek_v ek_v_add(ek_v a, ek_v b)
{
    return _mm256_add_ps(a, b);
}

/* What is above 0; 0 where nothing is, or no number. */
static inline ek_v ek_v_relu(ek_v a)
{
    return _mm256_max_ps(a, _mm256_setzero_ps());
}

static inline ek_v ek_v_mul(ek_v a, ek_v b)
{
    return _mm256_mul_ps(a, b);
}

/* What is below `low` or above `high` becomes that; what is no number stays. */
static inline ek_v ek_v_clip(ek_v a, ek_v low, ek_v high)
{
    return _mm256_min_ps(high, _mm256_max_ps(low, a));
}

/* The greater; what is no number stays. */
static inline ek_v ek_v_max(ek_v a, ek_v b)
{
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}

static inline ek_v ek_v_div(ek_v a, ek_v b)
{
    return _mm256_div_ps(a, b);
}

/* 2^n of v = n + 1.5 * 2^23, n within 126 of 0. */
static inline ek_v ek_v_pow2(ek_v v)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(v), 23), _mm256_set1_epi32(127 << 23)));
}

/* a * b + c. */
static inline ek_v ek_v_fma(ek_v a, ek_v b, ek_v c)
{
    return _mm256_fmadd_ps(a, b, c);
}

#endif
