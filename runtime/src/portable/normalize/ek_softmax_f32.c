#include "ek_sums_f32.h"

void ek_softmax_f32(const float *x, float *y, int32_t rows, int32_t n)
{
    for (int32_t row = 0; row < rows; row++) {
        const float top = ek_most_f32(x, n);
        float sum;
        EK_IVDEP
        for (int32_t i = 0; i < n; i++) {
            y[i] = ek_expf1(x[i] - top);
        }
        sum = ek_sum_f32(y, n);
        for (int32_t i = 0; i < n; i++) {
            y[i] = y[i] / sum;
        }
        x += n;
        y += n;
    }
}
