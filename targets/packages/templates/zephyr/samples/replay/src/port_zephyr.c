#include <zephyr/sys/printk.h>

#include "replay.h"

void replay_print(const char *text)
{
    printk("%s", text);
}
