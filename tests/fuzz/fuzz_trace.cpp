// SPDX-License-Identifier: MIT
// Reads arbitrary bytes as a trace: nothing may crash, hang, or throw anything but InputError. Compiled once for each
// form (MMUSIM_FUZZ_FORM) and once with the form found by content, compressed data included.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/base/errors.h"
#include "sim/trace/decompress.h"
#include "sim/trace/trace_origin.h"
#include "sim/trace/trace_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mmusim::TraceOptions options;
#ifdef MMUSIM_FUZZ_FORM
  // A hundred compressed bytes can stand for megabytes of empty lines; the target that finds the form has those.
  if (mmusim::compression_of({data, size}) != "none") return -1;
  options.format = mmusim::TraceFormat::MMUSIM_FUZZ_FORM;
#endif
  options.want_pc = true;
  options.want_instructions = true;
  options.keep_fetches = size % 16 != 0;  // what leaves them out starts with a table of half a megabyte
  options.batch_accesses = 64;            // a batch is not larger than what the input can fill
  try {
    const auto reader = mmusim::open_trace_bytes(std::vector<uint8_t>(data, data + size), "fuzz", options);
    mmusim::header_of(mmusim::origin_of(reader->info()));
    static mmusim::TraceBatch batch;
    uint64_t records = 0;
    while (reader->next(batch)) records += batch.records;
  } catch (const mmusim::InputError&) {
  }
  return 0;
}
