/* Armv7E-M: rows of a plane into a band. */
#ifndef EK_COPY_ROWS_GUARD
#define EK_COPY_ROWS_GUARD

#include "ek_tile.h"

/* to [n / 16][16] = x. */
static inline void ek_copy_words(const int8_t *x, int32_t n, int8_t *to)
{
    const int8_t *const end = x + n;
    uint32_t a, b;
    __asm__ volatile("1:\n\tldr %[a], [%[x]], #4\n\tldr %[b], [%[x]], #4\n\tstr %[a], [%[to]], #4\n\tstr %[b], [%[to]], #4\n\t"
                     "ldr %[a], [%[x]], #4\n\tldr %[b], [%[x]], #4\n\tstr %[a], [%[to]], #4\n\tstr %[b], [%[to]], #4\n\t"
                     "cmp %[x], %[end]\n\tbne 1b"
                     : [a] "=&r"(a), [b] "=&r"(b), [x] "+r"(x), [to] "+r"(to)
                     : [end] "r"(end)
                     : "memory", "cc");
}

/* to [rows][n] = x [rows][n], their rows so many elements apart. */
static __attribute__((noinline)) void ek_copy_rows(const int8_t *x, int32_t x_step, int32_t rows, int32_t n, int8_t *to,
                                                   int32_t to_step)
{
    const int32_t last = n - 4, whole = n & ~15;
    for (; rows > 0 && n < 4; rows--, x += x_step, to += to_step) {
        ek_take_run(x, n, to);
    }
    for (; rows > 0 && n <= 8; rows--, x += x_step, to += to_step) {
        const uint32_t first = (uint32_t)ek_word(x), second = (uint32_t)ek_word(x + last);
        ek_put_word(to, first);
        ek_put_word(to + last, second);
    }
    for (; rows > 0; rows--, x += x_step, to += to_step) {
        if (whole > 0) {
            ek_copy_words(x, whole, to);
        }
        for (int32_t i = whole; i < last; i += 4) {
            ek_put_word(to + i, (uint32_t)ek_word(x + i));
        }
        if (whole < n) {
            ek_put_word(to + last, (uint32_t)ek_word(x + last));
        }
    }
}

/* The same of every `stride`-th column of x. */
static __attribute__((noinline)) void ek_thin_rows(const int8_t *x, int32_t x_step, int32_t stride, int32_t rows, int32_t n,
                                                   int8_t *to, int32_t to_step)
{
    for (; rows > 0; rows--, x += x_step, to += to_step) {
        const int8_t *from = x;
        for (int32_t j = 0; j < n; j++, from += stride) {
            to[j] = *from;
        }
    }
}

#endif
