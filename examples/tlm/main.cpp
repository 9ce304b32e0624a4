// SPDX-License-Identifier: MIT
// A virtual platform: a traffic generator with virtual addresses, mmusim's MMU, a bus, a memory.
// usage: virtual_platform FOLDER [ACCESSES]. Prints the counts, and writes the page tables and accesses into FOLDER so
// that `mmusim replay` can make the same accesses.
#include <mmusim/tlm.h>
// After <systemc>, which it needs.
#include <tlm_utils/tlm_quantumkeeper.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr uint64_t kHeap = 0x7f00'0000'0000;  // virtual
constexpr uint64_t kPages = 3000;
constexpr uint64_t kTables = 0x100'0000, kFrames = 0x200'0000;  // physical

struct Memory : sc_core::sc_module {
  tlm_utils::simple_target_socket<Memory, 64> socket{"socket"};
  std::vector<unsigned char> bytes = std::vector<unsigned char>(64 << 20);
  uint64_t next_table = kTables;  // to be used next; the first is the root

  explicit Memory(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_b_transport(this, &Memory::b_transport);
    socket.register_transport_dbg(this, &Memory::transport_dbg);
  }
  void b_transport(tlm::tlm_generic_payload& t, sc_core::sc_time&) {  // the MMU's machine has the DRAM's time
    const bool done = transport_dbg(t) == t.get_data_length();
    t.set_response_status(done ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
  }
  unsigned transport_dbg(tlm::tlm_generic_payload& t) {
    const unsigned n = t.get_data_length();
    if (t.get_address() > bytes.size() - n) return 0;
    unsigned char* const here = bytes.data() + t.get_address();
    if (t.is_read()) std::memcpy(t.get_data_ptr(), here, n);
    if (t.is_write()) std::memcpy(here, t.get_data_ptr(), n);
    return n;
  }

  uint64_t take_table() {
    next_table += 4096;
    return next_table - 4096;
  }
  /// Maps a page, writable and for users, with four levels of tables.
  void map(uint64_t va, uint64_t pa) {
    uint64_t table = kTables;
    for (unsigned shift = 39; shift > 12; shift -= 9) {
      uint64_t& entry = reinterpret_cast<uint64_t*>(bytes.data() + table)[va >> shift & 511];
      if (entry == 0) entry = take_table() | 0x67;
      table = entry & ~0xfffULL;
    }
    reinterpret_cast<uint64_t*>(bytes.data() + table)[va >> 12 & 511] = pa | 0x67;
  }
};

/// One initiator, several targets at ranges of addresses.
struct Bus : sc_core::sc_module {
  tlm_utils::simple_target_socket<Bus, 64> socket{"socket"};
  tlm_utils::simple_initiator_socket<Bus, 64> memory{"memory"};

  explicit Bus(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_b_transport(this, &Bus::b_transport);
    socket.register_transport_dbg(this, &Bus::transport_dbg);
  }
  // More targets: choose by address here.
  void b_transport(tlm::tlm_generic_payload& t, sc_core::sc_time& delay) { memory->b_transport(t, delay); }
  unsigned transport_dbg(tlm::tlm_generic_payload& t) { return memory->transport_dbg(t); }
};

struct Generator : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Generator, 64> socket{"socket"};
  uint64_t accesses;
  std::ofstream trace;
  sc_core::sc_time end;

  SC_HAS_PROCESS(Generator);
  Generator(const sc_core::sc_module_name& name, uint64_t n, const std::string& folder)
      : sc_module(name), accesses(n), trace(folder + "/accesses.din") {
    SC_THREAD(run);
  }
  void run() {
    tlm_utils::tlm_quantumkeeper time;
    uint64_t x = 1;
    for (uint64_t i = 0; i < accesses; ++i) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      const uint64_t page = x >> 40 & 1 ? x % 50 : x % kPages;
      const uint64_t va = kHeap + page * 4096 + (x >> 20) % 512 * 8;
      const bool write = x >> 50 & 1;
      trace << (write ? "w " : "r ") << std::hex << va << " 8\n";

      uint64_t data = i;
      auto* const access = new mmusim::tlm::AccessExtension;  // the transaction frees it
      access->user = true;
      tlm::tlm_generic_payload t;
      t.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
      t.set_address(va);
      t.set_data_ptr(reinterpret_cast<unsigned char*>(&data));
      t.set_data_length(8);
      t.set_streaming_width(8);
      t.set_extension(access);
      sc_core::sc_time delay = time.get_local_time();
      socket->b_transport(t, delay);
      if (!t.is_response_ok()) {
        SC_REPORT_ERROR("generator", access->exception ? access->exception->reason.c_str() : "no memory there");
      }
      time.set(delay);
      if (time.need_sync()) time.sync();
    }
    end = time.get_current_time();
  }
};

/// Writes the tables as an image for `mmusim replay --map`: docs/outputs.md.
void write_image(const Memory& memory, const mmusim::tlm::ControlRegisters& r, const std::string& folder) {
  std::ofstream tables(folder + "/tables.ptimg", std::ios::binary);
  for (uint64_t pa = kTables; pa < memory.next_table; pa += 4096) {
    tables.write(reinterpret_cast<const char*>(&pa), sizeof pa);
    tables.write(reinterpret_cast<const char*>(memory.bytes.data() + pa), 4096);
  }
  std::ofstream(folder + "/tables.json") << "{\"name\": \"virtual platform\", \"levels\": 4, \"cr0\": " << r.cr0
                                         << ", \"cr3\": " << r.cr3 << ", \"cr4\": " << r.cr4 << ", \"efer\": " << r.efer
                                         << "}\n";
}

}  // namespace

int sc_main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: virtual_platform FOLDER [ACCESSES]\n"), 2;
  sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  tlm::tlm_global_quantum::instance().set(sc_core::sc_time(10, sc_core::SC_US));

  Generator generator("generator", argc > 2 ? std::stoull(argv[2]) : 200'000, argv[1]);
  mmusim::tlm::Mmu mmu("mmu", mmusim::Platform::load("textbook"));
  Bus bus("bus");
  Memory memory("memory");
  generator.socket.bind(mmu.target);
  mmu.memory.bind(bus.socket);
  bus.memory.bind(memory.socket);

  memory.take_table();
  for (uint64_t page = 0; page < kPages; ++page) memory.map(kHeap + page * 4096, kFrames + page * 4096);
  mmu.set_registers({.cr3 = kTables});
  write_image(memory, mmu.registers(), argv[1]);

  sc_core::sc_start();
  const mmusim::Totals t = mmu.totals();
  std::printf("accesses %lu stlb_misses %lu walks %lu entry_reads %lu cycles %lu\n", t.accesses, t.stlb_misses, t.walks,
              t.entry_reads, t.cycles);
  std::printf("generator ended at %.0f ns\n", generator.end / sc_core::sc_time(1, sc_core::SC_NS));
  return 0;
}
