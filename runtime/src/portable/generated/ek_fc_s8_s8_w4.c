#define EK_NAME ek_fc_s8_s8_w4
#define EK_X int8_t
#define EK_BIAS int32_t
#define EK_Y int8_t
#define EK_PRODUCT ek_rows_s8_w4
#define EK_BYTES EK_ROW_BYTES_W4
#define EK_OUTPUT ek_outputs_s32_s8
#include "ek_rows_w4.h"
#include "ek_fc_int.h"
