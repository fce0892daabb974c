/* The integer PReLU over ek_lanes.h, EK_NAME, EK_X, EK_Y, and EK_MIN and EK_MAX of EK_Y. */
#include "ek_scale.h"

void EK_NAME(const EK_X *x, int32_t x_zero, int32_t m_pos, const int32_t *m_neg, int32_t shift, int32_t y_zero,
             EK_Y *y, int32_t channels, int32_t inner)
{
    ek_scaling s = ek_scaling_of(shift, EK_ROOM, 1, y_zero, EK_MIN, EK_MAX);
    if (s.lift > 0) {
        int64_t top = ek_larger(m_pos, 0);
        for (int32_t c = 0; c < channels; c++) {
            top = ek_larger(top, m_neg[c]);
        }
        s = ek_scaling_of(shift, EK_ROOM, top, y_zero, EK_MIN, EK_MAX);
    }
    const ek_i zero = ek_i_all(x_zero), positive = ek_lifted(m_pos, &s), lift = ek_i_all(s.fits ? s.lift : 0);
    const int across = inner == 1; /* lanes are channels */
    const int32_t rows = across ? 1 : channels, n = across ? channels : inner;
    for (int32_t c = 0; c < rows; c++, x += n, y += n) {
        ek_i slope = ek_lifted(m_neg[c], &s);
        for (int32_t i = 0; s.fits && i < n; i += EK_WIDTH) {
            const ek_i d = ek_i_shl(ek_i_sub(EK_LOAD(x + i, n - i), zero), ek_i_all(s.up));
            slope = across ? ek_i_shl(ek_i_load_s32(m_neg + i, n - i), lift) : slope;
            ek_scaled_store(ek_i_high(d, ek_i_where_negative(d, slope, positive)), &s, y + i, n - i);
        }
        for (int32_t i = 0; !s.fits && i < n; i++) {
            const int32_t d = x[i] - x_zero;
            y[i] = (EK_Y)ek_output(d, d >= 0 ? m_pos : m_neg[across ? i : c], shift, y_zero, EK_MIN, EK_MAX);
        }
    }
}
