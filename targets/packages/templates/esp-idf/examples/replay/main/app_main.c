#include <stdio.h>

#include "replay.h"

int replay_run(void);
void app_main(void);

void replay_print(const char *text)
{
    fputs(text, stdout);
}

void app_main(void)
{
    replay_run();
}
