#include "edgekit.h"

void ek_quantize_s32(const float *restrict x, float scale, int32_t zero, int32_t *restrict y, int32_t n)
{
    const float limit = 4294967296.0f; /* saturates with any zero */
    for (int32_t i = 0; i < n; i++) {
        float v = x[i] / scale;
        v = v == v ? v : 0.0f;
        v = v < limit ? v : limit;
        v = v > -limit ? v : -limit;
        const int64_t whole = (int64_t)v;
        const float part = v - (float)whole;
        const int64_t up = part > 0.5f || (part == 0.5f && whole % 2 != 0);
        const int64_t down = part < -0.5f || (part == -0.5f && whole % 2 != 0);
        y[i] = (int32_t)ek_clamp64(whole + up - down + zero, INT32_MIN, INT32_MAX);
    }
}
