/* Vectors of AVX2 with FMA. */
#ifndef EK_VECTOR_GUARD
#define EK_VECTOR_GUARD

#include "ek_x86.h"

#define EK_COLUMNS_APART /* ek_v_even and ek_v_odd */
#define EK_LANES 8
#define EK_TILE_ROWS 4 /* of so many vectors each: their sums stay in registers */
#define EK_TILE_VECTORS 3
#define EK_TILE_POSITIONS 6 /* with two vectors each */
#define EK_ROWS_TOGETHER 6
#define EK_SUM_TAPS 256
#define EK_ALL_IN 0xffu
#define EK_SOON(at) _mm_prefetch((const char *)(at), _MM_HINT_T1) /* which may be behind an array */
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

/* The first n; the other lanes are those of `other`. */
static inline ek_v ek_v_load_or(const float *x, int32_t n, ek_v other)
{
    const __m256i first = ek_first_lanes(n);
    return _mm256_blendv_ps(other, _mm256_maskload_ps(x, first), _mm256_castsi256_ps(first));
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

/* The first n; without masked stores, which some processors take long for. */
static inline void ek_v_store_some(float *x, ek_v v, int32_t n)
{
    __m128 some = _mm256_castps256_ps128(v);
    if (n >= 8) {
        ek_v_store(x, v);
        return;
    }
    if (n >= 4) {
        _mm_storeu_ps(x, some);
        some = _mm256_extractf128_ps(v, 1);
        x += 4;
        n -= 4;
    }
    if (n >= 2) {
        _mm_storel_pi((__m64 *)(void *)x, some);
        some = _mm_movehl_ps(some, some);
        x += 2;
        n -= 2;
    }
    if (n == 1) {
        _mm_store_ss(x, some);
    }
}

/* Of every set of lanes their numbers, side by side from the lowest four bits on. */
static const uint32_t ek_lanes_in[256] = {
    0x00000000, 0x00000000, 0x00000001, 0x00000010, 0x00000002, 0x00000020, 0x00000021, 0x00000210,
    0x00000003, 0x00000030, 0x00000031, 0x00000310, 0x00000032, 0x00000320, 0x00000321, 0x00003210,
    0x00000004, 0x00000040, 0x00000041, 0x00000410, 0x00000042, 0x00000420, 0x00000421, 0x00004210,
    0x00000043, 0x00000430, 0x00000431, 0x00004310, 0x00000432, 0x00004320, 0x00004321, 0x00043210,
    0x00000005, 0x00000050, 0x00000051, 0x00000510, 0x00000052, 0x00000520, 0x00000521, 0x00005210,
    0x00000053, 0x00000530, 0x00000531, 0x00005310, 0x00000532, 0x00005320, 0x00005321, 0x00053210,
    0x00000054, 0x00000540, 0x00000541, 0x00005410, 0x00000542, 0x00005420, 0x00005421, 0x00054210,
    0x00000543, 0x00005430, 0x00005431, 0x00054310, 0x00005432, 0x00054320, 0x00054321, 0x00543210,
    0x00000006, 0x00000060, 0x00000061, 0x00000610, 0x00000062, 0x00000620, 0x00000621, 0x00006210,
    0x00000063, 0x00000630, 0x00000631, 0x00006310, 0x00000632, 0x00006320, 0x00006321, 0x00063210,
    0x00000064, 0x00000640, 0x00000641, 0x00006410, 0x00000642, 0x00006420, 0x00006421, 0x00064210,
    0x00000643, 0x00006430, 0x00006431, 0x00064310, 0x00006432, 0x00064320, 0x00064321, 0x00643210,
    0x00000065, 0x00000650, 0x00000651, 0x00006510, 0x00000652, 0x00006520, 0x00006521, 0x00065210,
    0x00000653, 0x00006530, 0x00006531, 0x00065310, 0x00006532, 0x00065320, 0x00065321, 0x00653210,
    0x00000654, 0x00006540, 0x00006541, 0x00065410, 0x00006542, 0x00065420, 0x00065421, 0x00654210,
    0x00006543, 0x00065430, 0x00065431, 0x00654310, 0x00065432, 0x00654320, 0x00654321, 0x06543210,
    0x00000007, 0x00000070, 0x00000071, 0x00000710, 0x00000072, 0x00000720, 0x00000721, 0x00007210,
    0x00000073, 0x00000730, 0x00000731, 0x00007310, 0x00000732, 0x00007320, 0x00007321, 0x00073210,
    0x00000074, 0x00000740, 0x00000741, 0x00007410, 0x00000742, 0x00007420, 0x00007421, 0x00074210,
    0x00000743, 0x00007430, 0x00007431, 0x00074310, 0x00007432, 0x00074320, 0x00074321, 0x00743210,
    0x00000075, 0x00000750, 0x00000751, 0x00007510, 0x00000752, 0x00007520, 0x00007521, 0x00075210,
    0x00000753, 0x00007530, 0x00007531, 0x00075310, 0x00007532, 0x00075320, 0x00075321, 0x00753210,
    0x00000754, 0x00007540, 0x00007541, 0x00075410, 0x00007542, 0x00075420, 0x00075421, 0x00754210,
    0x00007543, 0x00075430, 0x00075431, 0x00754310, 0x00075432, 0x00754320, 0x00754321, 0x07543210,
    0x00000076, 0x00000760, 0x00000761, 0x00007610, 0x00000762, 0x00007620, 0x00007621, 0x00076210,
    0x00000763, 0x00007630, 0x00007631, 0x00076310, 0x00007632, 0x00076320, 0x00076321, 0x00763210,
    0x00000764, 0x00007640, 0x00007641, 0x00076410, 0x00007642, 0x00076420, 0x00076421, 0x00764210,
    0x00007643, 0x00076430, 0x00076431, 0x00764310, 0x00076432, 0x00764320, 0x00764321, 0x07643210,
    0x00000765, 0x00007650, 0x00007651, 0x00076510, 0x00007652, 0x00076520, 0x00076521, 0x00765210,
    0x00007653, 0x00076530, 0x00076531, 0x00765310, 0x00076532, 0x00765320, 0x00765321, 0x07653210,
    0x00007654, 0x00076540, 0x00076541, 0x00765410, 0x00076542, 0x00765420, 0x00765421, 0x07654210,
    0x00076543, 0x00765430, 0x00765431, 0x07654310, 0x00765432, 0x07654320, 0x07654321, 0x76543210,
};

static inline int32_t ek_count_in(uint32_t in)
{
    in = in - (in >> 1 & 0x55u);
    in = (in & 0x33u) + (in >> 2 & 0x33u);
    return (int32_t)((in + (in >> 4)) & 15u);
}

/* The lanes that are in, from x on; the others are 0. */
static inline ek_v ek_v_load_spread(const float *x, uint32_t in)
{
    if (in == EK_ALL_IN) {
        return ek_v_load(x);
    }
    /* A byte of each lane, 1 where it is in; then how many are in before. */
    const uint64_t bit = in * 0x0101010101010101u & 0x8040201008040201u;
    const uint64_t one = (bit + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
    const __m128i before = _mm_cvtsi64_si128((long long)(one * 0x0101010101010101u - one));
    const __m256i lanes = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128((long long)one));
    const __m256 v = _mm256_permutevar8x32_ps(ek_v_load_some(x, ek_count_in(in)), _mm256_cvtepi8_epi32(before));
    return _mm256_and_ps(v, _mm256_castsi256_ps(_mm256_cmpgt_epi32(lanes, _mm256_setzero_si256())));
}

/* The lanes that are in, side by side; without masked stores, which some processors take long for. */
static inline void ek_v_store_packed(float *x, ek_v v, uint32_t in)
{
    if (in == EK_ALL_IN) {
        ek_v_store(x, v);
        return;
    }
    const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28), lane = _mm256_srli_epi32(shifts, 2);
    const int32_t n = ek_count_in(in);
    const __m256i packing = _mm256_srlv_epi32(_mm256_set1_epi32((int32_t)ek_lanes_in[in]), shifts);
    const __m256 packed = _mm256_permutevar8x32_ps(v, packing);
    const __m128 low = _mm256_castps256_ps128(packed);
    if (n >= 4) { /* the first four, and the last four */
        const __m256i last = _mm256_add_epi32(lane, _mm256_set1_epi32(n - 4));
        _mm_storeu_ps(x, low);
        _mm_storeu_ps(x + n - 4, _mm256_castps256_ps128(_mm256_permutevar8x32_ps(packed, last)));
        return;
    }
    if (n >= 2) {
        _mm_storel_pi((__m64 *)(void *)x, low);
    }
    if (n & 1) {
        _mm_store_ss(x + n - 1, n == 3 ? _mm_movehl_ps(low, low) : low);
    }
}

static inline ek_v ek_v_add(ek_v a, ek_v b)
{
    return _mm256_add_ps(a, b);
}

static inline ek_v ek_v_sub(ek_v a, ek_v b)
{
    return _mm256_sub_ps(a, b);
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

/* The greater; b where either is no number. */
static inline ek_v ek_v_greater(ek_v a, ek_v b)
{
    return _mm256_max_ps(a, b);
}

/* The greatest lane, and the sum of all: halves, until one is left. */
static inline float ek_v_top(ek_v v)
{
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

static inline float ek_v_sum(ek_v v)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

static inline ek_v ek_v_div(ek_v a, ek_v b)
{
    return _mm256_div_ps(a, b);
}

static inline ek_v ek_v_sqrt(ek_v a)
{
    return _mm256_sqrt_ps(a);
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

/* Of which of 2 * EK_LANES floats each lane is. */
typedef __m256i ek_picks;

static inline ek_picks ek_picks_load(const int32_t *lanes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)lanes);
}

static inline ek_v ek_v_pick(ek_v first, ek_v second, ek_picks lanes)
{
    const __m256 in_second = _mm256_castsi256_ps(_mm256_slli_epi32(lanes, 28)); /* the sign: of lanes from 8 on */
    const __m256 a = _mm256_permutevar8x32_ps(first, lanes), b = _mm256_permutevar8x32_ps(second, lanes);
    return _mm256_blendv_ps(a, b, in_second);
}

/* Rows become columns. */
static inline void ek_v_turn(ek_v rows[EK_LANES])
{
    __m256 fours[8];
    for (int32_t i = 0; i < 8; i += 4) {
        const __m256 a = _mm256_unpacklo_ps(rows[i], rows[i + 1]), b = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
        const __m256 c = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]), d = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
        fours[i] = _mm256_shuffle_ps(a, c, 0x44);
        fours[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        fours[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        fours[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    for (int32_t i = 0; i < 4; i++) {
        rows[i] = _mm256_permute2f128_ps(fours[i], fours[4 + i], 0x20);
        rows[4 + i] = _mm256_permute2f128_ps(fours[i], fours[4 + i], 0x31);
    }
}

#endif
