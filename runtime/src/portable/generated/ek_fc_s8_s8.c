#define EK_NAME ek_fc_s8_s8
#define EK_X int8_t
#define EK_BIAS int32_t
#define EK_Y int8_t
#define EK_PRODUCT ek_rows_s8
#define EK_BYTES EK_BYTES_S8
#define EK_OUTPUT ek_outputs_s32_s8
#include "ek_fc_int.h"
