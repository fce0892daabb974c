/* Maxima and means of int8 in windows of two columns side by side, all inside of x, over EK_T and EK_Y. */
#include "ek_conv_shape.h"
#include "ek_word_factors.h"

#define EK_PAIRED_ROWS 64 /* whose sums of two columns have 16 bits */

/* Whether windows are such, and what is read is int8. */
static inline int ek_pool_paired(const ek_conv_shape *s)
{
    return sizeof(EK_T) == 1 && sizeof(EK_Y) == 1 && s->k_w == 2 && s->stride_w == 2 && s->dil_w == 1 && s->pad_left == 0
           && s->pad_top == 0 && 2 * s->out_w <= s->in_w && s->k_h <= EK_PAIRED_ROWS
           && s->stride_h * (s->out_h - 1) + (s->k_h - 1) * s->dil_h < s->in_h;
}

#ifdef EK_POOL_MAX
/* y [n], n <= 32, = the greatest of `count` rows of x, `step` apart. */
static inline __attribute__((always_inline)) void ek_pool_pair_maxima(const int8_t *x, ptrdiff_t step, int32_t count,
                                                                      int32_t n, int8_t *y)
{
    const __mmask64 read = ek_span(0, 2 * n);
    __m512i most = _mm512_maskz_loadu_epi8(read, x);
    for (int32_t row = 1; row < count; row++) {
        most = _mm512_max_epi8(most, _mm512_maskz_loadu_epi8(read, x + row * step));
    }
    most = _mm512_max_epi8(most, _mm512_srli_epi16(most, 8));
    _mm256_mask_storeu_epi8(y, (__mmask32)ek_span(0, n), _mm512_cvtepi16_epi8(most));
}

static inline int ek_pool_by_pairs_s8(const int8_t *x, int8_t *y, const ek_conv_shape *s)
{
    const ptrdiff_t step = (ptrdiff_t)s->dil_h * s->in_w;
    for (int32_t row = 0; row < s->out_c * s->out_h; row++, y += s->out_w) {
        const int8_t *const top = x + ((ptrdiff_t)(row / s->out_h) * s->in_h + row % s->out_h * s->stride_h) * s->in_w;
        for (int32_t ox = 0; ox < s->out_w; ox += 32) {
            ek_pool_pair_maxima(top + 2 * ox, step, s->k_h, ek_min(32, s->out_w - ox), y + ox);
        }
    }
    return 1;
}
#else
/* Whether the factor is such as pairs take; then y is done. */
static inline int ek_pool_by_pairs_s8(const int8_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                                      int32_t y_min, int32_t y_max, int8_t *y, const ek_conv_shape *s)
{
    const ptrdiff_t step = (ptrdiff_t)s->dil_h * s->in_w;
    const ek_word_factors f = ek_word_factors_of(mult, 2 * s->k_h * (x_zero + 128), 0, 0, shift);
    const __m512i top = _mm512_set1_epi8(-128), ones = _mm512_set1_epi8(1), none = _mm512_setzero_si512();
    const __m512i zero = _mm512_set1_epi16((int16_t)y_zero);
    const __m256i least = _mm256_set1_epi8((char)y_min), most = _mm256_set1_epi8((char)y_max);
    for (int32_t row = 0; row < s->out_c * s->out_h && f.fits; row++, y += s->out_w) {
        const int8_t *const from = x + ((ptrdiff_t)(row / s->out_h) * s->in_h + row % s->out_h * s->stride_h) * s->in_w;
        for (int32_t ox = 0; ox < s->out_w; ox += 32) {
            const __mmask64 read = ek_span(0, 2 * ek_min(32, s->out_w - ox));
            __m512i sum = none;
            for (int32_t ky = 0; ky < s->k_h; ky++) {
                const __m512i v = _mm512_maskz_loadu_epi8(read, from + ky * step + 2 * ox);
                sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(_mm512_xor_si512(v, top), ones));
            }
            const __m512i low = ek_scaled_words(&f, _mm512_unpacklo_epi16(sum, none));
            const __m512i high = ek_scaled_words(&f, _mm512_unpackhi_epi16(sum, none));
            const __m512i words = _mm512_adds_epi16(_mm512_packs_epi32(low, high), zero);
            const __m256i bytes = _mm256_max_epi8(_mm512_cvtsepi16_epi8(words), least);
            _mm256_mask_storeu_epi8(y + ox, (__mmask32)ek_span(0, s->out_w - ox), _mm256_min_epi8(bytes, most));
        }
    }
    return f.fits;
}
#endif
