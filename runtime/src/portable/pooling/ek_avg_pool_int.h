/* The integer mean of windows over EK_NAME, EK_T (x), EK_Y (y) and EK_ACC. */
#define EK_BEFORE                                                                                          \
    int32_t x_zero, const int32_t *restrict mult, const uint8_t *restrict shift, int32_t count_min,        \
        int32_t y_zero, int32_t y_min, int32_t y_max,
#define EK_BEHIND int32_t include_pad, int32_t pad_bottom, int32_t pad_right,
#define EK_START 0
#define EK_OUTSIDE x_zero
#define EK_WITH x_zero
#define EK_ADD(acc, v) ((acc) + ((v) - x_zero))
#define EK_SLOT (EK_COUNT - count_min)
#define EK_RESULT(acc) ((EK_Y)ek_output(acc, mult[EK_SLOT], shift[EK_SLOT], y_zero, y_min, y_max))
#define EK_POOL_SUM /* of many outputs, where vectors have them */                                             \
    ek_pool_means_int(acc, high * s.k_w * x_zero, ek_pool_factors_of(factors, down, across, fits, mult, shift, count_min), \
                      y_zero, y_min, y_max, n, to)
#include "ek_pool_count.h"
#include "ek_pool_whole.h"
#include "ek_pool.h"
