// SPDX-License-Identifier: MIT
#include "models/cache/line_directory.h"

#include <bit>

namespace mmusim {

using State = DirectoryLine::State;

LineDirectory::LineDirectory(CoherenceProtocol protocol, const Geometry& capacity, size_t lines)
    : protocol_(protocol), buckets_(std::bit_ceil(lines)), lines_({buckets_.data(), buckets_.size()}) {
  if (capacity.entries != 0) entries_.emplace(capacity);
}

DirectoryLine* LineDirectory::find(PhysAddr line) {
  const auto at = lines_.find(number(line));
  return at == lines_.end() ? nullptr : &*at;
}

DirectoryLine& LineDirectory::open(PhysAddr line) {
  Lines::insert_commit_data place;
  const auto [at, absent] = lines_.insert_check(number(line), place);
  if (!absent) return *at;
  if (free_.empty()) free_.push_back(&entries_made_.emplace_back());
  DirectoryLine& entry = *free_.back();
  free_.pop_back();
  entry.number = number(line);
  lines_.insert_commit(entry, place);
  return entry;
}

/// Takes an entry from the directory, and leaves it as new.
void LineDirectory::remove(DirectoryLine& entry) {
  lines_.erase(lines_.iterator_to(entry));
  entry.reset();
  free_.push_back(&entry);
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
  line.holders.clear();
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
  if (entry->holders.none()) forget(*entry);
  return left;
}

std::optional<PhysAddr> LineDirectory::admit(PhysAddr line) {
  if (!entries_) return std::nullopt;
  const unsigned set = entries_->set_of(number(line));
  const uint64_t key = key_of(number(line));
  if (const unsigned slot = entries_->find(set, key); slot != SetArray::kNone) {
    entries_->touch(slot);
    return std::nullopt;
  }
  const SetArray::Replaced old = entries_->replace(set, key);
  if (old.stored == 0) return std::nullopt;
  return PhysAddr(old.key() >> 1 << kLineShift);
}

void LineDirectory::forget(DirectoryLine& entry) {
  if (entries_) {
    const unsigned slot = entries_->find(entries_->set_of(entry.number), key_of(entry.number));
    if (slot != SetArray::kNone) entries_->erase(slot);
  }
  if (entry.locked) {
    entry.reset();
  } else {
    remove(entry);
  }
}

void LineDirectory::unlock(DirectoryLine& entry) {
  entry.locked = false;
  if (entry.holders.none()) remove(entry);
}

}  // namespace mmusim
