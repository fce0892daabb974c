/* An example: two slots for bundles, of which a device takes the newest that it can use.
 *
 * A slot that was tried MOST_TRIALS times and never confirmed is passed over: then the other one, and at last the factory
 * weights. A product keeps bundles in flash and trials where a reset leaves them; it counts a trial before it runs the
 * network, and sets the count to 0 once it has run well. Here files and arguments stand for both:
 *
 *     slots FILE TRIALS FILE TRIALS LEAST_RELEASE
 */
#include <stdio.h>
#include <stdlib.h>

#include "{name}.h"
#include "{name}_load.h"

#define SLOTS 2
#define MOST_TRIALS 3

typedef union {{
    unsigned char bytes[{upper}_BUNDLE_BYTES];
    int64_t aligned[2];
}} memory;

typedef struct {{
    const void *bundle;
    size_t bytes;
    int trials;
}} slot;

/* The product's own: 0 where `signature` is the Ed25519 signature of these bytes by its public key. */
int product_verify(const unsigned char *bytes, size_t count, const unsigned char *signature, void *context);

/* The slot of the highest release that may be used; -1 for none. */
static int newest(const slot *slots, uint32_t least_release)
{{
    int best = -1;
    uint32_t release, highest = 0;
    for (int i = 0; i < SLOTS; i++) {{
        if (slots[i].trials < MOST_TRIALS
            && {name}_check_bundle(slots[i].bundle, slots[i].bytes, least_release, product_verify, NULL, &release) == {upper}_BUNDLE_GOOD
            && release > highest) {{
            best = i;
            highest = release;
        }}
    }}
    return best;
}}

int main(int argc, char **argv)
{{
    static _Alignas({upper}_ALIGN) memory flash[SLOTS];
    slot slots[SLOTS];
    int chosen;
    if (argc != 2 + 2 * SLOTS) {{
        return 2;
    }}
    for (int i = 0; i < SLOTS; i++) {{
        FILE *const file = fopen(argv[1 + 2 * i], "rb");
        slots[i].bundle = flash[i].bytes;
        slots[i].bytes = file == NULL ? 0 : fread(flash[i].bytes, 1, sizeof flash[i].bytes, file);
        slots[i].trials = atoi(argv[2 + 2 * i]);
        if (file != NULL) {{
            fclose(file);
        }}
    }}
    chosen = newest(slots, (uint32_t)strtoul(argv[1 + 2 * SLOTS], NULL, 10));
    if (chosen < 0) {{
        {name}_load_factory();
        printf("factory weights\n");
        return 0;
    }}
    if ({name}_load(slots[chosen].bundle, slots[chosen].bytes, 0, product_verify, NULL) != {upper}_BUNDLE_GOOD) {{
        return 1;
    }}
    printf("slot %d\n", chosen);
    return 0;
}}
