/* Rows become columns: elements of EK_BYTES. */
#include "edgekit.h"

static inline void ek_transpose(const void *x, void *y, int32_t rows, int32_t cols, int32_t x_step, int32_t y_step)
{
    for (int32_t c = 0; c < cols; c++) {
        for (int32_t r = 0; r < rows; r++) {
            memcpy((char *)y + (c * (ptrdiff_t)y_step + r) * EK_BYTES, (const char *)x + (r * (ptrdiff_t)x_step + c) * EK_BYTES,
                   EK_BYTES);
        }
    }
}
