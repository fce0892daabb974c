/* Tiles of ek_conv_pointwise.h have no other products here. */
