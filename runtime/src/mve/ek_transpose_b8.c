/* Helium: bytes of sixteen rows, or of eight, are gathered. */
#include "edgekit.h"

#include <arm_mve.h>

/* y [c * y_step + r] = x [r * x_step + c], r < rows, c < cols, elements of a byte; x and y may not overlap. */
void ek_transpose_b8(const void *x, void *y, int32_t rows, int32_t cols, int32_t x_step, int32_t y_step)
{
    const uint16x8_t steps = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)x_step);
    const uint8x16_t bytes = vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)x_step);
    for (int32_t c = 0; c < cols; c++) {
        const uint8_t *from = (const uint8_t *)x + c;
        uint8_t *to = (uint8_t *)y + c * (ptrdiff_t)y_step;
        int32_t left = rows;
        if (x_step <= 17) {
            for (; left > 0; left -= 16, from += 16 * x_step, to += 16) {
                const mve_pred16_t some = vctp8q((uint32_t)left);
                vstrbq_p_u8(to, vldrbq_gather_offset_z_u8(from, bytes, some), some);
            }
        }
        for (; left > 0 && x_step <= 9362; left -= 8, from += 8 * (ptrdiff_t)x_step, to += 8) {
            const mve_pred16_t some = vctp16q((uint32_t)left);
            vstrbq_p_u16(to, vldrbq_gather_offset_z_u16(from, steps, some), some);
        }
        for (; left > 0; left--, from += x_step) {
            *to++ = *from;
        }
    }
}
