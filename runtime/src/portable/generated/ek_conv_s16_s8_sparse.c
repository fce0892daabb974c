#define EK_NAME ek_conv_s16_s8_sparse
#define EK_X int16_t
#define EK_ACC int64_t
#define EK_Y int8_t
#include "ek_conv_sparse.h"
