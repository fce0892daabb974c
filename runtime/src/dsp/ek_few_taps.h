/* Armv7E-M DSP: an output of up to 16 taps at many positions: its weights stay in registers. They are shifted up as in
 * ek_up_factor. Columns lie in blocks of four positions, [block][EK_FEW_PAIRS of the taps][4][2]. */
#ifndef EK_FEW_TAPS_GUARD
#define EK_FEW_TAPS_GUARD

#include "ek_tile.h"

#define EK_FEW_MOST 8       /* pairs of taps */
#define EK_FEW_POSITIONS 32 /* from which on loading the weights pays */

/* Pairs of taps that a block has room for: 4, 6, 8. */
static inline int32_t ek_few_pairs(int32_t pairs)
{
    return pairs <= 4 ? 4 : (pairs + 1) & ~1;
}

/* Two taps of two positions; the outputs of two sums. */
#define EK_FEW_FROM(w, at, c, d)                                                                               \
    "ldrd %[p], %[q], [%[x], #" at "]\n\tsmlad %[a], %[p], %[" w "], %[" c "]\n\tsmlad %[b], %[q], %[" w "], %[" d "]\n\t"
#define EK_FEW(w, at) EK_FEW_FROM(w, at, "a", "b")
#define EK_FEW_FIRST(w, at) EK_FEW_FROM(w, at, "s", "s")
#define EK_FEW_PUT(factor, added)                                                                              \
    "smmla %[a], %[a], %[" factor "], %[" added "]\n\tsmmla %[b], %[b], %[" factor "], %[" added "]\n\t"      \
    "ssat %[a], #8, %[a], asr #10\n\tssat %[b], #8, %[b], asr #10\n\tstrb %[a], [%[y]], #1\n\tstrb %[b], [%[y]], #1\n\t"
#define EK_FEW_START "ldrd %[a], %[b], %[two]\n\t"

/* Four positions of 4, 6 and 8 pairs of taps. */
#define EK_FEW_BLOCK_4                                                                                         \
    "1:\n\t" EK_FEW_FIRST("i", "0") EK_FEW("j", "16") EK_FEW("k", "32") EK_FEW("l", "48") EK_FEW_PUT("f", "z") \
    EK_FEW_FIRST("i", "8") EK_FEW("j", "24") EK_FEW("k", "40") EK_FEW("l", "56") EK_FEW_PUT("f", "z")         \
    "add %[x], #64\n\tcmp %[x], %[e]\n\tbne 1b"
#define EK_FEW_BLOCK_6                                                                                         \
    "1:\n\t" EK_FEW_START EK_FEW("i", "0") EK_FEW("j", "16") EK_FEW("k", "32") EK_FEW("l", "48")              \
    EK_FEW("m", "64") EK_FEW("n", "80") EK_FEW_PUT("f", "z")                                                   \
    EK_FEW_START EK_FEW("i", "8") EK_FEW("j", "24") EK_FEW("k", "40") EK_FEW("l", "56")                       \
    EK_FEW("m", "72") EK_FEW("n", "88") EK_FEW_PUT("f", "z")                                                   \
    "ldr %[p], %[e]\n\tadd %[x], #96\n\tcmp %[x], %[p]\n\tbne 1b"
#define EK_FEW_BLOCK_8                                                                                         \
    "1:\n\t" EK_FEW_START EK_FEW("i", "0") EK_FEW("j", "16") EK_FEW("k", "32") EK_FEW("l", "48")              \
    EK_FEW("m", "64") EK_FEW("n", "80") EK_FEW("g", "96") EK_FEW("h", "112")                                   \
    "ldrd %[p], %[q], %[pair]\n\t" EK_FEW_PUT("p", "q")                                                        \
    EK_FEW_START EK_FEW("i", "8") EK_FEW("j", "24") EK_FEW("k", "40") EK_FEW("l", "56")                       \
    EK_FEW("m", "72") EK_FEW("n", "88") EK_FEW("g", "104") EK_FEW("h", "120")                                  \
    "ldrd %[p], %[q], %[pair]\n\t" EK_FEW_PUT("p", "q")                                                        \
    "ldr %[p], %[e]\n\tadd %[x], #128\n\tcmp %[x], %[p]\n\tbne 1b"

/* y [blocks][4] = the outputs number o, the first or the second of the packed ones at w, `pairs` pairs of taps each. */
static __attribute__((noinline)) void ek_few_outputs(const int8_t *w, int32_t second, const int16x2_t *x, int32_t pairs,
                                                     int32_t blocks, const ek_scales *s, int32_t o, int32_t by, int8_t *y)
{
    const int32_t bias = s->bias[o] * by, mult = s->mult[o], added = (2 * s->y_zero + 1) * (1 << (EK_UP_RIGHT - 1));
    const int32_t twice[] = {bias, bias}, scale[] = {mult, added}, room = ek_few_pairs(pairs);
    const int16x2_t *const end = x + EK_TILE_POSITIONS * room * blocks;
    int32_t v[EK_FEW_MOST] = {0}, a, b, one, other;
    for (int32_t i = 0; i < pairs; i++, w += 4) {
        const int32_t both = second ? ek_odd(ek_word(w)) : __sxtb16(ek_word(w));
        v[i] = (int32_t)ek_lower_halves((int32_t)((uint32_t)both * (uint32_t)by), (both >> 16) * by);
    }
#define EK_FEW_OUTPUTS                                                                                         \
    [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(one), [q] "=&r"(other), [x] "+r"(x), [y] "+r"(y)
#define EK_FEW_WEIGHTS [i] "r"(v[0]), [j] "r"(v[1]), [k] "r"(v[2]), [l] "r"(v[3])
    if (room == 4) {
        __asm__ volatile(EK_FEW_BLOCK_4 : EK_FEW_OUTPUTS
                         : EK_FEW_WEIGHTS, [s] "r"(bias), [f] "r"(mult), [z] "r"(added), [e] "r"(end) : "memory", "cc");
    } else if (room == 6) {
        __asm__ volatile(EK_FEW_BLOCK_6 : EK_FEW_OUTPUTS
                         : EK_FEW_WEIGHTS, [m] "r"(v[4]), [n] "r"(v[5]), [f] "r"(mult), [z] "r"(added), [e] "m"(end),
                           [two] "m"(twice) : "memory", "cc");
    } else {
        __asm__ volatile(EK_FEW_BLOCK_8 : EK_FEW_OUTPUTS
                         : EK_FEW_WEIGHTS, [m] "r"(v[4]), [n] "r"(v[5]), [g] "r"(v[6]), [h] "r"(v[7]), [e] "m"(end),
                           [two] "m"(twice), [pair] "m"(scale) : "memory", "cc");
    }
}

#endif
