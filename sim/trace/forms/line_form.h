// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/base/access.h"

namespace mmusim {

/// The text forms, in the order in which a form is looked for by content.
enum class TextForm : uint8_t { kLackey, kExeclog, kDrmemtrace, kPinatrace, kDinero, kPerfMem, kPerf };
inline constexpr unsigned kTextForms = 7;

/// The meaning of one line for the form that reads it.
enum class LineKind : uint8_t {
  kRecord,     ///< accesses
  kOwn,        ///< a line that the tool writes beside its records: headers, comments, markers, empty lines
  kNoAddress,  ///< a record without a data address, such as a sample of another event
  kForeign,    ///< no line of this form
};

/// One record of a text trace.
struct LineRecord {
  std::vector<MemAccess> accesses;  ///< in program order, an instruction's fetch first
  uint64_t pc = 0;                  ///< address of the instruction; 0: unknown
  std::optional<uint64_t> process;  ///< number of the address space, where the line tells it
  std::optional<uint64_t> stream;   ///< number of the processor or thread, where the line tells it

  /// Empties the record and appends its first access.
  MemAccess& only(AccessKind kind, uint64_t va, uint16_t bytes) {
    accesses.clear();
    process.reset();
    stream.reset();
    return add(kind, va, bytes);
  }
  MemAccess& add(AccessKind kind, uint64_t va, uint16_t bytes) {
    MemAccess& access = accesses.emplace_back();
    access.va = VirtAddr(va);
    access.bytes = bytes;
    access.kind = kind;
    access.user = va >> 63 == 0;
    return access;
  }
};

/// The reader of one text form, line by line. It remembers what a line needs to know of the lines before it.
class LineForm {
 public:
  LineForm() = default;
  virtual ~LineForm() = default;
  LineForm(const LineForm&) = delete;
  LineForm& operator=(const LineForm&) = delete;

  /// Reads a line without its end. `record` is complete for kRecord and undefined for the other kinds.
  virtual LineKind read(std::string_view line, LineRecord& record) = 0;
  /// Tells what the user should know of the lines read so far; empty: nothing.
  virtual std::string notes() const { return {}; }
  /// The shape of the lines, for messages.
  virtual const char* expected() const = 0;
  /// The kind of LineRecord::stream: "CPU" or "thread".
  virtual const char* streams() const { return "CPU"; }
};

std::unique_ptr<LineForm> make_line_form(TextForm form);

std::unique_ptr<LineForm> make_lackey_form();
std::unique_ptr<LineForm> make_execlog_form();
std::unique_ptr<LineForm> make_drmemtrace_form();
std::unique_ptr<LineForm> make_pinatrace_form();
std::unique_ptr<LineForm> make_dinero_form();
std::unique_ptr<LineForm> make_perf_mem_form();
std::unique_ptr<LineForm> make_perf_form();

}  // namespace mmusim
