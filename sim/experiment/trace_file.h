// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "sim/trace/byte_sink.h"
#include "sim/trace/trace_writer.h"

namespace mmusim {

/// Creates a trace file: compressed if the path ends in .gz, .bz2, .xz or .zst, written on a thread of its own, and
/// under its name only once finish() was called. "-" is standard output. Throws EnvironmentError if it cannot be
/// created, InputError if the format cannot be written.
std::unique_ptr<TraceWriter> create_trace(const std::string& path, TraceFormat format, const TraceOrigin& origin);

/// Creates a file as create_trace() does, for bytes of any form.
std::unique_ptr<ByteSink> create_sink(const std::string& path);

/// The format given by name, else by the path's end; `fallback` if neither tells. Throws InputError for unknown names,
/// naming the option.
TraceFormat output_format(const std::string& path, const std::string& name, std::optional<TraceFormat> fallback,
                          const char* option);

}  // namespace mmusim
