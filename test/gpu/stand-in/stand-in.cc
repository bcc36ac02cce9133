// A device of type GPU without a GPU, loaded before TensorFlow with LD_PRELOAD. TensorFlow's own placer, partitioner and
// executor treat it as one: it has the kernels that the CUDA build registers (kernels.txt), and what crosses between host
// and device is copied. Its memory is the host's, and the CPU kernel of the same node computes.
//
// Environment: TF_GPU_STAND_IN_COUNTERS file that holds the counters below, shared with the test that made it;
// TF_GPU_STAND_IN_WITHOUT a type of which it has no matrix products, such as `bfloat16`.
#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <sstream>

#include "tensorflow/core/common_runtime/local_device.h"
#include "tensorflow/core/framework/device_factory.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace {
using namespace tensorflow;

constexpr char kKernels[] =
#include "kernels.h"
    ;
constexpr size_t kAlignment = 64;
constexpr int kGraphVersion = 1087;

/** In the order in which the test reads them. */
struct Counters {
  std::atomic<int64_t> launches, copies_up, bytes_up, copies_down, bytes_down, live_bytes, peak_bytes;
};

Counters& counters() {
  static Counters* shared = [] {
    const char* path = getenv("TF_GPU_STAND_IN_COUNTERS");
    int file = path ? open(path, O_RDWR) : -1;
    if (file < 0) return new Counters();
    return static_cast<Counters*>(mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  }();
  return *shared;
}

/** The host's memory, counted: the size of a block is kept in front of it. */
class DeviceMemory : public Allocator {
 public:
  std::string Name() override { return "stand_in"; }

  void* AllocateRaw(size_t alignment, size_t bytes) override {
    char* block = static_cast<char*>(cpu_allocator()->AllocateRaw(kAlignment, bytes + kAlignment));
    if (block == nullptr) return nullptr;
    *reinterpret_cast<size_t*>(block) = bytes;
    int64_t live = counters().live_bytes += bytes;
    int64_t peak = counters().peak_bytes;
    while (live > peak && !counters().peak_bytes.compare_exchange_weak(peak, live)) {}
    return block + kAlignment;
  }

  void DeallocateRaw(void* pointer) override {
    char* block = static_cast<char*>(pointer) - kAlignment;
    counters().live_bytes -= *reinterpret_cast<size_t*>(block);
    cpu_allocator()->DeallocateRaw(block);
  }
};

class Copies : public DeviceContext {
 public:
  void CopyCPUTensorToDevice(const Tensor* from, Device*, Tensor* to, StatusCallback done, bool) const override {
    counters().copies_up++;
    counters().bytes_up += from->TotalBytes();
    Copy(*from, to, done);
  }
  void CopyDeviceTensorToCPU(const Tensor* from, absl::string_view, Device*, Tensor* to, StatusCallback done) override {
    counters().copies_down++;
    counters().bytes_down += from->TotalBytes();
    Copy(*from, to, done);
  }
  void CopyTensorInSameDevice(const Tensor* from, Device*, Tensor* to, StatusCallback done) const override {
    Copy(*from, to, done);
  }

 private:
  static void Copy(const Tensor& from, Tensor* to, const StatusCallback& done) {
    if (from.TotalBytes() > 0) memcpy(to->data(), from.data(), from.TotalBytes());
    done(absl::OkStatus());
  }
};

class StandIn : public LocalDevice {
 public:
  StandIn(const SessionOptions& options, const DeviceAttributes& attributes) : LocalDevice(options, attributes) {
    info_.default_context = copies_;
    info_.gpu_id = 0;
    set_tensorflow_accelerator_device_info(&info_);
  }
  ~StandIn() override { copies_->Unref(); }

  Allocator* GetAllocator(AllocatorAttributes attributes) override {
    static Allocator* memory = new DeviceMemory;
    return attributes.on_host() ? cpu_allocator() : memory;
  }
  absl::Status MakeTensorFromProto(const TensorProto& proto, AllocatorAttributes attributes, Tensor* tensor) override {
    Tensor parsed(proto.dtype());
    if (!parsed.FromProto(GetAllocator(attributes), proto)) return absl::InvalidArgumentError("a constant");
    *tensor = parsed;
    return absl::OkStatus();
  }
  absl::Status TryGetDeviceContext(DeviceContext** context) override {
    copies_->Ref();
    *context = copies_;
    return absl::OkStatus();
  }
  void Compute(OpKernel* kernel, OpKernelContext* context) override {
    counters().launches++;
    kernel->Compute(context);
  }
  absl::Status Sync() override { return absl::OkStatus(); }

 private:
  AcceleratorDeviceInfo info_;
  Copies* copies_ = new Copies;
};

/** Computes with the CPU kernel of its node. */
class Twin : public OpKernel {
 public:
  explicit Twin(OpKernelConstruction* construction) : OpKernel(construction) {
    absl::Status status;
    Device* device = static_cast<Device*>(construction->device());
    twin_ = CreateOpKernel(DEVICE_CPU, device, cpu_allocator(), construction->def(), kGraphVersion, &status);
    if (!status.ok()) construction->SetStatus(status);
  }
  void Compute(OpKernelContext* context) override { twin_->Compute(context); }

 private:
  std::unique_ptr<OpKernel> twin_;
};

/** Lines as `MatMul T=float,half`; `host=` names inputs and outputs that stay in the host's memory. */
void RegisterKernels() {
  const char* without = getenv("TF_GPU_STAND_IN_WITHOUT");
  std::istringstream lines(kKernels);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    auto* kernel = new KernelDef;
    words >> *kernel->mutable_op();
    kernel->set_device_type(DEVICE_GPU);
    for (std::string word; words >> word;) {
      size_t equals = word.find('=');
      std::string name = word.substr(0, equals);
      std::istringstream values(word.substr(equals + 1));
      auto* types = name == "host" ? nullptr : kernel->add_constraint();
      if (types) types->set_name(name);
      for (std::string value; std::getline(values, value, ',');) {
        DataType type;
        if (!types) kernel->add_host_memory_arg(value);
        else if (without && value == without && kernel->op() == "MatMul") continue;
        else if (DataTypeFromString(value, &type)) types->mutable_allowed_values()->mutable_list()->add_type(type);
      }
    }
    if (kernel->op().empty()) continue;
    kernel_factory::OpKernelRegistrar(
        kernel, "Twin", [](OpKernelConstruction* construction) -> OpKernel* { return new Twin(construction); });
  }
}

class Factory : public DeviceFactory {
 public:
  absl::Status ListPhysicalDevices(std::vector<std::string>* devices) override {
    devices->push_back("/physical_device:GPU:0");
    return absl::OkStatus();
  }
  absl::Status CreateDevices(const SessionOptions& options, const std::string& prefix,
                             std::vector<std::unique_ptr<Device>>* devices) override {
    static bool registered = (RegisterKernels(), true);
    (void)registered;
    devices->push_back(std::make_unique<StandIn>(
        options, Device::BuildDeviceAttributes(
                     prefix + "/device:GPU:0", DEVICE_GPU, Bytes(int64_t{8} << 30), {},
                     "device: 0, name: stand-in, pci bus id: 0000:01:00.0, compute capability: 8.9")));
    return absl::OkStatus();
  }
};

const bool kRegistered = [] {
  constexpr int kBeforeAnyOther = 300;
  DeviceFactory::Register(DEVICE_GPU, std::make_unique<Factory>(), kBeforeAnyOther, false);
  return true;
}();
}  // namespace
