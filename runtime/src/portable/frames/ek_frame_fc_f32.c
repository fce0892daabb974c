#include "ek_rows_f32.h"

/* Float fully connected layer over blocks that lie apart, as in a ring: block b of x is the k elements from x + at [b]
 * on. w [blocks][k][n], each block packed as for ek_fc_f32; bias [n] may be NULL: 0. y [n] may not overlap x. */
void ek_frame_fc_f32(const float *restrict x, const int32_t *restrict at, const float *restrict w,
                     const float *restrict bias, float *restrict y, int32_t blocks, int32_t k, int32_t n)
{
    const ptrdiff_t size = (ptrdiff_t)((n + EK_COLUMNS - 1) / EK_COLUMNS * EK_COLUMNS) * k;
    if (bias) {
        memcpy(y, bias, (size_t)n * sizeof(float));
    } else {
        memset(y, 0, (size_t)n * sizeof(float));
    }
    for (int32_t b = 0; b < blocks; b++) {
        ek_rows_f32(x + at[b], w + b * size, y, 1, k, n, 0, n);
    }
}
