#include "deftnn/data/npz.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "deftnn/base/file.h"
#include "deftnn/data/inflate.h"
#include "deftnn/data/npy.h"

namespace deftnn {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50, kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50, kLocator64Signature = 0x07064b50;
constexpr size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22;
constexpr size_t kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr int kStored = 0, kDeflated = 8;
constexpr uint64_t kSeeZip64 = 0xffffffff;

Status Damaged(std::string_view what) {
  return Error("is a damaged .npz archive: {}", what).WithHint("write it again with numpy.savez");
}

uint32_t Crc32(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void AppendLittle(std::string& out, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

}  // namespace

uint64_t NpzFile::Little(size_t at, int size) const {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) {
    value |= std::to_integer<uint64_t>(bytes_[at + static_cast<size_t>(i)]) << (8 * i);
  }
  return value;
}

Result<NpzFile> NpzFile::Open(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  return Of(file.bytes(), file.owner(), path);
}

Result<NpzFile> NpzFile::Of(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& name) {
  NpzFile npz;
  npz.path_ = name;
  npz.bytes_ = bytes;
  npz.owner_ = std::move(owner);
  if (Status status = npz.ReadDirectory(); !status.ok()) return status.WithFile(name);
  return npz;
}

Result<NpzFile::Directory> NpzFile::FindDirectory() const {
  const size_t size = bytes_.size();
  if (size < kEndBytes) return Error("is not an .npz archive");
  const size_t lowest = size - std::min(size, kEndBytes + 65535);  // a comment may follow
  for (size_t at = size - kEndBytes + 1; at-- > lowest;) {
    if (Little(at, 4) != kEndSignature || at + kEndBytes + Little(at + 20, 2) != size) continue;
    if (Little(at + 4, 2) != Little(at + 6, 2)) return Damaged("it spans several disks");
    Directory directory{Little(at + 10, 2), Little(at + 12, 4), Little(at + 16, 4)};
    const bool zip64 = directory.entries == 0xffff || directory.bytes == kSeeZip64 ||
                       directory.offset == kSeeZip64;
    if (zip64 && at >= kLocator64Bytes && Little(at - kLocator64Bytes, 4) == kLocator64Signature) {
      const uint64_t end64 = Little(at - kLocator64Bytes + 8, 8);
      if (end64 > size || size - end64 < kEnd64Bytes || Little(end64, 4) != kEnd64Signature) {
        return Damaged("its zip64 record is missing");
      }
      directory = {Little(end64 + 32, 8), Little(end64 + 40, 8), Little(end64 + 48, 8)};
    }
    if (directory.offset > at || directory.bytes > at - directory.offset) {
      return Damaged("its directory lies outside the file");
    }
    return directory;
  }
  return Error("is not an .npz archive");
}

Status NpzFile::ApplyZip64(size_t extra_at, size_t extra_size, Member& member) const {
  for (size_t at = extra_at; extra_at + extra_size - at >= 4;) {
    const uint64_t id = Little(at, 2), length = Little(at + 2, 2);
    at += 4;
    if (length > extra_at + extra_size - at) return {};  // not ours to judge
    if (id == 1) {
      size_t field = at;
      for (uint64_t* value : {&member.uncompressed, &member.compressed, &member.offset}) {
        if (*value != kSeeZip64) continue;
        if (at + length - field < 8) return Damaged("a zip64 field is cut off");
        *value = Little(field, 8);
        field += 8;
      }
    }
    at += length;
  }
  return {};
}

Status NpzFile::ReadDirectory() {
  DEFTNN_ASSIGN_OR_RETURN(const Directory directory, FindDirectory());
  size_t at = directory.offset;
  const size_t end = directory.offset + directory.bytes;
  const auto* text = reinterpret_cast<const char*>(bytes_.data());
  for (uint64_t entry = 0; entry < directory.entries; ++entry) {
    if (end - at < kCentralBytes || Little(at, 4) != kCentralSignature) {
      return Damaged("its directory is cut off");
    }
    const size_t name_size = Little(at + 28, 2), extra_size = Little(at + 30, 2);
    const size_t record = kCentralBytes + name_size + extra_size + Little(at + 32, 2);
    if (record > end - at) return Damaged("its directory is cut off");
    const std::string_view name(text + at + kCentralBytes, name_size);
    Member member{static_cast<int>(Little(at + 10, 2)), static_cast<uint32_t>(Little(at + 16, 4)),
                  Little(at + 20, 4), Little(at + 24, 4), Little(at + 42, 4)};
    DEFTNN_RETURN_IF_ERROR(ApplyZip64(at + kCentralBytes + name_size, extra_size, member));
    if (name.ends_with(".npy")) {
      const std::string array(name.substr(0, name.size() - 4));
      if (Little(at + 8, 2) & 1) return Error("array '{}' is encrypted", array);
      if (Has(array)) return Damaged(fmt::format("it holds '{}' twice", array));
      names_.push_back(array);
      members_.push_back(member);
    }
    at += record;
  }
  return {};
}

bool NpzFile::Has(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

Result<Tensor> NpzFile::Read(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    return Error("has no array '{}'; it holds: {}", name, fmt::join(names_, ", ")).WithFile(path_);
  }
  Result<Tensor> tensor = ReadMember(members_[static_cast<size_t>(found - names_.begin())]);
  if (!tensor.ok()) {
    return Error("array '{}' {}", name, tensor.status().reason())
        .WithFile(path_)
        .WithHint(tensor.status().hint());
  }
  return tensor;
}

Result<Tensor> NpzFile::ReadMember(const Member& member) const {
  const std::span<const std::byte> file = bytes_;
  const Status outside = Damaged("a member lies outside the file");
  if (member.offset > file.size() || file.size() - member.offset < kLocalBytes ||
      Little(member.offset, 4) != kLocalSignature) {
    return outside;
  }
  const size_t header = kLocalBytes + Little(member.offset + 26, 2) + Little(member.offset + 28, 2);
  if (header > file.size() - member.offset ||
      member.compressed > file.size() - member.offset - header) {
    return outside;
  }
  const auto data = file.subspan(member.offset + header, member.compressed);
  const Status checksum = Damaged("a checksum does not match");
  if (member.method == kStored) {
    if (member.uncompressed != member.compressed) return Damaged("a member's sizes disagree");
    if (Crc32(data) != member.crc) return checksum;
    return ParseNpy(data);
  }
  if (member.method != kDeflated) {
    return Error("is compressed by method {}", member.method)
        .WithHint("numpy.savez or numpy.savez_compressed");
  }
  if (member.uncompressed / kMaxInflation > member.compressed) {
    return Damaged("a member's sizes disagree");
  }
  std::string whole(member.uncompressed, '\0');
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(whole.data()), whole.size());
  Inflater inflater(data, Inflater::Wrapping::kRaw);
  DEFTNN_RETURN_IF_ERROR(inflater.Fill(bytes));
  DEFTNN_RETURN_IF_ERROR(inflater.ExpectEnd());
  if (Crc32(bytes) != member.crc) return checksum;
  return ParseNpy(bytes);
}

Status WriteNpz(const std::string& path,
                const std::vector<std::pair<std::string, Tensor>>& arrays) {
  std::string out, directory;
  for (const auto& [array, tensor] : arrays) {
    DEFTNN_ASSIGN_OR_RETURN(const std::string npy, EncodeNpy(tensor));
    const std::string name = array + ".npy";
    if (name.size() > 65535 || arrays.size() > 65534) {
      return Error("cannot hold so many or so long names").WithFile(path);
    }
    const uint32_t crc = Crc32(std::as_bytes(std::span(npy)));
    const uint64_t offset = out.size();
    std::string common;  // from "version needed" on, the same in both headers
    AppendLittle(common, 20, 2);
    AppendLittle(common, 0x0800, 2);  // names are UTF-8
    AppendLittle(common, kStored, 2);
    AppendLittle(common, 0, 2);
    AppendLittle(common, 0x21, 2);  // 1980-01-01, so that equal arrays give equal files
    AppendLittle(common, crc, 4);
    AppendLittle(common, npy.size(), 4);
    AppendLittle(common, npy.size(), 4);
    AppendLittle(common, name.size(), 2);
    AppendLittle(common, 0, 2);
    AppendLittle(out, kLocalSignature, 4);
    out.append(common).append(name).append(npy);
    AppendLittle(directory, kCentralSignature, 4);
    AppendLittle(directory, 20, 2);
    directory += common;
    AppendLittle(directory, 0, 2);  // comment length, disk, internal and external attributes
    AppendLittle(directory, 0, 8);
    AppendLittle(directory, offset, 4);
    directory += name;
    if (out.size() + directory.size() > std::numeric_limits<uint32_t>::max()) {
      return Error("would be larger than 4 GiB").WithFile(path).WithHint("write .npy files");
    }
  }
  const uint64_t directory_at = out.size();
  out += directory;
  AppendLittle(out, kEndSignature, 4);
  AppendLittle(out, 0, 4);
  AppendLittle(out, arrays.size(), 2);
  AppendLittle(out, arrays.size(), 2);
  AppendLittle(out, directory.size(), 4);
  AppendLittle(out, directory_at, 4);
  AppendLittle(out, 0, 2);
  return WriteFileAtomically(path, out);
}

}  // namespace deftnn
