/* Integer products of vectors with frames of a ring over EK_NAME, EK_X, EK_SUM, EK_Y and EK_DOTS. */
#include "ek_dot.h"

#define EK_WIDE 256

/* acc [rows] = (a [k] - a_zero) . (x [rows][k] - x_zero), rows `stride` apart, at most EK_ROWS. */
static inline void ek_from_zero_s8(const int8_t *a, int32_t a_zero, const int8_t *x, int32_t x_zero, ptrdiff_t stride,
                                   int32_t k, int32_t rows, int32_t *acc)
{
    int16_t wide[EK_WIDE];
    int64_t sums[EK_ROWS] = {0}, total = 0;
    for (int32_t from = 0; from < k; from += EK_WIDE) {
        const int32_t n = k - from < EK_WIDE ? k - from : EK_WIDE;
        for (int32_t i = 0; i < n; i++) {
            wide[i] = (int16_t)(a[from + i] - a_zero);
            total += wide[i];
        }
        ek_dots_s16(wide, 0, x + from, stride, n, rows, sums);
    }
    for (int32_t row = 0; row < rows; row++) {
        acc[row] = (int32_t)(sums[row] - x_zero * total);
    }
}

static inline void ek_from_zero_s16(const int16_t *a, int32_t a_zero, const int16_t *x, int32_t x_zero,
                                    ptrdiff_t stride, int32_t k, int32_t rows, int64_t *acc)
{
    for (int32_t row = 0; row < rows; row++) {
        const int16_t *const own = x + row * stride;
        acc[row] = 0;
        for (int32_t i = 0; i < k; i++) {
            acc[row] += (int64_t)(a[i] - a_zero) * (own[i] - x_zero);
        }
    }
}

/* Products of vectors with frames that lie apart, as in a ring: of each row of a and each frame t
 * y = clamp(y_zero + requantize(sum over i of (a [i] - a_zero) * (x [at [t] + i] - x_zero))).
 *  a   [m][k]; y [m][n], may not overlap a or x
 *  x   frame t of n is the k elements from x + at [t] on
 * s8: int32 accumulator, which k * 255 * 255 must fit; s16: int64. mult, shift and bounds as for ek_matmul. */
void EK_NAME(const EK_X *restrict a, int32_t a_zero, const EK_X *restrict x, int32_t x_zero,
             const int32_t *restrict at, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max,
             EK_Y *restrict y, int32_t m, int32_t k, int32_t n)
{
    for (int32_t row = 0; row < m; row++, a += k, y += n) {
        for (int32_t t = 0, rows; t < n; t += rows) {
            const int32_t stride = t + 1 < n ? at[t + 1] - at[t] : 0; /* frames that follow each other */
            EK_SUM acc[EK_ROWS];
            rows = 1;
            while (rows < EK_ROWS && t + rows < n && at[t + rows] - at[t + rows - 1] == stride) {
                rows++;
            }
            EK_DOTS(a, a_zero, x + at[t], x_zero, stride, k, rows, acc);
            for (int32_t r = 0; r < rows; r++) {
                y[t + r] = (EK_Y)ek_output(acc[r], mult, shift, y_zero, y_min, y_max);
            }
        }
    }
}
