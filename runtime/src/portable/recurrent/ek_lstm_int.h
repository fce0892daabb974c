/* The integer LSTM over the macros of ek_gru_int.h. */
#include "ek_cells.h"

void EK_NAME(const EK_X *restrict x, int16_t *restrict h, int32_t *restrict c, const int8_t *restrict w,
             const int8_t *restrict r, const EK_W_SUM *restrict w_bias, const EK_R_SUM *restrict r_bias,
             const int32_t *restrict w_mult, const uint8_t *restrict w_shift, const int32_t *restrict r_mult,
             const uint8_t *restrict r_shift, const int16_t *restrict sigmoid, const int16_t *restrict tanh_,
             int16_t *restrict y, int32_t steps, int32_t batch, int32_t inputs, int32_t units, int32_t c_bits,
             int16_t *restrict scratch)
{
    const int32_t n = units, gates = 4 * n, span = batch > 1 ? batch : steps;
    const int32_t most = span < EK_CELL_ROWS ? span : EK_CELL_ROWS;
    int16_t *const gx = scratch, *const gh = gx + most * gates;
    EK_H *const operand = (EK_H *)(gh + most * gates);
    for (int32_t row = 0, rows; row < steps * batch; row += rows) {
        const int32_t b = batch > 1 ? row % batch : 0, left = span - row % span;
        rows = left < most ? left : most;
        if (EK_GIVES_GATES(inputs)) {
            memcpy(gx, x + (ptrdiff_t)row * gates, (size_t)(rows * gates) * sizeof(int16_t));
        } else {
            EK_GATE_PRODUCT(EK_W, EK_W_SUM, x + (ptrdiff_t)row * inputs, rows, w, inputs, w_bias, w_mult, w_shift, 0,
                            gates, gx, gates)
        }
        for (int32_t i = 0, at_once = batch > 1 ? rows : 1; i < rows; i += at_once) {
            ek_operands(h + b * n, operand, at_once * n);
            EK_GATE_PRODUCT(EK_R, EK_R_SUM, operand, at_once, r, n, r_bias, r_mult, r_shift, 0, gates, gh, gates)
            for (int32_t s = 0; s < at_once; s++) {
                int16_t *const own = h + (b + s) * n;
                ek_lstm_state(gx + (i + s) * gates, gh + s * gates, own, c + (b + s) * n, sigmoid, tanh_, n, c_bits);
                if (y != NULL) {
                    memcpy(y + (ptrdiff_t)(row + i + s) * n, own, (size_t)n * sizeof(int16_t));
                }
            }
        }
    }
}
