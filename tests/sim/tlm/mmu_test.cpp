// SPDX-License-Identifier: MIT
// What transactions do: bytes, faults, flags, registers, debug and direct memory.
#include "tests/sim/tlm/virtual_platform.h"

namespace mmusim {
namespace {

using sc_core::sc_time;

TEST(TlmMmu, StoresArriveAtThePhysicalAddressAndComeBack) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000);
  p.run([&] {
    sc_time delay;
    EXPECT_EQ(p.store(0x7010, 0x1122334455667788, delay).status, ::tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(p.memory.load(0x300010), 0x1122334455667788u);
    uint64_t back = 0;
    const auto answer = p.transport(::tlm::TLM_READ_COMMAND, 0x7010, &back, 8, delay);
    EXPECT_EQ(back, 0x1122334455667788u);
    EXPECT_EQ(answer.access.pa, 0x300010u);
    EXPECT_FALSE(answer.dmi_hint);
    EXPECT_THAT(p.memory.seen, testing::ElementsAre(0x300010, 0x300010));
  });
}

TEST(TlmMmu, AnAccessAcrossPagesIsTwoTransactionsBelow) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000);
  p.tables.map(0x8000, 0x500000);
  p.run([&] {
    sc_time delay;
    EXPECT_EQ(p.store(0x7ffd, 0x8877665544332211, delay).status, ::tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(p.memory.load(0x300ffd) & 0xffffff, 0x332211u);
    EXPECT_EQ(p.memory.load(0x500000) & 0xffffffffff, 0x8877665544u);
    EXPECT_THAT(p.memory.seen, testing::ElementsAre(0x300ffd, 0x500000));
    EXPECT_EQ(p.mmu.totals().lookups, 2u);
  });
}

TEST(TlmMmu, FaultsAreAddressErrorsAndReachNoMemory) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000, 0x65);  // read-only
  p.tables.map(0x9000, 0x301000, 0x63 | 1ULL << 63);
  p.tables.map(0xa000, 0x302000);
  p.run([&] {
    sc_time delay;
    const tlm::AccessExtension user = [] {
      tlm::AccessExtension e;
      e.user = true;
      return e;
    }();
    tlm::AccessExtension fetch;
    fetch.fetch = true;
    struct Case {
      VirtualPlatform::Answer answer;
      const char* reason;
      uint32_t code;
      uint64_t va;
    };
    const Case cases[] = {
        {p.load(0x5000, delay), "not_present", 0, 0x5000},
        {p.store(0x7008, 1, delay), "read_only", 3, 0x7008},
        {p.load(0x9000, delay, user), "supervisor_page", 5, 0x9000},
        {p.load(0x9010, delay, fetch), "no_execute", 0x11, 0x9010},
        {p.load(0xaffc, delay), "not_present", 0, 0xb000},  // its second page
    };
    for (const Case& c : cases) {
      EXPECT_EQ(c.answer.status, ::tlm::TLM_ADDRESS_ERROR_RESPONSE) << c.reason;
      ASSERT_TRUE(c.answer.access.exception) << c.reason;
      EXPECT_EQ(c.answer.access.exception->vector, "#PF");
      EXPECT_EQ(c.answer.access.exception->reason, c.reason);
      EXPECT_EQ(c.answer.access.exception->error_code, c.code) << c.reason;
      EXPECT_EQ(c.answer.access.exception->va, c.va);
      EXPECT_FALSE(c.answer.access.pa);
    }
    EXPECT_TRUE(p.memory.seen.empty());
    EXPECT_EQ(p.mmu.faults(), 5u);
    const auto wild = p.load(0x8000'0000'0000'0000, delay);
    ASSERT_TRUE(wild.access.exception);
    EXPECT_EQ(wild.access.exception->vector, "#GP");
  });
}

TEST(TlmMmu, AccessedAndDirtyFlagsAreSetBehindTheSocket) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000, 0x7);
  p.run([&] {
    sc_time delay;
    p.load(0x7000, delay);
    EXPECT_EQ(p.memory.load(p.tables.entry(0x7000, 1)), 0x300027u);
    p.store(0x7000, 1, delay);
    EXPECT_EQ(p.memory.load(p.tables.entry(0x7000, 1)), 0x300067u);
  });
}

TEST(TlmMmu, AnEntryIsUsedUntilItIsInvalidated) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000);
  p.run([&] {
    sc_time delay;
    p.load(0x7000, delay);
    p.tables.map(0x7000, 0x400000);
    EXPECT_EQ(p.load(0x7000, delay).access.pa, 0x300000u);
    const sc_time before = delay;
    p.mmu.invalidate_page(0x7000, delay);
    EXPECT_EQ(delay - before, sc_time(100, sc_core::SC_NS));  // tlb_flush_cycles of the textbook machine
    EXPECT_EQ(p.load(0x7000, delay).access.pa, 0x400000u);
    p.tables.map(0x7000, 0x500000);
    p.mmu.invalidate_all(delay);
    EXPECT_EQ(p.load(0x7000, delay).access.pa, 0x500000u);
  });
}

TEST(TlmMmu, ControlRegistersChangeWhatIsTranslatedAndHow) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000, 0x65);
  p.run([&] {
    sc_time delay;
    EXPECT_EQ(p.store(0x7000, 1, delay).status, ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_TRUE(p.mmu.write(tlm::Register::kCr0, 0x8000'0001, delay));  // WP off
    EXPECT_EQ(p.store(0x7000, 1, delay).status, ::tlm::TLM_OK_RESPONSE);
    const uint64_t other = 0x200000;  // an empty root
    EXPECT_TRUE(p.mmu.write(tlm::Register::kCr3, other, delay));
    EXPECT_EQ(p.mmu.registers().cr3, other);
    EXPECT_EQ(p.load(0x7000, delay).status, ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_FALSE(p.mmu.write(tlm::Register::kCr3, 1ULL << 62, delay));
    EXPECT_FALSE(p.mmu.write(tlm::Register::kCr4, 0x80, delay));  // PAE off in long mode
    EXPECT_EQ(p.mmu.registers().cr3, other);
    EXPECT_EQ(p.mmu.registers().cr4, 0xa0u);
  });
  EXPECT_THROW(p.mmu.set_registers({.cr4 = 0}), std::runtime_error);
}

TEST(TlmMmu, WhatCannotBeAccessedIsRefusedWithItsStatus) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000);
  p.tables.map(0x8000, 0x301000);
  p.tables.map(0x9000, 0x7fff'f000);  // beyond the memory
  p.run([&] {
    sc_time delay;
    std::vector<unsigned char> data(5000);
    const auto status = [&](const std::function<void(::tlm::tlm_generic_payload&)>& change) {
      ::tlm::tlm_generic_payload t;
      t.set_command(::tlm::TLM_READ_COMMAND);
      t.set_address(0x7ff8);
      t.set_data_ptr(data.data());
      t.set_data_length(16);
      t.set_streaming_width(16);
      change(t);
      p.socket->b_transport(t, delay);
      return t.get_response_status();
    };
    using Payload = ::tlm::tlm_generic_payload;
    EXPECT_EQ(status([](Payload&) {}), ::tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(status([](Payload& t) { t.set_command(::tlm::TLM_IGNORE_COMMAND); }), ::tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(status([](Payload& t) { t.set_streaming_width(8); }), ::tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_EQ(status([](Payload& t) {
                t.set_data_length(4097);
                t.set_streaming_width(4097);
              }),
              ::tlm::TLM_BURST_ERROR_RESPONSE);
    unsigned char enables = 0xff;
    EXPECT_EQ(status([&](Payload& t) {
                t.set_byte_enable_ptr(&enables);
                t.set_byte_enable_length(1);
              }),
              ::tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    EXPECT_EQ(p.mmu.totals().accesses, 1u);
    EXPECT_EQ(status([](Payload& t) { t.set_address(0x9000); }), ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(p.mmu.faults(), 0u);
  });
}

TEST(TlmMmu, DebugAccessesTakeNoTimeAndCountNothing) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000, 0x5);  // read-only, not accessed
  p.tables.map(0x8000, 0x500000);
  p.run([&] {
    std::string text(16, 'x');
    EXPECT_EQ(p.debug(::tlm::TLM_WRITE_COMMAND, 0x7ff8, text.data(), 16), 16u);
    EXPECT_EQ(p.memory.bytes[0x300ff8], 'x');
    EXPECT_EQ(p.memory.bytes[0x500007], 'x');
    EXPECT_EQ(p.memory.bytes[0x500008], 0);
    std::string back(16, '?');
    EXPECT_EQ(p.debug(::tlm::TLM_READ_COMMAND, 0x8ff8, back.data(), 16), 8u);  // the next page is not mapped
    EXPECT_EQ(p.memory.load(p.tables.entry(0x7000, 1)), 0x300005u);
  });
  EXPECT_EQ(sc_core::sc_time_stamp(), sc_core::SC_ZERO_TIME);
  EXPECT_EQ(p.mmu.totals().lookups, 0u);
}

TEST(TlmMmu, DirectMemoryIsGrantedByPageAndTakenBack) {
  VirtualPlatform p(Platform::load("textbook"), {.dmi = true});
  p.tables.map(0x7000, 0x300000);
  p.tables.map(0x8000, 0x301000, 0x27);  // not dirty: no writes behind the MMU's back
  p.tables.map(0x9000, 0x302000, 0x7);   // not accessed
  p.run([&] {
    sc_time delay;
    EXPECT_TRUE(p.load(0x7000, delay).dmi_hint);
    const auto ask = [&](::tlm::tlm_command command, uint64_t va, ::tlm::tlm_dmi& dmi) {
      ::tlm::tlm_generic_payload t;
      t.set_command(command);
      t.set_address(va);
      return p.socket->get_direct_mem_ptr(t, dmi);
    };
    ::tlm::tlm_dmi dmi;
    ASSERT_TRUE(ask(::tlm::TLM_WRITE_COMMAND, 0x7123, dmi));
    EXPECT_EQ(dmi.get_dmi_ptr(), p.memory.bytes.data() + 0x300000);
    EXPECT_EQ(dmi.get_start_address(), 0x7000u);
    EXPECT_EQ(dmi.get_end_address(), 0x7fffu);
    EXPECT_TRUE(dmi.is_read_write_allowed());
    EXPECT_EQ(dmi.get_read_latency(), sc_time(5, sc_core::SC_NS));
    ASSERT_TRUE(ask(::tlm::TLM_READ_COMMAND, 0x8000, dmi));
    EXPECT_FALSE(dmi.is_write_allowed());
    EXPECT_FALSE(ask(::tlm::TLM_WRITE_COMMAND, 0x8000, dmi));
    EXPECT_FALSE(ask(::tlm::TLM_READ_COMMAND, 0x9000, dmi));
    EXPECT_FALSE(ask(::tlm::TLM_READ_COMMAND, 0xb000, dmi));
    EXPECT_EQ(p.dmi_invalidations, 0u);
    p.mmu.invalidate_page(0x7000, delay);
    EXPECT_EQ(p.dmi_invalidations, 1u);
    ASSERT_TRUE(ask(::tlm::TLM_READ_COMMAND, 0x7000, dmi));
    p.memory.socket->invalidate_direct_mem_ptr(0, 1);
    EXPECT_EQ(p.dmi_invalidations, 2u);
    ASSERT_TRUE(ask(::tlm::TLM_READ_COMMAND, 0x7000, dmi));
    EXPECT_TRUE(p.mmu.write(tlm::Register::kCr3, p.mmu.registers().cr3, delay));
    EXPECT_EQ(p.dmi_invalidations, 3u) << "a MOV to CR3 removes translations";
  });
}

TEST(TlmMmu, NoDirectMemoryUnlessItIsWanted) {
  VirtualPlatform p;
  p.tables.map(0x7000, 0x300000);
  p.run([&] {
    ::tlm::tlm_generic_payload t;
    t.set_command(::tlm::TLM_READ_COMMAND);
    t.set_address(0x7000);
    ::tlm::tlm_dmi dmi;
    EXPECT_FALSE(p.socket->get_direct_mem_ptr(t, dmi));
  });
}

TEST(TlmMmu, ATableOutsideTheMemoryEndsTheSimulationWithItsAddress) {
  VirtualPlatform p;
  p.mmu.set_registers({.cr3 = 0x4000'0000});
  sc_core::sc_spawn([&] {
    sc_time delay;
    p.load(0x7000, delay);
  });
  try {
    sc_core::sc_start();
    FAIL();
  } catch (const std::exception& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("0x40000000"));
  }
}

TEST(TlmMmu, SeveralCoresAreRefused) {
  Platform two = Platform::load("textbook");
  two.set("/cores", "2");
  EXPECT_THROW(tlm::Mmu("mmu", two), std::runtime_error);
}

}  // namespace
}  // namespace mmusim
