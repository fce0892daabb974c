/* The integer fully connected kernel as the portable one of this name; rows of operands by tiles of ek_fc_tiles.h, for
 * which int4 weights are widened. */
#include "ek_rows.h"

#ifndef EK_ROWS_SPARSE_GUARD /* those are taken one by one */
#include "ek_fc_blocks.h"
#if defined(EK_ROWS_W4_GUARD) || EK_BITS(EK_X) == 16
#define EK_FC_TILES ek_fc_blocks
#else
#define EK_FC_TILES ek_fc_tiles
#endif
#endif

#ifndef EK_FROM
#define EK_FROM(w, o, k) (w) + (o) * EK_BYTES(k)
#endif

void EK_NAME(const EK_X *restrict x, const int8_t *restrict w, const EK_BIAS *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, int32_t rows, int32_t k, int32_t n)
{
    EK_BIAS acc[EK_ROWS];
    int32_t row = 0;
#ifdef EK_FC_TILES_GUARD
    const ek_fc_layer layer = {w, bias, NULL, mult, shift, y_zero, y_min, y_max, k, n, n, 0};
    row = EK_FC_TILES(x, &layer, y, rows);
    x += (ptrdiff_t)row * k;
    y += (ptrdiff_t)row * n;
#endif
#ifdef EK_PRODUCT_TOGETHER
    for (; sizeof(EK_X) == 1 && row + EK_TOGETHER <= rows; row += EK_TOGETHER) {
        EK_BIAS sums[EK_TOGETHER * EK_ROWS] = {0};
        for (int32_t o = 0; o < n; o += EK_ROWS) {
            const int32_t count = n - o < EK_ROWS ? n - o : EK_ROWS;
            for (int32_t r = 0; r < EK_TOGETHER; r++) {
                EK_COPY_SUMS(sums + r * EK_ROWS, bias + o, (size_t)count * sizeof(acc[0]));
            }
            EK_PRODUCT_TOGETHER((const int8_t *)(const void *)x, k, w + o * EK_BYTES(k), k, count,
                                (int32_t *)(void *)sums);
            for (int32_t r = 0; r < EK_TOGETHER; r++) {
                EK_OUTPUT(sums + r * EK_ROWS, mult + o, shift + o, y_zero, y_min, y_max, y + (ptrdiff_t)r * n + o, count);
            }
        }
        x += (ptrdiff_t)EK_TOGETHER * k;
        y += (ptrdiff_t)EK_TOGETHER * n;
    }
#endif
    for (; row < rows; row++) {
        for (int32_t o = 0; o < n; o += EK_ROWS) {
            const int32_t count = n - o < EK_ROWS ? n - o : EK_ROWS;
            EK_COPY_SUMS(acc, bias + o, (size_t)count * sizeof(acc[0]));
            EK_PRODUCT(x, EK_FROM(w, o, k), k, count, acc);
            EK_OUTPUT(acc, mult + o, shift + o, y_zero, y_min, y_max, y + o, count);
        }
        x += k;
        y += n;
    }
}
