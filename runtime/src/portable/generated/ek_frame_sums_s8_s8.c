#define EK_NAME ek_frame_sums_s8_s8
#define EK_X int8_t
#define EK_SUM int32_t
#define EK_Y int8_t
#include "ek_frame_sums_int.h"
