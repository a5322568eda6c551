#include "deftnn/package/package.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "deftnn/base/cpu.h"
#include "deftnn/base/crc32c.h"
#include "deftnn/base/file.h"
#include "deftnn/base/threads.h"
#include "deftnn/graph/verify.h"
#include "deftnn/package/graph_codec.h"
#include "deftnn/package/layout.h"

namespace deftnn {
namespace {

using deft::AlignUp;
using deft::Header;
using deft::kAlign;
using deft::PackedHeader;
using deft::Section;
using deft::SectionKind;

using Bytes = std::span<const std::byte>;

constexpr std::byte kZeros[2 * kAlign] = {};
constexpr int kMostReaders = 4;
constexpr const char* kHowToMake = "deftnn optimize MODEL.onnx -o OUT.deft";

template <typename T>
Bytes BytesOf(const T& object) {
  return std::as_bytes(std::span(&object, 1));
}
Bytes BytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

template <typename T>
T Read(Bytes bytes, uint64_t offset) {
  T object;
  std::memcpy(&object, bytes.data() + offset, sizeof(T));
  return object;
}

// ---- writing

/// A section as the pieces that are written one after the other.
struct Draft {
  SectionKind kind;
  std::vector<Bytes> pieces;
  uint64_t size = 0;

  void Append(Bytes bytes) {
    pieces.push_back(bytes);
    size += bytes.size();
  }
  void AppendZeros(uint64_t count) { Append(Bytes(kZeros).first(count)); }
};

std::vector<Section> MakeTable(std::vector<Draft>& drafts) {
  std::vector<Section> table;
  uint64_t offset = sizeof(Header) + drafts.size() * sizeof(Section);
  for (Draft& draft : drafts) {
    Section section{};
    section.kind = static_cast<uint32_t>(draft.kind);
    section.offset = offset;
    section.size = draft.size;
    draft.AppendZeros(AlignUp(draft.size) - draft.size);
    for (Bytes piece : draft.pieces) section.checksum = Crc32c(piece, section.checksum);
    offset += draft.size;
    table.push_back(section);
  }
  return table;
}

Header MakeHeader(const std::vector<Section>& table) {
  Header header{};
  std::memcpy(header.magic, deft::kMagic, sizeof(deft::kMagic));
  header.version = deft::kVersion;
  header.section_count = static_cast<uint32_t>(table.size());
  header.file_size = table.back().offset + AlignUp(table.back().size);
  header.table_offset = sizeof(Header);
  header.table_checksum = Crc32c(std::as_bytes(std::span(table)));
  header.checksum = Crc32c(BytesOf(header).first(offsetof(Header, checksum)));
  return header;
}

Status WriteDrafts(const std::string& path, std::vector<Draft> drafts) {
  const std::vector<Section> table = MakeTable(drafts);
  const Header header = MakeHeader(table);
  DEFTNN_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  DEFTNN_RETURN_IF_ERROR(file.Write(BytesOf(header)));
  DEFTNN_RETURN_IF_ERROR(file.Write(std::as_bytes(std::span(table))));
  for (const Draft& draft : drafts) {
    for (Bytes piece : draft.pieces) DEFTNN_RETURN_IF_ERROR(file.Write(piece));
  }
  return file.Commit();
}

// ---- reading

Status Damaged(std::string_view what) {
  return Error("is damaged: {}", what).WithHint("copy the file again, or make it anew");
}

/// The header, and the table that it speaks of; both whole and unchanged.
Result<std::vector<Section>> ReadTable(Bytes file) {
  if (!IsPackage(file)) {
    const size_t known = std::min(file.size(), sizeof(deft::kMagic));
    if (!file.empty() && std::memcmp(file.data(), deft::kMagic, known) == 0) {
      return Damaged("it is cut off inside its header");
    }
    const Status error = file.empty() ? Error("is empty") : Error("is not a .deft file");
    return error.WithHint(kHowToMake);
  }
  if (file.size() < sizeof(Header)) return Damaged("it is cut off inside its header");
  const Header header = Read<Header>(file, 0);
  if (Crc32c(file.first(offsetof(Header, checksum))) != header.checksum) {
    return Damaged("its header does not match its checksum");
  }
  if (header.version != deft::kVersion) {
    return Error("has format version {}, this program reads version {}", header.version,
                 deft::kVersion)
        .WithHint("a newer deftnn");
  }
  if (header.file_size != file.size()) {
    return Damaged(fmt::format("it is {}: {} bytes of {}",
                               file.size() < header.file_size ? "cut off" : "too long", file.size(),
                               header.file_size));
  }
  if (header.table_offset != sizeof(Header) || header.section_count == 0 ||
      header.section_count > (file.size() - sizeof(Header)) / sizeof(Section)) {
    return Damaged("its section table lies outside the file");
  }
  std::vector<Section> table(header.section_count);
  const Bytes stored = file.subspan(sizeof(Header), table.size() * sizeof(Section));
  if (Crc32c(stored) != header.table_checksum) {
    return Damaged("its section table does not match its checksum");
  }
  std::memcpy(table.data(), stored.data(), stored.size());
  return table;
}

/// The checksum of a section. That of the canonical weights is taken piece by piece, each of which
/// is given back: where packed weights are ready, nobody reads them again.
uint32_t ChecksumOf(const Section& section, Bytes stored, const MappedFile* mapped) {
  if (mapped == nullptr || section.kind != static_cast<uint32_t>(SectionKind::kData))
    return Crc32c(stored);
  constexpr size_t kPiece = size_t{4} << 20;
  uint32_t checksum = 0;
  while (!stored.empty()) {
    const Bytes piece = stored.first(std::min(kPiece, stored.size()));
    checksum = Crc32c(piece, checksum);
    mapped->Forget(piece);
    stored = stored.subspan(piece.size());
  }
  return checksum;
}

/// By section; large files by several threads, since reading is most of what opening one takes.
std::vector<uint32_t> ChecksumsOf(const std::vector<Section>& table,
                                  const std::vector<Bytes>& stored, const MappedFile* mapped) {
  constexpr size_t kLarge = size_t{8} << 20;
  std::vector<uint32_t> checksums(table.size());
  std::atomic<size_t> next = 0;
  const auto work = [&](int) {
    for (size_t i = next++; i < table.size(); i = next++)
      checksums[i] = ChecksumOf(table[i], stored[i], mapped);
  };
  size_t bytes = 0;
  for (const Bytes section : stored) bytes += section.size();
  ThreadPool pool(bytes < kLarge ? 1 : std::min(kMostReaders, PhysicalThreads()));
  pool.Run(work);
  return checksums;
}

/// The sections' payloads: one after the other up to the end of the file, each unchanged.
Result<std::vector<Bytes>> ReadSections(Bytes file, const std::vector<Section>& table,
                                        const MappedFile* mapped) {
  std::vector<Bytes> sections;
  uint64_t offset = sizeof(Header) + table.size() * sizeof(Section);
  for (const Section& section : table) {
    const uint64_t left = file.size() - offset;
    if (section.offset != offset || section.size > left || AlignUp(section.size) > left) {
      return Damaged(fmt::format("section {} lies outside its place", sections.size()));
    }
    sections.push_back(file.subspan(offset, AlignUp(section.size)));
    offset += sections.back().size();
  }
  if (offset != file.size()) return Damaged("it has bytes behind its last section");
  const std::vector<uint32_t> checksums = ChecksumsOf(table, sections, mapped);
  for (size_t i = 0; i < table.size(); ++i) {
    if (checksums[i] != table[i].checksum)
      return Damaged(fmt::format("section {} does not match its checksum", i));
    sections[i] = sections[i].first(table[i].size);
  }
  return sections;
}

Status AddPacked(Bytes section, PackedBlobs& packed) {
  if (section.size() < sizeof(PackedHeader)) return Damaged("a packed section is too short");
  const PackedHeader header = Read<PackedHeader>(section, 0);
  const uint64_t start = AlignUp(sizeof(PackedHeader) + uint64_t{header.key_size});
  if (start > section.size() || header.blob_size > section.size() - start) {
    return Damaged("a packed section is too short");
  }
  const char* key = reinterpret_cast<const char*>(section.data()) + sizeof(PackedHeader);
  const bool fresh =
      packed.emplace(std::string(key, header.key_size), section.subspan(start, header.blob_size))
          .second;
  return fresh ? Status() : Damaged("two packed sections have one key");
}

/// `mapped`: where the bytes are a mapped file's, else null.
Result<Package> Decode(Bytes file, std::shared_ptr<const void> owner, const MappedFile* mapped) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<Section> table, ReadTable(file));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<Bytes> sections, ReadSections(file, table, mapped));
  Package package;
  package.owner = std::move(owner);
  std::map<SectionKind, Bytes> single;
  for (size_t i = 0; i < sections.size(); ++i) {
    const auto kind = static_cast<SectionKind>(table[i].kind);
    if (kind == SectionKind::kPacked) {
      DEFTNN_RETURN_IF_ERROR(AddPacked(sections[i], package.packed));
    } else if (kind < SectionKind::kGraph || kind > SectionKind::kPacked) {
      return Damaged(fmt::format("section {} is of an unknown kind", i));
    } else if (!single.emplace(kind, sections[i]).second) {
      return Damaged(fmt::format("section {} appears a second time", i));
    }
  }
  if (single.size() != 3) return Damaged("its graph, data or metadata section is missing");
  const Bytes metadata = single[SectionKind::kMetadata];
  package.metadata_json.assign(reinterpret_cast<const char*>(metadata.data()), metadata.size());
  if (!nlohmann::json::accept(package.metadata_json)) return Damaged("its metadata is not JSON");
  auto graph =
      deft::DecodeGraph(single[SectionKind::kGraph], single[SectionKind::kData], package.owner);
  if (!graph.ok()) {
    return Damaged(graph.status().reason()).WithNode(graph.status().node());
  }
  package.graph = std::move(*graph);
  return package;
}

}  // namespace

Status WritePackage(const std::string& path, const PackageContents& contents) {
  DEFTNN_RETURN_IF_ERROR(Verify(contents.graph));
  if (!nlohmann::json::accept(contents.metadata_json)) {
    return Error("the metadata is not JSON").WithFile(path);
  }
  DEFTNN_ASSIGN_OR_RETURN(const deft::EncodedGraph encoded, deft::EncodeGraph(contents.graph));
  std::vector<Draft> drafts(3);
  drafts[0].kind = SectionKind::kMetadata;
  drafts[0].Append(BytesOf(contents.metadata_json));
  drafts[1].kind = SectionKind::kGraph;
  drafts[1].Append(BytesOf(encoded.graph));
  drafts[2].kind = SectionKind::kData;
  for (const Tensor& tensor : encoded.contents) {
    drafts[2].Append({tensor.data(), tensor.bytes()});
    drafts[2].AppendZeros(deft::ConstantSlot(tensor.bytes()) - tensor.bytes());
  }
  std::vector<PackedHeader> headers;
  headers.reserve(contents.packed.size());
  for (const auto& [key, blob] : contents.packed) {
    headers.push_back({blob.size(), static_cast<uint32_t>(key.size()), 0});
    Draft& draft = drafts.emplace_back();
    draft.kind = SectionKind::kPacked;
    draft.Append(BytesOf(headers.back()));
    draft.Append(BytesOf(key));
    draft.AppendZeros(AlignUp(draft.size) - draft.size);
    draft.Append(blob);
    draft.AppendZeros(deft::ConstantSlot(blob.size()) - blob.size());
  }
  return WriteDrafts(path, std::move(drafts));
}

Result<Package> ReadPackage(Bytes file, std::shared_ptr<const void> owner) {
  return Decode(file, std::move(owner), nullptr);
}

Result<Package> OpenPackage(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  auto package = Decode(file.bytes(), file.owner(), &file);
  if (!package.ok()) return package.status().WithFile(path);
  return package;
}

bool IsPackage(std::span<const std::byte> bytes) {
  return bytes.size() >= sizeof(deft::kMagic) &&
         std::memcmp(bytes.data(), deft::kMagic, sizeof(deft::kMagic)) == 0;
}

}  // namespace deftnn
