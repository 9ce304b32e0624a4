// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/trace/trace_reader.h"
#include "sim/trace/trace_writer.h"

namespace mmusim::trace_test {

/// A sink that keeps everything in a string of the test.
class StringSink final : public ByteSink {
 public:
  explicit StringSink(std::string& to) : to_(to) {}
  void write(std::string_view bytes) override { to_ += bytes; }
  void finish() override {}

 private:
  std::string& to_;
};

std::string data_file(const std::string& name);     ///< path of a file of tests/data/traces
std::string shipped_file(const std::string& name);  ///< path of a file of traces
std::string contents(const std::string& path);
std::vector<uint8_t> bytes_of_text(std::string_view text);

/// All records of a trace as one batch.
TraceBatch read_all(TraceReader& reader);
TraceBatch read_text(std::string_view text, const TraceOptions& options = {});
TraceBatch read_file(const std::string& path, const TraceOptions& options = {});

/// A batch in a form of trace.
std::string written(const TraceBatch& batch, TraceFormat format, std::vector<std::string>* losses = nullptr);

/// `n` accesses with everything an access can have, and events of every kind between them; equal for equal seeds.
TraceBatch random_batch(size_t n, uint64_t seed);

/// One line for each record in order, to compare batches and to read when they differ.
std::string described(const TraceBatch& batch);

/// The message of the InputError that reading all of `text` throws; "" if it is read without error.
std::string error_of(std::string_view text, const TraceOptions& options = {});

}  // namespace mmusim::trace_test
