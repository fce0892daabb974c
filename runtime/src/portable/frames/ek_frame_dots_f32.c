#include "edgekit.h"

#define EK_AT_ONCE 8

/* Float products of vectors with frames that lie apart, as in a ring: y [m][n], of row r and frame t
 * the sum over i < k, in ascending order, of a [r][i] * x [at [t] + i]. y may not overlap a or x. */
void ek_frame_dots_f32(const float *restrict a, const float *restrict x, const int32_t *restrict at, float *restrict y,
                       int32_t m, int32_t k, int32_t n)
{
    for (int32_t row = 0; row < m; row++, a += k, y += n) {
        for (int32_t t = 0; t < n; t += EK_AT_ONCE) {
            const int32_t count = n - t < EK_AT_ONCE ? n - t : EK_AT_ONCE;
            float acc[EK_AT_ONCE] = {0};
            for (int32_t i = 0; i < k; i++) {
                for (int32_t j = 0; j < count; j++) {
                    acc[j] += a[i] * x[at[t + j] + i];
                }
            }
            memcpy(y + t, acc, (size_t)count * sizeof(float));
        }
    }
}
