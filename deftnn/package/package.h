// The .deft file: a graph with its weights, what is known about it, and packed weights that are
// ready to run. Versioned, checksummed, and read in place. docs/file_format.md has every byte.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "deftnn/base/status.h"
#include "deftnn/graph/graph.h"

namespace deftnn {

/// Blobs by key, such as "avx512_bf16/<node name>/<kernel>": the weights of one node as one kernel
/// of one ISA wants them.
using PackedBlobs = std::map<std::string, std::span<const std::byte>>;

/// What goes into a file.
struct PackageContents {
  Graph graph;
  std::string metadata_json = "{}";
  PackedBlobs packed;
};

/// What comes out of one. Constants and blobs are read in place, 64-byte aligned; each constant
/// holds `owner`, and whoever keeps a blob keeps a copy of it too.
struct Package {
  Graph graph;
  std::string metadata_json;
  PackedBlobs packed;
  std::shared_ptr<const void> owner;
};

/// Writes `path` whole or leaves it untouched. Equal contents give equal bytes. Errors: a folder
/// that cannot be written, metadata that is not JSON, a graph that does not verify.
Status WritePackage(const std::string& path, const PackageContents& contents);

/// Maps `path`, checks the header, every section's checksum and the graph. A file that is cut off,
/// changed in any byte, foreign, or of a newer version is an error that says which.
Result<Package> OpenPackage(const std::string& path);

/// The same for a file that is in memory already, at an address that is a multiple of 64; errors
/// name no file.
Result<Package> ReadPackage(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

/// True when the file starts with the .deft magic: what tells a .deft from an .onnx.
bool IsPackage(std::span<const std::byte> bytes);

}  // namespace deftnn
