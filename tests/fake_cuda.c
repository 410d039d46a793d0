/* The functions of NVIDIA's driver that pkpd calls, on this processor; tests/fake_cuda.py compiles it.

   A kernel is what the loader makes of a module's text; it runs in a thread of its own, so
   that it can be looked at and canceled.  Every copy is checked to lie in one allocation. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int (*Loader)(const char *text, void **launch, int *arguments, int *local, char *log);
typedef struct { void (*launch)(const uint64_t *, int, int); int arguments, local; } Kernel;
typedef struct { pthread_t thread; int begun; volatile int done; Kernel kernel; uint64_t P[64]; int blocks, threads; } Stream;
typedef struct { char *place; size_t size; } Room;

static Room rooms[4096];
static size_t used;
static int arriving;  /* a copy to the card has returned and may still be on its way */
static Loader loader;
size_t fake_memory = (size_t)1 << 30;
int fake_processors = 2, fake_major = 9, fake_minor = 0, fake_devices = 1, fake_current, fake_code, fake_peak_rooms;
char fake_failing[64];
size_t fake_used(void) { return used; }
int fake_rooms(void) { int n = 0; for (int i = 0; i < 4096; i++) n += rooms[i].place != 0; return n; }
void fake_loader(Loader f) { loader = f; }

#define CHECKED(name) if (!strcmp(fake_failing, #name)) { fake_failing[0] = 0; return fake_code; }
#define HERE(name) CHECKED(name) if (!fake_current) return 201;

int cuInit(unsigned flags) { CHECKED(cuInit) return fake_devices ? 0 : 100; }
int cuGetErrorString(int code, const char **words)
{ *words = code == 2 ? "out of memory" : code == 100 ? "no CUDA-capable device is detected" : code == 700 ?
  "an illegal memory access was encountered" : code == 218 ? "a PTX JIT compilation failed" : "another error"; return 0; }
int cuDriverGetVersion(int *v) { *v = 12040; return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return number < fake_devices ? 0 : 101; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "Fake", size); return 0; }
int cuDeviceGetAttribute(int *v, int which, int device)
{ *v = which == 39 ? 64 : which == 16 ? fake_processors : which == 75 ? fake_major : fake_minor; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &used; return 0; }
int cuCtxSetCurrent(void *context) { fake_current = context == &used; return fake_current ? 0 : 201; }
int cuMemGetInfo_v2(size_t *free_, size_t *total) { HERE(cuMemGetInfo_v2) *free_ = fake_memory - used; *total = fake_memory; return 0; }

int cuModuleLoadDataEx(void **module, const char *text, unsigned count, int *options, void **values)
{
  HERE(cuModuleLoadDataEx)
  Kernel *k = calloc(1, sizeof(Kernel));
  if (count != 2 || options[0] != 5 || options[1] != 6) return 1;
  *module = k;
  return loader(text, (void **)&k->launch, &k->arguments, &k->local, values[0]);
}
int cuModuleGetFunction(void **function, void *module, const char *name)
{ HERE(cuModuleGetFunction) *function = module; return strcmp(name, "run") ? 500 : 0; }
int cuFuncGetAttribute(int *v, int which, Kernel *k) { *v = which == 3 ? k->local : 255; return 0; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, Kernel *k, int threads, size_t shared)
{ *blocks = 64 / threads; return 0; }

int cuMemAlloc_v2(uint64_t *place, size_t size)
{
  HERE(cuMemAlloc_v2)
  if (used + size > fake_memory) return 2;
  for (int i = 0; i < 4096; i++) if (!rooms[i].place) {
    rooms[i] = (Room){malloc(size), size};
    memset(rooms[i].place, 0xFF, size);  /* as numbers NaN, as whole numbers -1: nothing counts on zeros */
    used += size;
    *place = (uint64_t)rooms[i].place;
    if (fake_rooms() > fake_peak_rooms) fake_peak_rooms = fake_rooms();
    return 0;
  }
  return 2;
}
int cuMemFree_v2(uint64_t place)
{
  for (int i = 0; i < 4096; i++) if ((uint64_t)rooms[i].place == place) {
    free(rooms[i].place); used -= rooms[i].size; rooms[i].place = 0; return 0;
  }
  return 1;
}
static int within(uint64_t place, size_t size)
{
  for (int i = 0; i < 4096; i++) {
    uint64_t first = (uint64_t)rooms[i].place;
    if (first && place >= first && place + size <= first + rooms[i].size) return 1;
  }
  return 0;
}
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t size)
{ HERE(cuMemcpyHtoD_v2) if (!within(to, size)) return 1; memcpy((void *)to, from, size); arriving = 1; return 0; }
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t size)
{ HERE(cuMemcpyDtoH_v2) if (!within(from, size)) return 1; memcpy(to, (void *)from, size); arriving = 0; return 0; }

int cuStreamCreate(Stream **stream, unsigned flags) { *stream = calloc(1, sizeof(Stream)); return flags == 1 ? 0 : 1; }
static void *work(void *given)
{ Stream *s = given; s->kernel.launch(s->P, s->blocks, s->threads); s->done = 1; return 0; }
int cuLaunchKernel(Kernel *k, unsigned bx, unsigned by, unsigned bz, unsigned tx, unsigned ty, unsigned tz,
                   unsigned shared, Stream *s, void **arguments, void **extra)
{
  HERE(cuLaunchKernel)
  if (arriving) return 719;
  if (!bx || by != 1 || bz != 1 || !tx || ty != 1 || tz != 1 || tx > 1024 || shared || extra) return 1;
  for (int i = 0; i < k->arguments; i++) memcpy(&s->P[i], arguments[i], 8);
  s->kernel = *k; s->blocks = bx; s->threads = tx; s->begun = 1; s->done = 0;
  return pthread_create(&s->thread, 0, work, s) ? 1 : 0;
}
int cuStreamQuery(Stream *s) { CHECKED(cuStreamQuery) return !s->begun || s->done ? 0 : 600; }
int cuStreamSynchronize(Stream *s) { if (!s) { arriving = 0; return 0; } if (s->begun) pthread_join(s->thread, 0); s->begun = 0; return 0; }
int cuStreamDestroy_v2(Stream *s) { free(s); return 0; }
