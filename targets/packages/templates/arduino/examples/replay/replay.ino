// Runs golden data through @name@ and prints PASS or FAIL. Board and port are yours to choose.
#include <@name@.h>

extern "C" int replay_run(void);

extern "C" void replay_print(const char *text)
{
    Serial.print(text);
}

void setup()
{
    Serial.begin(115200);
    while (!Serial) {
    }
    replay_run();
}

void loop()
{
}
