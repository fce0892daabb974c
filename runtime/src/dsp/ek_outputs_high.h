/* Outputs of sums where a product of 32 bits has its high word at once: a shift of 33 or more needs no other. */
#include "ek_outputs_each.h"

#define EK_PACKED(n) (((n) + EK_PANEL - 1) / EK_PANEL * EK_PANEL)

static inline int32_t ek_output_high(int32_t acc, int32_t m, int32_t s, int32_t y_zero, int32_t y_min, int32_t y_max)
{
    const int32_t high = (int32_t)(((int64_t)acc * m) >> 32);
    return ek_clamp(((high + (1 << (s - 33))) >> (s - 32)) + y_zero, y_min, y_max);
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS_HIGH(name, y_type)                                                                            \
    static inline void name(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,      \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        for (int32_t j = 0; j < n; j++) {                                                                        \
            if (shift[j] >= 33) {                                                                                \
                y[j] = (y_type)ek_output_high(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                  \
            } else {                                                                                             \
                y[j] = (y_type)ek_output(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                       \
            }                                                                                                    \
        }                                                                                                        \
    }
EK_OUTPUTS_HIGH(ek_outputs_s32_s8, int8_t)
EK_OUTPUTS_HIGH(ek_outputs_s32_s16, int16_t)
