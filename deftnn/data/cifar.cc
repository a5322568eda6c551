#include "deftnn/data/cifar.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "deftnn/base/file.h"

namespace deftnn {
namespace {

constexpr size_t kPixels = 3 * 32 * 32;
constexpr size_t kRecord = kPixels + 1;

}  // namespace

Result<CifarPictures> ParseCifar10(std::span<const std::byte> bytes) {
  if (bytes.empty()) return Error("is empty");
  if (bytes.size() % kRecord != 0) {
    return Error("has {} bytes, which is no whole number of CIFAR-10 records of {} bytes",
                 bytes.size(), kRecord);
  }
  const size_t count = bytes.size() / kRecord;
  CifarPictures cifar{Tensor::Zeros(ElementType::kUint8, {static_cast<int64_t>(count), 3, 32, 32}),
                      {}};
  std::byte* out = cifar.pictures.mutable_data();
  for (size_t i = 0; i < count; ++i) {
    const std::byte* record = bytes.data() + i * kRecord;
    const int label = std::to_integer<int>(record[0]);
    if (label > 9) {
      return Error("record {} has the label {}, CIFAR-10 has 0 to 9", i, label)
          .WithHint("the binary version of CIFAR-10, not of CIFAR-100");
    }
    cifar.labels.push_back(label);
    std::memcpy(out + i * kPixels, record + 1, kPixels);
  }
  return cifar;
}

std::vector<std::string> CifarFilesIn(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("data_batch_") && name.ends_with(".bin")) {
      files.push_back(it->path().string());
    }
  }
  std::sort(files.begin(), files.end());
  const std::filesystem::path test = std::filesystem::path(folder) / "test_batch.bin";
  if (files.empty() && std::filesystem::is_regular_file(test, error)) {
    files.push_back(test.string());
  }
  return files;
}

Result<CifarPictures> ReadCifar10(const std::string& path) {
  std::error_code ignored;
  std::vector<std::string> files = {path};
  if (std::filesystem::is_directory(path, ignored)) files = CifarFilesIn(path);
  if (files.empty()) return Error("holds no data_batch_*.bin").WithFile(path);
  std::string all;
  for (const std::string& file : files) {
    DEFTNN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file));
    if (bytes.size() % kRecord != 0) {
      return ParseCifar10(std::as_bytes(std::span(bytes))).status().WithFile(file);
    }
    all += bytes;
  }
  Result<CifarPictures> cifar = ParseCifar10(std::as_bytes(std::span(all)));
  if (!cifar.ok()) return cifar.status().WithFile(path);
  return cifar;
}

}  // namespace deftnn
