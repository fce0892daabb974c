/* The rows of the integer softmax over EK_NAME and EK_Y. The file that includes this defines how the greatest of a row is
 * found, and rows of which all products fit; others are computed here, element by element. */
/* How a distance to the greatest of a row becomes an exponent, and a quotient an output. */
typedef struct {
    const int32_t *exp2;
    int32_t m, s, mult, shift, y_zero, y_min, y_max;
} ek_softmax;

/* Whether no product needs a sign, and all results fit into 32 bits. */
static inline int ek_softmax_fits(const ek_softmax *p)
{
    return p->m >= 0 && p->s >= 16 && p->mult >= 0 && p->shift >= 33 && p->shift < 64;
}

static int32_t ek_row_top(const int16_t *x, int32_t n);
static void ek_softmax_fitting(const ek_softmax *p, const int16_t *x, EK_Y *y, int32_t rows, int32_t n);

static void ek_softmax_row_wide(const ek_softmax *p, const int16_t *x, EK_Y *y, int32_t n)
{
    const int32_t top = ek_row_top(x, n);
    int64_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += ek_exp2_q30(p->exp2, ek_requantize64(top - x[i], p->m, p->s));
    }
    const int64_t inverse = ((int64_t)1 << 62) / sum;
    for (int32_t i = 0; i < n; i++) {
        const int64_t part = ek_exp2_q30(p->exp2, ek_requantize64(top - x[i], p->m, p->s)) * inverse;
        y[i] = (EK_Y)ek_output(part >> 31, p->mult, p->shift, p->y_zero, p->y_min, p->y_max);
    }
}

void EK_NAME(const int16_t *restrict x, int32_t m, int32_t s, const int32_t *restrict exp2, int32_t mult, int32_t shift,
             int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *restrict y, int32_t rows, int32_t n)
{
    const ek_softmax p = {exp2, m, s, mult, shift, y_zero, y_min, y_max};
    if (ek_softmax_fits(&p)) {
        ek_softmax_fitting(&p, x, y, rows, n);
        return;
    }
    for (int32_t row = 0; row < rows; row++, x += n, y += n) {
        ek_softmax_row_wide(&p, x, y, n);
    }
}
