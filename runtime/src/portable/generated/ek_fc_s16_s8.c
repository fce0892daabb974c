#define EK_NAME ek_fc_s16_s8
#define EK_X int16_t
#define EK_BIAS int64_t
#define EK_Y int8_t
#define EK_PRODUCT ek_rows_s16
#define EK_BYTES EK_BYTES_S16
#define EK_OUTPUT ek_outputs_s64_s8
#include "ek_fc_int.h"
