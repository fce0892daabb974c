/* Armv7E-M DSP: rows of N:M sparse weights, stored as ek_turns.h says. A byte of indices is added to the address of the
 * input by uxtab, and the place of its group is the offset of the load. */
#ifndef EK_ROWS_SPARSE_GUARD
#define EK_ROWS_SPARSE_GUARD

#include "ek_rows.h"
#include "ek_turns.h"

/* acc += four weights at w times the inputs at x + m * (4 * q + i) + byte i of `indices`; w += next. */
#define EK_PICK_GROUPS(q, m, next)                                                                               \
    __asm__("ldr %1, [%5], %8\n\tuxtab %4, %6, %7\n\tuxtab %3, %6, %7, ror #16\n\tldrsb %4, [%4, %9]\n\t"           \
            "ldrsb %3, [%3, %11]\n\tsxtb16 %2, %1\n\tsmlabb %0, %4, %2, %0\n\tsmlabt %0, %3, %2, %0\n\t"           \
            "uxtab %4, %6, %7, ror #8\n\tuxtab %3, %6, %7, ror #24\n\tldrsb %4, [%4, %10]\n\t"                  \
            "ldrsb %3, [%3, %12]\n\tsxtb16 %2, %1, ror #8\n\tsmlabb %0, %4, %2, %0\n\tsmlabt %0, %3, %2, %0"       \
            : "+r"(acc), "=&r"(word), "=&r"(pair), "=&r"(b), "=&r"(a), "+r"(w)                                   \
            : "r"(x), "r"(indices), "i"(next), "i"((m) * (4 * (q))), "i"((m) * (4 * (q) + 1)),                    \
              "i"((m) * (4 * (q) + 2)), "i"((m) * (4 * (q) + 3)), "m"(*(const int8_t(*)[256])x),                  \
              "m"(*(const int8_t(*)[32])w));

/* The same at x + byte i of those 16 bytes behind the four weights. */
#define EK_PICK_BYTES(next)                                                                                      \
    __asm__("ldr %1, [%5], %7\n\tldrb %4, [%5, %8]\n\tldrb %3, [%5, %10]\n\tldrsb %4, [%6, %4]\n\t"                 \
            "ldrsb %3, [%6, %3]\n\tsxtb16 %2, %1\n\tsmlabb %0, %4, %2, %0\n\tsmlabt %0, %3, %2, %0\n\t"            \
            "ldrb %4, [%5, %9]\n\tldrb %3, [%5, %11]\n\tsxtb16 %2, %1, ror #8\n\tldrsb %4, [%6, %4]\n\t"            \
            "ldrsb %3, [%6, %3]\n\tsmlabb %0, %4, %2, %0\n\tsmlabt %0, %3, %2, %0"                                \
            : "+r"(acc), "=&r"(word), "=&r"(pair), "=&r"(b), "=&r"(a), "+r"(w)                                   \
            : "r"(x), "i"(next), "i"(16 - (next)), "i"(17 - (next)), "i"(18 - (next)), "i"(19 - (next)),          \
              "m"(*(const int8_t(*)[256])x), "m"(*(const int8_t(*)[32])w));

/* acc += the weight at w times the input at x + byte `rest` behind it; w += 1. In C the loop takes more instructions. */
#define EK_PICK_ONE                                                                                              \
    __asm__("ldrb %1, [%3, %5]\n\tldrsb %2, [%3], #1\n\tldrsb %1, [%4, %1]\n\tsmlabb %0, %1, %2, %0"               \
            : "+r"(acc), "=&r"(a), "=&r"(b), "+r"(w)                                                             \
            : "r"(x), "r"(rest), "m"(*(const int8_t(*)[256])x), "m"(*(const int8_t(*)[32])w));

/* name: sums [rows] += x . rows of `parts` parts, each of so many turns in groups of m inputs, and the rest. */
#define EK_SPARSE_ROWS(name, m, mask_of, indices_of)                                                             \
    static __attribute__((noinline)) void name(const int8_t *first, const int8_t *w, int32_t turns, int32_t rest, \
                                               int32_t parts, int32_t rows, int32_t *sums)                       \
    {                                                                                                            \
        uint32_t mask = (mask_of);                                                                               \
        __asm__("" : "+r"(mask)); /* in a register */                                                            \
        const volatile int32_t kept = parts; /* in memory: the turns need the registers */                       \
        do {                                                                                                     \
            int32_t acc = *sums, part = kept;                                                                    \
            do {                                                                                                 \
                const int8_t *x = first;                                                                         \
                int32_t turn = turns, a, b;                                                                      \
                do {                                                                                             \
                    int32_t word, pair;                                                                          \
                    indices_of(m)                                                                                \
                    x += 16 * (m);                                                                               \
                } while (--turn != 0);                                                                           \
                if (__builtin_expect(rest > 0, 0)) {                                                             \
                    const int8_t *const end = w + rest;                                                          \
                    do {                                                                                         \
                        EK_PICK_ONE                                                                              \
                    } while (w != end);                                                                          \
                    w += rest;                                                                                   \
                }                                                                                                \
            } while (--part != 0);                                                                               \
            *sums++ = acc;                                                                                       \
        } while (--rows != 0);                                                                                   \
    }
#define EK_BY_TWO_BITS(m)                            \
    const uint32_t all = (uint32_t)ek_word(w + 16);  \
    uint32_t indices = all & mask;                   \
    EK_PICK_GROUPS(0, m, 4)                          \
    indices = (all >> 2) & mask;                     \
    EK_PICK_GROUPS(1, m, 4)                          \
    indices = (all >> 4) & mask;                     \
    EK_PICK_GROUPS(2, m, 4)                          \
    indices = (all >> 6) & mask;                     \
    EK_PICK_GROUPS(3, m, 4 + 4)
#define EK_BY_FOUR_BITS(m)                                                            \
    const uint32_t low = (uint32_t)ek_word(w + 16), high = (uint32_t)ek_word(w + 20); \
    uint32_t indices = low & mask;                                                    \
    EK_PICK_GROUPS(0, m, 4)                                                           \
    indices = (low >> 4) & mask;                                                      \
    EK_PICK_GROUPS(1, m, 4)                                                           \
    indices = high & mask;                                                            \
    EK_PICK_GROUPS(2, m, 4)                                                           \
    indices = (high >> 4) & mask;                                                     \
    EK_PICK_GROUPS(3, m, 4 + 8)
#define EK_BY_BYTES(m) EK_PICK_BYTES(4) EK_PICK_BYTES(4) EK_PICK_BYTES(4) EK_PICK_BYTES(4 + 16)
EK_SPARSE_ROWS(ek_two_bits_of_4, 4, 0x03030303u, EK_BY_TWO_BITS)
EK_SPARSE_ROWS(ek_four_bits_of_8, 8, 0x0f0f0f0fu, EK_BY_FOUR_BITS)
EK_SPARSE_ROWS(ek_four_bits_of_16, 16, 0x0f0f0f0fu, EK_BY_FOUR_BITS)
EK_SPARSE_ROWS(ek_bytes_of_4, 4, 0, EK_BY_BYTES)
EK_SPARSE_ROWS(ek_bytes_of_8, 8, 0, EK_BY_BYTES)
EK_SPARSE_ROWS(ek_bytes_of_16, 16, 0, EK_BY_BYTES)

EK_TURNS_ROWS(ek_sparse_few, int8_t, int32_t, ek_rows_s8, EK_BYTES_S8)

/* acc [rows] += x [k] . w, rows from row `from` on of the weights whose head w is. */
static inline void ek_sparse_s8(const int8_t *x, const int8_t *w, int32_t from, int32_t k, int32_t rows, int32_t *acc)
{
    const ek_turns t = ek_turns_of(w);
    if (t.group == 0) {
        ek_rows_s8(x, w + EK_TURNS_HEAD + from * EK_BYTES_S8(k), k, rows, acc);
        return;
    }
    const int32_t groups = (k + t.group - 1) / t.group, turns = groups / EK_TURN, rest = groups % EK_TURN;
    if (turns == 0) {
        ek_sparse_few(x, w, from, k, rows, acc);
        return;
    }
    const int8_t *const at = w + EK_TURNS_HEAD + from * ek_turns_bytes(&t, k);
    switch (t.group + (t.bits == 8)) {
    case 4: ek_two_bits_of_4(x, at, turns, rest, t.kept, rows, acc); break;
    case 5: ek_bytes_of_4(x, at, turns, rest, t.kept, rows, acc); break;
    case 8: ek_four_bits_of_8(x, at, turns, rest, t.kept, rows, acc); break;
    case 9: ek_bytes_of_8(x, at, turns, rest, t.kept, rows, acc); break;
    case 16: ek_four_bits_of_16(x, at, turns, rest, t.kept, rows, acc); break;
    default: ek_bytes_of_16(x, at, turns, rest, t.kept, rows, acc); break;
    }
}

EK_TURNS_ROWS(ek_sparse_s16, int16_t, int64_t, ek_rows_s16, EK_BYTES_S16)

#endif
