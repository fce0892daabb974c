/* The integer product of two tensors over EK_NAME, EK_X (both), EK_SUM and EK_Y. */
#include "edgekit.h"

#define EK_COLUMNS 16

void EK_NAME(const EK_X *restrict a, int32_t a_zero, const EK_X *restrict b, int32_t b_zero, int32_t mult,
             int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y, int32_t m, int32_t k,
             int32_t n)
{
    for (int32_t row = 0; row < m; row++) {
        for (int32_t at = 0; at < n; at += EK_COLUMNS) {
            const int32_t columns = n - at < EK_COLUMNS ? n - at : EK_COLUMNS;
            EK_SUM acc[EK_COLUMNS] = {0};
            for (int32_t i = 0; i < k; i++) {
                const int32_t left = a[i] - a_zero;
                const EK_X *const right = b + (ptrdiff_t)i * n + at;
                for (int32_t j = 0; j < columns; j++) {
                    acc[j] += left * (right[j] - b_zero);
                }
            }
            for (int32_t j = 0; j < columns; j++) {
                y[at + j] = (EK_Y)ek_output(acc[j], mult, shift, y_zero, y_min, y_max);
            }
        }
        a += k;
        y += n;
    }
}
