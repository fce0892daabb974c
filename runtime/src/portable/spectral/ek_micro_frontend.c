#include "edgekit.h"

/* Samples of 16 bits, rounded half to even without floats; NaN, infinity and numbers from 2^20 on are 0. */
static int32_t ek_micro_sample(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int32_t exponent = (int32_t)(bits >> 23 & 255u);
    const int32_t shift = 135 - exponent;
    if (exponent >= 147 || shift > 24) {
        return 0;
    }
    uint32_t size = 32768u;
    if (shift > 8) {
        const uint32_t whole = (bits & 0x7fffffu) | 0x800000u;
        const uint32_t rest = whole & ((1u << shift) - 1u), half = 1u << (shift - 1);
        size = whole >> shift;
        size += rest > half || (rest == half && (size & 1u));
    }
    if (bits >> 31) {
        return -(int32_t)size;
    }
    return size > 32767u ? 32767 : (int32_t)size;
}

static int32_t ek_micro_bits(uint32_t x)
{
    int32_t bits = 0;
    for (int32_t step = 16; step > 0; step >>= 1) {
        if (x >> step) {
            x >>= step;
            bits += step;
        }
    }
    return bits + (int32_t)x;
}

static int32_t ek_micro_round(int32_t x)
{
    return (x + 16384) >> 15;
}

/* A complex number of 16 bits, scaled down for a sum of four. */
static void ek_micro_scale(const int16_t *z, int32_t *re, int32_t *im)
{
    *re = ek_micro_round(z[0] * 8191);
    *im = ek_micro_round(z[1] * 8191);
}

/* The same, times a complex number of 32767. */
static void ek_micro_turn(const int16_t *z, const int16_t *by, int32_t *re, int32_t *im)
{
    const int32_t c = by[0], s = by[1];
    int32_t a, b;
    ek_micro_scale(z, &a, &b);
    *re = ek_micro_round(a * c - b * s);
    *im = ek_micro_round(a * s + b * c);
}

/* Each four complex numbers that lie `apart` become their transform; each product is rounded to 16 bits. */
static void ek_micro_butterflies(int16_t *z, const int16_t *turns, int32_t apart)
{
    const int32_t step = 2 * apart, stride = 128 / apart;
    for (int32_t k = 0; k < apart; k++) {
        const int16_t *const by = turns + k * stride;
        for (int16_t *y = z + 2 * k; y < z + 512; y += 4 * step) {
            int32_t a, b, c, d, e, f, g, h;
            ek_micro_scale(y, &a, &b);
            ek_micro_turn(y + step, by, &c, &d);
            ek_micro_turn(y + 2 * step, turns + 2 * k * stride, &e, &f);
            ek_micro_turn(y + 3 * step, turns + 3 * k * stride, &g, &h);
            const int32_t less_re = a - e, less_im = b - f, more_re = a + e, more_im = b + f;
            const int32_t sum_re = c + g, sum_im = d + h, off_re = c - g, off_im = d - h;
            y[0] = (int16_t)(more_re + sum_re);
            y[1] = (int16_t)(more_im + sum_im);
            y[step] = (int16_t)(less_re + off_im);
            y[step + 1] = (int16_t)(less_im - off_re);
            y[2 * step] = (int16_t)(more_re - sum_re);
            y[2 * step + 1] = (int16_t)(more_im - sum_im);
            y[3 * step] = (int16_t)(less_re - off_im);
            y[3 * step + 1] = (int16_t)(less_im + off_re);
        }
    }
}

static void ek_micro_transform(int16_t *z, const int16_t *turns)
{
    for (int32_t i = 0; i < 256; i++) {
        const int32_t j = (i & 3) << 6 | (i & 12) << 2 | (i & 48) >> 2 | i >> 6;
        if (i < j) {
            const int16_t re = z[2 * i], im = z[2 * i + 1];
            z[2 * i] = z[2 * j];
            z[2 * i + 1] = z[2 * j + 1];
            z[2 * j] = re;
            z[2 * j + 1] = im;
        }
    }
    for (int32_t apart = 1; apart < 256; apart *= 4) {
        ek_micro_butterflies(z, turns, apart);
    }
}

/* Adds the energy of one bin to its two bands. */
static void ek_micro_add(uint64_t *sums, const int16_t *bins, int32_t bin, int16_t re, int16_t im)
{
    const int16_t *const at = bins + 3 * bin;
    const uint32_t energy = (uint32_t)(re * re) + (uint32_t)(im * im);
    sums[at[0]] += (uint64_t)energy * (uint64_t)at[1];
    sums[at[0] + 1] += (uint64_t)energy * (uint64_t)at[2];
}

/* The sums of energies in bands, of the transform z of half the length. */
static void ek_micro_sums(const int16_t *z, const int16_t *joins, const int16_t *bins, uint64_t *sums)
{
    const int32_t re_0 = ek_micro_round(z[0] * 16383), im_0 = ek_micro_round(z[1] * 16383);
    ek_micro_add(sums, bins, 0, (int16_t)(re_0 + im_0), 0);
    ek_micro_add(sums, bins, 256, (int16_t)(re_0 - im_0), 0);
    for (int32_t k = 1; k <= 128; k++) {
        const int16_t *const a = z + 2 * k, *const b = z + 2 * (256 - k);
        const int32_t a_re = ek_micro_round(a[0] * 16383), a_im = ek_micro_round(a[1] * 16383);
        const int32_t b_re = ek_micro_round(b[0] * 16383), b_im = ek_micro_round(b[1] * 16383);
        const int16_t even_re = (int16_t)(a_re + b_re), even_im = (int16_t)(a_im - b_im);
        const int16_t odd_re = (int16_t)(a_re - b_re), odd_im = (int16_t)(a_im + b_im);
        const int32_t c = joins[2 * k - 2], s = joins[2 * k - 1];
        const int32_t turned_re = ek_micro_round(odd_re * c - odd_im * s);
        const int32_t turned_im = ek_micro_round(odd_re * s + odd_im * c);
        if (k < 128) {
            ek_micro_add(sums, bins, k, (int16_t)((even_re + turned_re) >> 1), (int16_t)((even_im + turned_im) >> 1));
        }
        ek_micro_add(sums, bins, 256 - k, (int16_t)((even_re - turned_re) >> 1), (int16_t)((turned_im - even_im) >> 1));
    }
}

/* The whole number nearest to a square root; of numbers below 2^32 at most 65535. Two bits of x make one of the root,
 * so that all but x has 32 bits. */
static uint32_t ek_micro_root(uint64_t x)
{
    uint32_t high = (uint32_t)(x >> 32), low = (uint32_t)x;
    const int32_t is_large = high != 0u, bits = is_large ? 32 + ek_micro_bits(high) : ek_micro_bits(low);
    const int32_t pairs = (bits + 1) / 2;
    uint32_t root = 0, rest = 0;
    if (pairs == 0) {
        return 0;
    }
    x <<= 64 - 2 * pairs;
    high = (uint32_t)(x >> 32);
    low = (uint32_t)x;
    for (int32_t pair = 0; pair < pairs; pair++) {
        const uint32_t more = root << 2 | 1u;
        rest = rest << 2 | high >> 30;
        high = high << 2 | low >> 30;
        low <<= 2;
        root <<= 1;
        if (rest >= more) {
            rest -= more;
            root |= 1u;
        }
    }
    return rest > root && (is_large || root < 65535u) ? root + 1u : root;
}

static uint32_t ek_micro_gain(uint32_t noise, const int32_t *gains)
{
    const int32_t bits = ek_micro_bits(noise);
    const int32_t *const row = gains + 3 * bits;
    if (bits < 2) {
        return (uint32_t)row[0];
    }
    const uint32_t below = noise - (1u << (bits - 1));
    const int32_t part = (int32_t)(bits > 11 ? below >> (bits - 11) : below << (11 - bits));
    return (uint32_t)(row[0] + ((((row[2] * part >> 5) + 32 * row[1]) * part + 16384) >> 15));
}

static int32_t ek_micro_log(uint32_t x, const int16_t *logs)
{
    if (x < 2u) {
        return 0;
    }
    const int32_t whole = ek_micro_bits(x) - 1;
    const int32_t part = (int32_t)((uint64_t)(x - (1u << whole)) << 16 >> whole);
    const int32_t segment = part >> 9, low = logs[segment];
    const int32_t between = (logs[segment + 1] - low) * (part - (segment << 9)) >> 16;
    const uint32_t log2 = (uint32_t)(whole << 16) + (uint32_t)(part + low + between);
    const uint32_t ln = (uint32_t)(((uint64_t)log2 * 45426u + 32768u) >> 16);
    return (int32_t)(((uint64_t)ln * 64u + 32768u) >> 16);
}

/* One feature of a band's signal; its noise estimate moves on. */
static int32_t ek_micro_feature(uint32_t signal, int32_t *noise, int32_t rate, const int32_t *gains,
                                const int16_t *logs)
{
    const uint32_t raised = signal << 10;
    const uint32_t estimate =
        (uint32_t)(((uint64_t)raised * (uint32_t)rate + (uint64_t)(uint32_t)*noise * (uint32_t)(16384 - rate)) >> 14);
    *noise = (int32_t)estimate;
    const uint32_t clean = (raised - (estimate < raised ? estimate : raised)) >> 10;
    const uint32_t least = (uint32_t)((uint64_t)signal * 819u >> 14);
    const uint64_t snr = (uint64_t)(clean > least ? clean : least) * ek_micro_gain(estimate, gains) >> 6;
    const uint32_t value = snr < 8192u ? (uint32_t)(snr * snr >> 20) : (uint32_t)(snr >> 6) - 64u;
    return ek_micro_log(value << 3, logs);
}

/* One frame of TFLM's audio front end: features[bands] of the samples history[length - step] and pcm[step], length
 * 257..512, step 1..length; history and noise[bands] move on. window[length] and bins[257][3] (the first band of a bin,
 * its weight there and in the next band) are of 2^12, turns[384][2] of 32767, gains[33][3] and logs[129] those of
 * edgekit.base.micro_tables. The weights of a bin in bands outside are 0. scratch[bands + 129]. */
void ek_micro_frontend(const float *pcm, int16_t *history, int32_t *noise, const int16_t *window, const int16_t *bins,
                       const int16_t *turns, const int32_t *gains, const int16_t *logs, int32_t *features,
                       int32_t length, int32_t step, int32_t bands, uint64_t *scratch)
{
    const int32_t kept = length - step;
    uint64_t *const sums = scratch;
    int16_t *const z = (int16_t *)(void *)(scratch + bands + 1);
    uint32_t largest = 0;
    for (int32_t i = 0; i < kept; i++) {
        z[i] = history[i];
    }
    for (int32_t i = 0; i < step; i++) {
        z[kept + i] = (int16_t)ek_micro_sample(pcm[i]);
    }
    for (int32_t i = 0; i < kept; i++) {
        history[i] = z[i + step];
    }
    for (int32_t i = 0; i < length; i++) {
        z[i] = (int16_t)(z[i] * window[i] >> 12);
        const uint32_t size = z[i] == INT16_MIN ? 0u : (uint32_t)(z[i] < 0 ? -z[i] : z[i]);
        largest = size > largest ? size : largest;
    }
    const int32_t shift = 15 - ek_micro_bits(largest);
    for (int32_t i = 0; i < 512; i++) {
        z[i] = (int16_t)(uint16_t)(i < length ? (uint32_t)z[i] << shift : 0u);
    }
    ek_micro_transform(z, turns);
    for (int32_t band = 0; band <= bands; band++) {
        sums[band] = 0;
    }
    ek_micro_sums(z, turns + 512, bins, sums);
    for (int32_t band = 0; band < bands; band++) {
        const uint32_t signal = ek_micro_root(sums[band]) >> shift;
        features[band] = ek_micro_feature(signal, noise + band, band & 1 ? 983 : 409, gains, logs);
    }
}
