#define EK_NAME ek_frame_dots_s8_s16
#define EK_X int8_t
#define EK_SUM int32_t
#define EK_Y int16_t
#define EK_DOTS ek_from_zero_s8
#include "ek_frame_dots_int.h"
