#include "replay.h"

#include <stdio.h>

void replay_print(const char *text)
{
    fputs(text, stdout);
}

uintptr_t replay_stack_limit(void)
{
    return 0;
}
