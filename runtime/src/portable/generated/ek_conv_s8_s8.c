#define EK_NAME ek_conv_s8_s8
#define EK_X int8_t
#define EK_ACC int32_t
#define EK_Y int8_t
#define EK_PATH(path) ek_conv_##path##_s8_s8
#define EK_DOTS ek_dots_s8
#define EK_TERM(x, zero, w) ((int16_t)((int16_t)((x) - (zero)) * (w)))
#include "ek_conv_w8.h"
