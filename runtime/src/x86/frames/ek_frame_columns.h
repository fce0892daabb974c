/* Columns of weighted sums of int8 frames: 64 or 16 at once, two frames in the pairs of an instruction. Operands are 16 bits
 * wide, weights less their zero point; that of the frames is taken from the sums. */
#include "ek_outputs.h"

/* sums [2 * blocks] += two frames of 16 * blocks columns, weighed. */
static inline __attribute__((always_inline)) void ek_weigh_two(const int8_t *x0, const int8_t *x1, int32_t a0, int32_t a1,
                                                               int32_t blocks, __m256i *sums)
{
    const __m256i both = _mm256_set1_epi32((int32_t)((uint32_t)(a0 & 0xffff) | (uint32_t)a1 << 16));
    for (int32_t b = 0; b < blocks; b++) {
        const __m128i first = _mm_loadu_si128((const __m128i *)(const void *)(x0 + 16 * b));
        const __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(x1 + 16 * b));
        const __m256i low = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(first, second));
        const __m256i high = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(first, second));
        sums[2 * b] = _mm256_add_epi32(sums[2 * b], _mm256_madd_epi16(low, both));
        sums[2 * b + 1] = _mm256_add_epi32(sums[2 * b + 1], _mm256_madd_epi16(high, both));
    }
}

/* acc [16 * blocks] = sums of k frames from their zero point. */
static inline __attribute__((always_inline)) void ek_weigh_blocks(const int8_t *a, int32_t a_zero, const int8_t *x,
                                                                  int32_t x_zero, const int32_t *at, int32_t k,
                                                                  int32_t blocks, int32_t *acc)
{
    __m256i sums[8];
    int32_t total = 0;
    for (int32_t b = 0; b < 2 * blocks; b++) {
        sums[b] = _mm256_setzero_si256();
    }
    for (int32_t t = 0; t < k; t += 2) {
        const int32_t pair = t + 1 < k, a0 = a[t] - a_zero, a1 = pair ? a[t + 1] - a_zero : 0;
        total += a0 + a1;
        ek_weigh_two(x + at[t], x + at[t + pair], a0, a1, blocks, sums);
    }
    for (int32_t b = 0; b < 2 * blocks; b++) {
        const __m256i v = _mm256_sub_epi32(sums[b], _mm256_set1_epi32(x_zero * total));
        _mm256_storeu_si256((__m256i *)(void *)(acc + 8 * b), v);
    }
}

/* The first columns of a row of EK_NAME; says how many. */
static inline int32_t ek_frame_columns(const EK_X *a, int32_t a_zero, const EK_X *x, int32_t x_zero, const int32_t *at,
                                       int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                                       int32_t k, int32_t n)
{
    const int8_t *const weights = (const int8_t *)(const void *)a, *const frames = (const int8_t *)(const void *)x;
    const ek_i zero = ek_i_all(y_zero), low = ek_i_all(y_min), high = ek_i_all(y_max);
    int32_t from = 0, acc[64];
    if (sizeof(EK_X) != 1) {
        return 0;
    }
    for (int32_t count; from + 16 <= n; from += count) {
        count = from + 64 <= n ? 64 : 16;
        if (count == 64) {
            ek_weigh_blocks(weights, a_zero, frames + from, x_zero, at, k, 4, acc);
        } else {
            ek_weigh_blocks(weights, a_zero, frames + from, x_zero, at, k, 1, acc);
        }
        for (int32_t j = 0; j < count; j += EK_WIDTH) {
            const ek_i q = ek_i_requantize_all(ek_i_load_s32(acc + j, EK_WIDTH), mult, shift);
            const ek_i v = ek_i_clamp(ek_i_add(q, zero), low, high);
            if (sizeof(EK_Y) == 1) {
                ek_i_store_s8((int8_t *)(void *)(y + from + j), v, EK_WIDTH);
            } else {
                ek_i_store_s16((int16_t *)(void *)(y + from + j), v, EK_WIDTH);
            }
        }
    }
    return from;
}
