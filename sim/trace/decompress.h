// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <span>
#include <string>

#include "sim/trace/byte_stream.h"

namespace mmusim {

/// "gzip", "bzip2", "xz" or "zstd" by the first bytes of a file (RFC 1952, libbz2, the .xz file format 1.0.4, RFC
/// 8878), else "none".
std::string compression_of(std::span<const uint8_t> first_bytes);

/// Decompresses what `source` delivers; `compression` is a result of compression_of. Concatenated members are read
/// one after the other. Memory is bounded: windows over 128 MiB are refused as damage.
std::unique_ptr<ByteSource> decompress(std::unique_ptr<ByteSource> source, const std::string& compression);

}  // namespace mmusim
