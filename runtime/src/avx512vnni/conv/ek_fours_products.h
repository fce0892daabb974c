/* Positions of ek_conv_fours.h have no other products here. */
