/* Armv7E-M DSP: tiles of two outputs and four positions, or two. An smlad takes two taps; see ek_conv_tiles.h. */
#ifndef EK_TILE_GUARD
#define EK_TILE_GUARD

#include "ek_dot.h"
#include "ek_scales.h"

#define EK_TILE_TAPS 288
#define EK_TILE_FILL 2 /* taps of which a piece has a multiple */
#define EK_TILE_POSITIONS 4
#define EK_TILE_OUTPUTS 32 /* at once; even */
#if defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__) && !defined(__clang__)
#define EK_HAS_BLOCKS /* of assembly that take all registers, of which compilers leave too few elsewhere */
#endif

static inline void ek_put_word(int8_t *to, uint32_t word)
{
    memcpy(to, &word, 4);
}

/* to [n] = x [n], which do not overlap. */
static inline void ek_take_run(const int8_t *x, int32_t n, int8_t *to)
{
    for (; n >= 4; n -= 4, x += 4, to += 4) {
        ek_put_word(to, (uint32_t)ek_word(x));
    }
    for (; n > 0; n--) {
        *to++ = *x++;
    }
}

#ifdef EK_HAS_BLOCKS
/* Two taps at places t and u of four neighbours, and of positions a, b, c, d. */
#define EK_LAY_NEAR                                                                                              \
    "ldrd %[t], %[u], [%[at]], #8\n\tldr %[t], [%[x], %[t]]\n\tldr %[u], [%[x], %[u]]\n\tsxtb16 %[a], %[t]\n\t"   \
    "sxtb16 %[t], %[t], ror #8\n\tsxtb16 %[b], %[u]\n\tsxtb16 %[u], %[u], ror #8\n\t"                          \
    "pkhbt %[c], %[a], %[b], lsl #16\n\tpkhbt %[d], %[t], %[u], lsl #16\n\tstrd %[c], %[d], [%[to]], #16\n\t"  \
    "pkhtb %[a], %[b], %[a], asr #16\n\tpkhtb %[t], %[u], %[t], asr #16\n\tstrd %[a], %[t], [%[to], #-8]\n\t"
#define EK_LAY_TWO_OF(a, b, to)                                                                                  \
    "ldrsb %[e], [%[" a "], %[t]]\n\tldrsb %[f], [%[" a "], %[u]]\n\tldrsb %[g], [%[" b "], %[t]]\n\t"           \
    "ldrsb %[h], [%[" b "], %[u]]\n\tpkhbt %[e], %[e], %[f], lsl #16\n\tpkhbt %[g], %[g], %[h], lsl #16\n\t"     \
    "strd %[e], %[g], [%[to]" to "\n\t"
#define EK_LAY_END "cmp %[at], %[end]\n\tbne 1b"

/* to [pairs][4][2] = the taps at [pairs][2] of four positions `step` elements apart; there are some. */
static __attribute__((noinline)) void ek_lay_four(const int8_t *x, int32_t step, const int32_t *at, int32_t pairs,
                                                  int16x2_t *to)
{
    const int32_t *const end = at + 2 * pairs;
    int32_t t, u;
    if (step == 1) {
        int32_t a, b, c, d;
        __asm__ volatile("tst %[n], #1\n\tbeq 1f\n\t" EK_LAY_NEAR "cmp %[at], %[end]\n\tbeq 2f\n"
                         "1:\n\t" EK_LAY_NEAR EK_LAY_NEAR EK_LAY_END "\n2:"
                         : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [t] "=&r"(t), [u] "=&r"(u),
                           [at] "+r"(at), [to] "+r"(to)
                         : [x] "r"(x), [end] "r"(end), [n] "r"(pairs)
                         : "memory", "cc");
        return;
    }
    const int8_t *const b = x + step, *const c = b + step, *const d = c + step;
    int32_t e, f, g, h;
    __asm__ volatile("1:\n\tldrd %[t], %[u], [%[at]], #8\n\t" EK_LAY_TWO_OF("a", "b", "], #16")
                     EK_LAY_TWO_OF("c", "d", ", #-8]") EK_LAY_END
                     : [e] "=&r"(e), [f] "=&r"(f), [g] "=&r"(g), [h] "=&r"(h), [t] "=&r"(t), [u] "=&r"(u),
                       [at] "+r"(at), [to] "+r"(to)
                     : [a] "r"(x), [b] "r"(b), [c] "r"(c), [d] "r"(d), [end] "r"(end)
                     : "memory", "cc");
}
#else
/* to [pairs][4][2] = the taps at [pairs][2] of four positions `step` elements apart. */
static __attribute__((noinline)) void ek_lay_four(const int8_t *x, int32_t step, const int32_t *at, int32_t pairs,
                                                  int16x2_t *to)
{
    const int8_t *const a = x, *const b = a + step, *const c = b + step, *const d = c + step;
    const int32_t *const end = at + 2 * pairs;
    if (step == 1) {
        for (; at < end; at += 2, to += EK_TILE_POSITIONS) {
            const int32_t one = ek_word(a + at[0]), two = ek_word(a + at[1]);
            const int16x2_t even = __sxtb16(one), odd = ek_odd(one), even2 = __sxtb16(two), odd2 = ek_odd(two);
            to[0] = ek_lower_halves(even, even2), to[1] = ek_lower_halves(odd, odd2);
            to[2] = ek_upper_halves(even, even2), to[3] = ek_upper_halves(odd, odd2);
        }
    }
    for (; at < end; at += 2, to += EK_TILE_POSITIONS) {
        const int32_t first = at[0], second = at[1];
        to[0] = ek_lower_halves(a[first], a[second]), to[1] = ek_lower_halves(b[first], b[second]);
        to[2] = ek_lower_halves(c[first], c[second]), to[3] = ek_lower_halves(d[first], d[second]);
    }
}
#endif

/* The same of one position. */
static __attribute__((noinline)) void ek_lay_one(const int8_t *x, const int32_t *at, int32_t pairs, int16x2_t *to)
{
    if (pairs & 1) {
        *to = ek_lower_halves(x[at[0]], x[at[1]]);
        at += 2, to += EK_TILE_POSITIONS;
    }
    for (; pairs > 1; pairs -= 2, at += 4, to += 2 * EK_TILE_POSITIONS) {
        to[0] = ek_lower_halves(x[at[0]], x[at[1]]);
        to[EK_TILE_POSITIONS] = ek_lower_halves(x[at[2]], x[at[3]]);
    }
}

/* The high word of a * b, and c. */
static inline int32_t ek_high_sum(int32_t a, int32_t b, int32_t c)
{
    int32_t high;
    __asm__("smmla %0, %1, %2, %3" : "=r"(high) : "r"(a), "r"(b), "r"(c));
    return high;
}

/* y [n] = the outputs of channel c from their sums: of a shift of 33 or more only the high word of a product counts, and
 * where it has room for both, the zero point is added with the half that rounds. */
#define EK_OUTPUTS_OF_CHANNEL(name, y_type, bits)                                                                \
    static inline void name(const int32_t *acc, const ek_scales *s, int32_t c, y_type *y, int32_t n)             \
    {                                                                                                            \
        const int32_t mult = s->mult[c], shift = s->shift[c], y_zero = s->y_zero, y_min = s->y_min;              \
        const int32_t y_max = s->y_max, right = shift - 32;                                                      \
        if (shift < 33 || shift > 62 - bits) {                                                                   \
            for (int32_t j = 0; j < n; j++) {                                                                    \
                y[j] = (y_type)ek_output(acc[j], mult, shift, y_zero, y_min, y_max);                             \
            }                                                                                                    \
            return;                                                                                              \
        }                                                                                                        \
        const int32_t added = (1 << (right - 1)) + y_zero * (1 << right);                                        \
        if (y_min == -(1 << (bits - 1)) && y_max == (1 << (bits - 1)) - 1) {                                     \
            for (const int32_t *const end = acc + (n & ~3); acc != end;) {                                       \
                int32_t a, b, d, e;                                                                              \
                __asm__("ldrd %[a], %[b], [%[x]], #16\n\tldrd %[d], %[e], [%[x], #-8]\n\t"                      \
                        "smmla %[a], %[a], %[m], %[h]\n\tsmmla %[b], %[b], %[m], %[h]\n\t"                     \
                        "smmla %[d], %[d], %[m], %[h]\n\tsmmla %[e], %[e], %[m], %[h]"                          \
                        : [a] "=&r"(a), [b] "=&r"(b), [d] "=&r"(d), [e] "=&r"(e), [x] "+r"(acc)                  \
                        : [m] "r"(mult), [h] "r"(added)                                                          \
                        : "memory");                                                                             \
                y[0] = (y_type)__ssat(a >> right, bits), y[1] = (y_type)__ssat(b >> right, bits);                \
                y[2] = (y_type)__ssat(d >> right, bits), y[3] = (y_type)__ssat(e >> right, bits);                \
                y += 4;                                                                                          \
            }                                                                                                    \
            n &= 3;                                                                                              \
        }                                                                                                        \
        for (; n > 0; n--) {                                                                                     \
            *y++ = (y_type)ek_clamp(ek_high_sum(*acc++, mult, added) >> right, y_min, y_max);                    \
        }                                                                                                        \
    }
EK_OUTPUTS_OF_CHANNEL(ek_channel_outputs_s8, int8_t, 8)
EK_OUTPUTS_OF_CHANNEL(ek_channel_outputs_s16, int16_t, 16)

/* Whether the outputs of channel c are limited by their type alone, and come from the high words of products. */
static inline int ek_is_plain(const ek_scales *s, int32_t c, int32_t bits)
{
    const int is_full = s->y_min == -(1 << (bits - 1)) && s->y_max == (1 << (bits - 1)) - 1;
    return is_full && s->shift[c] >= 33;
}

/* Whether those of all n channels are. */
static inline int ek_are_plain(const ek_scales *s, int32_t n, int32_t bits)
{
    int32_t c = 0;
    while (c < n && ek_is_plain(s, c, bits)) {
        c++;
    }
    return c == n;
}

#define EK_UP_RIGHT 10
#define EK_UP_BITS 8            /* at most, by which an int8 is shifted up in an int16 */
#define EK_UP_BIAS ((1 << 22) - 1) /* at most: with up to 256 products and shifted up it has room */

/* By how much weights and bias of channel c are to be multiplied so that its high words are EK_UP_RIGHT bits above its
 * outputs, where one instruction shifts and limits; 0 where they have no room. */
static inline int32_t ek_up_factor(const ek_scales *s, int32_t c)
{
    const int32_t up = EK_UP_RIGHT + 32 - s->shift[c], bias = s->bias[c];
    return up >= 0 && up <= EK_UP_BITS && bias <= EK_UP_BIAS && bias >= -EK_UP_BIAS ? 1 << up : 0;
}

/* acc [rows][4] = bias [rows]; and a row more where their number is odd. */
static inline void ek_tile_start(int32_t *acc, const int32_t *bias, int32_t rows)
{
    for (int32_t r = 0; r < rows + (rows & 1); r++, acc += EK_TILE_POSITIONS) {
        acc[0] = acc[1] = acc[2] = acc[3] = r < rows ? bias[r] : 0;
    }
}

/* Two taps of two outputs at four positions, and at two. */
#define EK_TILE_FOUR                                                                                             \
    "ldr %[t], [%[w]], #4\n\tldrd %[p], %[q], [%[x]], #16\n\tsxtb16 %[u], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t" \
    "smlad %[a], %[p], %[t], %[a]\n\tsmlad %[b], %[q], %[t], %[b]\n\tsmlad %[e], %[p], %[u], %[e]\n\t"          \
    "smlad %[f], %[q], %[u], %[f]\n\tldrd %[p], %[q], [%[x], #-8]\n\tsmlad %[c], %[p], %[t], %[c]\n\t"          \
    "smlad %[d], %[q], %[t], %[d]\n\tsmlad %[g], %[p], %[u], %[g]\n\tsmlad %[h], %[q], %[u], %[h]\n\t"
#define EK_TILE_TWO                                                                                              \
    "ldr %[t], [%[w]], #4\n\tldrd %[p], %[q], [%[x]], #16\n\tsxtb16 %[u], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t" \
    "smlad %[a], %[p], %[t], %[a]\n\tsmlad %[b], %[q], %[t], %[b]\n\tsmlad %[e], %[p], %[u], %[e]\n\t"          \
    "smlad %[f], %[q], %[u], %[f]\n\t"

/* The sums of `pairs` pairs of taps up to the end of their weights: one block, so that all stays in registers. */
#ifdef EK_HAS_BLOCKS
#define EK_TILE_SUMS(two)                                                                                        \
    do {                                                                                                         \
        int32_t word, half, one, other;                                                                          \
        __asm__("ldr %[t], %[n]\n\tlsls %[t], %[t], #31\n\tbpl 1f\n\t" two "1:\n\tbcc 2f\n\t" two two            \
                "2:\n\tldr %[t], %[last]\n\tcmp %[w], %[t]\n\tbeq 4f\n"                                          \
                "3:\n\t" two two two two "ldr %[t], %[last]\n\tcmp %[w], %[t]\n\tbne 3b\n4:"                     \
                : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [e] "+r"(e), [f] "+r"(f), [g] "+r"(g),     \
                  [h] "+r"(h), [x] "+r"(x), [w] "+r"(w), [t] "=&r"(word), [u] "=&r"(half), [p] "=&r"(one),       \
                  [q] "=&r"(other)                                                                               \
                : [n] "m"(pairs), [last] "m"(end)                                                                \
                : "memory", "cc");                                                                               \
    } while (0)
#else
#define EK_TILE_SUMS(two)                                                                                        \
    for (; w != end; w += 4, x += EK_TILE_POSITIONS) {                                                           \
        const int16x2_t lower = __sxtb16(ek_word(w)), upper = ek_odd(ek_word(w));                                \
        a = __smlad(x[0], lower, a), b = __smlad(x[1], lower, b), c = __smlad(x[2], lower, c);                   \
        d = __smlad(x[3], lower, d), e = __smlad(x[0], upper, e), f = __smlad(x[1], upper, f);                   \
        g = __smlad(x[2], upper, g), h = __smlad(x[3], upper, h);                                                \
    }
#endif

/* acc [rows][4] += the products of packed outputs with `pairs` pairs of taps at n positions, four or two. Of an odd number
 * of rows another one is written. */
#define EK_TILE_ADD(name, two)                                                                                   \
    static __attribute__((noinline)) void name(const int8_t *w, const int16x2_t *columns, int32_t pairs,         \
                                               int32_t rows, int32_t *acc)                                       \
    {                                                                                                            \
        for (; rows > 0; rows -= 2, acc += 2 * EK_TILE_POSITIONS) {                                              \
            const int8_t *const end = w + 4 * pairs;                                                             \
            const int16x2_t *x = columns;                                                                        \
            int32_t a = acc[0], b = acc[1], c = acc[2], d = acc[3], e = acc[4], f = acc[5], g = acc[6], h = acc[7]; \
            EK_TILE_SUMS(two);                                                                                   \
            acc[0] = a, acc[1] = b, acc[2] = c, acc[3] = d, acc[4] = e, acc[5] = f, acc[6] = g, acc[7] = h;      \
        }                                                                                                        \
    }
EK_TILE_ADD(ek_tile_add, EK_TILE_FOUR)

#define EK_TILE_TYPE(bits) int##bits##_t

#ifdef EK_HAS_BLOCKS
/* Two taps of two outputs at one position. */
#define EK_TILE_ONE                                                                                              \
    "ldr %[t], [%[w]], #4\n\tldr %[p], [%[x]], #16\n\tsxtb16 %[u], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t"       \
    "smlad %[a], %[p], %[t], %[a]\n\tsmlad %[e], %[p], %[u], %[e]\n\t"

/* What the blocks of tiles read and write: the pointers move on, `end` is that of the weights of two outputs, `bytes` of them,
 * `zero` is twice the zero point and 1, `entry` goes into the loop where whole rounds are left, behind it
 * where none is. */
typedef struct {
    const int32_t *bias, *mult, *last;
    const uint8_t *shift;
    void *y;
    const int8_t *end;
    const int16x2_t *columns;
    int32_t bytes, zero, plane, entry;
} ek_tile_run;

/* The bytes of code of two taps at n positions, and how many times it is there. */
#define EK_TILE_CODE(n) ((n) == 4 ? 52 : (n) == 2 ? 32 : 24)
#define EK_TILE_TIMES(n) ((n) == 4 ? 16 : 8)
#define EK_TILE_UNROLL_4(two) two two two two two two two two EK_TILE_UNROLL_2(two)
#define EK_TILE_UNROLL_2(two) two two two two two two two two
#define EK_TILE_UNROLL_1 EK_TILE_UNROLL_2

/* The place in the loop of `times` pairs where the rest of them begins, without the first pair. */
static inline int32_t ek_tile_entry(int32_t pairs, int32_t times)
{
    return pairs == 1 ? times : (1 - pairs) & (times - 1);
}

/* For each of n sums. */
#define EK_SUMS_4(each, a, b, c, d) each(a, "0", "0") each(b, "1", "2") each(c, "2", "4") each(d, "3", "6")
#define EK_SUMS_2(each, a, b, c, d) each(a, "0", "0") each(b, "1", "2")
#define EK_SUMS_1(each, a, b, c, d) each(a, "0", "0")
#define EK_SUM_FIRST(v, at8, at16) "mov %[" v "], %[a]\n\t"
#define EK_SUM_SECOND(v, at8, at16) "mov %[" v "], %[e]\n\t"
#define EK_SUM_BY_P(v, at8, at16) "smmla %[" v "], %[" v "], %[p], %[t]\n\tasr %[" v "], %[u]\n\t"
#define EK_SUM_BY_Q(v, at8, at16) "smmla %[" v "], %[" v "], %[q], %[t]\n\tasr %[" v "], %[u]\n\t"
#define EK_SUM_AND_ZERO(v, at8, at16) "add %[" v "], %[t]\n\t"
#define EK_SUM_TO_8(v, at8, at16) "ssat %[" v "], #8, %[" v "]\n\tstrb %[" v "], [%[x], #" at8 "]\n\t"
#define EK_SUM_TO_16(v, at8, at16) "ssat %[" v "], #16, %[" v "]\n\tstrh %[" v "], [%[x], #" at16 "]\n\t"

/* The outputs of a channel before they are limited: its factor by `by`, its shift in u. Where the high word has no room for the
 * zero point, at `far`, it is added behind. */
#define EK_TILE_SCALE(n, room, by, far, near, a, b, c, d)                                                        \
    "sub %[u], #32\n\tldr %[t], %[zero]\n\tcmp %[u], #" room "\n\tbhi " far "f\n\tlsl %[t], %[u]\n\tasr %[t], #1\n\t" \
    EK_SUMS_##n(by, a, b, c, d) near ":\n\t"
#define EK_TILE_FAR(n, by, far, near, a, b, c, d)                                                                \
    far ":\n\tmov %[t], #1\n\tlsl %[t], %[u]\n\tasr %[t], #1\n\t" EK_SUMS_##n(by, a, b, c, d)                   \
    "ldr %[t], %[zero]\n\tasr %[t], #1\n\t" EK_SUMS_##n(EK_SUM_AND_ZERO, a, b, c, d) "b " near "b\n"

/* All rows, two at a time: one block, so that all stays in registers. An address is taken: `adr` needs the alignment. */
#define EK_TILE_BLOCK(n, bits, room, two)                                                                        \
    ".balign 4\n\tadr.w %[t], 2f\n\tldr %[u], %[entry]\n\tadd %[t], %[u]\n\torr %[t], #1\n\tstr %[t], %[entry]\n"             \
    "1:\n\tldr %[t], %[bias]\n\tldrd %[a], %[e], [%[t]], #8\n\tstr %[t], %[bias]\n\tldr %[x], %[columns]\n\t"   \
    "ldr %[t], %[bytes]\n\tadd %[t], %[w]\n\tstr %[t], %[end]\n\t" EK_TILE_START_##n "ldr pc, %[entry]\n"      \
    "2:\n\t" EK_TILE_UNROLL_##n(two) "ldr %[t], %[end]\n\tcmp %[w], %[t]\n\tbne 2b\n\t"                 \
    "ldr %[t], %[mult]\n\tldrd %[p], %[q], [%[t]], #8\n\tstr %[t], %[mult]\n\tldr %[x], %[shift]\n\t"           \
    "ldrb %[u], [%[x]]\n\t" EK_TILE_SCALE(n, room, EK_SUM_BY_P, "5", "6", "a", "b", "c", "d")                  \
    "ldrb %[u], [%[x], #1]\n\tadd %[x], #2\n\tstr %[x], %[shift]\n\tldr %[x], %[y]\n\t"                        \
    EK_SUMS_##n(EK_SUM_TO_##bits, "a", "b", "c", "d")                                                           \
    EK_TILE_SCALE(n, room, EK_SUM_BY_Q, "7", "8", "e", "f", "g", "h") "ldr %[p], %[plane]\n\tadd %[x], %[p]\n\t" \
    EK_SUMS_##n(EK_SUM_TO_##bits, "e", "f", "g", "h")                                                           \
    "add %[x], %[p]\n\tstr %[x], %[y]\n\tldr %[t], %[bias]\n\tldr %[u], %[last]\n\tcmp %[t], %[u]\n\tbne 1b\n\tb 9f\n" \
    EK_TILE_FAR(n, EK_SUM_BY_P, "5", "6", "a", "b", "c", "d")                                                  \
    EK_TILE_FAR(n, EK_SUM_BY_Q, "7", "8", "e", "f", "g", "h") "9:"
/* The first two taps, which begin with the biases in a and e. */
#define EK_TILE_FIRST_4                                                                                          \
    EK_TILE_WEIGHTS "ldrd %[p], %[q], [%[x], #8]\n\tsmlad %[c], %[p], %[t], %[a]\n\tsmlad %[d], %[q], %[t], %[a]\n\t" \
    "smlad %[g], %[p], %[u], %[e]\n\tsmlad %[h], %[q], %[u], %[e]\n\t" EK_TILE_FIRST_2
#define EK_TILE_START_4 EK_TILE_FIRST_4
#define EK_TILE_START_2 EK_TILE_WEIGHTS EK_TILE_FIRST_2
#define EK_TILE_START_1 EK_TILE_ONE
#define EK_TILE_WEIGHTS "ldr %[t], [%[w]], #4\n\tsxtb16 %[u], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t"
#define EK_TILE_FIRST_2                                                                                          \
    "ldrd %[p], %[q], [%[x]], #16\n\tsmlad %[b], %[q], %[t], %[a]\n\tsmlad %[a], %[p], %[t], %[a]\n\t"          \
    "smlad %[f], %[q], %[u], %[e]\n\tsmlad %[e], %[p], %[u], %[e]\n\t"

/* y [rows][n] = the outputs from number o on of an even number of rows, `plane` elements apart, of plain scales. */
#define EK_TILE_TO(name, bits, n, room, two)                                                                     \
    static __attribute__((noinline)) void name(const int8_t *w, const int16x2_t *columns, int32_t pairs,         \
                                               int32_t rows, const ek_scales *s, int32_t o,                      \
                                               EK_TILE_TYPE(bits) *y, int32_t plane)                             \
    {                                                                                                            \
        ek_tile_run v = {s->bias + o, s->mult + o, s->bias + o + rows, s->shift + o, y, w, columns, 4 * pairs,   \
                         2 * s->y_zero + 1, (int32_t)sizeof(*y) * plane, ek_tile_entry(pairs, EK_TILE_TIMES(n)) * EK_TILE_CODE(n)};        \
        int32_t a, b, c, d, e, f, g, h, word, half, one, other;                                                  \
        const int16x2_t *x;                                                                                      \
        __asm__ volatile(EK_TILE_BLOCK(n, bits, room, two)                                                       \
                         : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [e] "=&r"(e), [f] "=&r"(f),   \
                           [g] "=&r"(g), [h] "=&r"(h), [x] "=&r"(x), [w] "+r"(w), [t] "=&r"(word),               \
                           [u] "=&r"(half), [p] "=&r"(one), [q] "=&r"(other), "+m"(v)                            \
                         : [bias] "m"(v.bias), [mult] "m"(v.mult), [last] "m"(v.last), [shift] "m"(v.shift),     \
                           [y] "m"(v.y), [end] "m"(v.end), [columns] "m"(v.columns), [bytes] "m"(v.bytes),       \
                           [zero] "m"(v.zero), [plane] "m"(v.plane), [entry] "m"(v.entry)                        \
                         : "memory", "cc");                                                                      \
    }
#else
/* y = the output of a sum of plain scales. */
static inline int32_t ek_plain_output(int32_t sum, int32_t mult, int32_t right, int32_t y_zero)
{
    return (ek_high_sum(sum, mult, 1 << (right - 1)) >> right) + y_zero;
}

/* y [rows][n] = the outputs from number o on of an even number of rows, `plane` elements apart, of plain scales. */
#define EK_TILE_TO(name, bits, n, room, two)                                                                     \
    static __attribute__((noinline)) void name(const int8_t *w, const int16x2_t *columns, int32_t pairs,         \
                                               int32_t rows, const ek_scales *s, int32_t o,                      \
                                               EK_TILE_TYPE(bits) *y, int32_t plane)                             \
    {                                                                                                            \
        for (; rows > 0; rows -= 2, o += 2, y += 2 * plane) {                                                    \
            const int8_t *const end = w + 4 * pairs;                                                             \
            const int16x2_t *x = columns;                                                                        \
            int32_t a = s->bias[o], b = a, c = a, d = a, e = s->bias[o + 1], f = e, g = e, h = e;                \
            EK_TILE_SUMS(two);                                                                                   \
            const int32_t sums[] = {a, b, c, d, e, f, g, h};                                                     \
            for (int32_t j = 0; j < n; j++) {                                                                    \
                const int32_t first = ek_plain_output(sums[j], s->mult[o], s->shift[o] - 32, s->y_zero);         \
                const int32_t next = ek_plain_output(sums[4 + j], s->mult[o + 1], s->shift[o + 1] - 32, s->y_zero); \
                y[j] = (EK_TILE_TYPE(bits))__ssat(first, bits), y[plane + j] = (EK_TILE_TYPE(bits))__ssat(next, bits); \
            }                                                                                                    \
        }                                                                                                        \
    }
#endif
EK_TILE_TO(ek_tile_four_s8, 8, 4, "22", EK_TILE_FOUR)
EK_TILE_TO(ek_tile_four_s16, 16, 4, "14", EK_TILE_FOUR)
EK_TILE_TO(ek_tile_two_s8, 8, 2, "22", EK_TILE_TWO)
EK_TILE_TO(ek_tile_two_s16, 16, 2, "14", EK_TILE_TWO)
EK_TILE_TO(ek_tile_one_s8, 8, 1, "22", EK_TILE_ONE)
EK_TILE_TO(ek_tile_one_s16, 16, 1, "14", EK_TILE_ONE)

/* y [rows][plane] = n outputs of each channel from number c on. */
#define EK_TILE_OUTPUTS_TO(name, y_type, outputs)                                                                \
    static __attribute__((noinline)) void name(const int32_t *acc, int32_t apart, int32_t rows, int32_t plane,   \
                                               const ek_scales *s, int32_t c, y_type *y, int32_t n)              \
    {                                                                                                            \
        for (; rows > 0; rows--, c++, acc += apart, y += plane) {                                                \
            outputs(acc, s, c, y, n);                                                                            \
        }                                                                                                        \
    }
EK_TILE_OUTPUTS_TO(ek_tile_outputs_s8, int8_t, ek_channel_outputs_s8)
EK_TILE_OUTPUTS_TO(ek_tile_outputs_s16, int16_t, ek_channel_outputs_s16)

#endif
