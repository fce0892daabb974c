/* Vectors of 8 int32 of AVX2. */
#ifndef EK_LANES_GUARD
#define EK_LANES_GUARD

#include "ek_x86.h"

#define EK_WIDTH 8
typedef __m256i ek_i;

static inline ek_i ek_i_all(int32_t v)
{
    return _mm256_set1_epi32(v);
}

/* `item` bytes of each of the first n of 8 elements, zeros behind. */
static inline __m128i ek_first_bytes(const void *x, int32_t n, size_t item)
{
    uint8_t few[16] = {0};
    memcpy(few, x, (size_t)n * item);
    return _mm_loadu_si128((const __m128i *)(const void *)few);
}

/* The first n of x; the other lanes are 0, and are not read. */
static inline ek_i ek_i_load_s8(const int8_t *x, int32_t n)
{
    return _mm256_cvtepi8_epi32(n >= 8 ? _mm_loadl_epi64((const __m128i *)(const void *)x) : ek_first_bytes(x, n, 1));
}

static inline ek_i ek_i_load_u8(const uint8_t *x, int32_t n)
{
    return _mm256_cvtepu8_epi32(n >= 8 ? _mm_loadl_epi64((const __m128i *)(const void *)x) : ek_first_bytes(x, n, 1));
}

static inline ek_i ek_i_load_s16(const int16_t *x, int32_t n)
{
    return _mm256_cvtepi16_epi32(n >= 8 ? _mm_loadu_si128((const __m128i *)(const void *)x) : ek_first_bytes(x, n, 2));
}

static inline ek_i ek_i_load_s32(const int32_t *x, int32_t n)
{
    const __m256i first = _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return n >= 8 ? _mm256_loadu_si256((const __m256i *)(const void *)x) : _mm256_maskload_epi32(x, first);
}

/* The first n lanes, which the type holds. */
static inline void ek_i_store_s16(int16_t *y, ek_i v, int32_t n)
{
    const __m128i q = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    if (n >= 8) {
        _mm_storeu_si128((__m128i *)(void *)y, q);
    } else {
        memcpy(y, &q, (size_t)n * sizeof(int16_t));
    }
}

static inline void ek_i_store_s8(int8_t *y, ek_i v, int32_t n)
{
    __m128i q = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    q = _mm_packs_epi16(q, q);
    if (n >= 8) {
        _mm_storel_epi64((__m128i *)(void *)y, q);
    } else {
        memcpy(y, &q, (size_t)n);
    }
}

static inline void ek_i_store_s32(int32_t *y, ek_i v)
{
    _mm256_storeu_si256((__m256i *)(void *)y, v);
}

static inline void ek_i_store_first_s32(int32_t *y, ek_i v, int32_t n)
{
    const __m256i first = _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    _mm256_maskstore_epi32(y, first, v);
}

static inline ek_i ek_i_add(ek_i a, ek_i b)
{
    return _mm256_add_epi32(a, b);
}

static inline ek_i ek_i_sub(ek_i a, ek_i b)
{
    return _mm256_sub_epi32(a, b);
}

static inline ek_i ek_i_mul(ek_i a, ek_i b)
{
    return _mm256_mullo_epi32(a, b);
}

static inline ek_i ek_i_and(ek_i a, ek_i b)
{
    return _mm256_and_si256(a, b);
}

/* Two neighbours of every lane's index, the first in the lower half. */
static inline ek_i ek_i_gather_pairs(const int16_t *table, ek_i index)
{
    return _mm256_i32gather_epi32((const void *)table, index, 2);
}

/* The same of indices in memory, loaded one by one: a gather takes longer. */
static inline int32_t ek_pair_at(const int16_t *at)
{
    int32_t both;
    memcpy(&both, at, sizeof(both));
    return both;
}

static inline ek_i ek_i_load_pairs(const int16_t *table, const int32_t *at)
{
    return _mm256_setr_epi32(ek_pair_at(table + at[0]), ek_pair_at(table + at[1]), ek_pair_at(table + at[2]), ek_pair_at(table + at[3]),
                             ek_pair_at(table + at[4]), ek_pair_at(table + at[5]), ek_pair_at(table + at[6]), ek_pair_at(table + at[7]));
}

static inline ek_i ek_i_shl(ek_i v, ek_i by)
{
    return _mm256_sllv_epi32(v, by);
}

static inline ek_i ek_i_shr(ek_i v, ek_i by)
{
    return _mm256_srav_epi32(v, by);
}

static inline ek_i ek_i_clamp(ek_i v, ek_i lo, ek_i hi)
{
    return _mm256_min_epi32(_mm256_max_epi32(v, lo), hi);
}

/* a where v < 0, else b. */
static inline ek_i ek_i_where_negative(ek_i v, ek_i a, ek_i b)
{
    return _mm256_blendv_epi8(b, a, _mm256_srai_epi32(v, 31));
}

/* Whether any lane is below 0. */
static inline int ek_i_any_negative(ek_i v)
{
    return _mm256_movemask_ps(_mm256_castsi256_ps(v)) != 0;
}

/* The upper halves of the 64-bit sums a * b, a * b + c, a * b + c * d + e, and a * b + c * d. */
static inline ek_i ek_i_high(ek_i a, ek_i b)
{
    const __m256i even = _mm256_mul_epi32(a, b);
    const __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

static inline ek_i ek_i_high_and(ek_i a, ek_i b, int64_t c)
{
    const __m256i more = _mm256_set1_epi64x(c), even = _mm256_add_epi64(_mm256_mul_epi32(a, b), more);
    const __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), _mm256_add_epi64(odd, more), 0xaa);
}

static inline ek_i ek_i_high_of_two_and(ek_i a, ek_i b, ek_i c, ek_i d, int64_t e)
{
    const __m256i more = _mm256_set1_epi64x(e);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, b), _mm256_mul_epi32(c, d));
    const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)),
                                         _mm256_mul_epi32(_mm256_srli_epi64(c, 32), _mm256_srli_epi64(d, 32)));
    return _mm256_blend_epi32(_mm256_srli_epi64(_mm256_add_epi64(even, more), 32), _mm256_add_epi64(odd, more), 0xaa);
}

static inline ek_i ek_i_high_of_two(ek_i a, ek_i b, ek_i c, ek_i d)
{
    return ek_i_high_of_two_and(a, b, c, d, 0);
}

/* (a * b * 2^up + c * 2^more + 2^(shift - 1)) >> shift in 64 bits, of the lower halves of 4 lanes, saturated to int32;
 * the arithmetic shift is a logical one of v + 2^63, which is taken away again. */
static inline __m256i ek_lower_scaled_sum(__m256i a, __m256i b, int32_t up, __m256i c, int32_t more, int32_t shift)
{
    const __m256i top = _mm256_set1_epi64x(INT64_MIN), half = _mm256_set1_epi64x((int64_t)1 << (shift - 1));
    const __m256i low = _mm256_set1_epi64x(INT32_MIN), high = _mm256_set1_epi64x(INT32_MAX);
    const __m128i by = _mm_cvtsi32_si128(shift);
    const __m256i product = _mm256_sll_epi64(_mm256_mul_epi32(a, b), _mm_cvtsi32_si128(up));
    const __m256i sum = _mm256_add_epi64(product, _mm256_mul_epi32(c, _mm256_set1_epi32(1 << more)));
    const __m256i moved = _mm256_srl_epi64(_mm256_xor_si256(_mm256_add_epi64(sum, half), top), by);
    __m256i v = _mm256_sub_epi64(moved, _mm256_srl_epi64(top, by));
    v = _mm256_blendv_epi8(v, low, _mm256_cmpgt_epi64(low, v));
    return _mm256_blendv_epi8(v, high, _mm256_cmpgt_epi64(v, high));
}

/* The same of all lanes; more is at most 30. */
static inline ek_i ek_i_scaled_sum(ek_i a, ek_i b, int32_t up, ek_i c, int32_t more, int32_t shift)
{
    const __m256i even = ek_lower_scaled_sum(a, b, up, c, more, shift);
    const __m256i odd = ek_lower_scaled_sum(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32), up,
                                            _mm256_srli_epi64(c, 32), more, shift);
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}

/* acc plus the products of two neighbouring int16, added. */
static inline ek_i ek_i_dot_words(ek_i acc, ek_i a, ek_i b)
{
    return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
}

/* int8 that gained 128. */
typedef __m256i ek_bytes;
#define EK_BYTES_WIDTH 32

static inline ek_bytes ek_bytes_all(int8_t v)
{
    return _mm256_set1_epi8((char)(v ^ -128));
}

/* The first n; the others are not read. */
static inline ek_bytes ek_bytes_load(const int8_t *x, int32_t n)
{
    uint8_t few[32] = {0};
    if (n < 32) {
        memcpy(few, x, (size_t)n);
    }
    const void *const from = n < 32 ? (const void *)few : (const void *)x;
    return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)from), _mm256_set1_epi8(-128));
}

/* to [4] = pairs of both as int16, in the order that packing restores. */
static inline void ek_bytes_pairs(ek_bytes a, ek_bytes b, ek_i *to)
{
    const __m256i none = _mm256_setzero_si256(), low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
    to[0] = _mm256_unpacklo_epi8(low, none);
    to[1] = _mm256_unpackhi_epi8(low, none);
    to[2] = _mm256_unpacklo_epi8(high, none);
    to[3] = _mm256_unpackhi_epi8(high, none);
}

/* y [n] = the saturated sum of v [4] and y_zero, within the limits. */
static inline void ek_bytes_store(int8_t *y, const ek_i *v, int32_t y_zero, int32_t y_min, int32_t y_max, int32_t n)
{
    const __m256i zero = _mm256_set1_epi16((int16_t)y_zero);
    const __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(v[0], v[1]), zero);
    const __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(v[2], v[3]), zero);
    const __m256i bytes = _mm256_max_epi8(_mm256_packs_epi16(low, high), _mm256_set1_epi8((char)y_min));
    const __m256i within = _mm256_min_epi8(bytes, _mm256_set1_epi8((char)y_max));
    if (n >= 32) {
        _mm256_storeu_si256((__m256i *)(void *)y, within);
    } else {
        memcpy(y, &within, (size_t)n);
    }
}

#endif
