#include "edgekit.h"

void ek_softmax_f32(const float *x, float *y, int32_t rows, int32_t n)
{
    for (int32_t row = 0; row < rows; row++) {
        float top = x[0], sum = 0.0f;
        for (int32_t i = 1; i < n; i++) {
            top = x[i] > top ? x[i] : top;
        }
        EK_IVDEP
        for (int32_t i = 0; i < n; i++) {
            y[i] = ek_expf1(x[i] - top);
        }
        for (int32_t i = 0; i < n; i++) {
            sum += y[i];
        }
        for (int32_t i = 0; i < n; i++) {
            y[i] = y[i] / sum;
        }
        x += n;
        y += n;
    }
}
