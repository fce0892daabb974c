#include "edgekit.h"

/* Float weighted sums of frames that lie apart, as in a ring: y [m][n], of row r and element j
 * the sum over t < k, in ascending order, of a [r][t] * x [at [t] + j]. y may not overlap a or x. */
void ek_frame_sums_f32(const float *restrict a, const float *restrict x, const int32_t *restrict at, float *restrict y,
                       int32_t m, int32_t k, int32_t n)
{
    memset(y, 0, (size_t)m * (size_t)n * sizeof(float));
    for (int32_t row = 0; row < m; row++, a += k, y += n) {
        int32_t t = 0;
        for (; t + 4 <= k; t += 4) {
            const float *const x0 = x + at[t], *const x1 = x + at[t + 1], *const x2 = x + at[t + 2],
                              *const x3 = x + at[t + 3];
            const float a0 = a[t], a1 = a[t + 1], a2 = a[t + 2], a3 = a[t + 3];
            EK_IVDEP
            for (int32_t j = 0; j < n; j++) {
                y[j] = (((y[j] + a0 * x0[j]) + a1 * x1[j]) + a2 * x2[j]) + a3 * x3[j];
            }
        }
        for (; t < k; t++) {
            const float *const x0 = x + at[t];
            EK_IVDEP
            for (int32_t j = 0; j < n; j++) {
                y[j] = y[j] + a[t] * x0[j];
            }
        }
    }
}
