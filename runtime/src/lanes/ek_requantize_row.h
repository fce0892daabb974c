/* Requantizing a row of EK_X to EK_Y over ek_lanes.h. */
#include "ek_scale.h"
#ifdef EK_BYTES_WIDTH
#include "ek_word_factors.h"

/* Whether x has a factor for pairs of int16, of which the second is nothing; then y is done. */
static inline int ek_requantize_words(const EK_X *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                                      int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
    const ek_word_factors f = ek_word_factors_of(mult, x_zero, 0, 0, shift);
    const ek_i zero = ek_i_all(y_zero), low = ek_i_all(y_min), high = ek_i_all(y_max);
    const int fits = f.fits && (sizeof(EK_X) == 1 || x_zero == 0);
    for (int32_t i = 0; i < n && fits; i += EK_WIDTH) {
        const ek_i v = ek_i_clamp(ek_i_add(ek_scaled_words(&f, EK_LOAD(x + i, n - i)), zero), low, high);
        if (sizeof(EK_Y) == 1) {
            ek_i_store_s8((int8_t *)(void *)(y + i), v, n - i);
        } else {
            ek_i_store_s16((int16_t *)(void *)(y + i), v, n - i);
        }
    }
    return fits;
}
#endif

/* y [n] = clamp(y_zero + requantize(x - x_zero)); y may be x. */
static inline void ek_requantize_row(const EK_X *x, int32_t x_zero, int32_t mult, int32_t shift, int32_t y_zero,
                                     int32_t y_min, int32_t y_max, EK_Y *y, int32_t n)
{
#ifdef EK_BYTES_WIDTH
    if (ek_requantize_words(x, x_zero, mult, shift, y_zero, y_min, y_max, y, n)) {
        return;
    }
#endif
    const ek_scaling s = ek_scaling_of(shift, EK_ROOM, ek_larger(mult, 0), y_zero, y_min, y_max);
    const ek_i zero = ek_i_all(x_zero), m = ek_lifted(mult, &s);
    if (!s.fits) {
        for (int32_t i = 0; i < n; i++) {
            y[i] = (EK_Y)ek_output(x[i] - x_zero, mult, shift, y_zero, y_min, y_max);
        }
        return;
    }
    for (int32_t i = 0; i < n; i += EK_WIDTH) {
        const ek_i d = ek_i_shl(ek_i_sub(EK_LOAD(x + i, n - i), zero), ek_i_all(s.up));
        ek_scaled_store(ek_i_high(d, m), &s, y + i, n - i);
    }
}
