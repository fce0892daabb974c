/* Helium: tiles of two outputs and two positions, 16 taps in a vector; see runtime/src/tiles. */
#ifndef EK_TILE_GUARD
#define EK_TILE_GUARD

#include "ek_scales.h"

#include <arm_mve.h>

#define EK_TILE_TAPS 512
#define EK_TILE_FILL 16 /* taps of which a piece has a multiple */
#define EK_TILE_CHANNELS 8
#define EK_TILE_POSITIONS 48 /* threes, and sixteens */
#define EK_TILE_OUTPUTS 16   /* at once; even */
#define EK_TILE_BYTES 2048
#define EK_TILE_ROOM (EK_TILE_BYTES + 272) /* and what spreading 16 columns of 17 writes, and vectors read, behind it */
#define EK_TILE_TOGETHER 1 /* positions of which strips take a multiple */
#define EK_TILE_STEP 2 /* and columns */
#define EK_TILE_WIDE 1 /* bytes of a tap of a column */
#define EK_TILE_FEW 48 /* taps of a layer up to which tiles are not added to anything, and have no bias */
#define EK_TILE_ALIGNED
#define EK_TILE_STRIPS /* windows lie in them where that pays */
/* Assembly with a predicate of its own is between these, and clobbers EK_PREDICATE: clang has no name for the predicate's
 * register, so that it is put by and brought back. */
#ifdef __clang__
#define EK_KEEP_PREDICATE "vmrs r12, p0\n\t"
#define EK_BRING_PREDICATE "\n\tvmsr p0, r12"
#define EK_PREDICATE "r12"
#else
#define EK_KEEP_PREDICATE
#define EK_BRING_PREDICATE
#define EK_PREDICATE "p0"
#endif
#define EK_OFFSET_MOST 9362 /* elements between channels of which seven are an offset of 16 bits */

/* to [n][channels] = x at n positions `x_step` apart, channels `plane` elements apart; positions of `to` are to_step. */
static __attribute__((noinline)) void ek_take_channels(const int8_t *x, int32_t plane, int32_t channels, int32_t x_step,
                                                       int32_t n, int8_t *to, int32_t to_step)
{
    if (plane > EK_OFFSET_MOST) {
        const uint32x4_t at = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)plane);
        for (; channels > 0; channels -= 4, x += 4 * plane, to += 4) {
            const mve_pred16_t some = vctp32q((uint32_t)channels);
            for (int32_t j = 0; j < n; j++) {
                vstrbq_p_s32(to + j * to_step, vldrbq_gather_offset_z_s32(x + j * x_step, at, some), some);
            }
        }
        return;
    }
    const uint16x8_t at = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)plane);
    for (; channels >= 8; channels -= 8, x += 8 * plane, to += 8) {
        const int8_t *from = x;
        int8_t *put = to;
        for (int32_t j = n; j > 0; j--, from += x_step, put += to_step) {
            vstrbq_s16(put, vldrbq_gather_offset_s16(from, at));
        }
    }
    if (channels > 0) {
        const mve_pred16_t rest = vctp16q((uint32_t)channels);
        for (int32_t j = n; j > 0; j--, x += x_step, to += to_step) {
            vstrbq_p_s16(to, vldrbq_gather_offset_z_s16(x, at, rest), rest);
        }
    }
}

static inline void ek_take_same(int8_t fill, int32_t n, int8_t *to)
{
    for (; n > 0; n -= 16, to += 16) {
        vstrbq_p_s8(to, vdupq_n_s8(fill), vctp8q((uint32_t)n));
    }
}

/* Rows that a window reads of some channels: rows `step` and channels `plane` elements apart, of which lo..hi-1 are
 * inside; of each n columns from `left` on, `by` apart, of those in [0, width). */
typedef struct {
    const int8_t *x;
    int32_t step, plane, channels, rows, lo, hi, left, by, n, width;
    int8_t fill;
} ek_rows_in;

/* to [channels][rows][n] = them, fill where they are outside. What lies behind `to` is written over, 15 bytes at most. */
static __attribute__((noinline)) void ek_take_rows(const ek_rows_in *w, int8_t *to)
{
    const int8x16_t outside = vdupq_n_s8(w->fill);
    const int32_t by = w->by, step = w->step, n = w->n;
    const int32_t whole = w->left >= 0 && w->left + (n - 1) * by < w->width;
    if (by > 17) {
        for (int32_t i = 0; i < w->channels * w->rows * n; i++) {
            const int32_t r = i / n % w->rows, ix = w->left + i % n * by;
            const int inside = r >= w->lo && r < w->hi && ix >= 0 && ix < w->width;
            to[i] = inside ? w->x[i / n / w->rows * w->plane + r * step + ix] : w->fill;
        }
        return;
    }
    const uint8x16_t at = vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)by);
    for (int32_t k = (n - 1) & ~15; k >= 0; k -= 16) { /* backwards, as each row writes over the start of the next one */
        const int32_t ix = w->left + k * by, count = n - k < 16 ? n - k : 16;
        const int8_t *x = w->x + ix;
        int8_t *put = to + k;
        mve_pred16_t in = vctp8q((uint32_t)count);
        if (!whole) {
            const int32_t lo = ix < 0 ? (by - 1 - ix) / by : 0, hi = ix < w->width ? (w->width - ix + by - 1) / by : 0;
            in = vctp8q((uint32_t)(hi < count ? hi : count)) & ~vctp8q((uint32_t)(lo < 16 ? lo : 16));
        }
        for (int32_t c = w->channels; c > 0; c--, x += w->plane) {
            const int8_t *from = x + w->lo * step;
            for (int32_t r = w->lo; r > 0; r--, put += n) {
                vst1q_s8(put, outside);
            }
            for (int32_t r = w->hi - w->lo; r > 0; r--, from += step, put += n) {
                vst1q_s8(put, vpselq_s8(vldrbq_gather_offset_z_s8(from, at, in), outside, in));
            }
            for (int32_t r = w->rows - w->hi; r > 0; r--, put += n) {
                vst1q_s8(put, outside);
            }
        }
    }
}

/* acc [rows][EK_TILE_POSITIONS] = bias [rows], of n positions and those behind them up to a multiple of 16. */
static inline void ek_tile_start(int32_t *acc, const int32_t *bias, int32_t rows, int32_t n)
{
    for (; rows > 0; rows--, acc += EK_TILE_POSITIONS) {
        const int32x4_t start = vdupq_n_s32(*bias++);
        int32_t *to = acc;
        for (int32_t i = n; i > 0; i -= 16, to += 16) {
            vst1q_s32(to, start);
            vst1q_s32(to + 4, start);
            vst1q_s32(to + 8, start);
            vst1q_s32(to + 12, start);
        }
    }
}

#define EK_TILE_LAID(n, taps) 0

/* Columns are read as they were laid. */
static inline void ek_tile_ready(int8_t *columns, int32_t taps, int32_t n)
{
    (void)columns, (void)taps, (void)n;
}

/* acc [2][EK_TILE_POSITIONS] += the products of two packed outputs with one, two or three positions `apart` bytes apart. */
static inline void ek_tile_of_one(const int8_t *w, const int8_t *x0, int32_t groups, int32_t *acc)
{
    int32_t a = acc[0], b = acc[EK_TILE_POSITIONS];
    __asm__("dls lr, %[i]\n"
            "1:\n\tvldrb.u8 q0, [%[x0]], #16\n\t"
            "vldrb.u8 q1, [%[w]], #16\n\t"
            "vmlava.s8 %[a], q0, q1\n\t"
            "vldrb.u8 q2, [%[w]], #16\n\t"
            "vmlava.s8 %[b], q0, q2\n\t"
            "le lr, 1b"
            : [a] "+Te"(a), [b] "+Te"(b), [x0] "+r"(x0), [w] "+r"(w)
            : [i] "r"(groups)
            : "q0", "q1", "q2", "lr", "memory");
    acc[0] = a, acc[EK_TILE_POSITIONS] = b;
}

static inline void ek_tile_of_two(const int8_t *w, const int8_t *x0, int32_t apart, int32_t groups, int32_t *acc)
{
    const int8_t *x1 = x0 + apart;
    int32_t a = acc[0], b = acc[1], c = acc[EK_TILE_POSITIONS], d = acc[EK_TILE_POSITIONS + 1];
    __asm__("dls lr, %[i]\n"
            "1:\n\tvldrb.u8 q0, [%[x0]], #16\n\t"
            "vldrb.u8 q1, [%[w]], #16\n\t"
            "vmlava.s8 %[a], q0, q1\n\t"
            "vldrb.u8 q2, [%[x1]], #16\n\t"
            "vmlava.s8 %[b], q2, q1\n\t"
            "vldrb.u8 q3, [%[w]], #16\n\t"
            "vmlava.s8 %[c], q0, q3\n\t"
            "vmlava.s8 %[d], q2, q3\n\t"
            "le lr, 1b"
            : [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d), [x0] "+r"(x0), [x1] "+r"(x1), [w] "+r"(w)
            : [i] "r"(groups)
            : "q0", "q1", "q2", "q3", "lr", "memory");
    acc[0] = a, acc[1] = b, acc[EK_TILE_POSITIONS] = c, acc[EK_TILE_POSITIONS + 1] = d;
}

#if defined(__OPTIMIZE__) && !defined(__clang__) /* else too few of the thirteen registers are left */
/* Threes of positions, as many as there are before `end`; returns where the next one begins. */
static inline const int8_t *ek_tile_of_threes(const int8_t *w, const int8_t *x0, int32_t apart, int32_t groups, int32_t *acc,
                                              const int32_t *end)
{
    const int8_t *x1, *x2, *wi;
    const int32_t back = apart - 16 * groups;
    int32_t a, b, c, d, e, f;
    _Static_assert(EK_TILE_POSITIONS == 48, "offsets of the second output");
    __asm__ volatile("2:\n\tldrd %[a], %[b], [%[acc]]\n\tldr %[c], [%[acc], #8]\n\t"
                     "ldrd %[d], %[e], [%[acc], #192]\n\tldr %[f], [%[acc], #200]\n\t"
                     "ldr %[wi], %[w]\n\tadd %[x1], %[x0], %[apart]\n\tadd %[x2], %[x1], %[apart]\n\t"
                     "dls lr, %[i]\n"
                     "1:\n\tvldrb.u8 q0, [%[x0]], #16\n\t"
                     "vldrb.u8 q3, [%[wi]], #16\n\t"
                     "vmlava.s8 %[a], q0, q3\n\t"
                     "vldrb.u8 q1, [%[x1]], #16\n\t"
                     "vmlava.s8 %[b], q1, q3\n\t"
                     "vldrb.u8 q2, [%[x2]], #16\n\t"
                     "vmlava.s8 %[c], q2, q3\n\t"
                     "vldrb.u8 q3, [%[wi]], #16\n\t"
                     "vmlava.s8 %[d], q0, q3\n\t"
                     "vmlava.s8 %[e], q1, q3\n\t"
                     "vmlava.s8 %[f], q2, q3\n\t"
                     "le lr, 1b\n\t"
                     "str %[c], [%[acc], #8]\n\tstrd %[d], %[e], [%[acc], #192]\n\t"
                     "str %[f], [%[acc], #200]\n\tstrd %[a], %[b], [%[acc]], #12\n\t"
                     "ldr %[x0], %[back]\n\tldr lr, %[end]\n\tadd %[x0], %[x2]\n\t"
                     "cmp %[acc], lr\n\tblo 2b"
                     : [a] "=&Te"(a), [b] "=&Te"(b), [c] "=&Te"(c), [d] "=&Te"(d), [e] "=&Te"(e), [f] "=&Te"(f),
                       [x0] "+r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), [wi] "=&r"(wi), [acc] "+r"(acc)
                     : [i] "r"(groups), [apart] "r"(apart), [w] "m"(w), [back] "m"(back), [end] "m"(end)
                     : "q0", "q1", "q2", "q3", "lr", "memory", "cc");
    return x0;
}
#endif

/* Products of one vector of taps at x with those of two outputs. */
#define EK_FEW_TAPS(op, at, a, b, u, v)                                                              \
    "vldrb.u8 q7, [%[x], #" at "]\n\t" op ".s8 %[" a "], q7, %q[" u "]\n\t" op ".s8 %[" b "], q7, %q[" v "]\n\t"
/* Two positions at a time of two outputs, whose weights stay in registers; `taps` is what comes behind the first vector. */
#define EK_FEW(taps)                                                                                                   \
    __asm__ volatile("dls lr, %[i]\n1:\n\t" EK_FEW_TAPS("vmladav", "0", "a", "c", "u0", "v0") taps("a", "c")              \
                     "add %[x], %[apart]\n\t" EK_FEW_TAPS("vmladav", "0", "b", "d", "u0", "v0") taps("b", "d")           \
                     "add %[x], %[apart]\n\tstrd %[c], %[d], [%[to], #192]\n\tstrd %[a], %[b], [%[to]], #8\n\tle lr, 1b"     \
                     : [a] "=&Te"(a), [b] "=&Te"(b), [c] "=&Te"(c), [d] "=&Te"(d), [x] "+r"(x), [to] "+r"(to)          \
                     : [i] "r"((n + 1) >> 1), [apart] "r"(apart), [u0] "w"(u[0]), [v0] "w"(u[1]), [u1] "w"(u[2]),      \
                       [v1] "w"(u[3]), [u2] "w"(u[4]), [v2] "w"(u[5])                                                  \
                     : "q7", "lr", "memory")
#define EK_FEW_NONE(a, b)
#define EK_FEW_SECOND(a, b) EK_FEW_TAPS("vmladava", "16", a, b, "u1", "v1")
#define EK_FEW_THIRD(a, b) EK_FEW_SECOND(a, b) EK_FEW_TAPS("vmladava", "32", a, b, "u2", "v2")

/* acc [rows][EK_TILE_POSITIONS] = the products of packed outputs with `n` positions of one to three vectors of taps. Of an
 * odd number what follows the last one is written over. */
static __attribute__((noinline)) void ek_tile_few(const int8_t *w, const int8_t *columns, int32_t apart, int32_t groups,
                                                  int32_t n, int32_t rows, int32_t *acc)
{
    for (; rows > 0; rows -= 2, w += 32 * groups, acc += 2 * EK_TILE_POSITIONS) {
        const int8_t *x = columns;
        int32_t *to = acc, a, b, c, d;
        int8x16_t u[6];
        u[0] = u[2] = u[4] = vld1q_s8(w);
        u[1] = u[3] = u[5] = vld1q_s8(w + 16);
        if (groups == 1) {
            EK_FEW(EK_FEW_NONE);
            continue;
        }
        u[2] = u[4] = vld1q_s8(w + 32);
        u[3] = u[5] = vld1q_s8(w + 48);
        if (groups == 2) {
            EK_FEW(EK_FEW_SECOND);
            continue;
        }
        u[4] = vld1q_s8(w + 64);
        u[5] = vld1q_s8(w + 80);
        EK_FEW(EK_FEW_THIRD);
    }
}

/* acc [rows][EK_TILE_POSITIONS] += the products of packed outputs with `n` positions of `taps` taps, `apart` bytes apart;
 * of EK_TILE_FEW taps at most they are set. Outputs come in twos: the one behind an odd number is of no meaning. */
static __attribute__((noinline)) void ek_tile(const int8_t *w, const int8_t *columns, int32_t apart, int32_t taps,
                                              int32_t n, int32_t rows, int32_t *acc)
{
    const int32_t groups = taps >> 4;
    if (taps <= EK_TILE_FEW) {
        ek_tile_few(w, columns, apart, groups, n, rows, acc);
        return;
    }
    for (; rows > 0; rows -= 2, w += 2 * taps, acc += 2 * EK_TILE_POSITIONS) {
        const int8_t *x = columns;
        int32_t *to = acc, left = n;
#if defined(__OPTIMIZE__) && !defined(__clang__)
        const int32_t threes = n % 3 == 1 && n > 1 ? n - 4 : n / 3 * 3;
        if (threes > 0) {
            x = ek_tile_of_threes(w, columns, apart, groups, acc, acc + threes);
            to += threes, left -= threes;
        }
#endif
        for (; left > 1; left -= 2, x += 2 * apart, to += 2) {
            ek_tile_of_two(w, x, apart, groups, to);
        }
        if (left > 0) {
            ek_tile_of_one(w, x, groups, to);
        }
    }
}

/* How the sums of a channel become outputs: s - 31 bits to the right after the doubled high word of a product, where the
 * shift s is 32 or more. */
typedef struct {
    int32_t bias, mult, shift, y_zero, y_min, y_max;
} ek_channel;

static inline ek_channel ek_channel_of(const ek_scales *s, int32_t c)
{
    const ek_channel one = {s->bias ? s->bias[c] : 0, s->mult[c], s->shift[c], s->y_zero, s->y_min, s->y_max};
    return one;
}

/* Four outputs from their sums without the bias. */
static inline int32x4_t ek_outputs_of(int32x4_t acc, const ek_channel *c)
{
    const int32x4_t high = vqdmulhq_n_s32(vaddq_n_s32(acc, c->bias), c->mult);
    const int32x4_t y = vaddq_n_s32(vrshlq_n_s32(high, 31 - c->shift), c->y_zero);
    return vmaxq_s32(vminq_s32(y, vdupq_n_s32(c->y_max)), vdupq_n_s32(c->y_min));
}

/* y [n] = those of any shift. */
#define EK_EACH_OUTPUT(name, y_type)                                                                                \
    static __attribute__((noinline, unused)) void name(const int32_t *acc, const ek_scales *s, int32_t c, int32_t bias, \
                                                       y_type *y, int32_t n)                                        \
    {                                                                                                               \
        for (; n > 0; n--, acc++, y++) {                                                                            \
            const int32_t sum = (int32_t)((uint32_t)*acc + (uint32_t)bias);                                         \
            *y = (y_type)ek_output(sum, s->mult[c], s->shift[c], s->y_zero, s->y_min, s->y_max);                    \
        }                                                                                                           \
    }
EK_EACH_OUTPUT(ek_each_output_s8, int8_t)
EK_EACH_OUTPUT(ek_each_output_s16, int16_t)

/* y [rows][plane] = n outputs of each channel from number c on, of sums [rows][apart], without the bias, or
 * with it where s->bias is NULL; `acc` may be read up to n rounded up to 16. Every fourth sum of sixteen lies in a vector, so
 * that they are in order when they are narrowed. The predicate is of this block alone: compilers make loops whose every
 * instruction has that of an intrinsic. */
static __attribute__((noinline, unused)) void ek_tile_outputs_s8(const int32_t *acc, int32_t apart, int32_t rows,
                                                                 int32_t plane, const ek_scales *s, int32_t c, int8_t *y,
                                                                 int32_t n)
{
    const int8x16_t least = vdupq_n_s8((int8_t)s->y_min), most = vdupq_n_s8((int8_t)s->y_max);
    for (; rows > 0; rows--, c++, acc += apart, y += plane) {
        const int32_t bias = s->bias ? s->bias[c] : 0, shift = s->shift[c];
        const int32_t *from = acc;
        int8_t *to = y;
        int32_t left = n;
        if (shift < 32) {
            ek_each_output_s8(acc, s, c, bias, y, n);
            continue;
        }
        __asm__ volatile(
            EK_KEEP_PREDICATE "dls lr, %[i]\n1:\n\t"
            "vld40.32 {q0, q1, q2, q3}, [%[from]]\n\tvld41.32 {q0, q1, q2, q3}, [%[from]]\n\t"
            "vld42.32 {q0, q1, q2, q3}, [%[from]]\n\tvld43.32 {q0, q1, q2, q3}, [%[from]]!\n\t"
            "vadd.i32 q0, q0, %[bias]\n\tvadd.i32 q1, q1, %[bias]\n\t"
            "vadd.i32 q2, q2, %[bias]\n\tvadd.i32 q3, q3, %[bias]\n\t"
            "vqdmulh.s32 q0, q0, %[mult]\n\tvqdmulh.s32 q1, q1, %[mult]\n\t"
            "vqdmulh.s32 q2, q2, %[mult]\n\tvqdmulh.s32 q3, q3, %[mult]\n\t"
            "vrshl.s32 q0, %[by]\n\tvrshl.s32 q1, %[by]\n\tvrshl.s32 q2, %[by]\n\tvrshl.s32 q3, %[by]\n\t"
            "vqmovnb.s32 q0, q0\n\tvqmovnb.s32 q1, q1\n\tvqmovnt.s32 q0, q2\n\tvqmovnt.s32 q1, q3\n\t"
            "vqadd.s16 q0, q0, %[zero]\n\tvqadd.s16 q1, q1, %[zero]\n\t"
            "vqmovnb.s16 q0, q0\n\tvqmovnt.s16 q0, q1\n\tvctp.8 %[left]\n\tsub %[left], #16\n\t"
            "vmin.s8 q0, q0, %q[most]\n\tvmax.s8 q0, q0, %q[least]\n\tvpst\n\tvstrbt.8 q0, [%[to]], #16\n\t"
            "le lr, 1b" EK_BRING_PREDICATE
            : [from] "+r"(from), [to] "+r"(to), [left] "+r"(left)
            : [i] "r"((n + 15) >> 4), [mult] "r"(s->mult[c]), [by] "r"(31 - shift), [zero] "r"(s->y_zero), [bias] "r"(bias),
              [most] "w"(most), [least] "w"(least)
            : "q0", "q1", "q2", "q3", "lr", EK_PREDICATE, "memory");
    }
}

static __attribute__((noinline, unused)) void ek_tile_outputs_s16(const int32_t *acc, int32_t apart, int32_t rows,
                                                                  int32_t plane, const ek_scales *s, int32_t c, int16_t *y,
                                                                  int32_t n)
{
    for (; rows > 0; rows--, c++, acc += apart, y += plane) {
        const ek_channel one = ek_channel_of(s, c);
        if (one.shift < 32) {
            ek_each_output_s16(acc, s, c, one.bias, y, n);
            continue;
        }
        for (int32_t i = 0; i < n; i += 4) {
            vstrhq_p_s32(y + i, ek_outputs_of(vld1q_s32(acc + i), &one), vctp32q((uint32_t)(n - i)));
        }
    }
}

/* y [n] = from [n], `apart` elements from one to the next. */
#define EK_PUT_APART_TO(name, y_type, offsets, lanes, load, scatter, some)                                             \
    static inline void name(const y_type *from, int32_t n, y_type *y, int32_t apart)                                   \
    {                                                                                                                  \
        const offsets at = EK_OFFSETS_##lanes(apart);                                                                  \
        for (; n > 0 && apart <= 17; n -= lanes, from += lanes, y += lanes * apart) {                                  \
            scatter(y, at, load(from, some((uint32_t)n)), some((uint32_t)n));                                          \
        }                                                                                                              \
        for (; n > 0; n--, y += apart) {                                                                               \
            *y = *from++;                                                                                              \
        }                                                                                                              \
    }
#define EK_OFFSETS_16(apart) vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)(apart))
#define EK_OFFSETS_8(apart) vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)(apart))
EK_PUT_APART_TO(ek_put_apart_s8, int8_t, uint8x16_t, 16, vldrbq_z_s8, vstrbq_scatter_offset_p_s8, vctp8q)
EK_PUT_APART_TO(ek_put_apart_s16, int16_t, uint16x8_t, 8, vldrhq_z_s16, vstrhq_scatter_shifted_offset_p_s16, vctp16q)

/* Outputs of four channels from number c on, of their sums. */
static inline int32x4_t ek_outputs_across(int32x4_t acc, const ek_scales *s, int32_t c, mve_pred16_t some)
{
    const int32x4_t mult = vldrwq_z_s32(s->mult + c, some);
    const int32x4_t left = vsubq_s32(vdupq_n_s32(31), vreinterpretq_s32_u32(vldrbq_z_u32(s->shift + c, some)));
    const int32x4_t y = vaddq_n_s32(vrshlq_s32(vqdmulhq_s32(acc, mult), left), s->y_zero);
    if (vmaxvq_p_s32(INT32_MIN, left, some) < 0) {
        return vmaxq_s32(vminq_s32(y, vdupq_n_s32(s->y_max)), vdupq_n_s32(s->y_min));
    }
    int32_t sums[4];
    vst1q_s32(sums, acc);
    for (int32_t i = 0; i < 4 && (some >> (4 * i) & 1); i++) {
        sums[i] = ek_output(sums[i], s->mult[c + i], s->shift[c + i], s->y_zero, s->y_min, s->y_max);
    }
    return vld1q_s32(sums);
}

#endif
