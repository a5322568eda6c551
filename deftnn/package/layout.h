// The fixed parts of a .deft file, as bytes: docs/file_format.md describes the whole.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace deftnn::deft {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

/// Like PNG's: a byte with the high bit, the name, and line ends that a text transfer would change.
inline constexpr char kMagic[8] = {'\x89', 'D', 'E', 'F', 'T', '\r', '\n', '\x1a'};
inline constexpr uint32_t kVersion = 1;

/// Sections begin at multiples of this, and so does every constant and packed blob.
inline constexpr uint64_t kAlign = 64;
constexpr uint64_t AlignUp(uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

/// The first 64 bytes; this layout is the same in every version.
struct Header {
  char magic[8];
  uint32_t version;
  uint32_t section_count;
  uint64_t file_size;
  uint64_t table_offset;    // 64
  uint32_t table_checksum;  // CRC-32C of the section table
  uint8_t reserved[24];     // zero
  uint32_t checksum;        // CRC-32C of the 60 bytes before it
};
static_assert(sizeof(Header) == 64);

enum class SectionKind : uint32_t { kGraph = 1, kData = 2, kMetadata = 3, kPacked = 4 };

/// One entry of the section table. A section is stored in AlignUp(size) bytes, the last of them
/// zero, and begins where the one before it (the table, for the first) ends.
struct Section {
  uint32_t kind;
  uint32_t checksum;  // CRC-32C of all stored bytes
  uint64_t offset;    // from the start of the file
  uint64_t size;      // without the zero bytes at its end
  uint8_t reserved[40];
};
static_assert(sizeof(Section) == 64);

/// What a packed section starts with: then the key, zero bytes up to a multiple of kAlign, the
/// blob.
struct PackedHeader {
  uint64_t blob_size;
  uint32_t key_size;
  uint32_t reserved;
};
static_assert(sizeof(PackedHeader) == 16);

/// Bytes of a constant in the data section: followed by at least kAlign zero bytes, so that a
/// vector load that starts at its last element stays in the file.
constexpr uint64_t ConstantSlot(uint64_t bytes) { return AlignUp(bytes + kAlign); }

}  // namespace deftnn::deft
