#include "ek_epilogue.h"
#include "ek_rows_f32.h"

#define EK_ROWS_AT_ONCE 24 /* at least: a multiple of what instruction sets take together */

void ek_fc_f32(const float *restrict x, const float *restrict w, const float *restrict bias, int32_t act, float a,
               float b, const float *restrict add, float *restrict y, int32_t rows, int32_t k, int32_t n)
{
    const ek_epilogue then = {act, a, b, add, y};
    const int32_t fit = EK_EPILOGUE_BLOCK / n / EK_ROWS_AT_ONCE * EK_ROWS_AT_ONCE;
    const int32_t most = act == EK_NO_ACT && !add ? rows : fit > EK_ROWS_AT_ONCE ? fit : EK_ROWS_AT_ONCE;
    for (int32_t row = 0; row < rows; row++) {
        float *const yr = y + (ptrdiff_t)row * n;
        if (bias) {
            memcpy(yr, bias, (size_t)n * sizeof(float));
        } else {
            memset(yr, 0, (size_t)n * sizeof(float));
        }
    }
    for (int32_t row = 0; row < rows; row += most) {
        const int32_t count = rows - row < most ? rows - row : most;
        float *const yr = y + (ptrdiff_t)row * n;
        ek_rows_f32(x + (ptrdiff_t)row * k, w, yr, count, k, n, 0, n);
        ek_epilogue_row(&then, yr, (ptrdiff_t)count * n);
    }
}
