/* Requantizing a row of EK_X to EK_Y over ek_lanes.h. */
#include "ek_scale.h"

/* y [n] = clamp(y_zero + requantize(x - x_zero)); y may be x. */
static inline void ek_requantize_row(const EK_X *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                                     int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    const ek_scaling s = ek_scaling_of(shift, EK_ROOM, ek_larger(mult, 0), y_zero, y_min, y_max);
    const ek_i zero = ek_i_all(x_zero), m = ek_lifted(mult, &s);
    if (!s.fits) {
        for (int32_t i = 0; i < n; i++) {
            y[i] = (EK_Y)ek_output(x[i] - x_zero, mult, shift, y_zero, y_min, y_max);
        }
        return;
    }
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        const ek_i d = ek_i_shl(ek_i_sub(EK_LOAD(x + i, n - i), zero), ek_i_all(s.up));
        ek_scaled_store(ek_i_high(d, m), &s, y + i, n - i);
    }
}
