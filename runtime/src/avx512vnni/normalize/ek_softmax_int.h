/* The integer softmax over EK_NAME and EK_Y, sixteen elements at a time: products of 64 bits of the even and the odd ones
 * apart. Entries of the table are loaded one by one: a gather takes longer. */
#include "ek_lanes.h"
#include "ek_softmax_rows.h"

#define EK_KEPT 1024   /* elements at once */
#define EK_TOGETHER 16 /* rows, at most */

static int32_t ek_row_top(const int16_t *x, int32_t n)
{
    ek_i top = ek_i_all(INT16_MIN);
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        const ek_i v = ek_i_load_s16(x + i, n - i);
        top = _mm512_mask_max_epi32(top, ek_lanes(n - i), top, v);
    }
    return _mm512_reduce_max_epi32(top);
}

static inline ek_i ek_odd(ek_i v)
{
    return _mm512_srli_epi64(v, 32);
}

static inline ek_i ek_joined(ek_i even, ek_i odd)
{
    return _mm512_mask_shuffle_epi32(even, 0xaaaa, odd, (_MM_PERM_ENUM)0xa0);
}

/* The upper halves of both. */
static inline ek_i ek_upper(ek_i even, ek_i odd)
{
    return _mm512_mask_shuffle_epi32(odd, 0x5555, even, (_MM_PERM_ENUM)0xf5);
}

/* (v * m + half) >> s of the even elements. */
static inline ek_i ek_scaled(ek_i v, ek_i m, ek_i half, __m128i s)
{
    return _mm512_srl_epi64(_mm512_add_epi64(_mm512_mul_epu32(v, m), half), s);
}

/* An entry of the table and the next. */
static inline int64_t ek_entries(const int32_t *exp2, int32_t at)
{
    int64_t both;
    memcpy(&both, exp2 + at, sizeof(both));
    return both;
}

/* The same for eight numbers of entries. */
static inline ek_i ek_entries_of(const int32_t *exp2, const int32_t *at)
{
    return _mm512_setr_epi64(ek_entries(exp2, at[0]), ek_entries(exp2, at[1]), ek_entries(exp2, at[2]),
                             ek_entries(exp2, at[3]), ek_entries(exp2, at[4]), ek_entries(exp2, at[5]),
                             ek_entries(exp2, at[6]), ek_entries(exp2, at[7]));
}

/* Twice the values between two entries, `low` of 4096 steps behind the first: of sixteen elements, eight pairs of entries
 * each. What entries fall has 22 bits, whose upper and lower parts have products of 32 bits. */
static inline ek_i ek_twice_between(ek_i some, ek_i others, ek_i low)
{
    const ek_i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const ek_i first = _mm512_permutex2var_epi32(some, even, others);
    const ek_i fall = ek_i_sub(first, _mm512_permutex2var_epi32(some, ek_i_add(even, ek_i_all(1)), others));
    const ek_i part = ek_i_add(_mm512_madd_epi16(ek_i_and(fall, ek_i_all(4095)), low), ek_i_all(2048));
    const ek_i fallen = ek_i_add(_mm512_madd_epi16(_mm512_srli_epi32(fall, 12), low), _mm512_srli_epi32(part, 12));
    const ek_i v = ek_i_sub(first, fallen);
    return ek_i_add(v, v);
}

/* u [n] = requantized distances of x [n] to the greatest, at [n] = the numbers of their entries. Lanes behind n are farther
 * than any that has a power. */
static inline void ek_distances(const ek_softmax *p, const int16_t *x, int32_t top, int32_t n, int32_t *u, int32_t *at)
{
    const ek_i m = _mm512_set1_epi64(p->m), half = _mm512_set1_epi64((int64_t)1 << (p->s - 1));
    const __m128i s = _mm_cvtsi32_si128(p->s);
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        const ek_i distance = ek_i_sub(ek_i_all(top), ek_i_load_s16(x + i, n - i));
        ek_i v = ek_joined(ek_scaled(distance, m, half, s), ek_scaled(ek_odd(distance), m, half, s));
        if (n - i < EK_WIDTH) {
            v = _mm512_mask_mov_epi32(ek_i_all(-1), ek_lanes(n - i), v);
        }
        ek_i_store_s32(u + i, v);
        ek_i_store_s32(at + i, ek_i_and(_mm512_srli_epi32(v, 12), ek_i_all(255)));
    }
}

/* e [n] = ek_exp2_q30 of the distances of x [n], n at most EK_KEPT, zeros behind; returns their sums. */
static inline ek_i ek_powers(const ek_softmax *p, const int16_t *x, int32_t top, int32_t n, int32_t *e)
{
    int32_t at[EK_KEPT];
    ek_i all = _mm512_setzero_si512(), odd = all; /* sums of even elements, and of odd ones 32 bits up; of odd ones alone */
    ek_distances(p, x, top, n, e, at);
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        const ek_i u = ek_i_load_s32(e + i, EK_WIDTH), down = _mm512_srli_epi32(u, 20), low = ek_i_and(u, ek_i_all(4095));
        const ek_i twice = ek_twice_between(ek_entries_of(p->exp2, at + i), ek_entries_of(p->exp2, at + i + 8), low);
        const ek_i halves = _mm512_maskz_srlv_epi32(_mm512_cmple_epu32_mask(down, ek_i_all(30)), twice, down);
        const ek_i v = _mm512_srli_epi32(ek_i_add(halves, ek_i_all(1)), 1);
        ek_i_store_s32(e + i, v);
        all = _mm512_add_epi64(all, v);
        odd = _mm512_add_epi64(odd, ek_odd(v));
    }
    return _mm512_sub_epi64(_mm512_add_epi64(all, odd), _mm512_slli_epi64(odd, 32));
}

/* y [n] = outputs of e [n]. */
static inline void ek_quotients(const ek_softmax *p, const int32_t *e, int64_t inverse, int32_t n, EK_Y *y)
{
    const int32_t less = (int32_t)(inverse >> 32); /* it is at most 2^32 */
    const ek_i factor = _mm512_set1_epi64(inverse >> less), mult = _mm512_set1_epi64(p->mult);
    const ek_i half = ek_i_all((int32_t)1 << (p->shift - 33)), zero = ek_i_all(p->y_zero);
    const ek_i least = ek_i_all(p->y_min), most = ek_i_all(p->y_max);
    const __m128i by = _mm_cvtsi32_si128(31 - less), shift = _mm_cvtsi32_si128(p->shift - 32);
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        const ek_i v = ek_i_load_s32(e + i, EK_WIDTH);
        const ek_i even = _mm512_srl_epi64(_mm512_mul_epu32(v, factor), by);
        const ek_i odd = _mm512_srl_epi64(_mm512_mul_epu32(ek_odd(v), factor), by);
        const ek_i q = ek_upper(_mm512_mul_epu32(even, mult), _mm512_mul_epu32(odd, mult));
        const ek_i out = ek_i_clamp(ek_i_add(_mm512_srl_epi32(ek_i_add(q, half), shift), zero), least, most);
        if (sizeof(EK_Y) == 1) {
            ek_i_store_s8((int8_t *)(void *)(y + i), out, n - i);
        } else {
            ek_i_store_s16((int16_t *)(void *)(y + i), out, n - i);
        }
    }
}

static inline int64_t ek_inverse(ek_i sums)
{
    return ((int64_t)1 << 62) / _mm512_reduce_add_epi64(sums);
}

/* Powers of a row of more than EK_KEPT elements are computed again for its quotients. */
static void ek_softmax_row(const ek_softmax *p, const int16_t *x, EK_Y *y, int32_t n)
{
    const int32_t top = ek_row_top(x, n);
    int32_t e[EK_KEPT];
    ek_i sums = _mm512_setzero_si512();
    for (int32_t i = 0; i < n; i += EK_KEPT) {
        sums = _mm512_add_epi64(sums, ek_powers(p, x + i, top, n - i < EK_KEPT ? n - i : EK_KEPT, e));
    }
    const int64_t inverse = ek_inverse(sums);
    for (int32_t i = 0; i < n; i += EK_KEPT) {
        const int32_t count = n - i < EK_KEPT ? n - i : EK_KEPT;
        ek_powers(p, x + i, top, count, e);
        ek_quotients(p, e, inverse, count, y + i);
    }
}

/* Some rows take every step together: none waits for the greatest, the sum or the inverse of the one before. */
static void ek_softmax_fitting(const ek_softmax *p, const int16_t *x, EK_Y *y, int32_t rows, int32_t n)
{
    const int32_t pitch = (n + EK_WIDTH - 1) & -EK_WIDTH;
    int32_t e[EK_KEPT], top[EK_TOGETHER];
    int64_t inverse[EK_TOGETHER];
    for (int32_t row = 0, some; row < rows; row += some, x += some * n, y += some * n) {
        some = rows - row < EK_TOGETHER ? rows - row : EK_TOGETHER;
        if (n > EK_KEPT) {
            some = 1;
            ek_softmax_row(p, x, y, n);
            continue;
        }
        some = some * pitch <= EK_KEPT ? some : EK_KEPT / pitch;
        for (int32_t r = 0; r < some; r++) {
            top[r] = ek_row_top(x + r * n, n);
        }
        for (int32_t r = 0; r < some; r++) {
            inverse[r] = ek_inverse(ek_powers(p, x + r * n, top[r], n, e + r * pitch));
        }
        for (int32_t r = 0; r < some; r++) {
            ek_quotients(p, e + r * pitch, inverse[r], n, y + r * n);
        }
    }
}
