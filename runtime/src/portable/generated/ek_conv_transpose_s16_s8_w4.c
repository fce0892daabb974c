#define EK_NAME ek_conv_transpose_s16_s8_w4
#define EK_X int16_t
#define EK_ACC int64_t
#define EK_Y int8_t
#define EK_TERM(x, zero, w) ((int64_t)((int32_t)((x) - (zero)) * (w)))
#define EK_AT(w, i) ek_int4((w), (i))
#include "ek_int4.h"
#include "ek_conv_transpose_int.h"
