#include "deftnn/runtime/cut_batch.h"

#include <algorithm>

#include "deftnn/base/check.h"

namespace deftnn {
namespace {

StepTraffic TrafficOf(const StepSpec& spec, bool by_sample, int64_t batch) {
  StepTraffic traffic;
  traffic.by_sample = by_sample;
  for (const auto* operands : {&spec.inputs, &spec.outputs}) {
    for (const Operand& operand : *operands) {
      const double bytes = operand.exists() ? static_cast<double>(operand.bytes()) : 0;
      if (operand.constant.defined()) {
        traffic.weight_bytes += bytes;
      } else {
        traffic.sample_bytes += bytes / static_cast<double>(batch);
      }
    }
  }
  return traffic;
}

// As ChooseSections wants it. A tensor that several steps write, each its slice, is written within
// one section: a part's writer clears the slack behind it, where the next part's samples go.
std::vector<double> BytesAcross(const std::vector<StepSpec>& specs,
                                const std::vector<Buffer>& buffers, int64_t batch) {
  std::vector<int> last_write(buffers.size(), -1);
  for (size_t i = 0; i < specs.size(); ++i) {
    for (const Operand& operand : specs[i].outputs) {
      if (operand.buffer >= 0) last_write[operand.buffer] = static_cast<int>(i);
    }
  }
  std::vector<double> across(specs.size(), 0);
  for (size_t b = 0; b < buffers.size(); ++b) {
    if (buffers[b].first < 0) continue;
    const double bytes = static_cast<double>(buffers[b].bytes) / static_cast<double>(batch);
    for (int i = buffers[b].first + 1; i <= buffers[b].last; ++i) {
      across[i] = i <= last_write[b] || across[i] < 0 ? -1 : across[i] + bytes;
    }
  }
  return across;
}

int64_t SampleBytes(const Operand& operand, int64_t batch) {
  const Layout& l = operand.layout;
  if (operand.form == Form::kPlain) return operand.bytes() / batch;
  const int64_t stride = operand.form == Form::kImage ? l.batch / batch * l.image_stride
                                                      : l.width / batch * l.pixel_stride;
  return stride * BytesOf(l.format);
}

void CutOperand(int64_t batch, int64_t samples, bool whole, Operand& operand) {
  if (whole) operand.sample_bytes = SampleBytes(operand, batch);
  const auto cut = [&](int64_t& extent) {
    DEFTNN_CHECK(extent % batch == 0);
    extent = extent / batch * samples;
  };
  cut(operand.shape[0]);
  Layout& l = operand.layout;
  if (operand.form == Form::kImage) cut(l.batch);
  if (operand.form != Form::kRows) return;
  cut(l.width);
  cut(l.row_stride);
  cut(l.image_stride);
}

}  // namespace

void MarkLifetimes(const std::vector<StepSpec>& specs, std::vector<Buffer>& buffers) {
  for (size_t i = 0; i < specs.size(); ++i) {
    for (const auto* operands : {&specs[i].outputs, &specs[i].inputs}) {
      for (const Operand& operand : *operands) {
        if (operand.buffer < 0) continue;
        Buffer& buffer = buffers[operand.buffer];
        if (buffer.first < 0) buffer.first = static_cast<int>(i);
        buffer.last = static_cast<int>(i);
      }
    }
  }
}

std::vector<Section> CutBatch(const std::vector<bool>& by_sample, int64_t batch,
                              const TrafficCosts& costs, std::vector<StepSpec>& specs,
                              std::vector<Buffer>& buffers) {
  std::vector<StepTraffic> traffic;
  for (size_t i = 0; i < specs.size(); ++i) {
    traffic.push_back(TrafficOf(specs[i], by_sample[i], batch));
  }
  std::vector<Section> sections =
      ChooseSections(traffic, BytesAcross(specs, buffers, batch), batch, costs);
  std::vector<int> section_of(specs.size());
  for (size_t s = 0; s < sections.size(); ++s) {
    std::fill(section_of.begin() + sections[s].begin, section_of.begin() + sections[s].end,
              static_cast<int>(s));
  }
  std::vector<bool> whole(buffers.size(), false);
  for (size_t b = 0; b < buffers.size(); ++b) {
    Buffer& buffer = buffers[b];
    if (buffer.first < 0) continue;
    const Section &first = sections[section_of[buffer.first]],
                  &last = sections[section_of[buffer.last]];
    whole[b] = first.begin != last.begin;
    if (!whole[b] && first.samples < batch) {
      // The slack behind the buffer is not divided; it is at most this.
      buffer.bytes = buffer.bytes / (batch / first.samples) + kSlack * 4;
    } else if (whole[b]) {
      if (first.samples < batch) buffer.first = first.begin;
      if (last.samples < batch) buffer.last = last.end - 1;
    }
  }
  for (const Section& section : sections) {
    if (section.samples == batch) continue;
    for (int i = section.begin; i < section.end; ++i) {
      for (auto* operands : {&specs[i].inputs, &specs[i].outputs}) {
        for (Operand& operand : *operands) {
          if (!operand.exists() || operand.constant.defined()) continue;
          CutOperand(batch, section.samples, operand.buffer < 0 || whole[operand.buffer], operand);
        }
      }
    }
  }
  return sections;
}

}  // namespace deftnn
