/* The wall clock of whoever preloads this, set forward by so many seconds as the file EDGE_TEST_STEP says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long step(void) {
    char text[32] = {0};
    const char *path = getenv("EDGE_TEST_STEP");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return 0;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += step();
    return done;
}

time_t time(time_t *now) {
    struct timespec got;
    clock_gettime(CLOCK_REALTIME, &got);
    if (now) *now = got.tv_sec;
    return got.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec got;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &got);
    now->tv_sec = got.tv_sec;
    now->tv_usec = got.tv_nsec / 1000;
    return 0;
}
