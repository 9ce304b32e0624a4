// SPDX-License-Identifier: MIT
#include "sim/events/events.h"

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

void add_word(EventSelection& selection, std::string_view word) {
  if (word == "pte") {
    selection.add(EventCategory::kEntryWrites);
  } else if (word == "tables") {
    selection.add(EventCategory::kEntryWrites).add(EventCategory::kEntryReads);
  } else if (word == "walks") {
    selection.add(EventCategory::kWalks);
  } else if (word == "accesses") {
    selection.add(EventCategory::kAccesses);
  } else if (word == "ipis") {
    selection.add(EventCategory::kInterrupts);
  } else if (word == "all") {
    selection.add(EventCategory::kEntryWrites).add(EventCategory::kEntryReads).add(EventCategory::kInterrupts);
    selection.add(EventCategory::kWalks).add(EventCategory::kAccesses);
  } else {
    throw InputError(fmt::format(
        "--events: unknown word \"{}\", expected none, or a comma list of pte, tables, walks, accesses, ipis, all",
        word));
  }
}

}  // namespace

EventSelection EventSelection::parse(std::string_view text) {
  EventSelection selection;
  if (text == "none") return selection;
  while (true) {
    const size_t comma = text.find(',');
    add_word(selection, text.substr(0, comma));
    if (comma == std::string_view::npos) return selection;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace mmusim
