/* The integer product of two operands over ek_lanes.h, EK_NAME, EK_X and EK_Y. */
#include "ek_scale.h"

void EK_NAME(const EK_X *a, int32_t a_step, int32_t a_zero, const EK_X *b, int32_t b_step, int32_t b_zero,
             int32_t m, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    const int32_t room = sizeof(EK_X) == 1 ? 14 : 0; /* above products of 2^16 or 2^30 */
    const ek_scaling s = ek_scaling_of(shift, room, ek_larger(m, 0), y_zero, y_min, y_max);
    const ek_i za = ek_i_all(a_zero), zb = ek_i_all(b_zero), factor = ek_lifted(m, &s);
    ek_i va = ek_i_all(*a), vb = ek_i_all(*b);
    if (!s.fits) {
        for (int32_t i = 0; i < n; i++) {
            const int32_t product = (a[i * a_step] - a_zero) * (b[i * b_step] - b_zero);
            y[i] = (EK_Y)ek_output(product, m, shift, y_zero, y_min, y_max);
        }
        return;
    }
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        va = a_step ? EK_LOAD(a + i, n - i) : va;
        vb = b_step ? EK_LOAD(b + i, n - i) : vb;
        const ek_i product = ek_i_mul(ek_i_sub(va, za), ek_i_sub(vb, zb));
        ek_scaled_store(ek_i_high(ek_i_shl(product, ek_i_all(s.up)), factor), &s, y + i, n - i);
    }
}
