/* Helium: four at a time. */
#include "edgekit.h"

#include <arm_mve.h>

void ek_dequantize_s16(const int16_t *restrict x, float scale, int32_t zero, float *restrict y, int32_t n)
{
    for (; n > 0; n -= 4, x += 4, y += 4) {
        const mve_pred16_t some = vctp32q((uint32_t)n);
        const int32x4_t v = vsubq_n_s32(vldrhq_z_s32(x, some), zero);
        vstrwq_p_f32(y, vmulq_n_f32(vcvtq_f32_s32(v), scale), some);
    }
}
