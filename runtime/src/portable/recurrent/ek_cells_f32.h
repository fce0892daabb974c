/* What the float recurrent cells share: steps of one sequence, or sequences of one step, share a reading of weights. */
#include "ek_rows_f32.h"

/* Rows that are computed at once, of so many that could be. */
static inline int32_t ek_cell_rows(int32_t left)
{
    return left < EK_CELL_ROWS_F32 ? left : EK_CELL_ROWS_F32;
}

/* y [rows][count] = bias + x [rows][k] . the first columns of w [k][n]. */
static inline void ek_biased_rows_f32(const float *x, const float *w, const float *bias, float *y, int32_t rows, int32_t k,
                                      int32_t n, int32_t count)
{
    for (int32_t row = 0; row < rows; row++) {
        memcpy(y + row * count, bias, (size_t)count * sizeof(float));
    }
    ek_rows_f32(x, w, y, rows, k, n, 0, count);
}
