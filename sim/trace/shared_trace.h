// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include <boost/context/fiber.hpp>

#include "sim/trace/trace_reader.h"

namespace mmusim {

/// One trace for several consumers: it is decompressed and parsed once, and every consumer gets all of it.
///
/// The consumers run in turns on the calling thread, each on a stack of its own: when one asks for the next batch, the
/// others get the present one. No more than one batch is held, however long the trace and however many consumers.
class SharedTrace {
 public:
  using Consumer = std::function<void(std::unique_ptr<TraceReader> reader)>;

  explicit SharedTrace(std::unique_ptr<TraceReader> trace);
  ~SharedTrace();
  SharedTrace(const SharedTrace&) = delete;
  SharedTrace& operator=(const SharedTrace&) = delete;

  /// Calls each consumer once; call this once. A reader delivers what the trace's own reader would, errors included, to
  /// each consumer. A consumer that stops early learns nothing of TraceInfo::skipped, streams, damage and last_cycle. An
  /// exception that leaves a consumer is thrown when all have returned.
  void run(const std::vector<Consumer>& consumers);

 private:
  class Reader;

  void start(const Consumer& consumer);
  /// Lets every consumer that waits go on until it waits again.
  void go_round();
  /// In a consumer: waits for the next batch.
  void wait();

  std::unique_ptr<TraceReader> trace_;
  TraceInfo opened_;   // what was known when the trace was opened
  TraceBatch batch_;   // the present one
  bool over_ = false;  // no batch follows
  std::exception_ptr damage_;
  std::exception_ptr failure_;                  // of a consumer
  std::vector<boost::context::fiber> waiting_;  // consumers
  boost::context::fiber caller_;                // where run() goes on
};

}  // namespace mmusim
