// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "models/base/format.h"
#include "sim/commands/commands.h"
#include "sim/commands/request_conversion.h"
#include "sim/commands/trace_report.h"
#include "sim/experiment/trace_file.h"
#include "sim/host/interrupts.h"
#include "sim/host/progress.h"
#include "sim/host/text_output.h"
#include "sim/trace/trace_reader.h"
#include "sim/trace/trace_window.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {

namespace {

/// Options of the subcommands of `trace`; each takes some of them.
struct TraceArguments {
  std::string input;
  std::vector<std::string> inputs;
  std::string output;
  std::string from;
  std::string to;
  bool json = false;
  bool salvage = false;
  bool skip_foreign = false;
  bool lossless = false;
  uint64_t records = 10;
  TraceWindowText window;
  ReplayOptions replay;  ///< of `convert` into requests to memory
};

TraceOptions reader_options(const TraceArguments& arguments) {
  TraceOptions options;
  if (!arguments.from.empty()) options.format = trace_format_given(arguments.from);
  options.salvage = arguments.salvage;
  options.skip_foreign = arguments.skip_foreign;
  options.stop = interrupt_pending;
  return options;
}

/// Shows how far the reading of a trace is.
class ReadingProgress {
 public:
  explicit ReadingProgress(const TraceReader& reader)
      : reader_(reader), bar_("reading " + reader.info().file, reader.bytes_total()) {}
  void update(const TraceBatch& batch) {
    constexpr uint64_t kBetween = 64;  // batches
    if (batches_++ % kBetween != 0) return;
    bar_.update(reader_.bytes_read(), fmt::format("{:.1f} M records", static_cast<double>(batch.first_record) * 1e-6));
  }

 private:
  const TraceReader& reader_;
  ProgressBar bar_;
  uint64_t batches_ = 0;
};

/// Tells what was passed over, and of the damage that --salvage took.
void report_skipped(const TraceInfo& info) {
  const std::string skipped = info.skipped_text();
  if (!skipped.empty()) print_error(fmt::format("{}: passed over: {}\n", info.file, skipped));
  if (!info.damage.empty()) print_error(fmt::format("{} (salvaged what comes before)\n", info.damage));
}

ExitCode run_info(const TraceArguments& arguments) {
  TraceOptions options = reader_options(arguments);
  options.salvage = true;
  const std::unique_ptr<TraceReader> reader = open_trace(arguments.input, options);
  TraceCounter counter;
  TraceBatch batch;
  ReadingProgress progress(*reader);
  while (!interrupt_requested() && reader->next(batch)) {
    counter.add(batch);
    progress.update(batch);
  }
  reader->end();
  const TraceInfo& info = reader->info();
  // A cut event log is what a crash leaves: its whole records are still worth telling about.
  const bool worthless = !info.damage.empty() && !arguments.salvage && info.format != TraceFormat::kEventLog;
  if (worthless) throw InputError(info.damage);
  const TraceStatistics statistics = counter.result();
  if (arguments.json) {
    print_json(trace_info_json(info, statistics));
  } else {
    print_text(trace_info_text(info, statistics));
  }
  if (info.damage.empty() || arguments.salvage) return ExitCode::kSuccess;
  print_error(fmt::format("{}\n", info.damage));
  return ExitCode::kBadInput;
}

ExitCode run_validate(const TraceArguments& arguments) {
  ExitCode code = ExitCode::kSuccess;
  for (const std::string& file : arguments.inputs) {
    try {
      const std::unique_ptr<TraceReader> reader = open_trace(file, reader_options(arguments));
      TraceBatch batch;
      ReadingProgress progress(*reader);
      uint64_t records = 0;
      while (!interrupt_requested() && reader->next(batch)) {
        records = batch.first_record + batch.records;
        progress.update(batch);
      }
      reader->end();
      report_skipped(reader->info());
      print_text(fmt::format("{}: valid {} trace, {} records{}\n", file, name_of(reader->info().format), records,
                             reader->info().checksum ? ", checksum agrees" : ""));
    } catch (const InputError& error) {
      print_error(std::string(error.what()) + "\n");
      code = ExitCode::kBadInput;
    }
  }
  return code;
}

/// Writes JSON Lines without header and trailer to standard output.
class LinesToStdout final : public ByteSink {
 public:
  void write(std::string_view bytes) override { text_ += bytes; }
  void finish() override {
    const size_t header = text_.find('\n') + 1;
    const size_t trailer = text_.rfind('\n', text_.size() - 2) + 1;
    print_json(std::string_view(text_).substr(header, trailer - header));
  }

 private:
  std::string text_;
};

/// Keeps the first `n` records of a batch; fewer when an instruction of several accesses has to stay whole.
void keep_first(TraceBatch& batch, uint64_t n) {
  const auto kept_accesses = static_cast<size_t>(std::min<uint64_t>(batch.accesses.size(), n));
  size_t events = 0;
  size_t accesses = 0;
  while (accesses + events < n && (accesses < batch.accesses.size() || events < batch.events.size())) {
    if (events < batch.events.size() && batch.events[events].before <= accesses) {
      ++events;
    } else {
      ++accesses;
    }
  }
  batch.accesses.resize(std::min(accesses, kept_accesses));
  if (!batch.pcs.empty()) batch.pcs.resize(batch.accesses.size());
  batch.events.resize(events);
}

ExitCode run_head(const TraceArguments& arguments) {
  TraceOptions options = reader_options(arguments);
  options.want_pc = true;
  const std::unique_ptr<TraceReader> reader = open_trace(arguments.input, options);
  const std::unique_ptr<TraceWriter> lines =
      make_trace_writer(TraceFormat::kJsonLines, std::make_unique<LinesToStdout>());
  TraceBatch batch;
  uint64_t left = arguments.records;
  while (left != 0 && !interrupt_requested() && reader->next(batch)) {
    keep_first(batch, left);
    lines->write(batch);
    left -= std::min<uint64_t>(left, batch.accesses.size() + batch.events.size());
  }
  lines->finish();
  return ExitCode::kSuccess;
}

/// `convert` and `cut`: one trace into another.
ExitCode copy_trace(const TraceArguments& arguments) {
  TraceOptions options = reader_options(arguments);
  options.want_pc = true;
  options.want_instructions = true;
  const std::unique_ptr<TraceReader> reader = open_trace(arguments.input, options);
  const TraceFormat format = output_format(arguments.output, arguments.to, reader->info().format, "--to");
  TraceOrigin origin = origin_of(reader->info());
  if (origin.source.empty()) origin.source = reader->info().file;
  const std::unique_ptr<TraceWriter> writer = create_trace(arguments.output, format, origin);
  TraceWindow window(*reader, read_trace_window(arguments.window));
  TraceBatch batch;
  WindowPart part = WindowPart::kMeasured;
  ReadingProgress progress(*reader);
  while (window.next(batch, part)) {
    if (interrupt_requested()) return ExitCode::kSuccess;  // no file appears; main() tells of the signal
    writer->write(batch);
    progress.update(batch);
  }
  reader->end();
  if (interrupt_requested()) return ExitCode::kSuccess;
  const std::vector<std::string> losses = writer->losses();
  if (arguments.lossless && !losses.empty()) {
    throw InputError(fmt::format("{}: {} cannot hold: {}", arguments.output, name_of(format), fmt::join(losses, "; ")));
  }
  writer->finish();
  for (const std::string& loss : losses) print_error(fmt::format("{}: dropped: {}\n", arguments.output, loss));
  report_skipped(reader->info());
  return ExitCode::kSuccess;
}

/// `convert`: one trace into another, or into the requests to memory of its replay.
ExitCode run_convert(const TraceArguments& arguments) {
  const std::optional<RequestForm> form = request_form_of(arguments.to);
  if (!form) {
    if (!arguments.to.empty() && !trace_format_of(arguments.to)) {
      throw InputError(fmt::format("--to: unknown form \"{}\", expected one of {}, or of requests {}", arguments.to,
                                   trace_format_names(), request_form_names()));
    }
    refuse_request_options(arguments.replay);
    return copy_trace(arguments);
  }
  if (arguments.lossless) throw InputError("--lossless: requests to memory are not the trace's accesses");
  ReplayOptions options = arguments.replay;
  options.trace = arguments.input;
  options.form = arguments.from;
  options.salvage = arguments.salvage;
  options.skip_foreign = arguments.skip_foreign;
  options.write_files = false;
  return convert_to_requests(options, arguments.output, *form);
}

using Run = ExitCode (*)(const TraceArguments&);

struct Subcommand {
  CommandLine app;
  std::shared_ptr<TraceArguments> arguments = std::make_shared<TraceArguments>();

  Subcommand(CommandLine trace, Action& action, const char* name, const char* description, const char* example, Run run)
      : app(trace.add_subcommand(name, description)) {
    app.footer(std::string("Example:\n  ") + example);
    app.callback([a = arguments, run, &action] { action = [a, run] { return run(*a); }; });
    app.add_option("--form,--format", arguments->from,
                   "Form of the input instead of finding it by content: " + trace_format_names());
    app.add_flag("--salvage", arguments->salvage, "Take what is whole of a damaged trace");
    app.add_flag("--skip-foreign", arguments->skip_foreign, "Pass over lines of a text that are none of its form");
  }
  Subcommand& input() {
    app.add_option("FILE", arguments->input, "Trace; - is standard input").required();
    return *this;
  }
  Subcommand& output(const std::string& more_forms = {}) {
    app.add_option("OUT", arguments->output,
                   "Trace to write, compressed by its end (.gz, .bz2, .xz, .zst); - is standard output")
        .required();
    app.add_option("--to", arguments->to,
                   "Form to write: vmt1, binary, jsonl, lackey, champsim (default: by the name)" + more_forms);
    app.add_flag("--lossless", arguments->lossless, "Refuse if the form cannot hold everything");
    return *this;
  }
};

void add_cut(CommandLine trace, Action& action) {
  Subcommand cut(trace, action, "cut", "Write a part of a trace",
                 "mmusim trace cut big-8g-4l.vmt.xz part.mmt.zst --roi 3 --skip 1000000 --limit 500000", copy_trace);
  cut.input().output();
  TraceArguments& a = *cut.arguments;
  cut.app.add_option("--skip", a.window.skip,
                     "Leave out so much at first: accesses (5000, 100M) or instructions (5000i, 100Mi)");
  cut.app.add_option("--limit", a.window.limit, "Stop after so much");
  cut.app.add_option("--sample", a.window.sample, "N:M: take the first N of each M accesses");
  cut.app.add_option("--roi", a.window.roi, "Only the phase that a marker of this number or name opens");
}

}  // namespace

void add_trace_command(CommandLine app, Action& action) {
  CommandLine trace = app.add_subcommand("trace", "Look at, check, convert and cut access traces and event logs");
  trace.require_subcommand();
  Subcommand info(trace, action, "info", "Records, footprint, page reuse and checksum of a trace",
                  "mmusim trace info traces/ops-512m-4l.vmt.xz", run_info);
  info.input().app.add_flag("--json", info.arguments->json, "Print JSON");
  Subcommand validate(trace, action, "validate", "Read traces to their end and report the first damage of each",
                      "mmusim trace validate a.vmt.xz b.champsim.zst", run_validate);
  validate.app.add_option("FILE", validate.arguments->inputs, "Traces; - is standard input").required();
  Subcommand head(trace, action, "head", "The first records as JSON Lines",
                  "valgrind --tool=lackey --trace-mem=yes --log-fd=9 ls 9>&1 >/dev/null | mmusim trace head -",
                  run_head);
  head.input()
      .app.add_option("-n,--records", head.arguments->records, "How many")
      .capture_default_str()
      .unsigned_number();
  Subcommand convert(
      trace, action, "convert", "Write a trace in another form, saying what that form cannot hold",
      "mmusim trace convert ls.lackey.gz ls.mmt.zst\n"
      "  mmusim trace convert traces/ops-512m-4l.vmt.xz ops.dramsim3 --to dramsim3 --platform skylake-sp "
      "--limit 20000",
      run_convert);
  convert.input().output(fmt::format(
      "; {}: replays the trace and writes its requests to memory (misses, page-walk reads, write-backs), with times",
      request_form_names()));
  add_request_options(convert.app, convert.arguments->replay);
  add_cut(trace, action);
}

}  // namespace mmusim
