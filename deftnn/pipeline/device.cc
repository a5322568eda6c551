#include "deftnn/pipeline/device.h"

namespace deftnn {

DeviceRecord DeviceOf(const MachinePeaks& peaks) {
  DeviceRecord device;
  device.cpu = CpuName();
  device.isa = NameOf(peaks.isa);
  device.threads = peaks.threads;
  device.compute = {{"fp32 multiply-add", peaks.fp32_gflops},
                    {"dfp16 multiply-add", peaks.dfp16_gflops}};
  const char* levels[] = {"L1", "L2", "L3", "memory"};
  for (size_t i = 0; i < peaks.read_gbps.size(); ++i)
    device.memory.push_back({levels[i], peaks.read_gbps[i]});
  return device;
}

}  // namespace deftnn
