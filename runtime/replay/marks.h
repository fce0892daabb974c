/* What a build's EK_LAYER, which stands behind each layer, becomes where layers are measured one by one. */
#ifndef EK_LAYER
void replay_begin(void);
void replay_end(void);
#define EK_LAYER(number, data) (replay_end(), replay_begin(), (void)(data))
#endif
