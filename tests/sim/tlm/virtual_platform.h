// SPDX-License-Identifier: MIT
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "mmusim/tlm.h"
#include "tests/sim/tlm/base_protocol_checker.h"
#include "tests/support/in_child.h"

namespace mmusim {

/// 64 MiB of bytes.
struct Bytes {
  std::vector<unsigned char> bytes = std::vector<unsigned char>(64 << 20);

  uint64_t load(uint64_t at) const {
    uint64_t value;
    std::memcpy(&value, bytes.data() + at, 8);
    return value;
  }
  void store(uint64_t at, uint64_t value) { std::memcpy(bytes.data() + at, &value, 8); }
};

/// Bytes behind a socket, which annotates `latency` for each transaction.
struct Memory : sc_core::sc_module, Bytes {
  tlm_utils::simple_target_socket<Memory, 64> socket{"socket"};
  sc_core::sc_time latency;
  std::vector<uint64_t> seen;  ///< addresses of the transactions

  explicit Memory(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_b_transport(this, &Memory::b_transport);
    socket.register_transport_dbg(this, &Memory::transport_dbg);
    socket.register_get_direct_mem_ptr(this, &Memory::get_direct_mem_ptr);
  }

  void b_transport(::tlm::tlm_generic_payload& t, sc_core::sc_time& delay) {
    delay += latency;
    seen.push_back(t.get_address());
    t.set_dmi_allowed(true);
    const bool done = transport_dbg(t) == t.get_data_length();
    t.set_response_status(done ? ::tlm::TLM_OK_RESPONSE : ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  }
  unsigned transport_dbg(::tlm::tlm_generic_payload& t) {
    const unsigned n = t.get_data_length();
    if (t.get_address() > bytes.size() - n) return 0;
    unsigned char* here = bytes.data() + t.get_address();
    if (t.is_read()) std::memcpy(t.get_data_ptr(), here, n);
    if (t.is_write()) std::memcpy(here, t.get_data_ptr(), n);
    return n;
  }
  bool get_direct_mem_ptr(::tlm::tlm_generic_payload&, ::tlm::tlm_dmi& dmi) {
    dmi.set_dmi_ptr(bytes.data());
    dmi.set_start_address(0);
    dmi.set_end_address(bytes.size() - 1);
    dmi.allow_read_write();
    return true;
  }
};

/// Page tables of 4 levels in such a memory, from 1 MiB on; the root is the first.
class SocketTables {
 public:
  static constexpr uint64_t kRoot = 1 << 20;
  explicit SocketTables(Bytes& memory) : memory_(memory) {}

  /// Where the entry of `level` for `va` is; makes the tables above it.
  uint64_t entry(uint64_t va, unsigned level) {
    uint64_t table = kRoot;
    for (unsigned l = 4; l > level; --l) {
      const uint64_t at = table + (va >> (3 + 9 * l) & 511) * 8;
      if (memory_.load(at) == 0) {
        memory_.store(at, next_ | 0x67);
        next_ += 4096;
      }
      table = memory_.load(at) & ~0xfffULL;
    }
    return table + (va >> (3 + 9 * level) & 511) * 8;
  }
  void map(uint64_t va, uint64_t pa, uint64_t flags = 0x67) { memory_.store(entry(va, 1), pa | flags); }

 private:
  Bytes& memory_;
  uint64_t next_ = kRoot + 4096;
};

/// What a test makes its accesses with: checker, MMU, checker, memory in a row.
struct VirtualPlatform : sc_core::sc_module, ::tlm::tlm_mm_interface {
  tlm_utils::simple_initiator_socket<VirtualPlatform, 64> socket{"socket"};
  BaseProtocolChecker above{"above"}, below{"below"};
  tlm::Mmu mmu;
  Memory memory{"memory"};
  SocketTables tables{memory};
  unsigned dmi_invalidations = 0;
  sc_core::sc_event responded;

  explicit VirtualPlatform(const Platform& platform = Platform::load("textbook"), tlm::MmuOptions options = {},
                           const sc_core::sc_module_name& name = "platform")
      : sc_module(name), mmu("mmu", platform, options) {
    socket.bind(above.in);
    above.out.bind(mmu.target);
    mmu.memory.bind(below.in);
    below.out.bind(memory.socket);
    socket.register_invalidate_direct_mem_ptr(this, &VirtualPlatform::invalidated);
    socket.register_nb_transport_bw(this, &VirtualPlatform::nb_transport_bw);
    mmu.set_registers({.cr3 = SocketTables::kRoot});
  }

  /// Runs `body` as a process of the simulation, then checks that nobody broke the protocol.
  void run(const std::function<void()>& body) {
    sc_core::sc_spawn_options options;
    options.set_stack_size(512 * 1024);  // sanitizers need much
    sc_core::sc_spawn(body, "initiator", &options);
    sc_core::sc_start();
    above.finish();
    below.finish();
    EXPECT_THAT(above.violations, testing::IsEmpty());
    EXPECT_THAT(below.violations, testing::IsEmpty());
  }

  struct Answer {
    ::tlm::tlm_response_status status = ::tlm::TLM_INCOMPLETE_RESPONSE;
    tlm::AccessExtension access;
    bool dmi_hint = false;
  };
  /// One blocking transaction of `bytes` bytes at `data`, by which `delay` grows.
  Answer transport(::tlm::tlm_command command, uint64_t va, void* data, unsigned bytes, sc_core::sc_time& delay,
                   const tlm::AccessExtension& access = {}) {
    ::tlm::tlm_generic_payload t;
    describe(t, command, va, data, bytes);
    auto* const extension = new tlm::AccessExtension(access);  // the transaction frees it
    t.set_extension(extension);
    socket->b_transport(t, delay);
    return {t.get_response_status(), *extension, t.is_dmi_allowed()};
  }
  Answer load(uint64_t va, sc_core::sc_time& delay, const tlm::AccessExtension& access = {}) {
    uint64_t data = 0;
    return transport(::tlm::TLM_READ_COMMAND, va, &data, 8, delay, access);
  }
  Answer store(uint64_t va, uint64_t value, sc_core::sc_time& delay, const tlm::AccessExtension& access = {}) {
    return transport(::tlm::TLM_WRITE_COMMAND, va, &value, 8, delay, access);
  }
  unsigned debug(::tlm::tlm_command command, uint64_t va, void* data, unsigned bytes) {
    ::tlm::tlm_generic_payload t;
    describe(t, command, va, data, bytes);
    return socket->transport_dbg(t);
  }

  /// One approximately-timed transaction, all four phases; ends with the response.
  void transport_in_phases(uint64_t va) {
    uint64_t data = 0;
    ::tlm::tlm_generic_payload t;
    describe(t, ::tlm::TLM_READ_COMMAND, va, &data, 8);
    t.set_mm(this);
    t.acquire();
    ::tlm::tlm_phase phase = ::tlm::BEGIN_REQ;
    sc_core::sc_time delay;
    const auto answer = socket->nb_transport_fw(t, phase, delay);
    EXPECT_EQ(answer, ::tlm::TLM_ACCEPTED);
    sc_core::wait(responded);
    EXPECT_EQ(t.get_response_status(), ::tlm::TLM_OK_RESPONSE);
    phase = ::tlm::END_RESP;
    delay = sc_core::SC_ZERO_TIME;
    socket->nb_transport_fw(t, phase, delay);
    t.release();
  }
  void free(::tlm::tlm_generic_payload*) override {}

 private:
  static void describe(::tlm::tlm_generic_payload& t, ::tlm::tlm_command command, uint64_t va, void* data,
                       unsigned bytes) {
    t.set_command(command);
    t.set_address(va);
    t.set_data_ptr(static_cast<unsigned char*>(data));
    t.set_data_length(bytes);
    t.set_streaming_width(bytes);
  }
  void invalidated(sc_dt::uint64, sc_dt::uint64) { ++dmi_invalidations; }
  ::tlm::tlm_sync_enum nb_transport_bw(::tlm::tlm_generic_payload&, ::tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    if (phase == ::tlm::BEGIN_RESP) responded.notify(delay);
    return ::tlm::TLM_ACCEPTED;
  }
};

}  // namespace mmusim
