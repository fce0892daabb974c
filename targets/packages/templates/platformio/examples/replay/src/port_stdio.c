#include <stdio.h>

#include "replay.h"

void replay_print(const char *text)
{
    fputs(text, stdout);
}
