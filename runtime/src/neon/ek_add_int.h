/* Advanced SIMD: the integer sum of two operands over EK_NAME, EK_X and EK_Y; of int8 operands 16 at a time. */
#include "ek_neon.h"
#include "edgekit.h"

#define EK_LEAST_SHIFT 17 /* half a step has no bits below 2^16 */
#define EK_MOST_FACTOR 0x7fff8000 /* whose high part, rounded, is 16 bits still */

/* A factor as 2^16 high + low. */
typedef struct {
    int16_t high, low;
} ek_halves;

static inline ek_halves ek_halves_of(int32_t m)
{
    const int16_t low = (int16_t)(uint16_t)((uint32_t)m & 0xffff);
    const ek_halves h = {(int16_t)(((int64_t)m - low) >> 16), low};
    return h;
}

/* Four of (a * m1 + b * m2) >> 16, rounded down. */
static inline int32x4_t ek_four_sums(int16x4_t a, ek_halves m1, int16x4_t b, ek_halves m2)
{
    const int32x4_t high = vmlal_n_s16(vmull_n_s16(a, m1.high), b, m2.high);
    return vsraq_n_s32(high, vmlal_n_s16(vmull_n_s16(a, m1.low), b, m2.low), 16);
}

/* Eight of ((a - a_zero) * m1 + (b - b_zero) * m2 + 2^(shift - 1)) >> shift, saturated; by is 16 - shift. */
static inline int16x8_t ek_eight_sums(int8x8_t a, int8x8_t a_zero, ek_halves m1, int8x8_t b, int8x8_t b_zero, ek_halves m2,
                                      int32x4_t by)
{
    const int16x8_t da = vsubl_s8(a, a_zero), db = vsubl_s8(b, b_zero);
    const int32x4_t low = ek_four_sums(vget_low_s16(da), m1, vget_low_s16(db), m2);
    const int32x4_t high = ek_four_sums(vget_high_s16(da), m1, vget_high_s16(db), m2);
    return vcombine_s16(vqmovn_s32(vrshlq_s32(low, by)), vqmovn_s32(vrshlq_s32(high, by)));
}

/* The first outputs of int8 operands, as many as there are whole vectors of; returns their number. */
static inline int32_t ek_add_vectors(const int8_t *a, int32_t a_step, int32_t a_zero, int32_t m1, const int8_t *b,
                                     int32_t b_step, int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero,
                                     int32_t y_min, int32_t y_max, int8_t *y, int32_t n)
{
    const ek_halves first = ek_halves_of(m1), second = ek_halves_of(m2);
    const int8x8_t za = vdup_n_s8((int8_t)a_zero), zb = vdup_n_s8((int8_t)b_zero);
    const int8x16_t least = vdupq_n_s8((int8_t)y_min), most = vdupq_n_s8((int8_t)y_max);
    const int16x8_t zero = vdupq_n_s16((int16_t)y_zero);
    const int32x4_t by = vdupq_n_s32(16 - shift);
    int8x16_t va = vdupq_n_s8(*a), vb = vdupq_n_s8(*b);
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        va = a_step ? vld1q_s8(a + i) : va;
        vb = b_step ? vld1q_s8(b + i) : vb;
        const int16x8_t low = ek_eight_sums(vget_low_s8(va), za, first, vget_low_s8(vb), zb, second, by);
        const int16x8_t high = ek_eight_sums(vget_high_s8(va), za, first, vget_high_s8(vb), zb, second, by);
        const int8x16_t q = vcombine_s8(vqmovn_s16(vqaddq_s16(low, zero)), vqmovn_s16(vqaddq_s16(high, zero)));
        vst1q_s8(y + i, vmaxq_s8(vminq_s8(q, most), least));
    }
    return i;
}

void EK_NAME(const EK_X *a, int32_t a_step, int32_t a_zero, int32_t m1, const EK_X *b, int32_t b_step,
             int32_t b_zero, int32_t m2, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
             int32_t n)
{
    const int64_t half = (int64_t)1 << (shift - 1);
    int32_t i = 0;
    if (sizeof(EK_X) == 1 && shift >= EK_LEAST_SHIFT && m1 < EK_MOST_FACTOR && m2 < EK_MOST_FACTOR) {
        i = ek_add_vectors((const int8_t *)(const void *)a, a_step, a_zero, m1, (const int8_t *)(const void *)b, b_step,
                           b_zero, m2, shift, y_zero, y_min, y_max, (int8_t *)(void *)y, n);
    }
    for (; i < n; i++) {
        const int64_t da = a[i * a_step] - a_zero, db = b[i * b_step] - b_zero;
        y[i] = (EK_Y)ek_clamp64(((da * m1 + db * m2 + half) >> shift) + y_zero, y_min, y_max);
    }
}
