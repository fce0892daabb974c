/* What the integer recurrent cells share. */
#include "ek_rows_w4.h"
#include "ek_rows.h"

#ifndef EK_COPY_SUMS
#define EK_COPY_SUMS memcpy
#endif

/* Whether x has the pre-activations that its product would give; only one of int16 can. */
#define EK_GIVES_GATES(inputs) (sizeof(EK_X) == sizeof(int16_t) && (inputs) == 0)

/* y [rows][stride], of each row from..to = pre-activations of rows from..to of a product of x [rows][k] of `type` (S8 or S16, with _W4 for int4
 * weights), summed in an array of type `sum`. A matrix that is taken in two steps is packed as two. */
#define EK_GATE_PRODUCT(type, sum, x, rows, w, k, bias, mult, shift, from, to, y, stride)                         \
    EK_GATE_PRODUCT_OF(type, sum, x, rows, w, k, bias, mult, shift, from, to, y, stride)
#define EK_GATE_PRODUCT_OF(type, sum, x, rows, w, k, bias, mult, shift, from, to, y, stride)                      \
    for (int32_t o = (from); o < (to); o += EK_ROWS) {                                                           \
        const int32_t count = (to)-o < EK_ROWS ? (to)-o : EK_ROWS;                                               \
        int32_t at = 0;                                                                                          \
        EK_TOGETHER_##type(x, rows, w, k, bias, mult, shift, from, y, stride)                                    \
        for (; at < (rows); at++) {                                                                              \
            sum acc[EK_ROWS];                                                                                    \
            EK_COPY_SUMS(acc, (bias) + o, (size_t)count * sizeof(acc[0]));                                       \
            EK_ROWS_##type((x) + at * (k), EK_FROM_##type(w, from, o, k), (k), count, acc);                      \
            EK_OUTPUTS_##type(acc, (mult) + o, (shift) + o, 0, -32768, 32767, (y) + at * (stride) + o, count);   \
        }                                                                                                        \
    }
/* The same for as many rows as read weights together, where an instruction set has that. */
#define EK_NOT_TOGETHER(x, rows, w, k, bias, mult, shift, from, y, stride)
#ifdef EK_TOGETHER
#define EK_TOGETHER_OF(product, at_row, x, rows, k, bias, mult, shift, y, stride)                                \
    for (; at + EK_TOGETHER <= (rows); at += EK_TOGETHER) {                                                      \
        int32_t sums[EK_TOGETHER * EK_ROWS] = {0};                                                               \
        for (int32_t j = 0; j < EK_TOGETHER; j++) {                                                              \
            EK_COPY_SUMS(sums + j * EK_ROWS, (bias) + o, (size_t)count * sizeof(sums[0]));                       \
        }                                                                                                        \
        product((x) + at * (k), (k), at_row, (k), count, sums);                                                  \
        for (int32_t j = 0; j < EK_TOGETHER; j++) {                                                              \
            ek_outputs_s32_s16(sums + j * EK_ROWS, (mult) + o, (shift) + o, 0, -32768, 32767,                    \
                               (y) + (at + j) * (stride) + o, count);                                            \
        }                                                                                                        \
    }
#define EK_TOGETHER_S8(x, rows, w, k, bias, mult, shift, from, y, stride)                                        \
    EK_TOGETHER_OF(ek_rows_together_s8, EK_FROM_S8(w, from, o, k), x, rows, k, bias, mult, shift, y, stride)
#define EK_TOGETHER_S8_W4(x, rows, w, k, bias, mult, shift, from, y, stride)                                     \
    EK_TOGETHER_OF(ek_rows_together_s8_w4, EK_FROM_S8_W4(w, from, o, k), x, rows, k, bias, mult, shift, y, stride)
#else
#define EK_TOGETHER_S8 EK_NOT_TOGETHER
#define EK_TOGETHER_S8_W4 EK_NOT_TOGETHER
#endif
#define EK_TOGETHER_S16 EK_NOT_TOGETHER
#define EK_TOGETHER_S16_W4 EK_NOT_TOGETHER
#define EK_TOGETHER_S8_SPARSE EK_NOT_TOGETHER
#define EK_TOGETHER_S16_SPARSE EK_NOT_TOGETHER
/* Where a kernel of rows finds row o, of those from `from` on: of sparse rows the head, and the row's number. */
#define EK_FROM_PACKED(w, from, o, bytes) (w) + (EK_PACKED(from) + (o) - (from)) * (bytes)
#define EK_FROM_S8(w, from, o, k) EK_FROM_PACKED(w, from, o, EK_BYTES_S8(k))
#define EK_FROM_S16(w, from, o, k) EK_FROM_PACKED(w, from, o, EK_BYTES_S16(k))
#define EK_FROM_S8_W4(w, from, o, k) (w) + (EK_PACKED_W4(from) + (o) - (from)) * EK_ROW_BYTES_W4(k)
#define EK_FROM_S16_W4(w, from, o, k) (w) + (EK_PACKED_W4(from) + (o) - (from)) * EK_ROW_BYTES_W4(k)
#define EK_FROM_S8_SPARSE(w, from, o, k) (w), EK_PACKED(from) + (o) - (from)
#define EK_FROM_S16_SPARSE(w, from, o, k) (w), EK_PACKED(from) + (o) - (from)
#define EK_ROWS_S8 ek_rows_s8
#define EK_ROWS_S16 ek_rows_s16
#define EK_OUTPUTS_S8 ek_outputs_s32_s16
#define EK_OUTPUTS_S16 ek_outputs_s64_s16
#define EK_ROWS_S8_W4 ek_rows_s8_w4
#define EK_ROWS_S16_W4 ek_rows_s16_w4
#define EK_OUTPUTS_S8_W4 ek_outputs_s32_s16
#define EK_OUTPUTS_S16_W4 ek_outputs_s64_s16
#define EK_ROWS_S8_SPARSE ek_sparse_s8
#define EK_ROWS_S16_SPARSE ek_sparse_s16
#define EK_OUTPUTS_S8_SPARSE ek_outputs_s32_s16
#define EK_OUTPUTS_S16_SPARSE ek_outputs_s64_s16
