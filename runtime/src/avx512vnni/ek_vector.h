/* Vectors of AVX-512. */
#ifndef EK_VECTOR_GUARD
#define EK_VECTOR_GUARD

#include "ek_x86.h"

#define EK_COLUMNS_APART /* ek_v_even and ek_v_odd */
#define EK_LANES 16
#define EK_TILE_ROWS 8    /* of so many vectors each: their sums stay in registers */
#define EK_TILE_VECTORS 3
#define EK_TILE_SUMS 12 /* of several vectors: of more, the next tile's products wait for the last one's outputs */
#define EK_MANY_TAPS 96 /* behind which that wait is short: tiles of several vectors have all rows */
#define EK_SOME_VECTORS 2 /* of which the last is not whole */
#define EK_TILE_POSITIONS 14 /* with two vectors each */
#define EK_ALL_IN 0xffffu
#define EK_SOON(at) _mm_prefetch((const char *)(at), _MM_HINT_T1) /* which may be behind an array */
typedef __m512 ek_v;

static inline __mmask16 ek_first_lanes(int32_t n)
{
    return (__mmask16)(n >= 16 ? 0xffff : (1 << n) - 1);
}

static inline ek_v ek_v_zero(void)
{
    return _mm512_setzero_ps();
}

static inline ek_v ek_v_all(float x)
{
    return _mm512_set1_ps(x);
}

static inline ek_v ek_v_load(const float *x)
{
    return _mm512_loadu_ps(x);
}

/* The first n; the other lanes are 0. */
static inline ek_v ek_v_load_some(const float *x, int32_t n)
{
    return _mm512_maskz_loadu_ps(ek_first_lanes(n), x);
}

/* The first n; the other lanes are those of `other`. */
static inline ek_v ek_v_load_or(const float *x, int32_t n, ek_v other)
{
    return _mm512_mask_loadu_ps(other, ek_first_lanes(n), x);
}

/* Lanes from..to-1 of a load, or those of one that takes every second float: the others are 0, and are not read. */
typedef uint32_t ek_range;

static inline ek_range ek_range_of(int32_t from, int32_t to)
{
    return (ek_range)(ek_first_lanes(to) & ~ek_first_lanes(from));
}

static inline ek_range ek_even_range_of(int32_t from, int32_t to)
{
    return to > from ? (0xffffffffu >> (32 - 2 * (to - from))) << (2 * from) & 0x55555555u : 0;
}

static inline ek_v ek_v_load_in(const float *x, ek_range in)
{
    return _mm512_maskz_loadu_ps((__mmask16)in, x);
}

/* Every second of 2 * EK_LANES - 1 floats. */
static inline ek_v ek_v_load_even(const float *x)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512 second = _mm512_maskz_loadu_ps(0x7fff, x + 16);
    return _mm512_permutex2var_ps(_mm512_loadu_ps(x), even, second);
}

/* Every second lane of both. */
static inline ek_v ek_v_even(ek_v first, ek_v second)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(first, even, second);
}

static inline ek_v ek_v_odd(ek_v first, ek_v second)
{
    const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_ps(first, odd, second);
}

static inline ek_v ek_v_load_even_in(const float *x, ek_range in)
{
    const __m512 first = _mm512_maskz_loadu_ps((__mmask16)in, x);
    return ek_v_even(first, _mm512_maskz_loadu_ps((__mmask16)(in >> 16), x + 16));
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
    _mm512_storeu_ps(x, v);
}

static inline void ek_v_store_some(float *x, ek_v v, int32_t n)
{
    _mm512_mask_storeu_ps(x, ek_first_lanes(n), v);
}

/* The lanes that are in, from x on; the others are 0. */
static inline ek_v ek_v_load_spread(const float *x, uint32_t in)
{
    return in == EK_ALL_IN ? _mm512_loadu_ps(x) : _mm512_maskz_expandloadu_ps((__mmask16)in, x);
}

/* The lanes that are in, side by side. */
static inline void ek_v_store_packed(float *x, ek_v v, uint32_t in)
{
    if (in == EK_ALL_IN) {
        _mm512_storeu_ps(x, v);
    } else {
        ek_v_store_some(x, _mm512_maskz_compress_ps((__mmask16)in, v), _mm_popcnt_u32(in));
    }
}

static inline ek_v ek_v_add(ek_v a, ek_v b)
{
    return _mm512_add_ps(a, b);
}

static inline ek_v ek_v_sub(ek_v a, ek_v b)
{
    return _mm512_sub_ps(a, b);
}

/* What is above 0; 0 where nothing is, or no number. */
static inline ek_v ek_v_relu(ek_v a)
{
    return _mm512_max_ps(a, _mm512_setzero_ps());
}

static inline ek_v ek_v_mul(ek_v a, ek_v b)
{
    return _mm512_mul_ps(a, b);
}

/* What is below `low` or above `high` becomes that; what is no number stays. */
static inline ek_v ek_v_clip(ek_v a, ek_v low, ek_v high)
{
    return _mm512_min_ps(high, _mm512_max_ps(low, a));
}

/* The greater; what is no number stays. */
static inline ek_v ek_v_max(ek_v a, ek_v b)
{
    return _mm512_mask_max_ps(a, _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q), a, b);
}

/* The greater; b where either is no number. */
static inline ek_v ek_v_greater(ek_v a, ek_v b)
{
    return _mm512_max_ps(a, b);
}

/* The greatest lane, and the sum of all: halves, until one is left. */
static inline float ek_v_top(ek_v v)
{
    return _mm512_reduce_max_ps(v);
}

static inline float ek_v_sum(ek_v v)
{
    return _mm512_reduce_add_ps(v);
}

static inline ek_v ek_v_div(ek_v a, ek_v b)
{
    return _mm512_div_ps(a, b);
}

static inline ek_v ek_v_sqrt(ek_v a)
{
    return _mm512_sqrt_ps(a);
}

/* 2^n of v = n + 1.5 * 2^23, n within 126 of 0. */
static inline ek_v ek_v_pow2(ek_v v)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(v), 23), _mm512_set1_epi32(127 << 23)));
}

/* a * b + c. */
static inline ek_v ek_v_fma(ek_v a, ek_v b, ek_v c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* Of which of 2 * EK_LANES floats each lane is. */
typedef __m512i ek_picks;

static inline ek_picks ek_picks_load(const int32_t *lanes)
{
    return _mm512_loadu_si512(lanes);
}

static inline ek_v ek_v_pick(ek_v first, ek_v second, ek_picks lanes)
{
    return _mm512_permutex2var_ps(first, lanes, second);
}

/* Rows become columns. */
static inline void ek_v_turn(ek_v rows[EK_LANES])
{
    __m512 fours[16];
    for (int32_t i = 0; i < 16; i += 4) {
        const __m512 a = _mm512_unpacklo_ps(rows[i], rows[i + 1]), b = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
        const __m512 c = _mm512_unpacklo_ps(rows[i + 2], rows[i + 3]), d = _mm512_unpackhi_ps(rows[i + 2], rows[i + 3]);
        fours[i] = _mm512_shuffle_ps(a, c, 0x44);
        fours[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        fours[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        fours[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    for (int32_t i = 0; i < 4; i++) {
        const __m512 a = _mm512_shuffle_f32x4(fours[i], fours[4 + i], 0x88);
        const __m512 b = _mm512_shuffle_f32x4(fours[8 + i], fours[12 + i], 0x88);
        const __m512 c = _mm512_shuffle_f32x4(fours[i], fours[4 + i], 0xdd);
        const __m512 d = _mm512_shuffle_f32x4(fours[8 + i], fours[12 + i], 0xdd);
        rows[i] = _mm512_shuffle_f32x4(a, b, 0x88);
        rows[4 + i] = _mm512_shuffle_f32x4(c, d, 0x88);
        rows[8 + i] = _mm512_shuffle_f32x4(a, b, 0xdd);
        rows[12 + i] = _mm512_shuffle_f32x4(c, d, 0xdd);
    }
}

#endif
