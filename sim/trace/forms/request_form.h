// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mmusim {

/// The forms of requests to a memory controller that are read and written.
enum class RequestForm : uint8_t {
  kOwn,         ///< "arrival_ns hexaddress R|W", this program's own
  kDramsim3,    ///< "0xADDRESS READ|WRITE cycle" (DRAMsim3, src/common.cc, with its other words for both)
  kRamulator1,  ///< "0xADDRESS R|W", Ramulator 1's DRAM traces
  kRamulator2,  ///< "LD|ST address" (Ramulator 2, frontend LoadStoreTrace), hexadecimal behind 0x, else decimal
  kStl,         ///< "cycle: [(length)] read|write 0xADDRESS [data]" (DRAMSys, StlPlayer)
};
inline constexpr unsigned kRequestForms = 5;

const char* name_of(RequestForm form);
/// The inverse of name_of; nullopt for an unknown name.
std::optional<RequestForm> request_form_of(std::string_view name);
/// "own, dramsim3, ...", for messages.
std::string request_form_names();

/// One request of a line.
struct RequestLine {
  uint64_t pa = 0;
  bool write = false;
  /// The moment of arrival: in picoseconds for kOwn, in cycles of the memory clock for kDramsim3 and kStl; the other
  /// forms have none.
  std::optional<uint64_t> time;
};

/// Reads a line that is neither empty nor a comment. Returns what is wrong with it; empty: nothing.
std::string read_request(RequestForm form, std::string_view line, RequestLine& request);
/// The form that a line has by its shape, so that read_request() can say what is wrong with the rest.
RequestForm request_form_of_line(std::string_view line);
/// The line of a request, with its newline. Missing times count as 0.
std::string request_text(RequestForm form, const RequestLine& request);

}  // namespace mmusim
