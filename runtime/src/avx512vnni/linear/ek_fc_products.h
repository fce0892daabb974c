/* Rows of ek_fc_tiles.h have no other products here. */
#define EK_FC_PRODUCTS(...) 0
