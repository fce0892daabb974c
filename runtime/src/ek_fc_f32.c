#include "edgekit.h"

void ek_fc_f32(const float *restrict x, const float *restrict w, const float *restrict bias, float *restrict y,
               int32_t rows, int32_t k, int32_t n)
{
    for (int32_t row = 0; row < rows; row++) {
        if (bias) {
            memcpy(y, bias, (size_t)n * sizeof(float));
        } else {
            memset(y, 0, (size_t)n * sizeof(float));
        }
        ek_accumulate_f32(x, w, y, k, n, n);
        x += k;
        y += n;
    }
}
