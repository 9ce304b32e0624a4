// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "models/fabric/memory_tap.h"
#include "sim/trace/byte_sink.h"
#include "sim/trace/forms/request_form.h"

namespace mmusim {

/// Clocks that place a machine's requests in the time of its memory.
struct RequestClocks {
  uint64_t core_period_ps = 0;
  uint64_t tck_ps = 0;      ///< clock cycle of the DRAM
  uint64_t way_cycles = 0;  ///< core cycles from the last-level cache to the controller
};

/// Writes a machine's requests to its memory, one a line, in the order in which they reach the controller: lines that
/// accesses, fetches, page walks and prefetches ask for, and lines written back. Times count from begin() on, in cycles
/// of the DRAM's clock, of the own form in picoseconds.
class RequestStream final : public MemoryListener {
 public:
  RequestStream(std::unique_ptr<ByteSink> sink, RequestForm form, const RequestClocks& clocks);

  /// Has requests from cycle `at` on written; those before are left out.
  void begin(CycleTime at);
  void requested(PhysAddr line, bool write, CycleTime at) override;
  /// Ends the stream. Without it no file appears.
  void finish();

  uint64_t reads() const { return reads_; }
  uint64_t writes() const { return writes_; }

 private:
  struct Request {
    CycleTime at;
    uint64_t number;  // in the order of the calls
    PhysAddr line;
    bool write;
    bool operator>(const Request& o) const { return at != o.at ? at > o.at : number > o.number; }
  };

  void write_first();

  std::unique_ptr<ByteSink> sink_;
  const RequestForm form_;
  const RequestClocks clocks_;
  bool begun_ = false;
  CycleTime begin_;
  CycleTime latest_;   // asked for
  CycleTime written_;  // last written
  uint64_t reads_ = 0, writes_ = 0;
  std::priority_queue<Request, std::vector<Request>, std::greater<>> waiting_;  // for those of cycles before theirs
  std::string text_;
};

}  // namespace mmusim
