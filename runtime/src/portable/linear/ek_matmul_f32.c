#include "edgekit.h"

void ek_matmul_f32(const float *restrict a, const float *restrict b, float *restrict y, int32_t m, int32_t k,
                   int32_t n)
{
    memset(y, 0, (size_t)m * (size_t)n * sizeof(float));
    for (int32_t row = 0; row < m; row++) {
        ek_accumulate_f32(a + (ptrdiff_t)row * k, b, y + (ptrdiff_t)row * n, k, n, n);
    }
}
