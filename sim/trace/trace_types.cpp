// SPDX-License-Identifier: MIT
#include "sim/trace/trace_types.h"

#include <array>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr std::array<const char*, kTraceFormats> kFormatNames = {"vmt1",      "binary", "jsonl",    "events",
                                                                 "champsim",  "lackey", "execlog",  "drmemtrace",
                                                                 "pinatrace", "dinero", "perf-mem", "perf"};
constexpr std::array<const char*, kTraceEventKinds> kEventNames = {"map",     "marker",  "cr_write",    "invlpg",
                                                                   "invpcid", "process", "instruction", "entry_write",
                                                                   "zero",    "drain",   "timed",       "guest"};

}  // namespace

const char* name_of(TraceFormat format) { return kFormatNames[static_cast<size_t>(format)]; }

std::optional<TraceFormat> trace_format_of(std::string_view name) {
  for (size_t i = 0; i < kFormatNames.size(); ++i) {
    if (name == kFormatNames[i]) return static_cast<TraceFormat>(i);
  }
  return std::nullopt;
}

std::string trace_format_names() {
  std::string names;
  for (const char* name : kFormatNames) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

TraceFormat trace_format_given(std::string_view name, const char* option) {
  if (const std::optional<TraceFormat> format = trace_format_of(name)) return *format;
  throw InputError(fmt::format("{}: unknown form \"{}\", expected one of {}", option, name, trace_format_names()));
}

const char* name_of(TraceEventKind kind) { return kEventNames[static_cast<size_t>(kind)]; }

void TraceBatch::clear() {
  accesses.clear();
  pcs.clear();
  events.clear();
  texts.clear();
  first_record = 0;
  records = 0;
}

}  // namespace mmusim
