/* Pooling with neighbouring outputs of a row as lanes, over EK_T: 32 of them for int8, of which sums have 16 bits, else 16.
 * Maxima and sums of integers are taken along each row of x first, which windows below each other share; sums of floats in
 * the order of the taps. EK_POOL_MAX or EK_POOL_SUM says which it is. */
#include "ek_outputs.h"
#include "ek_pool_pairs.h"
#include "ek_vector.h"
#ifdef EK_POOL_MAX
#include "ek_pool_halves.h"
#else
#include "ek_pool_down.h"
#endif

#define EK_POOL_KEPT 64    /* rows of x whose maxima or sums are kept */
#define EK_POOL_WIDEST 16  /* kernel */
#define EK_POOL_NARROW 8   /* output below which lanes would idle */
#define EK_INLINE static inline __attribute__((always_inline))
#define EK_POOL_LINE (sizeof(EK_T) == 1 ? 32 : 16)
#ifdef EK_POOL_MAX
#define EK_POOL_SUMS_S8 0
#define EK_POOL_SUMS_S16 0
#define EK_POOL_SHARES 1
#else
#define EK_POOL_SUMS_S8 (sizeof(EK_T) == 1)
#define EK_POOL_SUMS_S16 (sizeof(EK_T) == 2) /* of 32 bits */
#define EK_POOL_SHARES (sizeof(EK_T) <= 2)
#endif
#define EK_POOL_MOST 256 /* taps of int8 whose sum has 16 bits */

/* A column of taps of some outputs: which lanes are inside, the elements of x that are read for them, and where the first
 * lies in its row. */
typedef struct {
    uint64_t read;
    uint32_t in;
    int32_t base;
} ek_pool_tap;

/* Bits from..to-1. */
static inline uint64_t ek_pool_bits(int32_t from, int32_t to)
{
    return to <= from ? 0 : (to >= 64 ? ~0ull : (1ull << to) - 1) & ~((1ull << from) - 1);
}

/* Whether rows are taken so. */
static inline int ek_pool_by_rows(const ek_conv_shape *s)
{
    return (EK_POOL_SHARES || sizeof(EK_T) == 4) && (!EK_POOL_SUMS_S8 || s->k_h * s->k_w <= EK_POOL_MOST) && s->out_w >= EK_POOL_NARROW && s->stride_w <= 2 && s->k_w <= EK_POOL_WIDEST
           && (s->k_h - 1) * s->dil_h < EK_POOL_KEPT;
}

/* All lanes a value of x, as `ek_pool_taken` has them. */
static inline __m512i ek_pool_filled(EK_T v)
{
    int32_t bits = 0;
    memcpy(&bits, &v, sizeof(v));
    return sizeof(EK_T) == 4                        ? _mm512_set1_epi32(bits)
           : EK_POOL_SUMS_S16                       ? _mm512_set1_epi32((int32_t)v)
           : sizeof(EK_T) == 2 || EK_POOL_SUMS_S8 ? _mm512_set1_epi16((int16_t)v)
                                                   : _mm512_set1_epi8((char)v);
}

/* taps [k_w] of n outputs from ox on. */
static inline void ek_pool_taps_of(const ek_conv_shape *s, int32_t ox, int32_t n, ek_pool_tap *taps)
{
    for (int32_t kx = 0; kx < s->k_w; kx++) {
        const int32_t base = ox * s->stride_w - s->pad_left + kx * s->dil_w;
        const int32_t lo = ek_min(ek_first(-base, s->stride_w), n);
        const int32_t hi = ek_max(ek_min(ek_first(s->in_w - base, s->stride_w), n), lo);
        taps[kx].base = base;
        taps[kx].in = (uint32_t)ek_pool_bits(lo, hi);
        taps[kx].read = s->stride_w == 1 ? ek_pool_bits(lo, hi) : ek_pool_bits(2 * lo, 2 * hi) & 0x5555555555555555ull;
    }
}

/* What a tap takes from a row of x by strides of 1 or 2, `outside` in other lanes: floats, for sums int16 of int8 and int32 of
 * int16, else int8 or int16 in the lower half. */
EK_INLINE __m512i ek_pool_taken(const EK_T *row, const ek_pool_tap *t, int32_t stride, __m512i outside)
{
    const void *const x = row + t->base;
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m256i half = _mm512_castsi512_si256(outside);
    const __mmask16 low = (__mmask16)t->read, in = (__mmask16)t->in;
    if (sizeof(EK_T) == 4 && stride == 1) {
        return _mm512_mask_loadu_epi32(outside, low, x);
    }
    if (sizeof(EK_T) == 4) {
        const __m512i second = _mm512_maskz_loadu_epi32((__mmask16)(t->read >> 16), (const char *)x + 64);
        const __m512i both = _mm512_permutex2var_epi32(_mm512_maskz_loadu_epi32(low, x), even, second);
        return _mm512_mask_mov_epi32(outside, in, both);
    }
    if (EK_POOL_SUMS_S16 && stride == 1) {
        return _mm512_mask_cvtepi16_epi32(outside, in, _mm256_maskz_loadu_epi16(in, x));
    }
    if (EK_POOL_SUMS_S16) { /* the lower words */
        const __m512i high = _mm512_slli_epi32(_mm512_maskz_loadu_epi16((__mmask32)t->read, x), 16);
        return _mm512_mask_srai_epi32(outside, in, high, 16);
    }
    if (sizeof(EK_T) == 2 && stride == 1) {
        return _mm512_castsi256_si512(_mm256_mask_loadu_epi16(half, low, x));
    }
    if (sizeof(EK_T) == 2) {
        const __m512i both = _mm512_maskz_loadu_epi16((__mmask32)t->read, x);
        return _mm512_castsi256_si512(_mm512_mask_cvtepi32_epi16(half, in, both));
    }
    if (EK_POOL_SUMS_S8 && stride == 1) {
        return _mm512_mask_cvtepi8_epi16(outside, t->in, _mm256_maskz_loadu_epi8(t->in, x));
    }
    if (EK_POOL_SUMS_S8) { /* the lower bytes */
        const __m512i high = _mm512_slli_epi16(_mm512_maskz_loadu_epi8(t->read, x), 8);
        return _mm512_mask_srai_epi16(outside, t->in, high, 8);
    }
    if (stride == 1) {
        return _mm512_castsi256_si512(_mm256_mask_loadu_epi8(half, t->in, x));
    }
    return _mm512_castsi256_si512(_mm512_mask_cvtepi16_epi8(half, t->in, _mm512_maskz_loadu_epi8(t->read, x)));
}

EK_INLINE __m512i ek_pool_joined(__m512i acc, __m512i v)
{
    const __m256i a = _mm512_castsi512_si256(acc), b = _mm512_castsi512_si256(v);
    (void)a, (void)b;
#ifdef EK_POOL_MAX
    if (sizeof(EK_T) == 1) {
        return _mm512_castsi256_si512(_mm256_max_epi8(a, b));
    }
    if (sizeof(EK_T) == 2) {
        return _mm512_castsi256_si512(_mm256_max_epi16(a, b));
    }
    return _mm512_castps_si512(ek_v_max(_mm512_castsi512_ps(acc), _mm512_castsi512_ps(v)));
#else
    if (sizeof(EK_T) == 1) {
        return _mm512_add_epi16(acc, v);
    }
    if (sizeof(EK_T) == 2) {
        return _mm512_add_epi32(acc, v);
    }
    return _mm512_castps_si512(ek_v_add(_mm512_castsi512_ps(acc), _mm512_castsi512_ps(v)));
#endif
}

/* acc with all taps of a row of x. */
EK_INLINE __m512i ek_pool_beside(__m512i acc, const EK_T *row, const ek_pool_tap *taps, int32_t k_w, int32_t stride,
                                 __m512i outside)
{
    for (int32_t kx = 0; kx < k_w; kx++) {
        acc = ek_pool_joined(acc, ek_pool_taken(row, taps + kx, stride, outside));
    }
    return acc;
}

/* kept [count] = all taps of rows iy.. of x; `outside` where those are outside. */
EK_INLINE void ek_pool_keep(const EK_T *x, const ek_conv_shape *s, const ek_pool_tap *taps, int32_t k_w, int32_t stride,
                            int32_t iy, int32_t count, __m512i start, __m512i outside, __m512i *kept)
{
    for (int32_t r = 0; r < count; r++, iy++) {
        const int inside = iy >= 0 && iy < s->in_h;
        kept[r] = inside ? ek_pool_beside(start, x + (ptrdiff_t)iy * s->in_w, taps, k_w, stride, outside) : start;
    }
}

/* The same, of which small kernels unroll. */
static inline void ek_pool_keep_rows(const EK_T *x, const ek_conv_shape *s, const ek_pool_tap *taps, int32_t iy,
                                     int32_t count, __m512i start, __m512i outside, __m512i *kept)
{
    if (s->k_w == 3 && s->stride_w == 1) {
        ek_pool_keep(x, s, taps, 3, 1, iy, count, start, outside, kept);
    } else if (s->k_w == 3) {
        ek_pool_keep(x, s, taps, 3, 2, iy, count, start, outside, kept);
    } else if (s->k_w == 2 && s->stride_w == 1) {
        ek_pool_keep(x, s, taps, 2, 1, iy, count, start, outside, kept);
    } else if (s->k_w == 2 && s->stride_w == 2) {
        ek_pool_keep(x, s, taps, 2, 2, iy, count, start, outside, kept);
    } else {
        ek_pool_keep(x, s, taps, s->k_w, s->stride_w, iy, count, start, outside, kept);
    }
}

/* The sum of a window of floats whose first row is by. */
EK_INLINE __m512i ek_pool_window(const EK_T *x, const ek_conv_shape *s, const ek_pool_tap *taps, int32_t k_w,
                                 int32_t stride, int32_t by)
{
    __m512i acc = _mm512_setzero_si512();
    for (int32_t ky = 0; ky < s->k_h; ky++) {
        const int32_t iy = by + ky * s->dil_h;
        if (iy >= 0 && iy < s->in_h) {
            acc = ek_pool_beside(acc, x + (ptrdiff_t)iy * s->in_w, taps, k_w, stride, _mm512_setzero_si512());
        }
    }
    return acc;
}

/* All taps of n outputs of row oy; kept: of rows of x, from `first` on. */
EK_INLINE __m512i ek_pool_taken_window(const EK_T *x, const ek_conv_shape *s, const ek_pool_tap *taps, int32_t by,
                                       const __m512i *kept, __m512i start)
{
    __m512i acc = start;
    if (EK_POOL_SHARES) {
        for (int32_t ky = 0; ky < s->k_h; ky++) {
            acc = ek_pool_joined(acc, kept[ky * s->dil_h]);
        }
        return acc;
    }
    if (s->k_w == 3 && s->stride_w == 1) {
        return ek_pool_window(x, s, taps, 3, 1, by);
    }
    if (s->k_w == 2 && s->stride_w == 2) {
        return ek_pool_window(x, s, taps, 2, 2, by);
    }
    return ek_pool_window(x, s, taps, s->k_w, s->stride_w, by);
}

EK_INLINE void ek_pool_store(EK_Y *y, __m512i v, int32_t n)
{
    const uint32_t lanes = (uint32_t)ek_pool_bits(0, n);
    if (sizeof(EK_Y) == 4) {
        _mm512_mask_storeu_epi32(y, (__mmask16)lanes, v);
    } else if (sizeof(EK_Y) == 2) {
        _mm256_mask_storeu_epi16(y, (__mmask16)lanes, _mm512_castsi512_si256(v));
    } else {
        _mm256_mask_storeu_epi8(y, lanes, _mm512_castsi512_si256(v));
    }
}

/* y [n] = sums by their counts, `down` times those of columns. */
EK_INLINE void ek_pool_means_f32(__m512i acc, int32_t down, const int32_t *across, int32_t n, EK_Y *y)
{
    const __m512i count = _mm512_mullo_epi32(_mm512_loadu_si512(across), _mm512_set1_epi32(down));
    ek_pool_store(y, _mm512_castps_si512(_mm512_div_ps(_mm512_castsi512_ps(acc), _mm512_cvtepi32_ps(count))), n);
}

#define EK_POOL_HEIGHTS 4     /* counts of rows whose factors are kept */
#define EK_POOL_WORD_TAPS 64 /* of int8 whose sum by half a factor has 31 bits */

/* Factors of means by so many rows, `down`. Of int8 also as in ek_word_factors.h, which `fits`, if their halves are int16: in
 * the order in which unpacking leaves 32 sums. */
typedef struct {
    int32_t mult[32], high[32], low[32], half[32], by[32], down, fits;
    uint8_t shift[32];
} ek_pool_factors;

/* Means of 16 sums, factors from number `at` on, as bytes. */
EK_INLINE __m128i ek_pool_mean_bytes(__m256i acc, int32_t zeros, const ek_pool_factors *own, int32_t at, int32_t y_zero,
                                     int32_t y_min, int32_t y_max)
{
    const ek_i sum = ek_i_sub(_mm512_cvtepi16_epi32(acc), ek_i_all(zeros));
    const ek_i q = ek_i_requantize(sum, ek_i_load_s32(own->mult + at, 16), ek_i_load_u8(own->shift + at, 16));
    return _mm512_cvtepi32_epi8(ek_i_clamp(ek_i_add(q, ek_i_all(y_zero)), ek_i_all(y_min), ek_i_all(y_max)));
}

/* Means of 16 pairs of a sum and nothing, factors from number `at` on, before the zero point. */
EK_INLINE __m512i ek_pool_mean_words(__m512i pairs, const ek_pool_factors *own, int32_t at)
{
    const ek_i high = ek_i_dot_words(ek_i_load_s32(own->half + at, 16), pairs, ek_i_load_s32(own->high + at, 16));
    const ek_i low = _mm512_madd_epi16(pairs, ek_i_load_s32(own->low + at, 16));
    return ek_i_shr(ek_i_add(high, ek_i_shr(low, ek_i_all(16))), ek_i_load_s32(own->by + at, 16));
}

/* Factor j with a shift of 33 or more, or as large as it can be: those of sums that may have 64 bits are small. */
EK_INLINE void ek_pool_factor(ek_pool_factors *own, int32_t j, int32_t mult, int32_t shift)
{
    const int32_t room = __builtin_clz((uint32_t)(mult ^ (mult >> 31)) | 1u) - 1, up = ek_min(ek_max(33 - shift, 0), room);
    const int32_t high = (int32_t)(((int64_t)mult + 32768) >> 16), at = j / 4 % 2 * 16 + j / 8 * 4 + j % 4;
    own->mult[j] = (int32_t)((uint32_t)mult << up);
    own->shift[j] = (uint8_t)(shift + up);
    if (EK_POOL_SUMS_S8) {
        own->fits &= high >= -32768 && high < 32768 && shift >= 17 && shift <= 46;
        own->high[at] = high;
        own->low[at] = (int32_t)(mult - high * (int64_t)65536);
        own->half[at] = (int32_t)1 << ek_min(ek_max(shift - 17, 0), 29);
        own->by[at] = shift - 16;
    }
}

/* Those for `down`, of outputs with so many columns of taps; the factors begin with that of count_min. */
EK_INLINE const ek_pool_factors *ek_pool_factors_of(ek_pool_factors *kept, int32_t down, const int32_t *across,
                                                    int32_t fits, const int32_t *mult, const uint8_t *shift,
                                                    int32_t count_min)
{
    ek_pool_factors *const own = kept + down % EK_POOL_HEIGHTS;
    if (own->down != down) {
        own->down = down;
        own->fits = fits;
        for (int32_t j = 0; j < EK_POOL_LINE; j++) {
            ek_pool_factor(own, j, mult[down * across[j] - count_min], shift[down * across[j] - count_min]);
        }
    }
    return own;
}

/* y [n] = means of sums of integers, of which `zeros` is taken away. */
EK_INLINE void ek_pool_means_int(__m512i acc, int32_t zeros, const ek_pool_factors *own, int32_t y_zero, int32_t y_min,
                                 int32_t y_max, int32_t n, EK_Y *y)
{
    if (EK_POOL_SUMS_S16) {
        const ek_i sum = ek_i_sub(acc, ek_i_all(zeros));
        const ek_i q = ek_i_requantize(sum, ek_i_load_s32(own->mult, 16), ek_i_load_u8(own->shift, 16));
        const ek_i v = ek_i_clamp(ek_i_add(q, ek_i_all(y_zero)), ek_i_all(y_min), ek_i_all(y_max));
        if (sizeof(EK_Y) == 1) {
            ek_i_store_s8((int8_t *)(void *)y, v, n);
        } else {
            ek_i_store_s16((int16_t *)(void *)y, v, n);
        }
        return;
    }
    const __mmask32 lanes = (uint32_t)ek_pool_bits(0, n);
    if (own->fits) {
        const __m512i sum = _mm512_sub_epi16(acc, _mm512_set1_epi16((int16_t)zeros)), none = _mm512_setzero_si512();
        const __m512i low = ek_pool_mean_words(_mm512_unpacklo_epi16(sum, none), own, 0);
        const __m512i high = ek_pool_mean_words(_mm512_unpackhi_epi16(sum, none), own, 16);
        const __m512i words = _mm512_adds_epi16(_mm512_packs_epi32(low, high), _mm512_set1_epi16((int16_t)y_zero));
        const __m256i bytes = _mm256_max_epi8(_mm512_cvtsepi16_epi8(words), _mm256_set1_epi8((char)y_min));
        _mm256_mask_storeu_epi8(y, lanes, _mm256_min_epi8(bytes, _mm256_set1_epi8((char)y_max)));
        return;
    }
    const __m256i low = _mm512_castsi512_si256(acc), high = _mm512_extracti64x4_epi64(acc, 1);
    const __m128i first = ek_pool_mean_bytes(low, zeros, own, 0, y_zero, y_min, y_max);
    const __m128i second = ek_pool_mean_bytes(high, zeros, own, 16, y_zero, y_min, y_max);
    _mm256_mask_storeu_epi8(y, lanes, _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1));
}
