/* {name}: weights that are replaced at run time, in a bundle that `edgekit bundle` signed. See docs/guides/updates.md. */
#ifndef {upper}_LOAD_H
#define {upper}_LOAD_H

#include <stddef.h>
#include <stdint.h>

#define {upper}_WEIGHTS_BYTES {payload_bytes}u
#define {upper}_BUNDLE_BYTES ({upper}_WEIGHTS_BYTES + 160u)

#ifdef __cplusplus
extern "C" {{
#endif

typedef enum {{
    {upper}_BUNDLE_GOOD = 0,
    {upper}_BUNDLE_MISALIGNED = -1,    /* NULL, or not aligned to {upper}_ALIGN */
    {upper}_BUNDLE_NONE = -2,          /* no bundle, or one of another format */
    {upper}_BUNDLE_OTHER_NETWORK = -3, /* its weights are of other C than this */
    {upper}_BUNDLE_CUT = -4,           /* too few bytes, or too many */
    {upper}_BUNDLE_OLDER = -5,         /* its release is below the least one */
    {upper}_BUNDLE_UNSIGNED = -6,      /* no verify, or it refused the signature */
    {upper}_BUNDLE_DAMAGED = -7,       /* the weights are not those that were signed */
}} {name}_bundle_status;

/* The product's own check of an Ed25519 signature (64 bytes) of `count` bytes: 0 where it is that of its public key. */
typedef int (*{name}_verify)(const unsigned char *bytes, size_t count, const unsigned char *signature, void *context);

/* Whether a bundle may be used; its release goes to `release`, where that is not NULL. */
{name}_bundle_status {name}_check_bundle(const void *bundle, size_t bytes, uint32_t least_release,
{indent}{name}_verify verify, void *context, uint32_t *release);

/* The same, and from now on all instances read its weights where they are: flash that stays mapped, or RAM that stays.
 * Not while a hop runs; states may be kept. A bundle that is refused changes nothing. */
{name}_bundle_status {name}_load(const void *bundle, size_t bytes, uint32_t least_release, {name}_verify verify, void *context);

/* Back to the weights that the program was linked with. */
void {name}_load_factory(void);

#ifdef __cplusplus
}}
#endif

#endif
