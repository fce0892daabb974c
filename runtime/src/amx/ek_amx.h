/* Products of int8 matrices by the tiles of AMX: registers of 16 rows of 64 bytes. Tiles 0 to 3 have sums, 4 the left
 * operand and 5 to 7 the right one. Four bytes of a column of the right operand lie together, as for vpdpbusd. Linux lets
 * a process use tiles once it has asked; where it refuses, the kernels for AVX-512 compute the same. */
#ifndef EK_AMX_GUARD
#define EK_AMX_GUARD

#include "ek_x86.h"

#define EK_AMX_GROUPS 16 /* of four bytes in a row of the left operand */

#if defined(__AMX_INT8__) && defined(__linux__) && defined(__x86_64__)
#define EK_AMX_ASK 0x1023 /* ARCH_REQ_XCOMP_PERM */
#define EK_AMX_STATE 18   /* that of tiles */

/* Whether the system grants tiles: its answer to arch_prctl, number 158. */
static inline int ek_amx_granted(void)
{
    int64_t answer = 158;
    __asm__ volatile("syscall"
                     : "+a"(answer)
                     : "D"((int64_t)EK_AMX_ASK), "S"((int64_t)EK_AMX_STATE)
                     : "rcx", "r11", "memory");
    return answer == 0;
}

#define EK_AMX_CONFIGURE(from) __asm__ volatile("ldtilecfg %0" : : "m"(*(from)) : "memory")
#define EK_AMX_RELEASE() __asm__ volatile("tilerelease" : : : "memory")
#define EK_AMX_ZERO(tile) __asm__ volatile("tilezero %%tmm" #tile : : : "memory")
#define EK_AMX_LOAD(tile, from, apart) \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile : : "r"(from), "r"((ptrdiff_t)(apart)) : "memory")
#define EK_AMX_STORE(tile, to, apart) \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" : : "r"(to), "r"((ptrdiff_t)(apart)) : "memory")
/* sums += left times right, of which the left or the right one is unsigned. */
#define EK_AMX_LEFT_UNSIGNED(sums, left, right) \
    __asm__ volatile("tdpbusd %%tmm" #right ", %%tmm" #left ", %%tmm" #sums : : : "memory")
#define EK_AMX_RIGHT_UNSIGNED(sums, left, right) \
    __asm__ volatile("tdpbsud %%tmm" #right ", %%tmm" #left ", %%tmm" #sums : : : "memory")
#else /* a compiler or a system without tiles */
#define ek_amx_granted() 0
#define EK_AMX_CONFIGURE(from) ((void)(from))
#define EK_AMX_RELEASE() ((void)0)
#define EK_AMX_ZERO(tile) ((void)0)
#define EK_AMX_LOAD(tile, from, apart) ((void)(from), (void)(apart))
#define EK_AMX_STORE(tile, to, apart) ((void)(to), (void)(apart))
#define EK_AMX_LEFT_UNSIGNED(sums, left, right) ((void)0)
#define EK_AMX_RIGHT_UNSIGNED(sums, left, right) ((void)0)
#endif

/* Rows and bytes of a row of every tile, as ldtilecfg reads them. */
typedef struct {
    uint8_t palette, start, unused[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} ek_amx_shapes;

/* Whether this process may use tiles. */
static inline int ek_amx_ready(void)
{
    static int32_t known; /* 1: yes, 2: no */
    int32_t state = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (state == 0) {
        state = ek_amx_granted() ? 1 : 2;
        __atomic_store_n(&known, state, __ATOMIC_RELAXED);
    }
    return state == 1;
}

/* Sums and the left operand get so many rows, 16 at most. */
static inline void ek_amx_configure(int32_t rows)
{
    ek_amx_shapes shapes = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {0}};
    for (int32_t i = 0; i < 8; i++) {
        shapes.rows[i] = (uint8_t)(i < 5 ? rows : 16);
    }
    EK_AMX_CONFIGURE(&shapes);
}

#endif
