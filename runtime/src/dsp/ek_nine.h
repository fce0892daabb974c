/* Armv7E-M DSP: outputs of kernels of 3 x 3 taps and of 3, each channel by itself, straight from a band. Rows of 3 x 3 are
 * EK_NINE_PITCH elements apart. Weights and bias are shifted up as in ek_up_factor. */
#ifndef EK_NINE_GUARD
#define EK_NINE_GUARD

#include "ek_plane.h"

#define EK_NINE_PITCH 64

/* What a band of one channel after the other is: its rows of outputs, n each; inputs are `stride` apart. */
typedef struct {
    int32_t skip, down;                  /* from the end of a row of outputs to the next one, and from its start */
    const int8_t *last;                  /* the end of the last row */
    int32_t gap;                         /* between two rows of outputs in memory */
    const int8_t *end;                   /* the end of the current row */
    int32_t stride, dilation, added, rows, n;
} ek_nine;

/* Two sums of a row of three taps: of neighbours, of positions two elements apart, of taps two elements apart, where `outer`
 * is the first two. The other tap is a half of `middle`. */
#define EK_NINE_WORD(at) "ldr %[t], [%[x]" at "\n\tsxtb16 %[h], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t"
#define EK_NINE_ROW(at, two, four, five, outer, middle, half, c, d)                                           \
    EK_NINE_WORD(at) "smlad %[a], %[t], %[" outer "], %[" c "]\n\tsmlab" half " %[a], %[h], %[" middle "], %[a]\n\t" \
    "smlad %[b], %[h], %[" outer "], %[" d "]\n\tsmlat" half " %[b], %[t], %[" middle "], %[b]\n\t"
#define EK_NINE_ROW_APART(at, two, four, five, outer, middle, half, c, d)                                     \
    EK_NINE_WORD(at) "smlad %[a], %[t], %[" outer "], %[" c "]\n\tsmlab" half " %[a], %[h], %[" middle "], %[a]\n\t" \
    "ldr %[t], [%[x], " two "]\n\tsxtb16 %[t], %[t]\n\tsmlat" half " %[b], %[h], %[" middle "], %[" d "]\n\t" \
    "smlad %[b], %[t], %[" outer "], %[b]\n\t"
#define EK_NINE_ROW_OTHERS(at, two, four, five, outer, middle, half, c, d)                                    \
    EK_NINE_WORD(at) "smlad %[a], %[t], %[" outer "], %[" c "]\n\tsmlad %[b], %[h], %[" outer "], %[" d "]\n\t" \
    "ldrsb %[t], [%[x], " four "]\n\tldrsb %[h], [%[x], " five "]\n\t"                                        \
    "smlab" half " %[a], %[t], %[" middle "], %[a]\n\tsmlab" half " %[b], %[h], %[" middle "], %[b]\n\t"

/* All rows, two outputs at a time; of an odd number the last one is alone. */
#define EK_NINE_BLOCK(row, step, four, five)                                                                  \
    "1:\n\t" row(", #64]", "#66", "#68", "#69", "p", "m", "t", "c", "c")                                      \
    row(", #128]", "#130", "#132", "#133", "q", "n", "b", "a", "b")                                           \
    row("], " step, "#-2", four, five, "o", "m", "b", "a", "b")                                               \
    "smmla %[a], %[a], %[f], %[z]\n\tsmmla %[b], %[b], %[f], %[z]\n\tldr %[t], %[end]\n\tcmp %[x], %[t]\n\t" \
    "ssat %[a], #8, %[a], asr #10\n\tssat %[b], #8, %[b], asr #10\n\tstrb %[a], [%[y]], #1\n\t"              \
    "it ls\n\tstrbls %[b], [%[y]], #1\n\tblo 1b\n\t"                                                         \
    "ldrd %[a], %[b], %[steps]\n\tadd %[x], %[a]\n\tadd %[t], %[b]\n\tstr %[t], %[end]\n\t"                  \
    "ldrd %[a], %[b], %[last]\n\tadd %[y], %[b]\n\tcmp %[t], %[a]\n\tbls 1b"

/* Rows of inputs for outputs of two rows, [a, b] and [d, e]: a row counts as a first, second or third one of each. */
#define EK_NINE_ADD(outer, middle, half, c, d)                                                                \
    "smlad %[" c "], %[t], %[" outer "], %[" d "]\n\tsmlab" half " %[" c "], %[h], %[" middle "], %[" c "]\n\t"
#define EK_NINE_ADD_NEXT(outer, middle, half, c, d)                                                           \
    "smlad %[" c "], %[h], %[" outer "], %[" d "]\n\tsmlat" half " %[" c "], %[t], %[" middle "], %[" c "]\n\t"
#define EK_NINE_ADD_APART(outer, middle, half, c, d)                                                          \
    "smlat" half " %[" c "], %[h], %[" middle "], %[" d "]\n\tsmlad %[" c "], %[t], %[" outer "], %[" c "]\n\t"
#define EK_NINE_LATER(two) "ldr %[t], [%[x], " two "]\n\tsxtb16 %[t], %[t]\n\t"

/* Columns and rows one element apart. */
#define EK_NINE_ROWS                                                                                          \
    EK_NINE_WORD(", #64]") EK_NINE_ADD("p", "m", "t", "a", "c") EK_NINE_ADD("o", "m", "b", "d", "c")          \
    EK_NINE_ADD_NEXT("p", "m", "t", "b", "c") EK_NINE_ADD_NEXT("o", "m", "b", "e", "c")                       \
    EK_NINE_WORD(", #128]") EK_NINE_ADD("q", "n", "b", "a", "a") EK_NINE_ADD("p", "m", "t", "d", "d")         \
    EK_NINE_ADD_NEXT("q", "n", "b", "b", "b") EK_NINE_ADD_NEXT("p", "m", "t", "e", "e")                       \
    EK_NINE_WORD(", #192]") EK_NINE_ADD("q", "n", "b", "d", "d") EK_NINE_ADD_NEXT("q", "n", "b", "e", "e")    \
    EK_NINE_WORD("], #2") EK_NINE_ADD("o", "m", "b", "a", "a") EK_NINE_ADD_NEXT("o", "m", "b", "b", "b")

/* Columns and rows two elements apart. */
#define EK_NINE_ROWS_APART                                                                                    \
    EK_NINE_WORD(", #128]") EK_NINE_ADD("q", "n", "b", "a", "c") EK_NINE_ADD("o", "m", "b", "d", "c")         \
    EK_NINE_LATER("#130") EK_NINE_ADD_APART("q", "n", "b", "b", "c") EK_NINE_ADD_APART("o", "m", "b", "e", "c") \
    EK_NINE_WORD(", #64]") EK_NINE_ADD("p", "m", "t", "a", "a")                                               \
    EK_NINE_LATER("#66") EK_NINE_ADD_APART("p", "m", "t", "b", "b")                                           \
    EK_NINE_WORD(", #192]") EK_NINE_ADD("p", "m", "t", "d", "d")                                              \
    EK_NINE_LATER("#194") EK_NINE_ADD_APART("p", "m", "t", "e", "e")                                          \
    EK_NINE_WORD(", #256]") EK_NINE_ADD("q", "n", "b", "d", "d")                                              \
    EK_NINE_LATER("#258") EK_NINE_ADD_APART("q", "n", "b", "e", "e")                                          \
    EK_NINE_WORD("], #4") EK_NINE_ADD("o", "m", "b", "a", "a")                                                \
    EK_NINE_LATER("#-2") EK_NINE_ADD_APART("o", "m", "b", "b", "b")

/* Pairs of rows, two outputs of each at a time; `n` has the elements between the two rows of outputs in its upper half. */
#define EK_NINE_PAIRS(rows)                                                                                   \
    "1:\n\t" rows "ldrd %[t], %[h], %[scale]\n\tsmmla %[a], %[a], %[t], %[h]\n\tsmmla %[b], %[b], %[t], %[h]\n\t" \
    "smmla %[d], %[d], %[t], %[h]\n\tsmmla %[e], %[e], %[t], %[h]\n\tldr %[t], %[end]\n\tadd %[h], %[y], %[n], asr #16\n\t" \
    "ssat %[a], #8, %[a], asr #10\n\tssat %[b], #8, %[b], asr #10\n\tssat %[d], #8, %[d], asr #10\n\t"     \
    "ssat %[e], #8, %[e], asr #10\n\tcmp %[x], %[t]\n\tstrb %[a], [%[y]], #1\n\tstrb %[d], [%[h]]\n\t"       \
    "itt ls\n\tstrbls %[b], [%[y]], #1\n\tstrbls %[e], [%[h], #1]\n\tblo 1b\n\t"                           \
    "ldrd %[a], %[b], %[steps]\n\tadd %[x], %[a]\n\tadd %[t], %[b]\n\tstr %[t], %[end]\n\t"               \
    "ldrd %[a], %[b], %[last]\n\tadd %[y], %[b]\n\tcmp %[t], %[a]\n\tbls 1b"

/* Whether rows of outputs are taken in pairs: of three the set-up takes longer. */
static inline int ek_nine_has_pairs(const ek_nine *v)
{
    const int is_square = v->dilation == 1 && v->stride <= 2 && v->down == v->stride * EK_NINE_PITCH;
    return is_square && v->rows > 3 && v->n + v->gap < 32768;
}

/* y = the outputs of a channel with weights w from its band on. */
static __attribute__((noinline)) void ek_nine_outputs(const int8_t *x, const ek_nine *of, const int8_t *w, int32_t bias,
                                                      int32_t mult, int32_t by, int8_t *y)
{
    const int32_t next = 3 - of->dilation, other = of->dilation;
    const int32_t first = (int32_t)ek_lower_halves(w[0] * by, w[next] * by);
    const int32_t second = (int32_t)ek_lower_halves(w[3] * by, w[3 + next] * by);
    const int32_t third = (int32_t)ek_lower_halves(w[6] * by, w[6 + next] * by);
    const int32_t middles = (int32_t)ek_lower_halves(w[other] * by, w[3 + other] * by);
    const int32_t middle = (int32_t)ek_lower_halves(w[6 + other] * by, of->n + of->gap);
    int32_t a, b, word, odd;
    ek_nine v = *of;
#define EK_NINE_SUMS                                                                                          \
    [a] "=&r"(a), [b] "=&r"(b), [x] "+r"(x), [t] "=&r"(word), [h] "=&r"(odd), [y] "+r"(y), [end] "+m"(v.end)
#define EK_NINE_WEIGHTS                                                                                       \
    [o] "r"(first), [p] "r"(second), [q] "r"(third), [m] "r"(middles), [n] "r"(middle), [c] "r"(bias * by),   \
        [steps] "m"(v.skip), [last] "m"(v.last), "m"(v)
    if (ek_nine_has_pairs(of)) {
        const int32_t scale[] = {mult, v.added};
        int32_t d, e;
        v.skip += v.down, v.gap += v.n + v.gap, v.last -= (1 + (v.rows & 1)) * v.down, v.down *= 2;
        if (v.stride == 1) {
            __asm__ volatile(EK_NINE_PAIRS(EK_NINE_ROWS) : EK_NINE_SUMS, [d] "=&r"(d), [e] "=&r"(e)
                             : EK_NINE_WEIGHTS, [scale] "m"(scale) : "memory", "cc");
        } else {
            __asm__ volatile(EK_NINE_PAIRS(EK_NINE_ROWS_APART) : EK_NINE_SUMS, [d] "=&r"(d), [e] "=&r"(e)
                             : EK_NINE_WEIGHTS, [scale] "m"(scale) : "memory", "cc");
        }
        if ((v.rows & 1) == 0) {
            return;
        }
        v.last = v.end = of->last;
    }
#define EK_NINE_OPERANDS                                                                                      \
    EK_NINE_SUMS : EK_NINE_WEIGHTS, [f] "r"(mult), [z] "r"(v.added) : "memory", "cc"
    if (v.dilation == 2) {
        __asm__ volatile(EK_NINE_BLOCK(EK_NINE_ROW_OTHERS, "#2", "#2", "#3") : EK_NINE_OPERANDS);
    } else if (v.stride == 1) {
        __asm__ volatile(EK_NINE_BLOCK(EK_NINE_ROW, "#2", "", "") : EK_NINE_OPERANDS);
    } else {
        __asm__ volatile(EK_NINE_BLOCK(EK_NINE_ROW_APART, "#4", "", "") : EK_NINE_OPERANDS);
    }
}

/* Four sums of one tap, which is a half of `w`; the outputs of four sums. */
#define EK_THREE_TAP(at, w, half, a, b, e, g)                                                                 \
    EK_NINE_WORD(at) "smlab" half " %[a], %[t], %[" w "], %[" a "]\n\tsmlab" half " %[b], %[h], %[" w "], %[" b "]\n\t" \
    "smlat" half " %[e], %[t], %[" w "], %[" e "]\n\tsmlat" half " %[g], %[h], %[" w "], %[" g "]\n\t"
#define EK_THREE_FIRST(at)                                                                                    \
    EK_NINE_WORD(at) "smlabb %[a], %[t], %[m], %[c]\n\tsmlabb %[b], %[h], %[m], %[c]\n\t"                   \
    "smlatb %[e], %[t], %[m], %[c]\n\tsmlatb %[g], %[h], %[m], %[c]\n\t"
#define EK_THREE_PUT(v)                                                                                       \
    "smmla %[" v "], %[" v "], %[f], %[z]\n\tssat %[" v "], #8, %[" v "], asr #10\n\tstrb %[" v "], [%[y]], #1\n\t"

/* y [n] = the outputs of three taps `apart` elements apart, weights w; n is a multiple of four. */
static __attribute__((noinline)) void ek_three_outputs(const int8_t *x, int32_t apart, const int8_t *w, int32_t bias,
                                                       int32_t mult, int32_t added, int32_t by, int32_t n, int8_t *y)
{
    const int32_t first = w[0] * by, others = (int32_t)ek_lower_halves(w[1] * by, w[2] * by);
    const int8_t *const end = x + n;
    int32_t a, b, e, g, word, odd;
    __asm__ volatile("1:\n\t" EK_THREE_FIRST(", %[d]]") EK_THREE_TAP(", %[d], lsl #1]", "m", "t", "a", "b", "e", "g")
                     EK_THREE_TAP("], #4", "n", "b", "a", "b", "e", "g") EK_THREE_PUT("a") EK_THREE_PUT("b")
                     EK_THREE_PUT("e") EK_THREE_PUT("g") "ldr %[t], %[last]\n\tcmp %[x], %[t]\n\tbne 1b"
                     : [a] "=&r"(a), [b] "=&r"(b), [e] "=&r"(e), [g] "=&r"(g), [t] "=&r"(word), [h] "=&r"(odd),
                       [x] "+r"(x), [y] "+r"(y)
                     : [d] "r"(apart), [n] "r"(first), [m] "r"(others), [c] "r"(bias * by), [f] "r"(mult), [z] "r"(added),
                       [last] "m"(end)
                     : "memory", "cc");
}

#endif
