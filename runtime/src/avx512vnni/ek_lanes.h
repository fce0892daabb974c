/* Vectors of 16 int32 of AVX-512. */
#ifndef EK_LANES_GUARD
#define EK_LANES_GUARD

#include "ek_x86.h"

#define EK_WIDTH 16
#if defined(__GNUC__) && !defined(__clang__)
#define EK_UNROLLED _Pragma("GCC unroll 16") /* early: else arrays of sums lie in memory */
#else
#define EK_UNROLLED
#endif
typedef __m512i ek_i;

/* The first n of 16 lanes. */
static inline __mmask16 ek_lanes(int32_t n)
{
    return (__mmask16)(n >= 16 ? 0xffff : (1 << n) - 1);
}

/* Bits from..to-1 of 64. */
static inline uint64_t ek_span(int32_t from, int32_t to)
{
    return (to >= 64 ? ~0ull : (1ull << to) - 1) & ~(from >= 64 ? ~0ull : (1ull << from) - 1);
}

static inline ek_i ek_i_all(int32_t v)
{
    return _mm512_set1_epi32(v);
}

/* The first n of x; the other lanes are 0, and are not read. */
static inline ek_i ek_i_load_s8(const int8_t *x, int32_t n)
{
    return _mm512_cvtepi8_epi32(n >= 16 ? _mm_loadu_si128((const __m128i *)(const void *)x)
                                        : _mm_maskz_loadu_epi8(ek_lanes(n), x));
}

static inline ek_i ek_i_load_s16(const int16_t *x, int32_t n)
{
    return _mm512_cvtepi16_epi32(n >= 16 ? _mm256_loadu_si256((const __m256i *)(const void *)x)
                                         : _mm256_maskz_loadu_epi16(ek_lanes(n), x));
}

static inline ek_i ek_i_load_s32(const int32_t *x, int32_t n)
{
    return n >= 16 ? _mm512_loadu_si512(x) : _mm512_maskz_loadu_epi32(ek_lanes(n), x);
}

static inline ek_i ek_i_load_u8(const uint8_t *x, int32_t n)
{
    return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(ek_lanes(n), x));
}

/* The low bits of the first n lanes. */
static inline void ek_i_store_s8(int8_t *y, ek_i v, int32_t n)
{
    if (n >= 16) {
        _mm_storeu_si128((__m128i *)(void *)y, _mm512_cvtepi32_epi8(v));
    } else {
        _mm_mask_storeu_epi8(y, ek_lanes(n), _mm512_cvtepi32_epi8(v));
    }
}

static inline void ek_i_store_s16(int16_t *y, ek_i v, int32_t n)
{
    if (n >= 16) {
        _mm256_storeu_si256((__m256i *)(void *)y, _mm512_cvtepi32_epi16(v));
    } else if (n == 8) { /* a masked store reaches a later load through the cache */
        _mm_storeu_si128((__m128i *)(void *)y, _mm256_castsi256_si128(_mm512_cvtepi32_epi16(v)));
    } else {
        _mm256_mask_storeu_epi16(y, ek_lanes(n), _mm512_cvtepi32_epi16(v));
    }
}

static inline void ek_i_store_s32(int32_t *y, ek_i v)
{
    _mm512_storeu_si512(y, v);
}

static inline void ek_i_store_first_s32(int32_t *y, ek_i v, int32_t n)
{
    _mm512_mask_storeu_epi32(y, ek_lanes(n), v);
}

static inline ek_i ek_i_add(ek_i a, ek_i b)
{
    return _mm512_add_epi32(a, b);
}

static inline ek_i ek_i_sub(ek_i a, ek_i b)
{
    return _mm512_sub_epi32(a, b);
}

static inline ek_i ek_i_mul(ek_i a, ek_i b)
{
    return _mm512_mullo_epi32(a, b);
}

static inline ek_i ek_i_and(ek_i a, ek_i b)
{
    return _mm512_and_si512(a, b);
}

/* Two neighbours of every lane's index, the first in the lower half. */
static inline ek_i ek_i_gather_pairs(const int16_t *table, ek_i index)
{
    return _mm512_i32gather_epi32(index, (const void *)table, 2);
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
    return _mm512_setr_epi32(ek_pair_at(table + at[0]), ek_pair_at(table + at[1]), ek_pair_at(table + at[2]), ek_pair_at(table + at[3]),
                             ek_pair_at(table + at[4]), ek_pair_at(table + at[5]), ek_pair_at(table + at[6]), ek_pair_at(table + at[7]),
                             ek_pair_at(table + at[8]), ek_pair_at(table + at[9]), ek_pair_at(table + at[10]), ek_pair_at(table + at[11]),
                             ek_pair_at(table + at[12]), ek_pair_at(table + at[13]), ek_pair_at(table + at[14]), ek_pair_at(table + at[15]));
}

static inline ek_i ek_i_shl(ek_i v, ek_i by)
{
    return _mm512_sllv_epi32(v, by);
}

static inline ek_i ek_i_shr(ek_i v, ek_i by)
{
    return _mm512_srav_epi32(v, by);
}

static inline ek_i ek_i_clamp(ek_i v, ek_i lo, ek_i hi)
{
    return _mm512_min_epi32(_mm512_max_epi32(v, lo), hi);
}

/* a where v < 0, else b. */
static inline ek_i ek_i_where_negative(ek_i v, ek_i a, ek_i b)
{
    return _mm512_mask_blend_epi32(_mm512_movepi32_mask(v), b, a);
}

/* Whether any lane is below 0. */
static inline int ek_i_any_negative(ek_i v)
{
    return _mm512_movepi32_mask(v) != 0;
}

/* The upper halves of the 64-bit sums a * b, a * b + c, a * b + c * d + e, and a * b + c * d. */
static inline ek_i ek_i_high(ek_i a, ek_i b)
{
    const __m512i even = _mm512_mul_epi32(a, b);
    const __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));
    return _mm512_mask_shuffle_epi32(odd, 0x5555, even, (_MM_PERM_ENUM)0xf5);
}

static inline ek_i ek_i_high_and(ek_i a, ek_i b, int64_t c)
{
    const __m512i more = _mm512_set1_epi64(c), even = _mm512_add_epi64(_mm512_mul_epi32(a, b), more);
    const __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));
    return _mm512_mask_shuffle_epi32(_mm512_add_epi64(odd, more), 0x5555, even, (_MM_PERM_ENUM)0xf5);
}

static inline ek_i ek_i_high_of_two_and(ek_i a, ek_i b, ek_i c, ek_i d, int64_t e)
{
    const __m512i more = _mm512_set1_epi64(e);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(a, b), _mm512_mul_epi32(c, d));
    const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)),
                                         _mm512_mul_epi32(_mm512_srli_epi64(c, 32), _mm512_srli_epi64(d, 32)));
    return _mm512_mask_shuffle_epi32(_mm512_add_epi64(odd, more), 0x5555, _mm512_add_epi64(even, more), (_MM_PERM_ENUM)0xf5);
}

static inline ek_i ek_i_high_of_two(ek_i a, ek_i b, ek_i c, ek_i d)
{
    return ek_i_high_of_two_and(a, b, c, d, 0);
}

/* (a * b * 2^up + c * 2^more + 2^(shift - 1)) >> shift in 64 bits, of the lower halves of 8 lanes, saturated to int32. */
static inline __m512i ek_lower_scaled_sum(__m512i a, __m512i b, int32_t up, __m512i c, int32_t more, int32_t shift)
{
    const __m512i half = _mm512_set1_epi64((int64_t)1 << (shift - 1));
    const __m512i product = _mm512_sllv_epi64(_mm512_mul_epi32(a, b), _mm512_set1_epi64(up));
    const __m512i sum = _mm512_add_epi64(product, _mm512_mul_epi32(c, _mm512_set1_epi32(1 << more)));
    const __m512i v = _mm512_srav_epi64(_mm512_add_epi64(sum, half), _mm512_set1_epi64(shift));
    return _mm512_min_epi64(_mm512_max_epi64(v, _mm512_set1_epi64(INT32_MIN)), _mm512_set1_epi64(INT32_MAX));
}

/* The same of all lanes; more is at most 30. */
static inline ek_i ek_i_scaled_sum(ek_i a, ek_i b, int32_t up, ek_i c, int32_t more, int32_t shift)
{
    const __m512i even = ek_lower_scaled_sum(a, b, up, c, more, shift);
    const __m512i odd = ek_lower_scaled_sum(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32), up,
                                            _mm512_srli_epi64(c, 32), more, shift);
    return _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
}

/* acc plus the products of two neighbouring int16, added. */
static inline ek_i ek_i_dot_words(ek_i acc, ek_i a, ek_i b)
{
    return _mm512_dpwssd_epi32(acc, a, b);
}

/* int8 that gained 128. */
typedef __m512i ek_bytes;
#define EK_BYTES_WIDTH 64

static inline ek_bytes ek_bytes_all(int8_t v)
{
    return _mm512_set1_epi8((char)(v ^ -128));
}

/* The first n; the others are not read. */
static inline ek_bytes ek_bytes_load(const int8_t *x, int32_t n)
{
    const __m512i v = n >= 64 ? _mm512_loadu_si512(x) : _mm512_maskz_loadu_epi8(ek_span(0, n), x);
    return _mm512_xor_si512(v, _mm512_set1_epi8(-128));
}

/* to [4] = pairs of both as int16, in the order that packing restores. */
static inline void ek_bytes_pairs(ek_bytes a, ek_bytes b, ek_i *to)
{
    const __m512i none = _mm512_setzero_si512(), low = _mm512_unpacklo_epi8(a, b), high = _mm512_unpackhi_epi8(a, b);
    to[0] = _mm512_unpacklo_epi8(low, none);
    to[1] = _mm512_unpackhi_epi8(low, none);
    to[2] = _mm512_unpacklo_epi8(high, none);
    to[3] = _mm512_unpackhi_epi8(high, none);
}

/* y [n] = the saturated sum of v [4] and y_zero, within the limits. */
static inline void ek_bytes_store(int8_t *y, const ek_i *v, int32_t y_zero, int32_t y_min, int32_t y_max, int32_t n)
{
    const __m512i zero = _mm512_set1_epi16((int16_t)y_zero);
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), zero);
    const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), zero);
    const __m512i bytes = _mm512_max_epi8(_mm512_packs_epi16(low, high), _mm512_set1_epi8((char)y_min));
    const __m512i within = _mm512_min_epi8(bytes, _mm512_set1_epi8((char)y_max));
    if (n >= 64) {
        _mm512_storeu_si512(y, within);
    } else {
        _mm512_mask_storeu_epi8(y, ek_span(0, n), within);
    }
}

#endif
