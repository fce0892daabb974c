#include "edgekit.h"

/* The even and odd samples are the real and imaginary parts of one transform of half the length; its even
 * and odd conjugate-symmetric parts are their spectra, joined by one more butterfly. */
void ek_rfft_f32(const float *restrict x, float *restrict spectrum, const float *restrict tables, int32_t n,
                 float *restrict scratch)
{
    const int32_t half = n / 2;
    const float *const z = ek_fft_f32(x, scratch, scratch + n, tables, half);
    const float *const w = tables + n;
    spectrum[0] = z[0] + z[1];
    spectrum[1] = 0.0f;
    spectrum[n] = z[0] - z[1];
    spectrum[n + 1] = 0.0f;
    for (int32_t k = 1; k < half; k++) {
        const float *const a = z + 2 * k, *const b = z + 2 * (half - k);
        const float even_re = 0.5f * (a[0] + b[0]), even_im = 0.5f * (a[1] - b[1]);
        const float odd_re = 0.5f * (a[1] + b[1]), odd_im = 0.5f * (b[0] - a[0]);
        const float c = w[2 * k], s = w[2 * k + 1];
        spectrum[2 * k] = even_re + (odd_re * c - odd_im * s);
        spectrum[2 * k + 1] = even_im + (odd_re * s + odd_im * c);
    }
}
