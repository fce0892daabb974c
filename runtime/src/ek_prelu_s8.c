#include "edgekit.h"

void ek_prelu_s8(const int8_t *x, int32_t x_zero, int32_t m_pos, const int32_t *m_neg, int32_t shift, int32_t y_zero,
                 int8_t *y, int32_t channels, int32_t inner)
{
    for (int32_t c = 0; c < channels; c++) {
        for (int32_t i = 0; i < inner; i++) {
            const int32_t d = x[i] - x_zero;
            y[i] = (int8_t)ek_output(d, d >= 0 ? m_pos : m_neg[c], shift, y_zero, -128, 127);
        }
        x += inner;
        y += inner;
    }
}
