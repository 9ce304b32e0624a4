// SPDX-License-Identifier: MIT
#include "sim/experiment/trace_file.h"

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/host/atomic_file.h"

namespace mmusim {

namespace {

class FileSink final : public ByteSink {
 public:
  explicit FileSink(const std::string& path) : file_(path == "-" ? "/dev/stdout" : path) {}
  void write(std::string_view bytes) override { file_.write(bytes); }
  void finish() override { file_.commit(); }

 private:
  AtomicFile file_;
};

}  // namespace

std::unique_ptr<ByteSink> create_sink(const std::string& path) {
  return write_behind(compress(std::make_unique<FileSink>(path), compression_by_name(path)));
}

std::unique_ptr<TraceWriter> create_trace(const std::string& path, TraceFormat format, const TraceOrigin& origin) {
  return make_trace_writer(format, create_sink(path), origin);
}

TraceFormat output_format(const std::string& path, const std::string& name, std::optional<TraceFormat> fallback,
                          const char* option) {
  if (!name.empty()) return trace_format_given(name, option);
  if (const std::optional<TraceFormat> format = trace_format_by_name(path)) return *format;
  if (fallback && is_writable(*fallback)) return *fallback;
  throw InputError(fmt::format("{}: the name does not tell the form (.vmt, .mmt, .jsonl, .lackey, .champsim), give {}",
                               path, option));
}

}  // namespace mmusim
