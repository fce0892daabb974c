/* Rows become columns: elements of EK_BYTES, in blocks that are turned in registers, as many columns at a time as lie in a
 * line of the cache. */
#include "ek_x86.h"

#define EK_LINE_COLS (64 / EK_BYTES)

#if EK_BYTES == 4

#define EK_BLOCK_ROWS 8
#define EK_BLOCK_COLS 4

/* Four columns of a row, and of that four rows below. */
static inline __m256 ek_two_rows(const char *x, ptrdiff_t step)
{
    const __m128 first = _mm_loadu_ps((const float *)(const void *)x);
    const __m128 second = _mm_loadu_ps((const float *)(const void *)(x + 4 * step));
    return _mm256_insertf128_ps(_mm256_castps128_ps256(first), second, 1);
}

/* Steps are in bytes. */
static inline void ek_turn(const char *x, char *y, ptrdiff_t x_step, ptrdiff_t y_step)
{
    const __m256 a = ek_two_rows(x, x_step), b = ek_two_rows(x + x_step, x_step);
    const __m256 c = ek_two_rows(x + 2 * x_step, x_step), d = ek_two_rows(x + 3 * x_step, x_step);
    const __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);
    const __m256 ab_high = _mm256_unpackhi_ps(a, b), cd_high = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps((float *)(void *)y, _mm256_shuffle_ps(ab, cd, 0x44));
    _mm256_storeu_ps((float *)(void *)(y + y_step), _mm256_shuffle_ps(ab, cd, 0xee));
    _mm256_storeu_ps((float *)(void *)(y + 2 * y_step), _mm256_shuffle_ps(ab_high, cd_high, 0x44));
    _mm256_storeu_ps((float *)(void *)(y + 3 * y_step), _mm256_shuffle_ps(ab_high, cd_high, 0xee));
}

#else

#define EK_BLOCK_ROWS (16 / EK_BYTES)
#define EK_BLOCK_COLS (16 / EK_BYTES)
#if EK_BYTES == 1
#define EK_LOW _mm_unpacklo_epi8
#define EK_HIGH _mm_unpackhi_epi8
#else
#define EK_LOW _mm_unpacklo_epi16
#define EK_HIGH _mm_unpackhi_epi16
#endif

/* Rows i and i + half are interleaved until their elements stand in columns. Steps are in bytes. */
static inline void ek_turn(const char *x, char *y, ptrdiff_t x_step, ptrdiff_t y_step)
{
    __m128i a[EK_BLOCK_ROWS], b[EK_BLOCK_ROWS];
    for (int32_t i = 0; i < EK_BLOCK_ROWS; i++) {
        a[i] = _mm_loadu_si128((const __m128i *)(const void *)(x + i * x_step));
    }
    for (int32_t turn = 1; turn < EK_BLOCK_ROWS; turn *= 2) {
        for (int32_t i = 0; i < EK_BLOCK_ROWS / 2; i++) {
            b[2 * i] = EK_LOW(a[i], a[i + EK_BLOCK_ROWS / 2]);
            b[2 * i + 1] = EK_HIGH(a[i], a[i + EK_BLOCK_ROWS / 2]);
        }
        memcpy(a, b, sizeof a);
    }
    for (int32_t i = 0; i < EK_BLOCK_ROWS; i++) {
        _mm_storeu_si128((__m128i *)(void *)(y + i * y_step), a[i]);
    }
}

#endif

static inline void ek_transpose(const void *x, void *y, int32_t rows, int32_t cols, int32_t x_step, int32_t y_step)
{
    const ptrdiff_t from = (ptrdiff_t)x_step * EK_BYTES, to = (ptrdiff_t)y_step * EK_BYTES;
    const int32_t whole_rows = rows / EK_BLOCK_ROWS * EK_BLOCK_ROWS, whole_cols = cols / EK_BLOCK_COLS * EK_BLOCK_COLS;
    for (int32_t first = 0; first < cols; first += EK_LINE_COLS) {
        const int32_t behind = cols - first < EK_LINE_COLS ? cols : first + EK_LINE_COLS;
        const int32_t whole = behind < whole_cols ? behind : whole_cols;
        for (int32_t r = 0; r < whole_rows; r += EK_BLOCK_ROWS) {
            const char *const source = (const char *)x + r * from;
            char *const target = (char *)y + r * EK_BYTES;
            for (int32_t c = first; c < whole; c += EK_BLOCK_COLS) {
                ek_turn(source + c * EK_BYTES, target + c * to, from, to);
            }
        }
        for (int32_t c = first; c < behind; c++) {
            for (int32_t r = c < whole ? whole_rows : 0; r < rows; r++) {
                memcpy((char *)y + c * to + r * EK_BYTES, (const char *)x + r * from + c * EK_BYTES, EK_BYTES);
            }
        }
    }
}
