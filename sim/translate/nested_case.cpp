// SPDX-License-Identifier: MIT
#include "sim/translate/nested_case.h"

#include <fmt/compile.h>

#include <iterator>

#include "models/base/format.h"

namespace mmusim {

namespace {

std::string_view outcome_name(ExitReason reason) {
  switch (reason) {
    case ExitReason::kEptViolation:
      return "eptv";
    case ExitReason::kEptMisconfiguration:
      return "eptm";
    case ExitReason::kNestedPageFault:
      return "npf";
  }
  return "?";
}

void append_exit(const NestedExit& exit, std::string& out) {
  append_hex_member("reason", static_cast<uint64_t>(exit.reason), out);
  switch (exit.reason) {
    case ExitReason::kEptViolation:
      append_hex_member("qual", exit.information, out);
      append_hex_member("gpa", exit.gpa.raw(), out);
      if (exit.gla) append_hex_member("gla", exit.gla->raw(), out);
      break;
    case ExitReason::kEptMisconfiguration:
      append_hex_member("gpa", exit.gpa.raw(), out);
      break;
    case ExitReason::kNestedPageFault:
      append_hex_member("ei1", exit.information, out);
      append_hex_member("ei2", exit.gpa.raw(), out);
      break;
  }
}

void append_translation(const NestedCaseResult& result, std::string& out) {
  const NestedAccessOutcome& o = result.outcome;
  append_hex_member("gpa", o.first.gpa.raw(), out);
  append_hex_member("pa", o.first.pa().raw(), out);
  if (o.second) {
    append_hex_member("gpa2", o.second->gpa.raw(), out);
    append_hex_member("pa2", o.second->pa().raw(), out);
  }
  fmt::format_to(std::back_inserter(out), FMT_COMPILE(",\"refs\":{},\"mt\":{}"), o.entry_reads,
                 static_cast<unsigned>(result.type));
}

}  // namespace

NestedCaseResult run_nested_case(const WalkCase& c, ListedMemory& memory) {
  const ControlState guest(c.registers, c.traits);
  const NestedControl nested(c.nested, c.traits);
  NestedCaseResult result;
  result.outcome = translate_nested(guest, nested, c.va, c.bytes, c.access, memory);
  const NestedAccessOutcome& o = result.outcome;
  if (o.fault) {
    result.exception = exception_of(*o.fault, c.access, guest, o.fault_va);
  } else if (o.exit) {
    result.exit = exit_of(*o.exit, nested);
  } else {
    result.type = memory_type_of(guest, nested, o.first.nested, o.first.guest.pat_index());
  }
  return result;
}

void append_result(const WalkCase& c, const NestedCaseResult& result, const ListedMemory& memory, std::string& out) {
  if (result.exception) {
    append_outcome(c, outcome_name(*result.exception), out);
    if (result.exception->cr2) {
      append_hex_member("ec", result.exception->error_code, out);
      append_hex_member("cr2", result.exception->cr2->raw(), out);
    }
  } else if (result.exit) {
    append_outcome(c, outcome_name(result.exit->reason), out);
    append_exit(*result.exit, out);
  } else {
    append_outcome(c, "ok", out);
    append_translation(result, out);
  }
  append_values("aft", memory.guest_entries(), out);
  append_values("naft", memory.nested_entries(), out);
  out += "}\n";
}

}  // namespace mmusim
