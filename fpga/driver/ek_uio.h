/* An engine under Linux, behind its UIO driver (uio_pdrv_genirq): map 0 of the device has the registers, map 1 the memory, which
 * the device tree reserves and the kernel maps without a cache. */
#ifndef EK_UIO_H
#define EK_UIO_H

#include "ek_driver.h"

typedef struct {
    int file;
    volatile uint32_t *registers;
    void *memory;
    uint32_t address;          /* of the memory, as the engine sees it */
    size_t sizes[2];           /* of the maps */
    int timeout_ms;            /* that a run may take until ek_wait gives up; -1: any time */
    ek_platform platform;
} ek_uio;

/* Opens a device, as "/dev/uio0", which "/sys/class/uio/uio0" describes. Returns 0, or -1 with errno set. */
int ek_uio_open(ek_uio *uio, const char *device, const char *description);
void ek_uio_close(ek_uio *uio);

#endif
