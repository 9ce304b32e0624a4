// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sim/trace/access_stream.h"
#include "sim/trace/trace_types.h"

namespace mmusim {

/// Options for opening a trace.
struct TraceOptions {
  std::optional<TraceFormat> format;  ///< empty: found by content
  bool want_pc = false;               ///< fill TraceBatch::pcs
  bool want_instructions = false;     ///< deliver kInstruction events (needed only to write ChampSim again)
  bool keep_fetches = true;           ///< false: instruction fetches become the `gap` of the next access
  std::function<bool()> stop;         ///< asked while waiting for a slow pipe, by any thread: true ends the trace
  bool salvage = false;               ///< deliver what is whole of a damaged trace instead of an error
  bool skip_foreign = false;          ///< text forms: pass over lines that are none of the form
  std::optional<uint64_t> stream;     ///< text forms: deliver only the records of this processor or thread
  size_t batch_accesses = kTraceBatchAccesses;  ///< room of a batch, at least 16
};

/// Lines of a text form that gave no access.
struct SkippedLines {
  uint64_t own = 0;         ///< of the tool that wrote it: headers, markers, empty lines
  uint64_t no_address = 0;  ///< records without a data address
  uint64_t foreign = 0;     ///< of something else (TraceOptions::skip_foreign)
};

/// Facts that a trace says about itself. Complete after next() returned false, or after TraceReader::end().
struct TraceInfo {
  std::string file;  ///< as given, "<stdin>" for "-"
  TraceFormat format = TraceFormat::kVmt1;
  std::string compression;             ///< "none", "gzip", "bzip2", "xz" or "zstd"
  std::string header;                  ///< header record of a JSON form (event log: with the effective configuration)
  std::optional<uint64_t> checksum;    ///< as stored in the trace, already compared with the content
  std::string notes;                   ///< what the user should know about this kind of trace; empty: nothing
  std::string damage;                  ///< with TraceOptions::salvage, the error that ended the trace; else empty
  std::optional<uint64_t> last_cycle;  ///< event log: cycle of the last whole record
  SkippedLines skipped;
  std::map<uint64_t, uint64_t> streams;  ///< records of each processor or thread that the records name

  /// Summary of what was skipped, "3 samples without an address, ..."; empty: nothing but lines of the tool's own.
  std::string skipped_text() const;
};

/// A trace being read. Decompression and parsing happen on threads of their own, a few batches ahead.
class TraceReader : public AccessStream {
 public:
  /// Fills `batch` (its memory is reused) with the next records; false at the end, with an empty batch. Each batch has
  /// up to TraceOptions::batch_accesses accesses. Throws InputError `file: record N, byte B: ...` (records count from
  /// 1, bytes are those of the decompressed stream) after all records before the damage were delivered.
  bool next(TraceBatch& batch) override = 0;
  /// Stops reading before the end of the trace. Then info() tells what was learnt up to there.
  virtual void end() {}
  virtual const TraceInfo& info() const = 0;
  /// Bytes of the file consumed so far and its size (0 for pipes), for progress displays.
  virtual uint64_t bytes_read() const = 0;
  virtual uint64_t bytes_total() const = 0;
};

/// Opens a trace file; "-" is standard input. Throws EnvironmentError if it cannot be opened, InputError if it is a
/// directory, empty, or of no known form.
std::unique_ptr<TraceReader> open_trace(const std::string& path, const TraceOptions& options = {});

}  // namespace mmusim
