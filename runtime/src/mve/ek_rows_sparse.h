/* Helium: rows of N:M sparse weights, stored as ek_turns.h says: a turn's inputs are gathered by 16 offsets. */
#ifndef EK_ROWS_SPARSE_GUARD
#define EK_ROWS_SPARSE_GUARD

#include "ek_rows.h"
#include "ek_turns.h"

static inline uint8x16_t ek_four_words(const int8_t *w)
{
    uint32_t word;
    memcpy(&word, w, 4);
    return vreinterpretq_u8_u32(vdupq_n_u32(word));
}

/* name: sums [rows] += x . rows of `parts` parts, each of so many turns of `step` bytes, and the rest; `offsets` of the
 * turn at w are those of 16 inputs from the first of its groups, of m inputs, on. */
#define EK_SPARSE_ROWS(name, constants, offsets, step)                                                           \
    static __attribute__((noinline)) void name(const int8_t *first, const int8_t *w, int32_t turns, int32_t rest, \
                                               int32_t m, int32_t parts, int32_t rows, int32_t *sums)            \
    {                                                                                                            \
        const mve_pred16_t some = vctp8q((uint32_t)rest);                                                        \
        constants                                                                                                \
        do {                                                                                                     \
            int32_t acc = *sums, part = parts;                                                                   \
            do {                                                                                                 \
                const int8_t *x = first;                                                                         \
                for (int32_t turn = turns; turn > 0; turn--, x += 16 * m, w += (step)) {                         \
                    acc = vmladavaq_s8(acc, vldrbq_gather_offset_s8(x, offsets), vldrbq_s8(w));                  \
                }                                                                                                \
                if (rest > 0) {                                                                                  \
                    const uint8x16_t places = vldrbq_z_u8((const uint8_t *)w + rest, some);                      \
                    const int8x16_t taps = vldrbq_gather_offset_z_s8(x, places, some);                           \
                    acc = vmladavaq_s8(acc, taps, vldrbq_z_s8(w, some));                                         \
                    w += 2 * rest;                                                                               \
                }                                                                                                \
            } while (--part > 0);                                                                                \
            *sums++ = acc;                                                                                       \
        } while (--rows > 0);                                                                                    \
    }
#define EK_TWO_BITS                                                                                    \
    const int8x16_t down = {0, 0, 0, 0, -2, -2, -2, -2, -4, -4, -4, -4, -6, -6, -6, -6};               \
    const uint8x16_t start = vmulq_n_u8(vidupq_n_u8(0, 1), 4), mask = vdupq_n_u8(3);
#define EK_FOUR_BITS                                                                                   \
    const int8x16_t down = {0, 0, 0, 0, -4, -4, -4, -4, 0, 0, 0, 0, -4, -4, -4, -4};                   \
    const uint8x16_t start = vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)m), mask = vdupq_n_u8(15);         \
    const mve_pred16_t low = 0x00ff;
#define EK_OF_FOUR_BITS vpselq_u8(ek_four_words(w + 16), ek_four_words(w + 20), low)
EK_SPARSE_ROWS(ek_by_bytes, , vldrbq_u8((const uint8_t *)w + 16), 32)
EK_SPARSE_ROWS(ek_by_two_bits, EK_TWO_BITS, vaddq_u8(vandq_u8(vshlq_u8(ek_four_words(w + 16), down), mask), start), 20)
EK_SPARSE_ROWS(ek_by_four_bits, EK_FOUR_BITS, vaddq_u8(vandq_u8(vshlq_u8(EK_OF_FOUR_BITS, down), mask), start), 24)

/* acc [rows] += x [k] . w, rows from row `from` on of the weights whose head w is. */
static inline void ek_sparse_s8(const int8_t *x, const int8_t *w, int32_t from, int32_t k, int32_t rows, int32_t *acc)
{
    const ek_turns t = ek_turns_of(w);
    if (t.group == 0) {
        ek_rows_s8(x, w + EK_TURNS_HEAD + from * EK_BYTES_S8(k), k, rows, acc);
        return;
    }
    const int32_t groups = (k + t.group - 1) / t.group, turns = groups / EK_TURN, rest = groups % EK_TURN;
    const int8_t *const at = w + EK_TURNS_HEAD + from * ek_turns_bytes(&t, k);
    switch (t.bits) {
    case 8: ek_by_bytes(x, at, turns, rest, t.group, t.kept, rows, acc); break;
    case 2: ek_by_two_bits(x, at, turns, rest, t.group, t.kept, rows, acc); break;
    default: ek_by_four_bits(x, at, turns, rest, t.group, t.kept, rows, acc); break;
    }
}

EK_TURNS_ROWS(ek_sparse_s16, int16_t, int64_t, ek_rows_s16, EK_BYTES_S16)

#endif
