#define EK_NAME ek_fc_s16_s8_sparse
#define EK_X int16_t
#define EK_BIAS int64_t
#define EK_Y int8_t
#define EK_PRODUCT ek_sparse_s16
#define EK_FROM(w, o, k) (w), (o)
#define EK_OUTPUT ek_outputs_s64_s8
#include "ek_rows_sparse.h"
#include "ek_fc_int.h"
