/* Integer weighted sums of frames of a ring over EK_NAME, EK_X, EK_SUM and EK_Y. */
#include "ek_frame_columns.h"

#define EK_AT_ONCE 16

/* sums [n] = the elements of k frames, weighed; n <= EK_AT_ONCE, and where it is, a compiler knows it. */
static inline void ek_weigh(const EK_X *restrict a, int32_t a_zero, const EK_X *restrict x, int32_t x_zero,
                            const int32_t *restrict at, EK_SUM *restrict sums, int32_t k, int32_t n)
{
    for (int32_t j = 0; j < n; j++) {
        sums[j] = 0;
    }
    for (int32_t t = 0; t < k; t++) {
        const int32_t left = a[t] - a_zero;
        const EK_X *const right = x + at[t];
        for (int32_t j = 0; j < n; j++) {
            sums[j] += left * (right[j] - x_zero);
        }
    }
}

/* Weighted sums of frames that lie apart, as in a ring: of each row of a
 * y = clamp(y_zero + requantize(sum over t of (a [t] - a_zero) * (x [at [t] + j] - x_zero))).
 *  a   [m][k]: a weight per frame; y [m][n], may not overlap a or x
 *  x   frame t of k is the n elements from x + at [t] on
 * s8: int32 accumulator, which k * 255 * 255 must fit; s16: int64. mult, shift and bounds as for ek_matmul. */
void EK_NAME(const EK_X *restrict a, int32_t a_zero, const EK_X *restrict x, int32_t x_zero,
             const int32_t *restrict at, int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max,
             EK_Y *restrict y, int32_t m, int32_t k, int32_t n)
{
    for (int32_t row = 0; row < m; row++, a += k, y += n) {
        const int32_t done = ek_frame_columns(a, a_zero, x, x_zero, at, mult, shift, y_zero, y_min, y_max, y, k, n);
        for (int32_t from = done; from < n; from += EK_AT_ONCE) {
            const int32_t count = n - from < EK_AT_ONCE ? n - from : EK_AT_ONCE;
            EK_SUM sums[EK_AT_ONCE];
            if (count == EK_AT_ONCE) {
                ek_weigh(a, a_zero, x + from, x_zero, at, sums, k, EK_AT_ONCE);
            } else {
                ek_weigh(a, a_zero, x + from, x_zero, at, sums, k, count);
            }
            for (int32_t j = 0; j < count; j++) {
                y[from + j] = (EK_Y)ek_output(sums[j], mult, shift, y_zero, y_min, y_max);
            }
        }
    }
}
