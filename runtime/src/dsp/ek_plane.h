/* Armv7E-M DSP: sums of the taps of one channel, some positions at a time; see runtime/src/tiles. */
#ifndef EK_PLANE_GUARD
#define EK_PLANE_GUARD

#include "ek_copy_rows.h"

#define EK_PLANES_SLACK 24 /* bytes behind a band that may be read */

#define EK_PLANE_STEPS 64
#define EK_PLANE_SUMS 128 /* at once, and three behind them */

/* A step takes taps from `at` on: of three or four neighbours w is the first and the third, `other` the second and the fourth;
 * of three with one between each two the first two, and the last two. One tap is w, and lies at `other`. Others are 0. */
typedef struct {
    int32_t w, other, at;
} ek_plane_step;

/* The steps of an output: those of four taps, of three, of one; none where there are too many. All taps are three in a line,
 * `line` elements apart, where that is not 0. */
typedef struct {
    const ek_plane_taps *taps;
    int32_t fours, threes, ones, line;
    ek_plane_step step[EK_PLANE_STEPS];
} ek_plane_steps;

/* Whether a stride of two may keep columns together: steps along rows then suffice. */
static inline int ek_plane_has_rows(int32_t k_h, int32_t k_w)
{
#ifdef EK_HAS_BLOCKS
    return k_w > 1 && k_h * ((k_w + 2) / 3) <= EK_PLANE_STEPS;
#else
    return 0 * k_h * k_w;
#endif
}

/* Of a row of k_w taps, those in fours, in threes and by themselves. */
static inline void ek_split_row(int32_t k_w, int32_t near, int32_t *fours, int32_t *threes, int32_t *ones)
{
    const int32_t rest = near == 1 ? k_w % 4 : k_w;
    *fours = near == 1 ? k_w / 4 : 0;
    *threes = near == 2 ? (k_w + 2) / 3 : near == 1 && rest > 1;
    *ones = near == 2 || rest == 0 || *threes > 0 ? 0 : rest;
}

/* Choose the steps, without their weights. */
static __attribute__((noinline)) void ek_plan_steps(const ek_plane_taps *v, ek_plane_steps *p)
{
    int32_t fours, threes, ones;
    ek_split_row(v->k_w, v->near, &fours, &threes, &ones);
    p->taps = v;
    p->fours = p->threes = p->ones = 0;
    p->line = v->step != 1 || v->k_h * v->k_w != 3 ? 0 : v->k_w == 3 ? v->right[1] : v->down[1];
    if (p->line > 0 && (v->k_w == 3 ? v->right[2] : v->down[2]) != 2 * p->line) {
        p->line = 0;
    }
    if (v->k_h * (fours + threes + ones) > EK_PLANE_STEPS || !ek_plane_has_rows(1, 3)) {
        return;
    }
    p->fours = v->k_h * fours, p->threes = v->k_h * threes, p->ones = v->k_h * ones;
    ek_plane_step *four = p->step, *three = four + p->fours, *one = three + p->threes;
    for (int32_t ky = 0; ky < v->k_h; ky++) {
        const int16_t *right = v->right;
        for (int32_t i = 0; i < fours; i++, right += 4) {
            four++->at = v->down[ky] + *right;
        }
        for (int32_t i = 0; i < threes; i++, right += 3) {
            three++->at = v->down[ky] + *right;
        }
        for (int32_t i = 0; i < ones; i++) {
            one++->other = v->down[ky] + *right++;
        }
    }
}

/* The weights of a channel, times `by`. */
static __attribute__((noinline)) void ek_fill_steps(const int8_t *w, int32_t by, ek_plane_steps *p)
{
    const int32_t k_w = p->taps->k_w, near = p->taps->near;
    int32_t fours, threes, ones;
    if (p->fours + p->threes + p->ones == 0) {
        return;
    }
    ek_plane_step *four = p->step, *three = four + p->fours, *one = three + p->threes;
    ek_split_row(k_w, near, &fours, &threes, &ones);
    for (int32_t ky = p->taps->k_h; ky > 0; ky--) {
        for (int32_t i = 0; i < fours; i++, four++, w += 4) {
            four->w = (int32_t)ek_lower_halves(by * w[0], by * w[2]);
            four->other = (int32_t)ek_lower_halves(by * w[1], by * w[3]);
        }
        for (int32_t i = 0, left = k_w - 4 * fours; i < threes; i++, three++, w += left < 3 ? left : 3, left -= 3) {
            const int32_t second = left > 1 ? by * w[1] : 0, last = left > 2 ? by * w[2] : 0;
            three->w = (int32_t)ek_lower_halves(by * w[0], near == 1 ? last : second);
            three->other = near == 1 ? second : (int32_t)ek_lower_halves(second, last);
        }
        for (int32_t i = 0; i < ones; i++, one++) {
            one->w = by * *w++;
        }
    }
}

#ifdef EK_HAS_BLOCKS
/* Two sums of a row of three taps: `half` says which half of `middle` is the middle tap, c and d are what is added to. */
#define EK_ROW_OF_THREE(at, outer, middle, half, c, d)                                                        \
    "ldr %[t], [%[x]" at "\n\tsxtb16 %[h], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t"                             \
    "smlad %[a], %[t], %[" outer "], %[" c "]\n\tsmlab" half " %[a], %[h], %[" middle "], %[a]\n\t"         \
    "smlad %[b], %[h], %[" outer "], %[" d "]\n\tsmlat" half " %[b], %[t], %[" middle "], %[b]\n\t"

/* The same of positions two elements apart; y is x + 2. */
#define EK_ROW_OF_THREE_APART(at, outer, middle, half)                                                        \
    "ldr %[t], [%[x]" at "\n\tsxtb16 %[h], %[t], ror #8\n\tsxtb16 %[t], %[t]\n\t"                             \
    "smlad %[a], %[t], %[" outer "], %[a]\n\tsmlab" half " %[a], %[h], %[" middle "], %[a]\n\t"              \
    "ldr %[t], [%[y]" at "\n\tsxtb16 %[t], %[t]\n\tsmlat" half " %[b], %[h], %[" middle "], %[b]\n\t"        \
    "smlad %[b], %[t], %[" outer "], %[b]\n\t"

/* The sums of two positions, and of all rows: t is free, x and `to` are at the end of a row. */
#define EK_NINE_NEIGHBOURS(start, c, e)                                                                        \
    "1:\n\t" start EK_ROW_OF_THREE(", %[d]]", "p", "m", "t", c, e)                                            \
    EK_ROW_OF_THREE(", %[d], lsl #1]", "q", "n", "b", "a", "b") EK_ROW_OF_THREE("], #2", "o", "m", "b", "a", "b") \
    "strd %[a], %[b], [%[to]], #8\n\tcmp %[to], %[last]\n\tbne 1b\n\t" EK_NINE_END("", "add %[last], %[to], %[t]\n\t")
#define EK_NINE_APART(start)                                                                                  \
    "1:\n\t" start EK_ROW_OF_THREE_APART(", %[d]]", "p", "m", "t") EK_ROW_OF_THREE_APART(", %[e]]", "q", "n", "b") \
    EK_ROW_OF_THREE_APART("], #4", "o", "m", "b")                                                             \
    "strd %[a], %[b], [%[to]], #8\n\tldr %[t], %[last]\n\tcmp %[to], %[t]\n\tbne 1b\n\t"                    \
    EK_NINE_END("add %[y], %[t]\n\t", "add %[t], %[to]\n\tstr %[t], %[last]\n\t")
#define EK_NINE_END(skip, last)                                                                               \
    "ldr %[t], %[skip]\n\tadd %[x], %[t]\n\t" skip "ldr %[t], %[back]\n\tsub %[to], %[t]\n\tldr %[t], %[size]\n\t" \
    last "ldr %[t], %[left]\n\tsubs %[t], #1\n\tstr %[t], %[left]\n\tbne 1b"
#define EK_NINE_INPUTS                                                                                        \
    [d] "r"(down), [o] "r"(first), [p] "r"(second), [q] "r"(third), [m] "r"(middles), [n] "r"(middle),        \
    [skip] "m"(skip), [back] "m"(back), [size] "m"(size)
#define EK_NINE_OUTPUTS                                                                                       \
    [a] "=&r"(a), [b] "=&r"(b), [x] "+r"(x), [t] "=&r"(word), [h] "=&r"(odd), [to] "+r"(acc), [left] "+m"(rows)

/* acc [rows][pitch] = n sums of three rows of three neighbours each from the band of the channel on, or they are added. */
static __attribute__((noinline)) void ek_plane_nine(const int8_t *x, const ek_plane_taps *v, const int8_t *w, int32_t bias,
                                                    int is_more, int32_t rows, int32_t n, int32_t pitch, int32_t *acc)
{
    const int32_t first = (int32_t)ek_lower_halves(w[0], w[2]), second = (int32_t)ek_lower_halves(w[3], w[5]);
    const int32_t third = (int32_t)ek_lower_halves(w[6], w[8]), middles = (int32_t)ek_lower_halves(w[1], w[4]), middle = w[7];
    const int32_t down = v->down[1], lower = v->down[2], even = n + (n & 1), back = 4 * (even - pitch), size = 4 * even;
    const int32_t skip = v->pitch - even * v->step;
    const int32_t *end = acc + even;
    const int8_t *y = x + 2;
    int32_t a, b, word, odd;
    if (v->step == 1 && is_more) {
        __asm__ volatile(EK_NINE_NEIGHBOURS("ldrd %[a], %[b], [%[to]]\n\t", "a", "b")
                         : EK_NINE_OUTPUTS, [last] "+r"(end) : EK_NINE_INPUTS : "memory", "cc");
    } else if (v->step == 1) {
        __asm__ volatile(EK_NINE_NEIGHBOURS("", "c", "c")
                         : EK_NINE_OUTPUTS, [last] "+r"(end) : EK_NINE_INPUTS, [c] "r"(bias) : "memory", "cc");
    } else if (is_more) {
        __asm__ volatile(EK_NINE_APART("ldrd %[a], %[b], [%[to]]\n\t")
                         : EK_NINE_OUTPUTS, [y] "+r"(y), [last] "+m"(end) : EK_NINE_INPUTS, [e] "r"(lower) : "memory", "cc");
    } else {
        __asm__ volatile(EK_NINE_APART("ldr %[a], %[c]\n\tmov %[b], %[a]\n\t")
                         : EK_NINE_OUTPUTS, [y] "+r"(y), [last] "+m"(end) : EK_NINE_INPUTS, [e] "r"(lower), [c] "m"(bias)
                         : "memory", "cc");
    }
}
#endif

#ifdef EK_HAS_BLOCKS
/* A step adds to the sums of four positions: of t the even bytes u and the odd ones t are the taps of two. */
#define EK_PLANE_STEP(text)                                                                                   \
    __asm__(text                                                                                              \
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [s] "+r"(s), [x] "=&r"(x), [p] "=&r"(outer), \
              [q] "=&r"(inner), [t] "=&r"(t), [u] "=&r"(u)                                                    \
            : [band] "r"(band)                                                                                \
            : "memory")
#define EK_PLANE_AT "ldr %[x], [%[s], #8]\n\tldrd %[p], %[q], [%[s]], #12\n\tadd %[x], %[band]\n\t"
#define EK_PLANE_WIDEN(at) "ldr %[t], [%[x]" at "]\n\tsxtb16 %[u], %[t]\n\tsxtb16 %[t], %[t], ror #8\n\t"

/* Four, and three, neighbours. */
#define EK_PLANE_FOUR                                                                                         \
    EK_PLANE_AT EK_PLANE_WIDEN("")                                                                            \
    "smlad %[a], %[u], %[p], %[a]\n\tsmlad %[b], %[t], %[p], %[b]\n\tsmlad %[a], %[t], %[q], %[a]\n\t"       \
    EK_PLANE_WIDEN(", #2")                                                                                    \
    "smlad %[c], %[u], %[p], %[c]\n\tsmlad %[b], %[u], %[q], %[b]\n\tsmlad %[d], %[t], %[p], %[d]\n\t"       \
    "smlad %[c], %[t], %[q], %[c]\n\tldr %[t], [%[x], #4]\n\tsxtb16 %[t], %[t]\n\tsmlad %[d], %[t], %[q], %[d]"
#define EK_PLANE_THREE                                                                                        \
    EK_PLANE_AT EK_PLANE_WIDEN("")                                                                            \
    "smlad %[a], %[u], %[p], %[a]\n\tsmlabb %[a], %[t], %[q], %[a]\n\tsmlad %[b], %[t], %[p], %[b]\n\t"      \
    "smlatb %[b], %[u], %[q], %[b]\n\t" EK_PLANE_WIDEN(", #2")                                                \
    "smlad %[c], %[u], %[p], %[c]\n\tsmlabb %[c], %[t], %[q], %[c]\n\tsmlad %[d], %[t], %[p], %[d]\n\t"      \
    "smlatb %[d], %[u], %[q], %[d]"

/* One tap. */
#define EK_PLANE_ONE                                                                                          \
    "ldrd %[p], %[x], [%[s]], #12\n\tldr %[t], [%[band], %[x]]\n\tsxtb16 %[u], %[t]\n\t"                     \
    "sxtb16 %[t], %[t], ror #8\n\tsmlabb %[a], %[u], %[p], %[a]\n\tsmlabb %[b], %[t], %[p], %[b]\n\t"        \
    "smlatb %[c], %[u], %[p], %[c]\n\tsmlatb %[d], %[t], %[p], %[d]"

/* The same at positions two elements apart. */
#define EK_PLANE_FOUR_APART                                                                                   \
    EK_PLANE_AT EK_PLANE_WIDEN("")                                                                            \
    "smlad %[a], %[u], %[p], %[a]\n\tsmlad %[a], %[t], %[q], %[a]\n\t" EK_PLANE_WIDEN(", #2")                \
    "smlad %[b], %[u], %[p], %[b]\n\tsmlad %[b], %[t], %[q], %[b]\n\t" EK_PLANE_WIDEN(", #4")                \
    "smlad %[c], %[u], %[p], %[c]\n\tsmlad %[c], %[t], %[q], %[c]\n\t" EK_PLANE_WIDEN(", #6")                \
    "smlad %[d], %[u], %[p], %[d]\n\tsmlad %[d], %[t], %[q], %[d]"
#define EK_PLANE_THREE_APART                                                                                  \
    EK_PLANE_AT EK_PLANE_WIDEN("")                                                                            \
    "smlad %[a], %[u], %[p], %[a]\n\tsmlabb %[a], %[t], %[q], %[a]\n\tsmlatb %[b], %[t], %[q], %[b]\n\t"     \
    "ldr %[u], [%[x], #2]\n\tsxtb16 %[u], %[u]\n\tsmlad %[b], %[u], %[p], %[b]\n\t" EK_PLANE_WIDEN(", #4")   \
    "smlad %[c], %[u], %[p], %[c]\n\tsmlabb %[c], %[t], %[q], %[c]\n\tsmlatb %[d], %[t], %[q], %[d]\n\t"     \
    "ldr %[u], [%[x], #6]\n\tsxtb16 %[u], %[u]\n\tsmlad %[d], %[u], %[p], %[d]"
#define EK_PLANE_ONE_APART                                                                                    \
    "ldrd %[p], %[x], [%[s]], #12\n\tadd %[x], %[band]\n\tldr %[t], [%[x]]\n\tsxtb16 %[t], %[t]\n\tldr %[u], [%[x], #4]\n\tsxtb16 %[u], %[u]\n\t"     \
    "smlabb %[a], %[t], %[p], %[a]\n\tsmlatb %[b], %[t], %[p], %[b]\n\tsmlabb %[c], %[u], %[p], %[c]\n\t"    \
    "smlatb %[d], %[u], %[p], %[d]"

/* Three taps with one between each two. */
#define EK_PLANE_OTHERS                                                                                       \
    EK_PLANE_AT EK_PLANE_WIDEN("")                                                                            \
    "smlad %[a], %[u], %[p], %[a]\n\tsmlad %[b], %[t], %[p], %[b]\n\tsmlatb %[c], %[u], %[p], %[c]\n\t"      \
    "smlatb %[d], %[t], %[p], %[d]\n\t" EK_PLANE_WIDEN(", #4")                                                \
    "smlabt %[a], %[u], %[q], %[a]\n\tsmlabt %[b], %[t], %[q], %[b]\n\tsmlad %[c], %[u], %[q], %[c]\n\t"     \
    "smlad %[d], %[t], %[q], %[d]"

/* How sums of weights that are shifted up become outputs: y goes on. */
typedef struct {
    int32_t mult, added;
    int8_t *y;
} ek_plane_put;

/* The output of a sum. */
static inline int8_t ek_up_output(int32_t sum, int32_t mult, int32_t added)
{
    __asm__("smmla %0, %0, %1, %2\n\tssat %0, #8, %0, asr %3" : "+r"(sum) : "r"(mult), "r"(added), "i"(EK_UP_RIGHT));
    return (int8_t)sum;
}

/* Up to four outputs of sums. */
static inline void ek_put_four(int32_t a, int32_t b, int32_t c, int32_t d, int32_t n, ek_plane_put *to)
{
    const int32_t mult = to->mult, added = to->added;
    int8_t *const y = to->y;
    if (n > 3) {
        y[0] = ek_up_output(a, mult, added), y[1] = ek_up_output(b, mult, added);
        y[2] = ek_up_output(c, mult, added), y[3] = ek_up_output(d, mult, added);
        to->y = y + 4;
        return;
    }
    y[0] = ek_up_output(a, mult, added);
    if (n > 1) {
        y[1] = ek_up_output(b, mult, added);
    }
    if (n > 2) {
        y[2] = ek_up_output(c, mult, added);
    }
    to->y = y + n;
}

/* acc [rows][pitch] = the sums of n positions, and of those behind them up to a multiple of four: more than those at `from`,
 * the next of which are `step` elements behind. With `to` outputs [rows][n] go there. */
#define EK_PLANE_ROWS(name, four, three, one)                                                                 \
    static __attribute__((noinline)) void name(const int8_t *row, const ek_plane_steps *p, const int32_t *from, \
                                               int32_t step, int32_t rows, int32_t n, int32_t pitch, int32_t *acc, \
                                               ek_plane_put *to)                                              \
    {                                                                                                         \
        const ek_plane_step *const fours = p->step + p->fours, *const threes = fours + p->threes;             \
        const ek_plane_step *const ones = threes + p->ones;                                                   \
        const int32_t apart = 4 * p->taps->step, size = (n + 3) / 4 * 4, behind = p->taps->pitch - size / 4 * apart; \
        const int8_t *band = row;                                                                             \
        for (; rows > 0; rows--, band += behind, acc += pitch - size, from += step > 0 ? pitch - size : 0) {  \
            for (int32_t left = n; left > 0; left -= 4, band += apart, acc += 4, from += step) {              \
                const ek_plane_step *s = p->step;                                                             \
                int32_t a = from[0], b = from[1], c = from[2], d = from[3], x, outer, inner, t, u;            \
                while (s != fours) {                                                                          \
                    EK_PLANE_STEP(four);                                                                      \
                }                                                                                             \
                while (s != threes) {                                                                         \
                    EK_PLANE_STEP(three);                                                                     \
                }                                                                                             \
                while (s != ones) {                                                                           \
                    EK_PLANE_STEP(one);                                                                       \
                }                                                                                             \
                if (to) {                                                                                     \
                    ek_put_four(a, b, c, d, left, to);                                                        \
                } else {                                                                                      \
                    acc[0] = a, acc[1] = b, acc[2] = c, acc[3] = d;                                           \
                }                                                                                             \
            }                                                                                                 \
        }                                                                                                     \
    }
EK_PLANE_ROWS(ek_plane_neighbours, EK_PLANE_FOUR, EK_PLANE_THREE, EK_PLANE_ONE)
EK_PLANE_ROWS(ek_plane_apart, EK_PLANE_FOUR_APART, EK_PLANE_THREE_APART, EK_PLANE_ONE_APART)
EK_PLANE_ROWS(ek_plane_others, "", EK_PLANE_OTHERS, "")
#endif

/* The same of any number of taps. */
static __attribute__((noinline)) void ek_plane_of(const int8_t *band, const int8_t *w, const ek_plane_taps *v,
                                                  const int32_t *from, int32_t step, int32_t rows, int32_t n, int32_t pitch,
                                                  int32_t *acc)
{
    for (int32_t r = 0; r < rows; r++, band += v->pitch, acc += pitch) {
        for (int32_t i = 0; i < n; i++) {
            const int8_t *const x = band + i * v->step, *wi = w;
            int32_t a = from[step > 0 ? r * pitch + i : 0];
            for (int32_t ky = 0; ky < v->k_h; ky++) {
                for (int32_t kx = 0; kx < v->k_w; kx++) {
                    a += x[v->down[ky] + v->right[kx]] * *wi++;
                }
            }
            acc[i] = a;
        }
    }
}

/* Whether the kernel is one of three rows of three neighbours, which has steps of its own. */
static inline int ek_plane_is_nine(const ek_plane_taps *v)
{
#ifdef EK_HAS_BLOCKS
    return v->near == 1 && v->k_h == 3 && v->k_w == 3 && (v->step == 2 || v->down[2] == 2 * v->down[1]);
#else
    return 0 * v->near;
#endif
}

#ifdef EK_HAS_BLOCKS
/* The way of the steps, of which there are some. */
static inline void ek_plane_by_steps(const int8_t *band, const ek_plane_steps *p, const int32_t *from, int32_t step,
                                     int32_t rows, int32_t n, int32_t pitch, int32_t *acc, ek_plane_put *to)
{
    if (p->taps->near == 2) {
        ek_plane_others(band, p, from, step, rows, n, pitch, acc, to);
    } else if (p->taps->step == 1) { /* or any taps, one by one */
        ek_plane_neighbours(band, p, from, step, rows, n, pitch, acc, to);
    } else {
        ek_plane_apart(band, p, from, step, rows, n, pitch, acc, to);
    }
}
#endif

/* acc [rows][pitch] = n sums of a channel with weights w, and up to three more, or they are added. */
static __attribute__((noinline)) void ek_plane_sums(const int8_t *band, ek_plane_steps *p, const int8_t *w, int32_t bias,
                                                    int is_more, int32_t rows, int32_t n, int32_t pitch, int32_t *acc)
{
    const ek_plane_taps *const v = p->taps;
#ifdef EK_HAS_BLOCKS
    if (ek_plane_is_nine(v)) {
        ek_plane_nine(band, v, w, bias, is_more, rows, n, pitch, acc);
        return;
    }
#endif
    const int32_t start[] = {bias, bias, bias, bias}, *const from = is_more ? acc : start, step = is_more ? 4 : 0;
    if (p->fours + p->threes + p->ones == 0) {
        ek_plane_of(band, w, v, from, step, rows, n, pitch, acc);
#ifdef EK_HAS_BLOCKS
    } else {
        ek_plane_by_steps(band, p, from, step, rows, n, pitch, acc, NULL);
#endif
    }
}

#endif
