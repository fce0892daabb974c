/* The integer PReLU over EK_NAME, EK_X, EK_Y, and EK_MIN and EK_MAX of EK_Y. */
#include "edgekit.h"

void EK_NAME(const EK_X *x, int32_t x_zero, int32_t m_pos, const int32_t *m_neg, int32_t shift, int32_t y_zero,
             EK_Y *y, int32_t channels, int32_t inner)
{
    for (int32_t c = 0; c < channels; c++) {
        for (int32_t i = 0; i < inner; i++) {
            const int32_t d = x[i] - x_zero;
            y[i] = (EK_Y)ek_output(d, d >= 0 ? m_pos : m_neg[c], shift, y_zero, EK_MIN, EK_MAX);
        }
        x += inner;
        y += inner;
    }
}
