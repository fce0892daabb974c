#define EK_NAME ek_frames_s16_s16
#define EK_X int16_t
#define EK_ACC int64_t
#define EK_Y int16_t
#define EK_OUTPUT ek_outputs_s64_s16
#include "ek_frames_int.h"
