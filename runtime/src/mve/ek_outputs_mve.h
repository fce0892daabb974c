/* Outputs of sums by Helium: a shift of 33 or more needs only the high word of a product. */
#include "ek_outputs_each.h"

#include <arm_mve.h>

#define EK_PACKED(n) (n)

/* Four outputs; every shift is 33 or more. */
static inline int32x4_t ek_four_outputs(const int32_t *acc, const int32_t *mult, uint32x4_t shift, int32_t y_zero,
                                        int32_t y_min, int32_t y_max)
{
    const int32x4_t high = vmulhq_s32(vld1q_s32(acc), vld1q_s32(mult));
    const int32x4_t right = vsubq_s32(vdupq_n_s32(32), vreinterpretq_s32_u32(shift));
    const int32x4_t y = vaddq_n_s32(vrshlq_s32(high, right), y_zero);
    return vmaxq_s32(vminq_s32(y, vdupq_n_s32(y_max)), vdupq_n_s32(y_min));
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS_S32(name, y_type, store)                                                                      \
    static inline void name(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,       \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        int32_t j = 0;                                                                                           \
        for (; j + 4 <= n; j += 4) {                                                                             \
            const uint32x4_t s = vldrbq_u32(shift + j);                                                          \
            if (vminvq_u32(63, s) < 33) {                                                                        \
                for (int32_t i = j; i < j + 4; i++) {                                                            \
                    y[i] = (y_type)ek_output(acc[i], mult[i], shift[i], y_zero, y_min, y_max);                   \
                }                                                                                                \
                continue;                                                                                        \
            }                                                                                                    \
            store(y + j, ek_four_outputs(acc + j, mult + j, s, y_zero, y_min, y_max));                           \
        }                                                                                                        \
        for (; j < n; j++) {                                                                                     \
            y[j] = (y_type)ek_output(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                           \
        }                                                                                                        \
    }
EK_OUTPUTS_S32(ek_outputs_s32_s8, int8_t, vstrbq_s32)
EK_OUTPUTS_S32(ek_outputs_s32_s16, int16_t, vstrhq_s32)
