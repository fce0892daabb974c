/* Armv7E-M DSP: four rows and four columns at a time, in words. */
#include "ek_dot.h"

static inline void ek_put_word(int8_t *to, int16x2_t word)
{
    memcpy(to, &word, 4);
}

/* The even bytes of two words, alternately; the odd ones. */
static inline int32_t ek_even_bytes(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)__uxtb16((uint8x4_t)a) | (uint32_t)__uxtb16((uint8x4_t)b) << 8);
}

static inline int32_t ek_odd_bytes(int32_t a, int32_t b)
{
    return (int32_t)(((uint32_t)a >> 8 & 0xff00ffu) | ((uint32_t)b & 0xff00ff00u));
}

/* y [n][y_step] = the first n of four columns of rows, n > 1; `rows` is a multiple of four. */
static inline void ek_some_columns(const int8_t *x, int32_t x_step, int32_t rows, int32_t n, int8_t *y, int32_t y_step)
{
    int8_t *second = y + y_step, *third = n > 2 ? second + y_step : y, *last = n > 3 ? third + y_step : y;
    const int8_t *lower = x + 2 * x_step;
    for (const int8_t *const end = y + rows; y != end; y += 4, second += 4, third += 4, last += 4) {
        const int32_t a = ek_word(x), b = ek_word(x + x_step), c = ek_word(lower), d = ek_word(lower + x_step);
        const int32_t even = ek_even_bytes(a, b), even2 = ek_even_bytes(c, d);
        ek_put_word(y, ek_lower_halves(even, even2));
        if (n > 2) {
            ek_put_word(third, ek_upper_halves(even, even2));
        }
        const int32_t odd = ek_odd_bytes(a, b), odd2 = ek_odd_bytes(c, d);
        ek_put_word(second, ek_lower_halves(odd, odd2));
        if (n > 3) {
            ek_put_word(last, ek_upper_halves(odd, odd2));
        }
        x += 4 * x_step, lower += 4 * x_step;
    }
}

/* y [c * y_step + r] = x [r * x_step + c], r < rows, c < cols, elements of a byte; x and y may not overlap. */
void ek_transpose_b8(const void *x, void *y, int32_t rows, int32_t cols, int32_t x_step, int32_t y_step)
{
    const int8_t *from = x;
    int8_t *to = y;
    for (int32_t left = cols; left > 0; left -= 4, from += 4, to += 4 * (ptrdiff_t)y_step) {
        const int32_t n = left < 4 ? left : 4, behind = rows - (4 - n); /* words of the last rows may end behind x */
        const int32_t by_words = n > 1 && behind > 0 ? behind & ~3 : 0;
        if (n == 4) {
            ek_some_columns(from, x_step, by_words, 4, to, y_step);
        } else if (n == 3) {
            ek_some_columns(from, x_step, by_words, 3, to, y_step);
        } else if (n == 2) {
            ek_some_columns(from, x_step, by_words, 2, to, y_step);
        }
        for (int32_t c = 0; c < n; c++) {
            for (int32_t r = by_words; r < rows; r++) {
                to[c * (ptrdiff_t)y_step + r] = from[r * (ptrdiff_t)x_step + c];
            }
        }
    }
}
