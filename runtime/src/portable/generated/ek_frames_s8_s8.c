#define EK_NAME ek_frames_s8_s8
#define EK_X int8_t
#define EK_ACC int32_t
#define EK_Y int8_t
#define EK_OUTPUT ek_outputs_s32_s8
#include "ek_frames_int.h"
