// SPDX-License-Identifier: MIT
#include "models/cache/line_directory.h"

namespace mmusim {

using State = DirectoryLine::State;

LineDirectory::LineDirectory(unsigned cores, CoherenceProtocol protocol, const Geometry& capacity)
    : cores_(cores), protocol_(protocol) {
  if (capacity.entries != 0) entries_.emplace(capacity);
}

DirectoryLine* LineDirectory::find(PhysAddr line) {
  const auto at = lines_.find(number(line));
  return at == lines_.end() ? nullptr : &at->second;
}

DirectoryLine& LineDirectory::open(PhysAddr line) {
  DirectoryLine& entry = lines_[number(line)];
  if (entry.holders.empty()) entry.holders.resize(cores_);
  return entry;
}

LineDirectory::Read LineDirectory::read(unsigned core, DirectoryLine& line) {
  Read read;
  if (line.holders.none()) {
    line.owner = core;
    line.state = State::kExclusive;
  } else if (line.owner != DirectoryLine::kNobody && line.owner != core) {
    read.from = line.owner;
    read.demoted = line.state == State::kModified;
    if (line.state == State::kModified && protocol_ == CoherenceProtocol::kMoesi) {
      line.state = State::kOwned;
    } else if (line.state != State::kOwned) {
      read.copied_below = protocol_ == CoherenceProtocol::kMesi;
      read.dirty_below = line.state == State::kModified;
      line.owner = DirectoryLine::kNobody;
      line.state = State::kShared;
    }
  }
  line.holders.set(core);
  return read;
}

CoreSet LineDirectory::write(unsigned core, DirectoryLine& line) {
  CoreSet losers = line.others(core);
  line.holders.reset();
  line.holders.set(core);
  line.owner = core;
  line.state = State::kModified;
  return losers;
}

LineDirectory::Left LineDirectory::leave(unsigned core, PhysAddr line, bool dirty) {
  DirectoryLine* const entry = find(line);
  if (entry == nullptr || !entry->holders.test(core)) return {};
  Left left{true, dirty};
  entry->holders.reset(core);
  if (entry->owner == core) {
    left.dirty |= entry->state == State::kModified || entry->state == State::kOwned;
    entry->owner = DirectoryLine::kNobody;
    entry->state = State::kShared;
  }
  if (entry->holders.none()) forget(line);
  return left;
}

std::optional<PhysAddr> LineDirectory::admit(PhysAddr line) {
  if (!entries_) return std::nullopt;
  const unsigned set = entries_->set_of(number(line));
  if (const unsigned slot = entries_->find(set, key_of(line)); slot != SetArray::kNone) {
    entries_->touch(slot);
    return std::nullopt;
  }
  const SetArray::Replaced old = entries_->replace(set, key_of(line));
  if (old.stored == 0) return std::nullopt;
  return PhysAddr(old.key() >> 1 << kLineShift);
}

void LineDirectory::forget(PhysAddr line) {
  lines_.erase(number(line));
  if (!entries_) return;
  const unsigned slot = entries_->find(entries_->set_of(number(line)), key_of(line));
  if (slot != SetArray::kNone) entries_->erase(slot);
}

}  // namespace mmusim
