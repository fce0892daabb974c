/* Rows of int8 weights of which N in each group of M inputs are stored, with where they stand. Private to runtime/src.
 *
 * Head, EK_TURNS_HEAD bytes: N, M (0: rows that are stored whole follow), bits of an index (2, 4 or 8), 0. A row has N
 * parts, the first stored weight of each group, the second, and so on. A part has a turn for 16 groups: 16 weights, then
 * 2 * bits bytes of indices. In a turn an index of 8 bits counts from the turn's first input, others from their group's:
 * those of weights i, i + 4 ... lie in byte i % 4 of a word, the lowest bits first. What is left of the groups follows as
 * weights, then indices of 8 bits from the first of these groups' inputs on. What fills a group up is a weight 0 at its
 * first input (edgekit.targets.c.sparse). */
#ifndef EK_TURNS_GUARD
#define EK_TURNS_GUARD

#include "edgekit.h"

#define EK_TURNS_HEAD 4
#define EK_TURN 16

typedef struct {
    int32_t kept, group, bits;
} ek_turns;

static inline ek_turns ek_turns_of(const int8_t *w)
{
    const ek_turns made = {w[0], w[1], w[2]};
    return made;
}

/* Bytes of one row of k inputs. */
static inline ptrdiff_t ek_turns_bytes(const ek_turns *t, int32_t k)
{
    const int32_t groups = (k + t->group - 1) / t->group, turns = groups / EK_TURN;
    return (ptrdiff_t)t->kept * (turns * (EK_TURN + 2 * t->bits) + 2 * (groups % EK_TURN));
}

/* Which input weight i of a turn reads, from the turn's first on. */
static inline int32_t ek_turn_index(const ek_turns *t, const int8_t *indices, int32_t i)
{
    if (t->bits == 8) {
        return (uint8_t)indices[i];
    }
    const int32_t words = 32 / t->bits;
    const int32_t byte = (uint8_t)indices[i / words * 4 + (i & 3)];
    return i * t->group + ((byte >> (i % words / 4 * t->bits)) & (t->group - 1));
}

/* name: acc [rows] += x [k] . w, rows from row `from` on of the weights whose head w is; `whole` takes rows that are
 * stored whole. */
#define EK_TURNS_ROWS(name, x_type, acc_type, whole, whole_bytes)                                               \
    static inline void name(const x_type *restrict x, const int8_t *restrict w, int32_t from, int32_t k,         \
                            int32_t rows, acc_type *restrict acc)                                                \
    {                                                                                                            \
        const ek_turns t = ek_turns_of(w);                                                                       \
        if (t.group == 0) {                                                                                      \
            whole(x, w + EK_TURNS_HEAD + from * whole_bytes(k), k, rows, acc);                                   \
            return;                                                                                              \
        }                                                                                                        \
        const int32_t groups = (k + t.group - 1) / t.group, rest = groups % EK_TURN;                             \
        const int8_t *at = w + EK_TURNS_HEAD + from * ek_turns_bytes(&t, k);                                     \
        for (int32_t part = 0; part < rows * t.kept; part++) {                                                   \
            const x_type *xi = x;                                                                                \
            acc_type sum = 0;                                                                                    \
            for (int32_t turn = groups / EK_TURN; turn > 0; turn--) {                                            \
                for (int32_t i = 0; i < EK_TURN; i++) {                                                          \
                    sum += xi[ek_turn_index(&t, at + EK_TURN, i)] * at[i];                                       \
                }                                                                                                \
                at += EK_TURN + 2 * t.bits, xi += EK_TURN * t.group;                                             \
            }                                                                                                    \
            for (int32_t i = 0; i < rest; i++) {                                                                 \
                sum += xi[(uint8_t)at[rest + i]] * at[i];                                                        \
            }                                                                                                    \
            at += 2 * rest;                                                                                      \
            acc[part / t.kept] += sum;                                                                           \
        }                                                                                                        \
    }

#endif
