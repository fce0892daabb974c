/* One step of an integer GRU of at most 16 units that resets after the product, all of it in registers. */
#include "ek_rows.h"

typedef struct {
    const int8_t *w;
    const int32_t *bias, *mult;
    const uint8_t *shift;
} ek_gru_product;

/* y [panels] = pre-activations of a product with x [k], of which each lane of x holds four taps, from number `first`
 * on; the sums lie in y before. */
static inline __attribute__((always_inline)) void ek_small_groups(ek_i x, const int8_t *w, int32_t groups,
                                                                  int32_t panels, ek_i *y)
{
    const ek_i operand = _mm512_xor_si512(x, _mm512_set1_epi8(-128));
    for (int32_t g = 0; g < groups; g++, w += 64 * panels) {
        const ek_i taps = _mm512_permutexvar_epi32(ek_i_all(g), operand);
        for (int32_t p = 0; p < panels; p++) {
            y[p] = _mm512_dpbusd_epi32(y[p], taps, _mm512_loadu_si512(w + 64 * p));
        }
    }
}

static inline __attribute__((always_inline)) void ek_small_start(const ek_gru_product *c, int32_t rows,
                                                                 int32_t panels, ek_i *y)
{
    for (int32_t p = 0; p < panels; p++) {
        y[p] = ek_i_load_s32(c->bias + 16 * p, rows - 16 * p);
    }
}

static inline __attribute__((always_inline)) void ek_small_gates(const ek_gru_product *c, int32_t rows,
                                                                 int32_t panels, ek_i *y)
{
    for (int32_t p = 0; p < panels; p++) {
        const int32_t n = rows - 16 * p;
        const ek_i m = ek_i_load_s32(c->mult + 16 * p, n), s = ek_i_load_u8(c->shift + 16 * p, n);
        y[p] = ek_i_saturate16(ek_i_requantize(y[p], m, s));
    }
}

/* Lanes from.. of vectors side by side. */
static inline ek_i ek_small_from(const ek_i *v, int32_t from)
{
    const ek_i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_permutex2var_epi32(v[from / 16], ek_i_add(lane, ek_i_all(from % 16)), v[from / 16 + 1]);
}

static inline __attribute__((always_inline)) void ek_gru_panels(const int8_t *x, int16_t *h, const ek_gru_product *w,
                                                                const ek_gru_product *r, const int16_t *sigmoid,
                                                                const int16_t *tanh_, int32_t inputs, int32_t n,
                                                                int32_t panels)
{
    const ek_i state = ek_i_load_s16(h, n), none = _mm512_setzero_si512();
    const ek_i narrow = _mm512_srai_epi32(ek_i_add(state, ek_i_all(128)), 8);
    const ek_i operand = _mm512_castsi128_si512(_mm512_cvtsepi32_epi8(narrow));
    ek_i gx[4] = {none, none, none, none}, gh[4] = {none, none, none, none}, gate[4] = {none, none, none, none};
    ek_small_start(w, 3 * n, panels, gx);
    ek_small_start(r, 3 * n, panels, gh);
    for (int32_t at = 0; at < inputs; at += 64) {
        const int32_t count = inputs - at < 64 ? inputs - at : 64;
        const __mmask64 taps = count == 64 ? ~0ull : (1ull << count) - 1;
        ek_small_groups(_mm512_maskz_loadu_epi8(taps, x + at), w->w + 16 * at * panels, (count + 3) / 4, panels, gx);
    }
    ek_small_groups(operand, r->w, (n + 3) / 4, panels, gh);
    ek_small_gates(w, 3 * n, panels, gx);
    ek_small_gates(r, 3 * n, panels, gh);
    for (int32_t p = 0; 16 * p < 2 * n; p++) {
        gate[p] = ek_i_lut_s16(ek_i_saturate16(ek_i_add(gx[p], gh[p])), sigmoid);
    }
    const ek_i recurrent = ek_i_q15(ek_i_mul(ek_small_from(gate, n), ek_small_from(gh, 2 * n)));
    const ek_i sum = ek_i_saturate16(ek_i_add(ek_small_from(gx, 2 * n), recurrent));
    const ek_i fresh = ek_i_mul(ek_i_sub(ek_i_all(32768), gate[0]), ek_i_lut_s16(sum, tanh_));
    ek_i_store_s16(h, ek_i_q15(ek_i_add(fresh, ek_i_mul(gate[0], state))), n);
}

static inline void ek_gru_small(const int8_t *x, int16_t *h, const ek_gru_product *w, const ek_gru_product *r,
                                const int16_t *sigmoid, const int16_t *tanh_, int32_t inputs, int32_t n)
{
    switch ((3 * n + 15) / 16) {
    case 1: ek_gru_panels(x, h, w, r, sigmoid, tanh_, inputs, n, 1); break;
    case 2: ek_gru_panels(x, h, w, r, sigmoid, tanh_, inputs, n, 2); break;
    default: ek_gru_panels(x, h, w, r, sigmoid, tanh_, inputs, n, 3); break;
    }
}

#define EK_SMALL_S8 1
#define EK_SMALL_S16 0
#define EK_SMALL_S8_W4 0
#define EK_SMALL_S16_W4 0
#define EK_SMALL_S8_SPARSE 0
#define EK_SMALL_S16_SPARSE 0
#define EK_SMALL_OF(kind) EK_SMALL_OF_KIND(kind)
#define EK_SMALL_OF_KIND(kind) EK_SMALL_##kind

/* Whether cells are ones that this takes; then all is done. */
#define EK_GRU_SMALL                                                                                             \
    if (EK_SMALL_OF(EK_W) && EK_SMALL_OF(EK_R) && linear_before_reset && units <= 16) {                          \
        const ek_gru_product to_x = {w, (const int32_t *)(const void *)w_bias, w_mult, w_shift};                 \
        const ek_gru_product to_h = {r, (const int32_t *)(const void *)r_bias, r_mult, r_shift};                 \
        for (int32_t row = 0; row < steps * batch; row++) {                                                      \
            const EK_X *const at = x + (ptrdiff_t)row * inputs;                                                  \
            int16_t *const own = h + row % batch * units;                                                        \
            ek_gru_small((const int8_t *)(const void *)at, own, &to_x, &to_h, sigmoid, tanh_, inputs, units);    \
            if (y != NULL) {                                                                                     \
                memcpy(y + (ptrdiff_t)row * units, own, (size_t)units * sizeof(int16_t));                        \
            }                                                                                                    \
        }                                                                                                        \
        return;                                                                                                  \
    }
