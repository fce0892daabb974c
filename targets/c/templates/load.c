#include "{name}_load.h"

#include <string.h>

#include "{name}.h"

#define HEADER_BYTES 160u
#define SIGNED_BYTES 96u
#define FORMAT 1u

extern const unsigned char *{name}_weights; /* of {name}_weights.c */

static const unsigned char network_digest[32] = {{
{digest}
}};

/* ---- SHA-256, FIPS 180-4 ---------------------------------------------------------------------- */

typedef struct {{
    uint32_t h[8];
    unsigned char block[64];
    size_t bytes;
}} sha256;

static uint32_t turned(uint32_t x, unsigned n)
{{
    return (x >> n) | (x << (32u - n));
}}

static void sha256_block(sha256 *s, const unsigned char *p)
{{
    static const uint32_t k[64] = {{
{round_constants}
    }};
    uint32_t w[64], v[8];
    for (unsigned i = 0; i < 16u; i++) {{
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    }}
    for (unsigned i = 16; i < 64u; i++) {{
        const uint32_t a = turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3;
        const uint32_t b = turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }}
    memcpy(v, s->h, sizeof v);
    for (unsigned i = 0; i < 64u; i++) {{
        const uint32_t a = turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25);
        const uint32_t t = v[7] + a + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        const uint32_t b = turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22);
        const uint32_t u = b + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t;
        v[0] = t + u;
    }}
    for (unsigned i = 0; i < 8u; i++) {{
        s->h[i] += v[i];
    }}
}}

static void digest_of(const unsigned char *p, size_t bytes, unsigned char *digest)
{{
    sha256 s = {{{{0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u}},
                {{0}},
                bytes}};
    size_t left = bytes;
    for (; left >= 64u; left -= 64u, p += 64) {{
        sha256_block(&s, p);
    }}
    memcpy(s.block, p, left);
    s.block[left] = 0x80;
    if (left >= 56u) {{
        sha256_block(&s, s.block);
        memset(s.block, 0, sizeof s.block);
    }}
    for (unsigned i = 0; i < 8u; i++) {{
        s.block[63 - i] = (unsigned char)((uint64_t)bytes * 8u >> (8u * i));
    }}
    sha256_block(&s, s.block);
    for (unsigned i = 0; i < 32u; i++) {{
        digest[i] = (unsigned char)(s.h[i / 4u] >> (24u - 8u * (i % 4u)));
    }}
}}

/* ---- bundles ----------------------------------------------------------------------------------- */

static uint32_t word(const unsigned char *p)
{{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}}

{name}_bundle_status {name}_check_bundle(const void *bundle, size_t bytes, uint32_t least_release,
{indent}{name}_verify verify, void *context, uint32_t *release)
{{
    const unsigned char *const p = bundle;
    unsigned char digest[32];
    if (bundle == NULL || (uintptr_t)bundle % {upper}_ALIGN != 0) {{
        return {upper}_BUNDLE_MISALIGNED;
    }}
    if (bytes < HEADER_BYTES || memcmp(p, "EKBUNDLE", 8) != 0 || word(p + 8) != FORMAT || word(p + 12) != HEADER_BYTES
        || word(p + 24) != 0 || word(p + 28) != 0) {{
        return {upper}_BUNDLE_NONE;
    }}
    if (memcmp(p + 32, network_digest, 32) != 0 || word(p + 20) != {upper}_WEIGHTS_BYTES) {{
        return {upper}_BUNDLE_OTHER_NETWORK;
    }}
    if (bytes != HEADER_BYTES + {upper}_WEIGHTS_BYTES) {{
        return {upper}_BUNDLE_CUT;
    }}
    if (word(p + 16) < least_release) {{
        return {upper}_BUNDLE_OLDER;
    }}
    if (verify == NULL || verify(p, SIGNED_BYTES, p + SIGNED_BYTES, context) != 0) {{
        return {upper}_BUNDLE_UNSIGNED;
    }}
    digest_of(p + HEADER_BYTES, {upper}_WEIGHTS_BYTES, digest);
    if (memcmp(digest, p + 64, 32) != 0) {{
        return {upper}_BUNDLE_DAMAGED;
    }}
    if (release != NULL) {{
        *release = word(p + 16);
    }}
    return {upper}_BUNDLE_GOOD;
}}

{name}_bundle_status {name}_load(const void *bundle, size_t bytes, uint32_t least_release, {name}_verify verify, void *context)
{{
    const {name}_bundle_status status = {name}_check_bundle(bundle, bytes, least_release, verify, context, NULL);
    if (status == {upper}_BUNDLE_GOOD) {{
        {name}_weights = (const unsigned char *)bundle + HEADER_BYTES;
    }}
    return status;
}}
