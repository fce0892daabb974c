/* Outputs of sums one by one, and table rows: for instruction sets without a faster form. */
#include "edgekit.h"

/* y [n] = ek_output of acc [n], each with its own factor. */
#define EK_OUTPUTS_EACH(name, acc_type, y_type)                                                                  \
    static inline void name(const acc_type *acc, const int32_t *mult, const uint8_t *shift, int32_t y_zero,      \
                            int32_t y_min, int32_t y_max, y_type *y, int32_t n)                                  \
    {                                                                                                            \
        for (int32_t j = 0; j < n; j++) {                                                                        \
            y[j] = (y_type)ek_output(acc[j], mult[j], shift[j], y_zero, y_min, y_max);                           \
        }                                                                                                        \
    }
EK_OUTPUTS_EACH(ek_outputs_s64_s8, int64_t, int8_t)
EK_OUTPUTS_EACH(ek_outputs_s64_s16, int64_t, int16_t)

/* y [n] = the table's values at x [n], see ek_lut_s16_at; y may be x. */
static inline void ek_lut_row_s16(const int16_t *x, const int16_t *table, int16_t *y, int32_t n)
{
    for (int32_t j = 0; j < n; j++) {
        y[j] = ek_lut_s16_at(table, x[j]);
    }
}
