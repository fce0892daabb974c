/* Advanced SIMD: floats to int8, 16 at a time where quotients of vectors round as those of scalars. */
#include "ek_neon.h"
#include "ek_quotient.h"

#ifdef __aarch64__
/* Four quotients, rounded half to even and saturated; 0 of NaN. */
static inline int16x4_t ek_four_quotients(const float *x, float32x4_t scale)
{
    return vqmovn_s32(vcvtnq_s32_f32(vdivq_f32(vld1q_f32(x), scale)));
}

static inline int8x8_t ek_eight_quotients(const float *x, float32x4_t scale, int16x8_t zero)
{
    return vqmovn_s16(vqaddq_s16(vcombine_s16(ek_four_quotients(x, scale), ek_four_quotients(x + 4, scale)), zero));
}

static inline int32_t ek_quantize_vectors(const float *x, float scale, int32_t zero, int8_t *y, int32_t n)
{
    const float32x4_t all = vdupq_n_f32(scale);
    const int16x8_t zeros = vdupq_n_s16((int16_t)zero);
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        vst1q_s8(y + i, vcombine_s8(ek_eight_quotients(x + i, all, zeros), ek_eight_quotients(x + i + 8, all, zeros)));
    }
    return i;
}
#else
#define ek_quantize_vectors(x, scale, zero, y, n) 0
#endif

void ek_quantize_s8(const float *x, float scale, int32_t zero, int8_t *y, int32_t n)
{
    for (int32_t i = ek_quantize_vectors(x, scale, zero, y, n); i < n; i++) {
        y[i] = ek_saturate_s8(ek_quotient(x[i], scale) + zero);
    }
}
