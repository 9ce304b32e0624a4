// SPDX-License-Identifier: MIT
#include "sim/bootlog/evidence.h"

#include <algorithm>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "sim/bootlog/log_boots.h"
#include "sim/bootlog/log_text.h"
#include "sim/bootlog/log_unwrap.h"
#include "sim/bootlog/witnesses.h"

namespace mmusim {

namespace {

constexpr size_t kMostBootsNamed = 8;
constexpr size_t kMostLinesNamed = 10;

std::string lines_of(const std::vector<LogMessage>& messages, const LogBoot& boot) {
  return fmt::format("lines {} to {}", messages[boot.begin].line, messages[boot.end - 1].line);
}

/// The boot to take, and a note where there are several.
const LogBoot& choose(const std::vector<LogMessage>& messages, const std::vector<LogBoot>& boots, BootNumber number,
                      const std::string& name, std::vector<std::string>& notes) {
  const auto count = static_cast<long>(boots.size());
  const long wanted = number.value_or(0) > 0 ? *number - 1L : count - 1L + number.value_or(0);
  if (wanted < 0 || wanted >= count) {
    throw InputError(
        fmt::format("{}: no boot {}: the log holds {} boot{}", name, *number, count, count == 1 ? "" : "s"));
  }
  const LogBoot& boot = boots[static_cast<size_t>(wanted)];
  if (count > 1) {
    std::string list;
    for (size_t i = 0; i < std::min(boots.size(), kMostBootsNamed); ++i) {
      list += (i == 0 ? "" : "; ") + lines_of(messages, boots[i]);
    }
    notes.push_back(fmt::format("the log holds {} boots ({}{}): {} is taken (--boot N takes another)", count, list,
                                boots.size() > kMostBootsNamed ? "; ..." : "",
                                wanted == count - 1 ? "the last boot" : "boot " + std::to_string(wanted + 1)));
  }
  return boot;
}

void check_architecture(const BootFacts& facts, const std::string& name) {
  std::string why = facts.other_architecture;
  if (why.empty() && facts.wide_dma_zone && facts.maps.empty()) why = "zone DMA goes beyond the 16 MiB of x86";
  if (why.empty()) return;
  throw InputError(
      fmt::format("{}: not the log of an x86-64 kernel ({}): expected one, others have none of these page "
                  "tables (32-bit x86 has neither the vmemmap nor four levels)",
                  name, why));
}

void name_damaged(const BootFacts& facts, std::vector<std::string>& notes) {
  if (facts.damaged.empty()) return;
  std::string list;
  for (size_t i = 0; i < std::min(facts.damaged.size(), kMostLinesNamed); ++i) {
    list += (i == 0 ? "" : ", ") + std::to_string(facts.damaged[i]);
  }
  notes.push_back(fmt::format("{} damaged line{} left out: {}{}", facts.damaged.size(),
                              facts.damaged.size() == 1 ? " is" : "s are", list,
                              facts.damaged.size() > kMostLinesNamed ? ", ..." : ""));
}

/// Gives the accounts of a second log, and what the first one does not tell.
void merge(Evidence& evidence, BootFacts other, const std::string& name) {
  if (node_range_account(evidence.facts).ranges.empty() && !node_range_account(other).ranges.empty()) {
    std::swap(evidence.facts, other);
  }
  for (MemoryAccount account : {node_range_account(other), firmware_account(other), memblock_account(other)}) {
    if (account.ranges.empty()) continue;
    account.name += " of another log (" + name + ")";
    evidence.accounts.push_back(std::move(account));
  }
  BootFacts& facts = evidence.facts;
  if (facts.release.empty()) facts.release = other.release;
  if (facts.cmdline.empty()) facts.cmdline = other.cmdline;
  if (!facts.processor.family) facts.processor = other.processor;
  if (!facts.present_kib) facts.present_kib = other.present_kib;
  if (!facts.levels) facts.levels = other.levels;
  if (!facts.block_mib) facts.block_mib = other.block_mib;
  if (!facts.image) facts.image = other.image;
}

}  // namespace

void add_boot_log(Evidence& evidence, std::string_view bytes, const std::string& name, BootNumber number) {
  LogText log = decode_log(bytes);
  if (auto lines = lines_of_json_log(log.text)) log.text = decode_log(*lines).text;
  evidence.notes.insert(evidence.notes.end(), log.notes.begin(), log.notes.end());
  if (auto whole = unwrapped(log.text)) {
    evidence.notes.push_back(
        fmt::format("lines cut at {} columns are put together in {} places: line numbers are "
                    "those of the result",
                    whole->columns, whole->joints));
    log.text = std::move(whole->text);
  }
  const std::vector<LogMessage> messages = messages_of(log.text);
  const std::vector<LogBoot> boots = boots_of(messages);
  BootFacts facts;
  if (!messages.empty()) {
    const LogBoot& boot = choose(messages, boots, number, name, evidence.notes);
    facts = read_boot_facts(messages, boot);
  }
  check_architecture(facts, name);
  name_damaged(facts, evidence.notes);
  if (evidence.boot_log)
    merge(evidence, std::move(facts), name);
  else
    evidence.facts = std::move(facts);
  evidence.boot_log = true;
}

void add_file(Evidence& evidence, std::string_view bytes, const std::string& name, BootNumber boot) {
  if (!is_witness(bytes)) return add_boot_log(evidence, bytes, name, boot);
  const std::string text = decode_log(bytes).text;
  add_witness(evidence, witness_kind(text), text, name);
}

DerivedScenario scenario_from_boot_log(std::string_view text, const std::string& name) {
  Evidence evidence;
  add_boot_log(evidence, text, name, {});
  return scenario_from_evidence(evidence, name);
}

}  // namespace mmusim
