/* Bits of an element type, for the preprocessor: EK_BITS(EK_X) == 8. */
#ifndef EK_BITS
#define EK_BITS_OF_int8_t 8
#define EK_BITS_OF_int16_t 16
#define EK_BITS_NAMED(type) EK_BITS_OF_##type
#define EK_BITS(type) EK_BITS_NAMED(type)
#endif
