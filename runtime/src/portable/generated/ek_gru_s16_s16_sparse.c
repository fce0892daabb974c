#define EK_NAME ek_gru_s16_s16_sparse
#define EK_X int16_t
#define EK_H int16_t
#define EK_W_SUM int64_t
#define EK_R_SUM int64_t
#define EK_W S16_SPARSE
#define EK_R S16_SPARSE
#define EK_NARROW(v) (v)
#include "ek_rows_sparse.h"
#include "ek_gru_int.h"
