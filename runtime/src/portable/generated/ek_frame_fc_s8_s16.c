#define EK_NAME ek_frame_fc_s8_s16
#define EK_X int8_t
#define EK_BIAS int32_t
#define EK_Y int16_t
#define EK_PRODUCT ek_rows_s8
#define EK_BYTES EK_BYTES_S8
#define EK_OUTPUT ek_outputs_s32_s16
#include "ek_frame_fc_int.h"
