// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/trace/byte_sink.h"
#include "sim/trace/trace_origin.h"
#include "sim/trace/trace_types.h"

namespace mmusim {

/// Contents that a form of trace may be unable to hold.
enum class Loss : uint8_t {
  kAccessKind,   ///< accesses of a kind the form does not know, left out
  kSize,         ///< access sizes changed
  kUser,         ///< privilege of accesses
  kFlags,        ///< rmw, stack, implicit, awaited
  kDependence,   ///< depends_on
  kGap,          ///< gap
  kPc,           ///< instruction addresses, or parts of them
  kEvent,        ///< events left out
  kEventDetail,  ///< parts of events: names, contents of control registers
};
inline constexpr unsigned kLosses = 9;

/// A trace being written.
class TraceWriter {
 public:
  explicit TraceWriter(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {}
  virtual ~TraceWriter() = default;
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// Appends the records of a batch; `pcs` may be empty. Throws EnvironmentError if the disk is full and the like.
  virtual void write(const TraceBatch& batch) = 0;
  /// Writes the trailer and ends the sink, which gives the file its name.
  virtual void finish() = 0;

  /// Number of records that lost something.
  uint64_t lost(Loss loss) const { return losses_[static_cast<size_t>(loss)]; }
  /// One line for each kind of loss that happened, with its count.
  std::vector<std::string> losses() const;

 protected:
  void lose(Loss loss) { ++losses_[static_cast<size_t>(loss)]; }
  /// Calls access(const MemAccess&, pc) and event(const TraceEvent&) in the order of the trace.
  template <class OnAccess, class OnEvent>
  static void in_order(const TraceBatch& batch, OnAccess&& access, OnEvent&& event) {
    size_t next = 0;
    for (size_t i = 0; i < batch.accesses.size(); ++i) {
      for (; next < batch.events.size() && batch.events[next].before <= i; ++next) event(batch.events[next]);
      access(batch.accesses[i], batch.pcs.empty() ? 0 : batch.pcs[i]);
    }
    for (; next < batch.events.size(); ++next) event(batch.events[next]);
  }

  std::unique_ptr<ByteSink> sink_;

 private:
  std::array<uint64_t, kLosses> losses_{};
};

/// Formats that can be written: kVmt1, kBinary, kJsonLines, kLackey, kChampSim.
bool is_writable(TraceFormat format);
/// The format meant by a file's name, a compression suffix apart: .vmt, .mmt (binary), .jsonl, .lackey, .champsim,
/// .champsimtrace; nullopt for others.
std::optional<TraceFormat> trace_format_by_name(std::string_view path);

/// A writer of `format` into `sink`. `origin` becomes the header of our own forms.
/// Throws InputError if the format cannot be written.
std::unique_ptr<TraceWriter> make_trace_writer(TraceFormat format, std::unique_ptr<ByteSink> sink,
                                               const TraceOrigin& origin = {});

std::unique_ptr<TraceWriter> make_vmt1_writer(std::unique_ptr<ByteSink> sink);
std::unique_ptr<TraceWriter> make_binary_writer(std::unique_ptr<ByteSink> sink, const std::string& header);
std::unique_ptr<TraceWriter> make_json_lines_writer(std::unique_ptr<ByteSink> sink, const std::string& header);
std::unique_ptr<TraceWriter> make_lackey_writer(std::unique_ptr<ByteSink> sink);
std::unique_ptr<TraceWriter> make_champsim_writer(std::unique_ptr<ByteSink> sink);

/// Collects single accesses into batches for a writer: what `run --record` uses.
class TraceRecorder {
 public:
  explicit TraceRecorder(std::unique_ptr<TraceWriter> writer) : writer_(std::move(writer)) {}

  void access(const MemAccess& access) {
    batch_.accesses.push_back(access);
    if (batch_.accesses.size() == kTraceBatchAccesses) hand_over();
  }
  /// An event before the next access; its `before` and `text` are set here.
  void event(TraceEvent event, std::string_view text = {});
  /// Ends the trace. Without it no file appears.
  void finish();
  /// As TraceWriter::losses().
  std::vector<std::string> losses() const { return writer_->losses(); }

 private:
  void hand_over();

  std::unique_ptr<TraceWriter> writer_;
  TraceBatch batch_;
};

}  // namespace mmusim
