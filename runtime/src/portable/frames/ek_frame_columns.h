/* Columns of integer weighted sums of frames that an instruction set takes at once: none here. */
#include "edgekit.h"

/* The first columns of a row of EK_NAME; says how many. */
static inline int32_t ek_frame_columns(const EK_X *a, int32_t a_zero, const EK_X *x, int32_t x_zero, const int32_t *at,
                                       int32_t mult, int32_t shift, int32_t y_zero, int32_t y_min, int32_t y_max, EK_Y *y,
                                       int32_t k, int32_t n)
{
    (void)a, (void)a_zero, (void)x, (void)x_zero, (void)at, (void)mult, (void)shift, (void)y_zero, (void)y_min;
    (void)y_max, (void)y, (void)k, (void)n;
    return 0;
}
