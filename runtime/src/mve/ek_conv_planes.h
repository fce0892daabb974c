/* Helium: convolution of int8 channels each by itself. The rows that a window reads lie side by side in a strip,
 * [columns][high]: the taps of an output are then one run of bytes, and one product of vectors sums sixteen of them. A
 * kernel of three rows has strips of four, which are those of two output rows where outputs are not apart. By a dilation
 * along the row all taps are rows of the strip. It is made of a band, which has what is around the rows too, and as many
 * planes as rows lie between those of an output and the next. Weights are packed so (edgekit.targets.c.packing.conv_paths): of each
 * output [k_w][high], or [k_h][k_w], filled up with zeros to groups of sixteen. The bias has what x_zero adds. Where
 * pictures are small a band has several channels, one below the other. */
#ifndef EK_CONV_PLANES_GUARD
#define EK_CONV_PLANES_GUARD

#include "ek_conv_shape.h"
#include "ek_tile.h"

#define EK_BAND_BYTES 1536
#define EK_STRIP_BYTES 2048
#define EK_STRIP_SLACK 272 /* bytes behind a strip that are written and read: 15 columns of 16, and 16 */
#define EK_STRIP_HIGH 16   /* rows at most */
#define EK_STRIP_SUMS 496  /* of outputs at once, of which some are behind the last row */
#define EK_BAND_PLANES 16  /* at most */
#define EK_FEW_PRODUCTS 48 /* of a channel: channels are then taken four at a time */

/* Rows of a strip. */
static inline int32_t ek_strip_high(const ek_conv_shape *s)
{
    const int32_t rows = s->dil_w == 1 ? s->k_h : s->k_h * s->k_w;
    return rows == 3 ? 4 : rows;
}

/* Columns of a strip that an output reads; groups of sixteen weights of an output. */
static inline int32_t ek_strip_across(const ek_conv_shape *s)
{
    return s->dil_w == 1 ? s->k_w : 1;
}

static inline int32_t ek_strip_groups(const ek_conv_shape *s)
{
    return (ek_strip_across(s) * ek_strip_high(s) + 15) >> 4;
}

/* Rows of n columns of some channels: rows `step` and channels `plane` bytes apart. */
typedef struct {
    int32_t channels, rows, n, x_step, x_plane, to_step, to_plane;
} ek_rows_apart;

/* to = x, of them. */
static __attribute__((noinline)) void ek_lay_rows_apart(const int8_t *x, const ek_rows_apart *r, int8_t *to)
{
    const int32_t x_next = r->x_plane - r->rows * r->x_step, to_next = r->to_plane - r->rows * r->to_step;
    for (int32_t n = r->rows > 0 ? r->n : 0; n > 0; n -= 16, x += 16, to += 16) {
        const int8_t *from = x;
        int8_t *put = to;
        int32_t channels = r->channels;
        __asm__ volatile(EK_KEEP_PREDICATE "vctp.8 %[n]\n"
                         "2:\n\tdls lr, %[i]\n"
                         "1:\n\tvpstt\n\tvldrbt.u8 q0, [%[x]]\n\t"
                         "vstrbt.8 q0, [%[to]]\n\t"
                         "add %[x], %[xs]\n\tadd %[to], %[ts]\n\t"
                         "le lr, 1b\n\t"
                         "ldr lr, %[xn]\n\tadd %[x], lr\n\tldr lr, %[tn]\n\tadd %[to], lr\n\tsubs %[c], #1\n\tbne 2b" EK_BRING_PREDICATE
                         : [x] "+r"(from), [to] "+r"(put), [c] "+r"(channels)
                         : [n] "r"(n), [i] "r"(r->rows), [xs] "r"(r->x_step), [ts] "r"(r->to_step), [xn] "m"(x_next),
                           [tn] "m"(to_next)
                         : "q0", "lr", "memory", "cc", EK_PREDICATE);
    }
}

/* to [n][high] = n columns of the rows that begin at band + down [high]. */
static __attribute__((noinline)) void ek_lay_strip(const int8_t *band, const int32_t *down, int32_t high, int32_t n,
                                                   int8_t *to)
{
    if (high == 4) {
        const int8_t *a = band + down[0], *b = band + down[1], *c = band + down[2], *d = band + down[3];
        __asm__ volatile("dls lr, %[i]\n"
                         "1:\n\tvldrb.u8 q0, [%[a]], #16\n\tvldrb.u8 q1, [%[b]], #16\n\t"
                         "vldrb.u8 q2, [%[c]], #16\n\tvldrb.u8 q3, [%[d]], #16\n\t"
                         "vst40.8 {q0, q1, q2, q3}, [%[to]]\n\tvst41.8 {q0, q1, q2, q3}, [%[to]]\n\t"
                         "vst42.8 {q0, q1, q2, q3}, [%[to]]\n\tvst43.8 {q0, q1, q2, q3}, [%[to]]!\n\t"
                         "le lr, 1b"
                         : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [to] "+r"(to)
                         : [i] "r"((n + 15) >> 4)
                         : "q0", "q1", "q2", "q3", "lr", "memory");
        return;
    }
    const uint8x16_t at = vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)high);
    for (int32_t r = 0; r < high; r++, to++) {
        const int8_t *from = band + down[r];
        int8_t *put = to;
        for (int32_t i = (n + 15) >> 4; i > 0; i--, from += 16, put += 16 * high) {
            vstrbq_scatter_offset_s8(put, at, vld1q_s8(from));
        }
    }
}

/* Rows of n outputs, of some channels of a strip with one or two outputs each: the columns of an output are `apart` bytes
 * behind those before, those of a row `pitch`, those of a channel `plane`. */
typedef struct {
    int32_t outputs, twice, plane, apart, pitch, rows, n, groups;
} ek_run;

/* Bytes from an output of channels to the next one. */
static inline int32_t ek_run_step(const ek_run *run, int32_t output)
{
    return run->twice && (output & 1) == 0 ? 0 : run->plane;
}

/* acc = the sums of two output rows at a time, of a strip of four rows. */
static __attribute__((noinline)) void ek_sums_of_two(const int8_t *strip, const int8_t *w, const ek_run *run, int32_t *acc)
{
    const int32_t n = run->n;
    for (int32_t o = 0; o < run->outputs; strip += ek_run_step(run, o), o++, w += 16, acc += run->rows * n) {
        const int8_t *x = strip;
        uint32_t none = 0;
        const int8x16_t upper = vld1q_s8(w), lower = vshlcq_s8(upper, &none, 8);
        int32_t a, b, c, d, *up = acc, *down = acc + n, rows = run->rows;
        __asm__ volatile("2:\n\twls lr, %[i], 3f\n"
                         "1:\n\tvldrb.u8 q0, [%[x]], #4\n\t"
                         "vldrb.u8 q1, [%[x]], #4\n\t"
                         "vmladav.s8 %[a], q0, %q[u]\n\t"
                         "vmladav.s8 %[b], q1, %q[u]\n\t"
                         "strd %[a], %[b], [%[up]], #8\n\t"
                         "vmladav.s8 %[c], q0, %q[l]\n\t"
                         "vmladav.s8 %[d], q1, %q[l]\n\t"
                         "strd %[c], %[d], [%[down]], #8\n\t"
                         "le lr, 1b\n"
                         "3:\n\ttst %[n], #4\n\tbeq 4f\n\t" /* one more of an odd number */
                         "vldrb.u8 q0, [%[x]]\n\t"
                         "vmladav.s8 %[a], q0, %q[u]\n\t"
                         "vmladav.s8 %[c], q0, %q[l]\n\t"
                         "str %[a], [%[up]], #4\n\tstr %[c], [%[down]], #4\n"
                         "4:\n\tmov %[up], %[down]\n\tadd %[down], %[n]\n\tadd %[x], %[next]\n\t"
                         "subs %[rows], #2\n\tbgt 2b"
                         : [a] "=&Te"(a), [b] "=&Te"(b), [c] "=&Te"(c), [d] "=&Te"(d), [x] "+r"(x), [up] "+r"(up),
                           [down] "+r"(down), [rows] "+r"(rows)
                         : [i] "r"(n >> 1), [n] "r"(4 * n), [next] "r"(run->pitch - n / 2 * 8), [u] "w"(upper), [l] "w"(lower)
                         : "q0", "q1", "lr", "memory", "cc");
    }
}

/* Two sums at a time by what makes them. The one behind an odd number of a row is written over by the next row. */
#define EK_SUMS(sums)                                                                                                  \
    __asm__ volatile("2:\n\tdls lr, %[i]\n1:\n\t" sums "strd %[a], %[b], [%[to]], #8\n\t"                               \
                     "le lr, 1b\n\tadd %[x], %[next]\n\tsub %[to], %[odd]\n\tsubs %[rows], #1\n\tbne 2b"               \
                     : [a] "=&Te"(a), [b] "=&Te"(b), [x] "+r"(x), [to] "+r"(to), [rows] "+r"(rows)                     \
                     : [i] "r"(pairs), [w] "w"(taps), [v] "w"(more), [s] "r"(apart), [next] "r"(next),                 \
                       [odd] "r"(run->n % 2 * 4)                                                                       \
                     : "q0", "q1", "q2", "q3", "lr", "memory", "cc")
/* Of one group of weights, x going on by a number. */
#define EK_SUMS_BY(number)                                                             \
    EK_SUMS("vldrb.u8 q0, [%[x]], " number "\n\tvldrb.u8 q1, [%[x]], " number "\n\t"    \
            "vmladav.s8 %[a], q0, %q[w]\n\tvmladav.s8 %[b], q1, %q[w]\n\t")
#define EK_SHORT_GROUPS 2  /* that stay in registers */
#define EK_SHORT_APART 256 /* bytes that a strip may be read behind its end */

/* acc [outputs][rows][n] = the sums of one or two groups of weights. */
static __attribute__((noinline)) void ek_sums_short(const int8_t *strip, const int8_t *w, const ek_run *run, int32_t *acc)
{
    const int32_t apart = run->apart, pairs = (run->n + 1) >> 1, next = run->pitch - 2 * pairs * apart;
    const int32_t bytes = 16 * run->groups;
    for (int32_t o = 0; o < run->outputs; strip += ek_run_step(run, o), o++, w += bytes, acc += run->rows * run->n) {
        const int8x16_t taps = vld1q_s8(w), more = vld1q_s8(w + bytes - 16);
        const int8_t *x = strip;
        int32_t *to = acc, rows = run->rows, a, b;
        if (bytes > 16) {
            EK_SUMS("vldrb.u8 q0, [%[x]]\n\tvldrb.u8 q1, [%[x], #16]\n\tadd %[x], %[s]\n\t"
                    "vldrb.u8 q2, [%[x]]\n\tvldrb.u8 q3, [%[x], #16]\n\tadd %[x], %[s]\n\t"
                    "vmladav.s8 %[a], q0, %q[w]\n\tvmladava.s8 %[a], q1, %q[v]\n\t"
                    "vmladav.s8 %[b], q2, %q[w]\n\tvmladava.s8 %[b], q3, %q[v]\n\t");
        } else if (apart == 4) {
            EK_SUMS_BY("#4");
        } else if (apart == 8) {
            EK_SUMS_BY("#8");
        } else {
            EK_SUMS("vldrb.u8 q0, [%[x]]\n\tadd %[x], %[s]\n\tvldrb.u8 q1, [%[x]]\n\tadd %[x], %[s]\n\t"
                    "vmladav.s8 %[a], q0, %q[w]\n\tvmladav.s8 %[b], q1, %q[w]\n\t");
        }
    }
}

/* acc [rows][n] = the sums of an output of any number of groups. */
static __attribute__((noinline)) void ek_sums_long(const int8_t *from, const int8_t *w, const ek_run *run, int32_t *acc)
{
    const int32_t apart = run->apart, least = apart <= EK_SHORT_APART / 4 - 4 ? 2 : 4;
    for (int32_t r = run->rows; r > 0; r--, from += run->pitch) {
        const int8_t *x = from;
        int32_t n = run->n;
        for (; n >= least; n -= 4, x += 4 * apart) {
            const int8_t *x0 = x, *x1 = x0 + apart, *x2 = x1 + apart, *x3 = x2 + apart, *wi = w;
            int32_t a = 0, b = 0, c = 0, d = 0;
            __asm__("dls lr, %[i]\n"
                    "1:\n\tvldrb.u8 q0, [%[w]], #16\n\t"
                    "vldrb.u8 q1, [%[x0]], #16\n\t"
                    "vmlava.s8 %[a], q0, q1\n\t"
                    "vldrb.u8 q2, [%[x1]], #16\n\t"
                    "vmlava.s8 %[b], q0, q2\n\t"
                    "vldrb.u8 q1, [%[x2]], #16\n\t"
                    "vmlava.s8 %[c], q0, q1\n\t"
                    "vldrb.u8 q2, [%[x3]], #16\n\t"
                    "vmlava.s8 %[d], q0, q2\n\t"
                    "le lr, 1b"
                    : [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d), [x0] "+r"(x0), [x1] "+r"(x1),
                      [x2] "+r"(x2), [x3] "+r"(x3), [w] "+r"(wi)
                    : [i] "r"(run->groups)
                    : "q0", "q1", "q2", "lr", "memory");
            __asm__ volatile("strd %[a], %[b], [%[to]], #8\n\tstrd %[c], %[d], [%[to]], #8"
                             : [to] "+r"(acc)
                             : [a] "r"(a), [b] "r"(b), [c] "r"(c), [d] "r"(d)
                             : "memory");
        }
        for (; n > 0; n--, x += apart, acc++) {
            int32_t sum = 0;
            for (int32_t i = 0; i < 16 * run->groups; i += 16) {
                sum = vmladavaq_s8(sum, vld1q_s8(x + i), vld1q_s8(w + i));
            }
            *acc = sum;
        }
        acc += n; /* back by what went beyond the row */
    }
}

/* y [out_c] = output (oy, ox) of four channels at a time. */
static __attribute__((noinline)) void ek_strip_position(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                        const ek_conv_shape *s, int32_t oy, int32_t ox)
{
    const int32_t high = s->dil_w == 1 ? ek_strip_high(s) : 1, bytes = 16 * ek_strip_groups(s), in = s->in_h * s->in_w, out = s->out_h * s->out_w;
    const int32_t twice = s->out_c > s->groups; /* two outputs of each channel */
    const uint32x4_t lanes = vidupq_n_u32(0, 1), of_w = vmulq_n_u32(lanes, (uint32_t)bytes);
    const uint32x4_t of_x = vmulq_n_u32(twice ? vshrq_n_u32(lanes, 1) : lanes, (uint32_t)in);
    const uint32x4_t of_y = vmulq_n_u32(lanes, (uint32_t)out);
    for (int32_t c = 0; c < s->out_c; c += 4, w += 4 * bytes, x += (twice ? 2 : 4) * (ptrdiff_t)in, y += 4 * (ptrdiff_t)out) {
        const mve_pred16_t some = vctp32q((uint32_t)(s->out_c - c));
        int32x4_t acc = vldrwq_z_s32(scales->bias + c, some);
        for (int32_t ky = 0, iy = oy * s->stride_h - s->pad_top; ky < s->k_h; ky++, iy += s->dil_h) {
            const int8_t *tap = s->dil_w == 1 ? w + ky : w + ky * s->k_w;
            for (int32_t kx = 0, ix = ox * s->stride_w - s->pad_left; kx < s->k_w; kx++, ix += s->dil_w, tap += high) {
                const int32x4_t wi = vldrbq_gather_offset_z_s32(tap, of_w, some);
                const int inside = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
                acc = vaddq_s32(acc, inside ? vmulq_s32(wi, vldrbq_gather_offset_z_s32(x + iy * s->in_w + ix, of_x, some))
                                            : vmulq_n_s32(wi, scales->x_zero));
            }
        }
        const int32x4_t v = ek_outputs_across(acc, scales, c, some);
        if (sizeof(EK_Y) == 1) {
            vstrbq_scatter_offset_p_s32((int8_t *)(void *)y, of_y, v, some);
        } else {
            vstrhq_scatter_shifted_offset_p_s32((int16_t *)(void *)y, of_y, v, some);
        }
    }
}

/* A band: `planes` of them, [channels][height][pitch], of which `shared` columns behind a row are also those before the next
 * one; where the rows of a strip begin in it; how many rows and columns of outputs it has, `two` rows to a row of strips. */
typedef struct {
    int32_t high, groups, two, planes, channels, rows, columns, height, pitch, shared;
    int32_t down[EK_STRIP_HIGH];
} ek_band;

static inline void ek_plan_band(const ek_conv_shape *s, ek_band *b)
{
    const int32_t near = s->stride_h == 1 && s->dil_h == 1 && s->stride_w == 1 && s->dil_w == 1;
    const int32_t wide = (s->k_w - 1) * s->dil_w + 1, outputs = s->out_c / s->groups;
    b->high = ek_strip_high(s), b->groups = ek_strip_groups(s);
    b->two = s->k_h == 3 && near && b->groups == 1 && s->out_h > 1 ? 2 : 1;
    b->planes = s->stride_h * b->two;
    const int32_t reach = (s->k_h + b->two - 2) * s->dil_h / b->planes; /* rows of a plane behind the first */
    const int32_t most = ek_min(EK_STRIP_BYTES / b->high, EK_BAND_BYTES / (b->planes * (1 + reach)));
    b->columns = ek_min(ek_min(s->out_w, EK_STRIP_SUMS / 2 / b->two), (most - wide) / s->stride_w + 1);
    b->pitch = (b->columns - 1) * s->stride_w + wide;
    b->shared = b->columns == s->out_w ? ek_max(ek_min(s->pad_left, b->pitch - s->pad_left - s->in_w), 0) : 0;
    b->pitch -= b->shared;
    b->rows = b->two, b->channels = 1;
    if (b->columns == s->out_w) {
        const int32_t fit = ek_min((EK_BAND_BYTES - b->shared) / (b->planes * b->pitch) - reach,
                                   (EK_STRIP_BYTES / b->high - b->shared) / b->pitch);
        b->rows = ek_max(ek_min(fit, (EK_STRIP_SUMS - b->columns) / (outputs * b->two * b->columns)), 1) * b->two;
    }
    if (b->rows >= s->out_h) { /* as many channels as fit */
        b->rows = s->out_h;
        const int32_t bytes = ((b->rows + b->two - 1) / b->two + reach) * b->pitch;
        const int32_t fit = ek_min((EK_BAND_BYTES - b->shared) / b->planes, EK_STRIP_BYTES / b->high - b->shared) / bytes;
        b->channels = ek_max(ek_min(fit, (EK_STRIP_SUMS - b->columns) / (outputs * b->rows * b->columns)), 1);
    }
    b->height = (b->rows + b->two - 1) / b->two + reach;
    for (int32_t r = 0; r < b->high; r++) {
        const int32_t ky = s->dil_w == 1 ? ek_min(r, s->k_h + b->two - 2) : ek_min(r / s->k_w, s->k_h - 1);
        const int32_t at = ky * s->dil_h, right = s->dil_w == 1 ? 0 : r % s->k_w * s->dil_w;
        b->down[r] = (at % b->planes * b->channels * b->height + at / b->planes) * b->pitch + right;
    }
}

/* What a plane of a band takes of a channel: rows of n elements from x on, to its place `at`. */
typedef struct {
    ptrdiff_t x;
    int32_t rows, n, at;
} ek_part;

/* part [planes] = those of the band whose first output is (oy, ox). */
static inline void ek_plan_parts(const ek_conv_shape *s, const ek_band *b, int32_t oy, int32_t ox, ek_part *part)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left, lo = ek_max(-left, 0);
    for (int32_t i = 0; i < b->planes; i++, part++) {
        const int32_t from = ek_first(-(top + i), b->planes);
        part->x = (ptrdiff_t)(top + i + from * b->planes) * s->in_w + left + lo;
        part->rows = ek_min(ek_first(s->in_h - top - i, b->planes), b->height) - from;
        part->n = ek_min(s->in_w - left, b->pitch + b->shared) - lo;
        part->at = (i * b->channels * b->height + from) * b->pitch + lo;
    }
}

/* acc [channels][outputs][rows][columns] = the sums of some channels from a band. */
static inline void ek_band_sums(const int8_t *band, const int8_t *w, const ek_conv_shape *s, const ek_band *b,
                                int32_t channels, int32_t rows, int32_t columns, int32_t *acc)
{
    int8_t strip[EK_STRIP_BYTES + EK_STRIP_SLACK];
    const int32_t plane = b->height * b->pitch, outputs = s->out_c / s->groups;
    const ek_run run = {channels * outputs, outputs == 2, b->high * plane, b->high * s->stride_w, b->high * b->pitch,
                        rows, columns, b->groups};
    const int8_t *x = b->high == 1 ? band : strip;
    if (b->high > 1) {
        const int32_t last = (columns - 1) * s->stride_w + ek_strip_across(s);
        ek_lay_strip(band, b->down, b->high, (channels - 1) * plane + (rows - 1) / b->two * b->pitch + last, strip);
    }
    if (b->two == 2) {
        ek_sums_of_two(x, w, &run, acc);
    } else if (b->groups <= EK_SHORT_GROUPS && run.apart <= EK_SHORT_APART - 16) {
        ek_sums_short(x, w, &run, acc);
    } else {
        for (int32_t o = 0; o < run.outputs; x += ek_run_step(&run, o), o++, w += 16 * b->groups, acc += rows * columns) {
            ek_sums_long(x, w, &run, acc);
        }
    }
}

/* All channels. */
static __attribute__((noinline)) void ek_conv_planes(const int8_t *x, const int8_t *w, const ek_scales *scales, EK_Y *y,
                                                     const ek_conv_shape *s)
{
    const int32_t plane = s->out_h * s->out_w, in = s->in_h * s->in_w, outputs = s->out_c / s->groups;
    if (plane * s->k_h * s->k_w <= EK_FEW_PRODUCTS) {
        for (int32_t at = 0; at < plane; at++) {
            ek_strip_position(x, w, scales, y + at, s, at / s->out_w, at % s->out_w);
        }
        return;
    }
    int8_t band[EK_BAND_BYTES + EK_STRIP_SLACK];
    int32_t acc[EK_STRIP_SUMS + 16]; /* of which sixteen are read at a time */
    ek_part part[2 * EK_BAND_PLANES];
    ek_band b;
    ek_plan_band(s, &b);
    for (int32_t oy = 0; oy < s->out_h; oy += b.rows) {
        const int32_t rows = ek_min(b.rows, s->out_h - oy);
        for (int32_t ox = 0; ox < s->out_w; ox += b.columns) {
            const int32_t columns = ek_min(b.columns, s->out_w - ox), sums = rows * columns;
            EK_Y *const to = y + (ptrdiff_t)oy * s->out_w + ox;
            ek_take_same((int8_t)scales->x_zero, b.planes * b.channels * b.height * b.pitch + b.shared, band);
            ek_plan_parts(s, &b, oy, ox, part);
            for (int32_t c = 0; c < s->in_c; c += b.channels) {
                const int32_t channels = ek_min(b.channels, s->in_c - c), first = c * outputs;
                for (const ek_part *p = part; p < part + b.planes; p++) {
                    const ek_rows_apart apart = {channels, p->rows, p->n, b.planes * s->in_w, in, b.pitch, b.height * b.pitch};
                    ek_lay_rows_apart(x + (ptrdiff_t)c * in + p->x, &apart, band + p->at);
                }
                ek_band_sums(band, w + first * 16 * b.groups, s, &b, channels, rows, columns, acc);
                EK_TILE_OUTPUTS_OF(acc, sums, channels * outputs, plane, scales, first, to + (ptrdiff_t)first * plane, sums);
            }
        }
    }
}

#endif
