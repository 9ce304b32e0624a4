// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/trace/trace_types.h"

namespace mmusim {

/// A trace being written. Compression and writing happen on a thread of their own.
class TraceWriter {
 public:
  virtual ~TraceWriter() = default;
  /// Appends the records of a batch. `pcs` may be empty. Throws EnvironmentError if the disk is full and the like.
  virtual void write(const TraceBatch& batch) = 0;
  /// Writes the trailer and gives the file its name. Without it the file never appears under its name.
  virtual void finish() = 0;
  /// What the form could not hold: one line for each kind of loss, with its count. Complete after finish().
  virtual std::vector<std::string> losses() const = 0;
};

struct TraceWriterOptions {
  std::string source;  ///< where the accesses come from, for the header of our own forms
};

/// Formats that can be written: kVmt1, kBinary, kJsonLines, kLackey, kChampSim.
bool is_writable(TraceFormat format);
/// The format meant by a file's name: .vmt, .mmt (binary), .jsonl, .lackey, .champsim or .champsimtrace, each also with
/// .gz, .xz or .zst after it; nullopt for others.
std::optional<TraceFormat> trace_format_by_name(const std::string& path);

/// Creates a trace; compressed if the path ends in .gz, .xz or .zst; "-" is standard output. Throws EnvironmentError if
/// it cannot be created, InputError if the format cannot be written.
std::unique_ptr<TraceWriter> create_trace(const std::string& path, TraceFormat format,
                                          const TraceWriterOptions& options = {});

/// Collects single accesses into batches for a writer: what `run --record` uses.
class TraceRecorder {
 public:
  explicit TraceRecorder(std::unique_ptr<TraceWriter> writer);
  void access(const MemAccess& access) {
    batch_.accesses.push_back(access);
    if (batch_.accesses.size() == kTraceBatchAccesses) hand_over();
  }
  /// An event before the next access; its `before` is set here. `text` may be empty.
  void event(TraceEvent event, std::string text = {});
  void finish();

 private:
  void hand_over();

  std::unique_ptr<TraceWriter> writer_;
  TraceBatch batch_;
  uint64_t records_ = 0;
};

}  // namespace mmusim
