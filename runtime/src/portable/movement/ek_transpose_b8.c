#define EK_BYTES 1
#include "ek_transpose.h"

/* y [c * y_step + r] = x [r * x_step + c], r < rows, c < cols, elements of a byte; x and y may not overlap. */
void ek_transpose_b8(const void *x, void *y, int32_t rows, int32_t cols, int32_t x_step, int32_t y_step)
{
    ek_transpose(x, y, rows, cols, x_step, y_step);
}
