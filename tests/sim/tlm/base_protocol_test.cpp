// SPDX-License-Identifier: MIT
// The checker itself: it finds what is wrong in components that break a rule each.
#include <gtest/gtest.h>

#include "tests/sim/tlm/virtual_platform.h"

namespace mmusim {
namespace {

/// A target that breaks the rule of its number.
struct BadTarget : sc_core::sc_module {
  tlm_utils::simple_target_socket<BadTarget, 64> socket{"socket"};
  unsigned rule;

  BadTarget(const sc_core::sc_module_name& name, unsigned r) : sc_module(name), rule(r) {
    socket.register_b_transport(this, &BadTarget::b_transport);
    socket.register_nb_transport_fw(this, &BadTarget::nb_transport_fw);
    socket.register_transport_dbg(this, &BadTarget::transport_dbg);
  }
  void b_transport(::tlm::tlm_generic_payload& t, sc_core::sc_time& delay) {
    if (rule == 0) t.set_address(t.get_address() + 1);
    if (rule == 1) delay = sc_core::SC_ZERO_TIME;
    if (rule != 2) t.set_response_status(::tlm::TLM_OK_RESPONSE);
  }
  ::tlm::tlm_sync_enum nb_transport_fw(::tlm::tlm_generic_payload& t, ::tlm::tlm_phase& phase, sc_core::sc_time&) {
    if (phase == ::tlm::END_RESP) return ::tlm::TLM_COMPLETED;
    if (rule == 3) phase = ::tlm::END_RESP;
    if (rule == 4) phase = ::tlm::BEGIN_RESP;  // without a status
    if (rule == 5) {
      t.set_data_length(t.get_data_length() + 1);
      phase = ::tlm::END_REQ;
    }
    return rule == 6 ? ::tlm::TLM_ACCEPTED : ::tlm::TLM_UPDATED;
  }
  unsigned transport_dbg(::tlm::tlm_generic_payload& t) { return t.get_data_length() + 1; }
};

struct Managed : ::tlm::tlm_mm_interface {
  void free(::tlm::tlm_generic_payload*) override {}
};

struct Broken : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Broken, 64> socket{"socket"};
  explicit Broken(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_nb_transport_bw(this, &Broken::nb_transport_bw);
  }
  ::tlm::tlm_sync_enum nb_transport_bw(::tlm::tlm_generic_payload&, ::tlm::tlm_phase&, sc_core::sc_time&) {
    return ::tlm::TLM_ACCEPTED;
  }
};

std::vector<std::string> found(unsigned rule, const std::function<void(Broken&)>& act) {
  const std::string text = in_child([&] {
    BaseProtocolChecker checker("checker");
    Broken initiator("initiator");
    BadTarget target("target", rule);
    initiator.socket.bind(checker.in);
    checker.out.bind(target.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    act(initiator);
    checker.finish();
    std::string all;
    for (const std::string& v : checker.violations) all += v + "\n";
    return all;
  });
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

struct Load : ::tlm::tlm_generic_payload {
  uint64_t data = 0;
  Managed manager;
  explicit Load(bool managed = true) {
    set_command(::tlm::TLM_READ_COMMAND);
    set_data_ptr(reinterpret_cast<unsigned char*>(&data));
    set_data_length(8);
    set_streaming_width(8);
    if (managed) {
      set_mm(&manager);
      acquire();
    }
  }
};

void blocking(Broken& initiator) {
  Load load;
  sc_core::sc_time delay(5, sc_core::SC_NS);
  initiator.socket->b_transport(load, delay);
}
void non_blocking(Broken& initiator) {
  static Load load;
  ::tlm::tlm_phase phase = ::tlm::BEGIN_REQ;
  sc_core::sc_time delay;
  initiator.socket->nb_transport_fw(load, phase, delay);
}

using testing::Contains;

TEST(BaseProtocolChecker, FindsWhatTargetsBreak) {
  EXPECT_THAT(found(0, blocking), Contains("the target changed an attribute that it may not"));
  EXPECT_THAT(found(1, blocking), Contains("time went back in b_transport"));
  EXPECT_THAT(found(2, blocking), Contains("no response status after b_transport"));
  EXPECT_THAT(found(3, non_blocking), Contains("phase END_RESP after BEGIN_REQ"));
  EXPECT_THAT(found(4, non_blocking), Contains("BEGIN_RESP without a response status"));
  EXPECT_THAT(found(5, non_blocking), Contains("an attribute changed between two phases"));
  EXPECT_THAT(found(6, non_blocking), Contains("a transaction without its end"));
  EXPECT_THAT(found(7,
                    [](Broken& i) {
                      Load load;
                      i.socket->transport_dbg(load);
                    }),
              Contains("transport_dbg moved more than was asked for"));
  EXPECT_THAT(found(7, blocking), testing::IsEmpty());
}

TEST(BaseProtocolChecker, FindsWhatInitiatorsBreak) {
  const auto twice = [](Broken& initiator) {
    non_blocking(initiator);
    static Load second;
    ::tlm::tlm_phase phase = ::tlm::BEGIN_REQ;
    sc_core::sc_time delay;
    initiator.socket->nb_transport_fw(second, phase, delay);
  };
  EXPECT_THAT(found(6, twice), Contains("BEGIN_REQ before the end of the request before"));
  const auto reused = [](Broken& initiator) {
    Load load;
    sc_core::sc_time delay;
    initiator.socket->b_transport(load, delay);
    load.set_dmi_allowed(true);
    initiator.socket->b_transport(load, delay);
  };
  EXPECT_THAT(found(7, reused),
              testing::IsSupersetOf({"b_transport with a response status", "b_transport with the DMI hint set"}));
  const auto unmanaged = [](Broken& initiator) {
    static Load load(/*managed=*/false);
    ::tlm::tlm_phase phase = ::tlm::BEGIN_REQ;
    sc_core::sc_time delay;
    initiator.socket->nb_transport_fw(load, phase, delay);
  };
  EXPECT_THAT(found(6, unmanaged), Contains("a non-blocking transaction without memory manager"));
}

}  // namespace
}  // namespace mmusim
