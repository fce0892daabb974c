/* Means of whole channels of int8: their bytes, which gain 128, are summed by vpdpbusd. Over EK_T and EK_Y. */
#include "ek_outputs.h"

/* The sum of x [n] + 128, modulo 2^32. */
static inline int32_t ek_sum_offset(const int8_t *x, int32_t n)
{
    const __m512i top = _mm512_set1_epi8(-128), ones = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
    for (int32_t i = 0; i < n; i += 64) {
        const __mmask64 lanes = n - i >= 64 ? ~0ull : (1ull << (n - i)) - 1;
        sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(_mm512_mask_loadu_epi8(top, lanes, x + i), top), ones);
    }
    return _mm512_reduce_add_epi32(sum);
}

/* Each output is the mean of a channel; returns 1. */
static inline int ek_pool_whole_s8(const int8_t *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                                   int32_t y_min, int32_t y_max, EK_Y *y, const ek_conv_shape *s)
{
    const int32_t n = s->in_h * s->in_w;
    int32_t acc[16], mults[16];
    uint8_t shifts[16];
    for (int32_t j = 0; j < 16; j++) {
        mults[j] = mult, shifts[j] = (uint8_t)shift;
    }
    for (int32_t c = 0; c < s->out_c; c += 16) {
        const int32_t channels = s->out_c - c < 16 ? s->out_c - c : 16;
        for (int32_t j = 0; j < channels; j++, x += n) {
            acc[j] = ek_sum_offset(x, n) - (x_zero + 128) * n;
        }
        if (sizeof(EK_Y) == 1) {
            ek_outputs_s32_s8(acc, mults, shifts, y_zero, y_min, y_max, (int8_t *)(void *)(y + c), channels);
        } else {
            ek_outputs_s32_s16(acc, mults, shifts, y_zero, y_min, y_max, (int16_t *)(void *)(y + c), channels);
        }
    }
    return 1;
}

#define EK_WHOLE_S8 ek_pool_whole_s8
#include "ek_whole_channels.h"

/* Whether windows are two columns side by side inside of x; then y is done. */
#define EK_POOL_PAIRS                                                                                            \
    (ek_pool_paired(&s)                                                                                          \
     && ek_pool_by_pairs_s8((const int8_t *)(const void *)x, x_zero, mult[2 * s.k_h - count_min],                \
                            shift[2 * s.k_h - count_min], y_zero, y_min, y_max, (int8_t *)(void *)y, &s))
