/* Helium: floats to EK_Y, four at a time, over EK_NAME and EK_STORE. There is no quotient of vectors: it begins as a product
 * with the reciprocal, and what that leaves over, times the reciprocal, mends it. After the first time it is within a unit
 * in the last place, and the second one rounds it as a quotient is rounded (P. Markstein, Computation of elementary
 * functions on the IBM RISC System/6000 processor, 1990, theorem 8.1). */
#include "ek_quotient.h"

#include <arm_mve.h>

#define EK_SCALE_LEAST 1e-18f /* from it to its reciprocal nothing that counts is denormal, which vectors take as zero */
#define EK_Y_LEAST (-(1 << (8 * (int32_t)sizeof(EK_Y) - 1)))

void EK_NAME(const float *x, float scale, int32_t zero, EK_Y *y, int32_t n)
{
    if (!(scale >= EK_SCALE_LEAST && scale <= 1.0f / EK_SCALE_LEAST)) {
        for (int32_t i = 0; i < n; i++) {
            y[i] = (EK_Y)ek_clamp(ek_quotient(x[i], scale) + zero, EK_Y_LEAST, -EK_Y_LEAST - 1);
        }
        return;
    }
    const float by = 1.0f / scale, limit = EK_QUOTIENT_MOST * scale;
    const float32x4_t most = vdupq_n_f32(limit), least = vdupq_n_f32(-limit);
    const int32x4_t low = vdupq_n_s32(EK_Y_LEAST), high = vdupq_n_s32(-EK_Y_LEAST - 1), none = vdupq_n_s32(zero);
    for (; n > 0; n -= 4, x += 4, y += 4) {
        const mve_pred16_t some = vctp32q((uint32_t)n);
        const float32x4_t given = vldrwq_z_f32(x, some);
        const float32x4_t v = vmaxnmq_f32(vminnmq_f32(given, most), least);
        float32x4_t q = vmulq_n_f32(v, by);
        q = vfmaq_n_f32(q, vfmaq_n_f32(v, q, -scale), by);
        q = vfmaq_n_f32(q, vfmaq_n_f32(v, q, -scale), by);
        const int32x4_t whole = vaddq_n_s32(vcvtnq_s32_f32(q), zero);
        const int32x4_t number = vpselq_s32(whole, none, vcmpeqq_f32(given, given));
        EK_STORE(y, vminq_s32(vmaxq_s32(number, low), high), some);
    }
}
