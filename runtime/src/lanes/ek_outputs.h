/* Outputs of int32 sums over ek_lanes.h. A shift below 33 moves the sum up instead, which first saturates where the
 * output does: |mult| is 2^20 or more, or 0. See ek_scale.h for the rounding. */
#include "ek_lanes.h"

/* Requantized sums, each with its own factor; shift in 1..62. */
static inline ek_i ek_i_requantize(ek_i acc, ek_i mult, ek_i shift)
{
    const ek_i none = ek_i_all(0), one = ek_i_all(1);
    const ek_i up = ek_i_clamp(ek_i_sub(ek_i_all(33), shift), none, ek_i_all(30));
    const ek_i down = ek_i_clamp(ek_i_sub(shift, ek_i_all(33)), none, ek_i_all(31));
    const ek_i limit = ek_i_shr(ek_i_all(1 << 30), up);
    const ek_i sum = ek_i_shl(ek_i_clamp(acc, ek_i_sub(none, limit), limit), up);
    return ek_i_shr(ek_i_add(ek_i_shr(ek_i_high(sum, mult), down), one), one);
}

/* Requantized sums with one factor. */
static inline ek_i ek_i_requantize_all(ek_i acc, int32_t mult, int32_t shift)
{
    const ek_i one = ek_i_all(1), m = ek_i_all(mult);
    if (shift >= 33) {
        return ek_i_shr(ek_i_add(ek_i_shr(ek_i_high(acc, m), ek_i_all(shift - 33)), one), one);
    }
    return ek_i_requantize(acc, m, ek_i_all(shift));
}

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS_S32(name, y_type, store)                                                                      \
    static inline void name(const int32_t *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,       \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        const ek_i zero = ek_i_all(y_zero), low = ek_i_all(y_min), high = ek_i_all(y_max);                       \
        for (int32_t j = 0; j < n; j += EK_WIDTH) {                                                              \
            const ek_i m = ek_i_load_s32(mult + j, n - j), s = ek_i_load_u8(shift + j, n - j);                   \
            const ek_i q = ek_i_requantize(ek_i_load_s32(acc + j, n - j), m, s);                                 \
            store(y + j, ek_i_clamp(ek_i_add(q, zero), low, high), n - j);                                       \
        }                                                                                                        \
    }
EK_OUTPUTS_S32(ek_outputs_s32_s8, int8_t, ek_i_store_s8)
EK_OUTPUTS_S32(ek_outputs_s32_s16, int16_t, ek_i_store_s16)
