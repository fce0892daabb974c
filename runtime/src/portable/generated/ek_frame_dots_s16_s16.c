#define EK_NAME ek_frame_dots_s16_s16
#define EK_X int16_t
#define EK_SUM int64_t
#define EK_Y int16_t
#define EK_DOTS ek_from_zero_s16
#include "ek_frame_dots_int.h"
