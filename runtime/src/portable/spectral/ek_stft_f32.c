#include "edgekit.h"

void ek_stft_f32(const float *restrict pcm, float *restrict history, const float *restrict window,
                 float *restrict spectrum, const float *restrict tables, int32_t n, int32_t hop,
                 float *restrict scratch)
{
    const int32_t kept = n - hop;
    float *const frame = scratch + 2 * n;
    for (int32_t i = 0; i < kept; i++) {
        frame[i] = history[i] * window[i];
    }
    for (int32_t i = 0; i < hop; i++) {
        frame[kept + i] = pcm[i] * window[kept + i];
    }
    for (int32_t i = 0; i < kept; i++) {
        history[i] = i + hop < kept ? history[i + hop] : pcm[i + hop - kept];
    }
    ek_rfft_f32(frame, spectrum, tables, n, scratch);
}
