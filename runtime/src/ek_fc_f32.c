#include "ek_rows_f32.h"

void ek_fc_f32(const float *restrict x, const float *restrict w, const float *restrict bias, float *restrict y,
               int32_t rows, int32_t k, int32_t n)
{
    for (int32_t row = 0; row < rows; row++) {
        float *const yr = y + (ptrdiff_t)row * n;
        if (bias) {
            memcpy(yr, bias, (size_t)n * sizeof(float));
        } else {
            memset(yr, 0, (size_t)n * sizeof(float));
        }
    }
    ek_rows_f32(x, w, y, rows, k, n, 0, n);
}
