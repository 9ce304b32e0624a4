// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/bootlog/evidence.h"

namespace mmusim {

/// Questions of a user about a machine.
enum class Question : uint8_t { kBaseVsHuge, kHvo, kHotAdd, kDax, kGuest };

/// Gives the scenario of a machine the phases and variants that answer a question, in sizes that the evidence tells:
///
/// * kBaseVsHuge: a scan of all page frames and random ones, with the vmemmap in 4 KiB and in 2 MiB pages;
/// * kHvo: page faults beside as many HugeTLB pages as the command line asks for (a quarter of memory where it asks for
///   none), their struct pages kept and given back;
/// * kHotAdd: a memory block of the machine's size behind its memory, at once, in pieces of 2 MiB, and with its memmap on
///   itself where the kernel can do that (it cannot without 2 MiB pages);
/// * kDax: the machine's persistent memory (16 GiB behind the memory where it has none) as device-DAX, plain and compound;
/// * kGuest: page frames at random and page faults, on bare metal and as a guest over 4 KiB host pages, over 2 MiB ones
///   for nine tenths of memory, and over 1 GiB ones.
///
/// The boot is not timed: the question is about what comes after it. Adds a sentence for each size that was chosen.
/// Throws InputError where the machine cannot be asked.
void ask(DerivedScenario& derived, Question question, const Evidence& evidence, const std::string& name);

}  // namespace mmusim
