// CRC-32C (Castagnoli), the checksum of the files that we write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace deftnn {

/// CRC-32C of `bytes`: reflected polynomial 0x82f63b78, initial and final value inverted (RFC 3720,
/// appendix B.4). `seed` is the checksum of the bytes before these, so that
/// Crc32c(b, Crc32c(a)) == Crc32c(a followed by b). Uses the CPU's instruction where it has one.
uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t seed = 0);

/// The same, from a table: for CPUs without the instruction, and the oracle of its test.
uint32_t Crc32cPortable(std::span<const std::byte> bytes, uint32_t seed = 0);

}  // namespace deftnn
