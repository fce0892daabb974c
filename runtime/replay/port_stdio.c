#include "replay.h"

#include <stdio.h>

void replay_print(const char *text)
{
    fputs(text, stdout);
}
