// As much of NVIDIA's driver (libcuda.so.1, libnvidia-ml.so.1) as libtensorflow asks before it loads the CUDA libraries:
// one device of compute capability 8.9 that cannot compute.
#include <cstddef>
#include <cstring>

extern "C" {
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int* version) { *version = 12090; return 0; }
int cuDeviceGetCount(int* count) { *count = 1; return 0; }
int cuDeviceGet(int* device, int) { *device = 0; return 0; }
int cuDeviceGetName(char* name, int size, int) { strncpy(name, "stand-in", size); return 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = size_t{8} << 30; return 0; }
int cuDeviceGetPCIBusId(char* id, int size, int) { strncpy(id, "0000:01:00.0", size); return 0; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
  const int multiprocessors = 16, major = 75, minor = 76;
  *value = attribute == major ? 8 : attribute == minor ? 9 : attribute == multiprocessors ? 64 : 1024;
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int) { *context = reinterpret_cast<void*>(0x1000); return 0; }
int cuDevicePrimaryCtxGetState(int, unsigned* flags, int* active) { *flags = 0; *active = 1; return 0; }
int cuDevicePrimaryCtxSetFlags_v2(int, unsigned) { return 0; }
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxGetCurrent(void** context) { *context = reinterpret_cast<void*>(0x1000); return 0; }
int cuCtxSetCurrent(void*) { return 0; }
int cuCtxGetDevice(int* device) { *device = 0; return 0; }
int cuCtxGetApiVersion(void*, unsigned* version) { *version = 12090; return 0; }
int cuMemGetInfo_v2(size_t* free, size_t* total) { *free = *total = size_t{8} << 30; return 0; }
int cuDeviceCanAccessPeer(int* can, int, int) { *can = 0; return 0; }
int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
}
