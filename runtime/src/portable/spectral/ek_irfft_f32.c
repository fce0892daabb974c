#include "edgekit.h"

/* The steps of ek_rfft_f32 backwards; the inverse transform is the forward one between two conjugations. */
void ek_irfft_f32(const float *restrict spectrum, float *restrict x, const float *restrict tables, int32_t n,
                  float *restrict scratch)
{
    const int32_t half = n / 2;
    const float scale = 1.0f / (float)half;
    const float *const w = tables + n;
    float *const z = scratch;
    const float *y;
    z[0] = 0.5f * (spectrum[0] + spectrum[n]);
    z[1] = -(0.5f * (spectrum[0] - spectrum[n]));
    for (int32_t k = 1; k < half; k++) {
        const float *const a = spectrum + 2 * k, *const b = spectrum + 2 * (half - k);
        const float even_re = 0.5f * (a[0] + b[0]), even_im = 0.5f * (a[1] - b[1]);
        const float diff_re = 0.5f * (a[0] - b[0]), diff_im = 0.5f * (a[1] + b[1]);
        const float c = w[2 * k], s = w[2 * k + 1];
        const float odd_re = diff_re * c + diff_im * s, odd_im = diff_im * c - diff_re * s;
        z[2 * k] = even_re - odd_im;
        z[2 * k + 1] = -(even_im + odd_re);
    }
    y = ek_fft_f32(z, scratch, scratch + n, tables, half);
    for (int32_t k = 0; k < half; k++) {
        x[2 * k] = y[2 * k] * scale;
        x[2 * k + 1] = -(y[2 * k + 1] * scale);
    }
}
