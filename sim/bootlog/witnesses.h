// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "sim/bootlog/evidence.h"

namespace mmusim {

/// Kinds of text, besides boot logs, that tell of a machine's memory.
enum class WitnessKind : uint8_t { kNone, kIomem, kFirmwareMap, kLsmem, kNumactl, kCpuinfo };

/// Finds by content what a text is; kNone for anything else.
WitnessKind witness_kind(const std::string& text);

/// True if the bytes of a file, however encoded, are one of these.
bool is_witness(std::string_view bytes);

/// Adds what the text tells. Throws InputError, naming `name`, if it is damaged, or if the kernel hid the addresses.
void add_witness(Evidence& evidence, WitnessKind kind, const std::string& text, const std::string& name);

}  // namespace mmusim
