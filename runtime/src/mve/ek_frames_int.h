/* Helium: the integer depthwise convolution at one position over EK_NAME, EK_X, EK_ACC, EK_Y and EK_OUTPUT, four channels
 * in a vector. */
#include "ek_rows.h"

#include <arm_mve.h>

#define EK_AT_ONCE 64

static inline int32x4_t ek_frame_load(const EK_X *x, mve_pred16_t some)
{
    return sizeof(EK_X) == 1 ? vldrbq_z_s32((const int8_t *)(const void *)x, some)
                             : vldrhq_z_s32((const int16_t *)(const void *)x, some);
}

void EK_NAME(const EK_X *restrict x, const int32_t *restrict at, const int8_t *restrict w,
             const EK_ACC *restrict bias, const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero,
             int32_t y_min, int32_t y_max, EK_Y *restrict y, int32_t taps, int32_t channels)
{
    int32_t sums[EK_AT_ONCE];
    EK_ACC acc[EK_AT_ONCE];
    for (int32_t o = 0; o < channels; o += EK_AT_ONCE) {
        const int32_t n = channels - o < EK_AT_ONCE ? channels - o : EK_AT_ONCE;
        for (int32_t j = 0; j < n; j += 4) {
            const mve_pred16_t some = vctp32q((uint32_t)(n - j));
            const EK_X *const xj = x + o + j;
            const int8_t *wj = w + o + j;
            int32x4_t sum = vdupq_n_s32(0);
            for (int32_t t = 0; t < taps; t++, wj += channels) {
                sum = vaddq_s32(sum, vmulq_s32(ek_frame_load(xj + at[t], some), vldrbq_z_s32(wj, some)));
            }
            if (sizeof(EK_ACC) == 4) {
                const int32_t *const start = (const int32_t *)(const void *)(bias + o + j);
                vst1q_s32((int32_t *)(void *)(acc + j), vaddq_s32(sum, vldrwq_z_s32(start, some)));
            } else {
                vst1q_s32(sums + j, sum);
            }
        }
        for (int32_t j = 0; j < n && sizeof(EK_ACC) > 4; j++) {
            acc[j] = bias[o + j] + sums[j];
        }
        EK_OUTPUT(acc, mult + o, shift + o, y_zero, y_min, y_max, y + o, n);
    }
}
