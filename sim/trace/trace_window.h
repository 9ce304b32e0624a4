// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sim/trace/access_stream.h"

namespace mmusim {

/// Selects the accesses of a trace that take part. Everything counts accesses; applied in this order: region, skip,
/// sample, warm-up, limit.
struct TraceWindowConfig {
  std::optional<std::string> roi;  ///< only the phases opened by markers of this number or name; else the whole trace
  uint64_t skip = 0;               ///< leave out so many accesses at first
  uint64_t sample_take = 0;        ///< with sample_period: take the first so many ...
  uint64_t sample_period = 0;      ///< ... of each so many accesses; 0: all
  uint64_t warmup = 0;             ///< the first so many accesses fill the structures but are not counted
  std::optional<uint64_t> limit;   ///< stop after so many counted accesses
};

/// Reads "N:M" (take the first N of each M accesses, 1 <= N <= M) into `config`. Throws InputError for anything else.
void parse_sample(std::string_view text, TraceWindowConfig& config);

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

 private:
  struct Run {
    WindowPart part;
    size_t accesses;
  };
  Run next_run(size_t at);
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
  uint64_t region_position_ = 0;
  uint64_t skipped_ = 0;
  uint64_t warmed_up_ = 0;
  uint64_t measured_ = 0;
};

}  // namespace mmusim
