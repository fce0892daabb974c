#define EK_NAME ek_fc_s16_s8_w4
#define EK_X int16_t
#define EK_BIAS int64_t
#define EK_Y int8_t
#define EK_PRODUCT ek_rows_s16_w4
#define EK_BYTES EK_ROW_BYTES_W4
#define EK_OUTPUT ek_outputs_s64_s8
#include "ek_rows_w4.h"
#include "ek_fc_int.h"
