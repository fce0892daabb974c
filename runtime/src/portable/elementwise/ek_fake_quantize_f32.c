#include "edgekit.h"

void ek_fake_quantize_f32(const float *x, const float *grid, float *y, int32_t n)
{
    const float scale = grid[0], low = grid[1], high = grid[2];
    if (!(scale > 0.0f)) {
        for (int32_t i = 0; i < n; i++) {
            y[i] = x[i];
        }
        return;
    }
    EK_IVDEP
    for (int32_t i = 0; i < n; i++) {
        float v = x[i] / scale;
        v = v == v ? v : 0.0f;
        v = v < high ? v : high;
        v = v > low ? v : low;
        y[i] = ek_roundf1(v) * scale;
    }
}
