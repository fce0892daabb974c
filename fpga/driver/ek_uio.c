#define _POSIX_C_SOURCE 200809L
#include "ek_uio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t read_register(void *context, uint32_t address)
{
    return ((const ek_uio *)context)->registers[address / 4];
}

static void write_register(void *context, uint32_t address, uint32_t value)
{
    __sync_synchronize(); /* what was written to memory before is there before the register is */
    ((const ek_uio *)context)->registers[address / 4] = value;
}

/* Sleeps until the interrupt; the kernel switches it off when it comes. */
static int sleep_until_interrupt(void *context)
{
    const ek_uio *const uio = context;
    const uint32_t on = 1;
    uint32_t count;
    struct pollfd waited = {uio->file, POLLIN, 0};
    if (write(uio->file, &on, sizeof on) != (ssize_t)sizeof on) {
        return -1;
    }
    if ((uio->registers[EK_REGISTER_STATUS / 4] & 1u) == 0) {
        return 0; /* it ended before the interrupt was on */
    }
    const int found = poll(&waited, 1, uio->timeout_ms);
    if (found <= 0) {
        return found < 0 && errno == EINTR ? 0 : -1;
    }
    return read(uio->file, &count, sizeof count) < 0 ? -1 : 0;
}

/* A number of sysfs, as 0x40000000. */
static int number_of(const char *description, int map, const char *what, unsigned long *number)
{
    char path[256];
    const int length = snprintf(path, sizeof path, "%s/maps/map%d/%s", description, map, what);
    FILE *const file = length < (int)sizeof path ? fopen(path, "r") : NULL;
    if (file == NULL) {
        return -1;
    }
    const int found = fscanf(file, "%lx", number);
    (void)fclose(file);
    errno = found == 1 ? 0 : EINVAL;
    return found == 1 ? 0 : -1;
}

static int map_all(ek_uio *uio, const char *description)
{
    void *maps[2] = {NULL, NULL};
    const size_t least[2] = {4 * EK_REGISTERS, EK_MEMORY_BYTES};
    unsigned long number = 0;
    for (int i = 0; i < 2; i++) {
        if (number_of(description, i, "size", &number) != 0) {
            return -1;
        }
        if (number < least[i]) {
            errno = ENOMEM;
            return -1;
        }
        uio->sizes[i] = number;
        maps[i] = mmap(NULL, number, PROT_READ | PROT_WRITE, MAP_SHARED, uio->file, i * sysconf(_SC_PAGESIZE));
        if (maps[i] == MAP_FAILED) {
            return -1;
        }
        if (i == 0) {
            uio->registers = maps[0];
        }
    }
    uio->memory = maps[1];
    if (number_of(description, 1, "addr", &number) != 0) {
        return -1;
    }
    uio->address = (uint32_t)number;
    return 0;
}

int ek_uio_open(ek_uio *uio, const char *device, const char *description)
{
    const ek_platform platform = {uio, read_register, write_register, NULL, NULL, sleep_until_interrupt};
    uio->platform = platform;
    uio->registers = NULL;
    uio->memory = NULL;
    uio->timeout_ms = -1;
    uio->file = open(device, O_RDWR | O_SYNC);
    if (uio->file < 0) {
        return -1;
    }
    if (map_all(uio, description) != 0) {
        const int error = errno;
        ek_uio_close(uio);
        errno = error;
        return -1;
    }
    uio->registers[EK_REGISTER_INTERRUPT / 4] = 1;
    return 0;
}

void ek_uio_close(ek_uio *uio)
{
    if (uio->memory != NULL) {
        (void)munmap(uio->memory, uio->sizes[1]);
    }
    if (uio->registers != NULL) {
        (void)munmap((void *)(uintptr_t)uio->registers, uio->sizes[0]);
    }
    (void)close(uio->file);
}
