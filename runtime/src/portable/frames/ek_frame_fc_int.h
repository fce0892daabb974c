/* The integer layer over frames of a ring, over EK_NAME, EK_X, EK_BIAS (also the accumulator), EK_Y, EK_PRODUCT,
 * EK_BYTES and EK_OUTPUT. */
#include "ek_rows.h"

#ifndef EK_COPY_SUMS
#define EK_COPY_SUMS memcpy
#endif

/* Fully connected layer over blocks that lie apart, as in a ring: what ek_fc does with the row of x whose block b of k
 * elements begins at x + at [b].
 *  w   [blocks][n][k], each block packed as for ek_fc; bias [n] of all of them
 * Other arguments as for ek_fc. y [n] may not overlap x. */
void EK_NAME(const EK_X *restrict x, const int32_t *restrict at, const int8_t *restrict w,
             const EK_BIAS *restrict bias, const int32_t *restrict mult, const uint8_t *restrict shift,
             int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y, int32_t blocks, int32_t k, int32_t n)
{
    EK_BIAS acc[EK_ROWS];
    for (int32_t o = 0; o < n; o += EK_ROWS) {
        const int32_t count = n - o < EK_ROWS ? n - o : EK_ROWS;
        const int8_t *rows = w + o * EK_BYTES(k);
        EK_COPY_SUMS(acc, bias + o, (size_t)count * sizeof(acc[0]));
        for (int32_t b = 0; b < blocks; b++, rows += EK_PACKED(n) * EK_BYTES(k)) {
            EK_PRODUCT(x + at[b], rows, k, count, acc);
        }
        EK_OUTPUT(acc, mult + o, shift + o, y_zero, y_min, y_max, y + o, count);
    }
}
