/* A GPU made of malloc and memcpy, for tests of code that drives a real one.
 *
 * Harsher than the real library, so that mistakes show: what is queued happens at a synchronisation and not before, new
 * memory is full of 0xCD and freed memory of 0xDD (and never reused), every copy is held against the live allocations,
 * and a stream works only in a thread whose device is the stream's.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID_VALUE = 1, NO_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101, BAD_HANDLE = 400, BAD_ADDRESS = 700 };

typedef struct Block { struct Block *next; char *start; size_t size; int pinned, live; } Block;
typedef struct Op { struct Op *next; char *to, *from; size_t size; void (*call)(void *); void *data; } Op;
typedef struct Stream { int device; Op *first, *last; } Stream;
typedef struct Event { Stream *stream; } Event;

/* What a test may set and read. */
int fake_devices = 1;
int fake_streams = 0;
int fake_events = 0;
int fake_pageable = 0;       /* copies with a host end that is not pinned */
size_t fake_room_left = (size_t)-1;
int fake_next_wait = OK;     /* what the next wait for the device gives */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Block *blocks = NULL;
static __thread int current = 0;
static __thread int last_error = OK;

static int told(int code) { if (code != OK) last_error = code; return code; }

static Block *around(const void *address, size_t size) {
    const char *at = address;
    for (Block *b = blocks; b; b = b->next)
        if (b->live && at >= b->start && at + size <= b->start + b->size) return b;
    return NULL;
}

static int allocate(void **out, size_t size, int pinned) {
    pthread_mutex_lock(&lock);
    if (!pinned && size > fake_room_left) { pthread_mutex_unlock(&lock); return told(NO_MEMORY); }
    if (!pinned && fake_room_left != (size_t)-1) fake_room_left -= size;
    Block *b = malloc(sizeof *b);
    *b = (Block){blocks, malloc(size ? size : 1), size, pinned, 1};
    memset(b->start, 0xCD, size);
    blocks = b;
    *out = b->start;
    pthread_mutex_unlock(&lock);
    return OK;
}

static int release(void *address, int pinned) {
    pthread_mutex_lock(&lock);
    Block *b = around(address, 0);
    int sound = b && b->start == (char *)address && b->pinned == pinned;
    if (sound) { memset(b->start, 0xDD, b->size); b->live = 0; }
    pthread_mutex_unlock(&lock);
    return told(sound ? OK : INVALID_VALUE);
}

static int queue(Stream *s, Op op) {
    if (!s || s->device != current) return told(BAD_HANDLE);
    Op *kept = malloc(sizeof *kept);
    *kept = op;
    kept->next = NULL;
    pthread_mutex_lock(&lock);
    if (s->last) s->last->next = kept; else s->first = kept;
    s->last = kept;
    pthread_mutex_unlock(&lock);
    return OK;
}

static int drain(Stream *s) {
    int code = fake_next_wait;
    fake_next_wait = OK;
    for (;;) {
        pthread_mutex_lock(&lock);
        Op *op = s->first;
        if (op && !(s->first = op->next)) s->last = NULL;
        int sound = op && (op->call || (around(op->to, op->size) && around(op->from, op->size)));
        pthread_mutex_unlock(&lock);
        if (!op) return told(code);
        if (!sound) code = BAD_ADDRESS;
        else if (op->call) op->call(op->data);
        else memcpy(op->to, op->from, op->size);
        free(op);
    }
}

static int count(int pinned) {
    int n = 0;
    pthread_mutex_lock(&lock);
    for (Block *b = blocks; b; b = b->next) n += b->live && b->pinned == pinned;
    pthread_mutex_unlock(&lock);
    return n;
}

int fake_live_device(void) { return count(0); }
int fake_live_pinned(void) { return count(1); }
int fake_last_error(void) { return last_error; }
int fake_is_device(void *address, size_t size) {
    pthread_mutex_lock(&lock);
    Block *b = around(address, size);
    pthread_mutex_unlock(&lock);
    return b && !b->pinned;
}

int cudaGetDeviceCount(int *n) { *n = fake_devices; return told(fake_devices ? OK : NO_DEVICE); }
int cudaSetDevice(int device) {
    if (device < 0 || device >= fake_devices) return told(INVALID_DEVICE);
    current = device;
    return OK;
}
int cudaGetDeviceProperties_v2(void *properties, int device) {
    memset(properties, 0, 1024);
    strcpy(properties, device ? "Fake GPU B" : "Fake GPU A");
    return OK;
}
const char *cudaGetErrorString(int code) {
    switch (code) {
    case NO_MEMORY: return "out of memory";
    case NO_DEVICE: return "no CUDA-capable device is detected";
    case INVALID_DEVICE: return "invalid device ordinal";
    case BAD_HANDLE: return "invalid resource handle";
    case BAD_ADDRESS: return "an illegal memory access was encountered";
    default: return "invalid argument";
    }
}
int cudaGetLastError(void) { int code = last_error; last_error = OK; return code; }
int cudaHostAlloc(void **out, size_t size, unsigned flags) { return flags == 1 ? allocate(out, size, 1) : told(INVALID_VALUE); }
int cudaFreeHost(void *address) { return release(address, 1); }
int cudaMalloc(void **out, size_t size) { return allocate(out, size, 0); }
int cudaFree(void *address) { return release(address, 0); }

int cudaMemcpyAsync(void *to, void *from, size_t size, int kind, void *stream) {
    pthread_mutex_lock(&lock);
    Block *device = around(kind == 1 ? to : from, size), *host = around(kind == 1 ? from : to, size);
    if (!host || !host->pinned) fake_pageable++;
    pthread_mutex_unlock(&lock);
    if ((kind != 1 && kind != 2) || !device || device->pinned || !host) return told(INVALID_VALUE);
    return queue(stream, (Op){.to = to, .from = from, .size = size});
}
int cudaLaunchHostFunc(void *stream, void (*call)(void *), void *data) {
    return queue(stream, (Op){.call = call, .data = data});
}

int cudaStreamCreateWithFlags(Stream **out, unsigned flags) {
    if (flags != 1) return told(INVALID_VALUE);
    *out = calloc(1, sizeof(Stream));
    (*out)->device = current;
    fake_streams++;
    return OK;
}
int cudaStreamDestroy(Stream *s) { drain(s); free(s); fake_streams--; return OK; }
int cudaStreamSynchronize(Stream *s) { return drain(s); }
int cudaEventCreateWithFlags(Event **out, unsigned flags) {
    if (flags != 3) return told(INVALID_VALUE);
    *out = calloc(1, sizeof(Event));
    fake_events++;
    return OK;
}
int cudaEventRecord(Event *e, Stream *s) {
    if (s->device != current) return told(BAD_HANDLE);
    e->stream = s;
    return OK;
}
int cudaEventSynchronize(Event *e) { return drain(e->stream); }
int cudaEventDestroy(Event *e) { free(e); fake_events--; return OK; }
