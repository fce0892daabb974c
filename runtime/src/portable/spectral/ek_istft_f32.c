#include "edgekit.h"

void ek_istft_f32(const float *restrict spectrum, float *restrict overlap, const float *restrict window,
                  float *restrict pcm, const float *restrict tables, int32_t n, int32_t hop, float *restrict scratch)
{
    const int32_t kept = n - hop;
    float *const frame = scratch + 2 * n;
    ek_irfft_f32(spectrum, frame, tables, n, scratch);
    for (int32_t i = 0; i < n; i++) {
        frame[i] = frame[i] * window[i];
    }
    for (int32_t i = 0; i < hop; i++) {
        pcm[i] = i < kept ? overlap[i] + frame[i] : frame[i];
    }
    for (int32_t i = 0; i < kept; i++) {
        overlap[i] = i + hop < kept ? overlap[i + hop] + frame[i + hop] : frame[i + hop];
    }
}
