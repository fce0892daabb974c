/* Positions are taken one by one or some together here, without tiles. */
#define EK_COLUMN_TILES(...) 0
