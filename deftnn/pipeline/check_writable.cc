#include "deftnn/pipeline/check_writable.h"

#include <unistd.h>

#include <filesystem>

namespace deftnn {

Status CheckWritable(const std::string& path) {
  if (path.empty()) return {};
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code code;
  if (!std::filesystem::is_directory(folder, code)) {
    return Error("its folder does not exist")
        .WithFile(path)
        .WithHint("mkdir -p " + folder.string());
  }
  if (access(folder.c_str(), W_OK) != 0) {
    return Error("its folder cannot be written").WithFile(path).WithHint("another folder");
  }
  if (std::filesystem::is_directory(path, code)) {
    return Error("is a folder").WithFile(path).WithHint("the name of a file in it");
  }
  return {};
}

}  // namespace deftnn
