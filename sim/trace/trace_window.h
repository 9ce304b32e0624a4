// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sim/trace/access_stream.h"
#include "sim/trace/instruction_count.h"

namespace mmusim {

/// A length of a trace, in accesses or in instructions of the traced program (InstructionCount).
struct TraceLength {
  constexpr TraceLength() = default;
  constexpr TraceLength(uint64_t accesses) : count(accesses) {}

  uint64_t count = 0;
  bool instructions = false;
};
/// "5000", or "100000000i".
std::string text_of(const TraceLength& length);

/// Selects the accesses of a trace that take part, in this order: region, skip, sample, warm-up, limit. A length in
/// instructions ends with the access that ends its last instruction.
struct TraceWindowConfig {
  std::optional<std::string> roi;    ///< only the phases opened by markers of this number or name; else the whole trace
  TraceLength skip;                  ///< left out at first
  uint64_t sample_take = 0;          ///< with sample_period: take the first so many ...
  uint64_t sample_period = 0;        ///< ... of each so many accesses; 0: all
  TraceLength warmup;                ///< fills the structures but is not counted
  std::optional<TraceLength> limit;  ///< counted, then the trace ends
  bool count_instructions = false;   ///< instructions() is wanted
};

/// A window as the command line has it; what is empty is left out.
struct TraceWindowText {
  std::string skip, warmup, limit;  ///< "5000", "100M": accesses; "5000i", "100Mi": instructions; K, M, G: thousands
  std::string sample;               ///< "N:M": the first N of each M accesses, 1 <= N <= M
  std::string roi;                  ///< number or name of a marker
};
/// Throws InputError that names the option for anything else.
TraceWindowConfig read_trace_window(const TraceWindowText& text);

/// Classes of the accesses of a windowed batch.
enum class WindowPart : uint8_t { kSkipped, kWarmup, kMeasured };

/// Applies a window to a stream. Events outside the window are delivered as well (the address space depends on them),
/// in batches without accesses and of kind kSkipped; a batch never mixes parts.
class TraceWindow {
 public:
  TraceWindow(AccessStream& stream, TraceWindowConfig config);

  /// The next run of records of one part; false at the end of the trace or of the window.
  bool next(TraceBatch& batch, WindowPart& part);
  /// Accesses seen so far: left out, warm-up, counted.
  uint64_t skipped() const { return skipped_; }
  uint64_t warmed_up() const { return warmed_up_; }
  uint64_t measured() const { return measured_; }
  /// Instructions of the counted accesses. Only with count_instructions, or where a length is in instructions.
  uint64_t instructions() const { return instructions_; }

 private:
  struct Run {
    WindowPart part;
    size_t accesses;
  };
  Run next_run(size_t at);
  uint64_t take(size_t at, uint64_t longest, const TraceLength& length, uint64_t& left);
  void count_instructions(size_t at, const Run& run);
  bool in_region() const { return !config_.roi || in_roi_; }
  void follow_markers(size_t at);
  void copy_out(TraceBatch& batch, const Run& run);

  AccessStream& stream_;
  const TraceWindowConfig config_;
  TraceBatch input_;
  size_t next_access_ = 0;
  size_t next_event_ = 0;
  size_t marker_event_ = 0;
  bool input_valid_ = false;
  bool in_roi_ = false;
  uint64_t skip_left_, warmup_left_, limit_left_;  // in the units of their lengths
  uint64_t sample_position_ = 0;
  const bool counts_instructions_;
  InstructionCount instruction_count_;
  uint64_t instructions_ = 0;
  bool last_counts_ = false;  // the last run is of the measured part
  uint64_t skipped_ = 0;
  uint64_t warmed_up_ = 0;
  uint64_t measured_ = 0;
};

}  // namespace mmusim
