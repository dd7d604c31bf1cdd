/* Another wall clock for one process: what the C library tells, and so many seconds more or less. The number is in a file,
 * so that a test can set the clock while the process runs. Deliberately absent: every other clock. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *set_by;

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("WALL_CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(0, sizeof *set_by, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        set_by = mapped;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *told)
{
    int result = (int)syscall(SYS_clock_gettime, clock, told);
    if (result == 0 && set_by && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        told->tv_sec += *set_by;
    return result;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    told->tv_sec = now.tv_sec;
    told->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (told)
        *told = now.tv_sec;
    return now.tv_sec;
}
