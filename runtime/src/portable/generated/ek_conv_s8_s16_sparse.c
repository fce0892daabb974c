#define EK_NAME ek_conv_s8_s16_sparse
#define EK_X int8_t
#define EK_ACC int32_t
#define EK_Y int16_t
#include "ek_conv_sparse.h"
