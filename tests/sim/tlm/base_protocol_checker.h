// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

namespace mmusim {

/// A module between an initiator and a target that passes everything on and notes each rule of the TLM-2.0 base protocol
/// that either breaks (IEEE 1666-2011, 14.7, 15.2, 16.2). `violations` stays empty for components that keep them.
class BaseProtocolChecker : public sc_core::sc_module,
                            public ::tlm::tlm_fw_transport_if<>,
                            public ::tlm::tlm_bw_transport_if<> {
 public:
  using Transaction = ::tlm::tlm_generic_payload;
  using Phase = ::tlm::tlm_phase;

  ::tlm::tlm_target_socket<64> in{"in"};
  ::tlm::tlm_initiator_socket<64> out{"out"};
  std::vector<std::string> violations;
  unsigned calls = 0;

  explicit BaseProtocolChecker(const sc_core::sc_module_name& name) : sc_module(name) {
    in.bind(*this);
    out.bind(*this);
  }

  void b_transport(Transaction& t, sc_core::sc_time& delay) override {
    begin(t, "b_transport");
    const Attributes before(t);
    const sc_core::sc_time start = sc_core::sc_time_stamp() + delay;
    out->b_transport(t, delay);
    rule(before == Attributes(t), "the target changed an attribute that it may not");
    rule(t.get_response_status() != ::tlm::TLM_INCOMPLETE_RESPONSE, "no response status after b_transport");
    rule(sc_core::sc_time_stamp() + delay >= start, "time went back in b_transport");
  }

  ::tlm::tlm_sync_enum nb_transport_fw(Transaction& t, Phase& phase, sc_core::sc_time& delay) override {
    if (phase == ::tlm::BEGIN_REQ) {
      begin(t, "BEGIN_REQ");
      rule(t.has_mm(), "a non-blocking transaction without memory manager");
      rule(request_ == nullptr, "BEGIN_REQ before the end of the request before");
      rule(!under_way_.contains(&t), "BEGIN_REQ of a transaction under way");
      request_ = &t;
      under_way_.emplace(&t, Progress{Attributes(t), ::tlm::BEGIN_REQ, {}});
      note_time(t, delay);
    } else {
      rule(phase == ::tlm::END_RESP, "a forward phase that is neither BEGIN_REQ nor END_RESP");
      advance(t, phase, delay);
    }
    const auto answer = out->nb_transport_fw(t, phase, delay);
    if (answer == ::tlm::TLM_UPDATED) advance(t, phase, delay);
    if (answer == ::tlm::TLM_COMPLETED) complete(t);
    return answer;
  }

  ::tlm::tlm_sync_enum nb_transport_bw(Transaction& t, Phase& phase, sc_core::sc_time& delay) override {
    rule(phase == ::tlm::END_REQ || phase == ::tlm::BEGIN_RESP,
         "a backward phase that is neither END_REQ nor BEGIN_RESP");
    advance(t, phase, delay);
    const auto answer = in->nb_transport_bw(t, phase, delay);
    if (answer == ::tlm::TLM_UPDATED) advance(t, phase, delay);
    if (answer == ::tlm::TLM_COMPLETED) complete(t);
    return answer;
  }

  unsigned transport_dbg(Transaction& t) override {
    const Attributes before(t);
    const unsigned moved = out->transport_dbg(t);
    rule(before == Attributes(t), "transport_dbg changed an attribute");
    rule(moved <= t.get_data_length(), "transport_dbg moved more than was asked for");
    return moved;
  }

  bool get_direct_mem_ptr(Transaction& t, ::tlm::tlm_dmi& dmi) override {
    const bool granted = out->get_direct_mem_ptr(t, dmi);
    rule(dmi.get_start_address() <= t.get_address() && t.get_address() <= dmi.get_end_address(),
         "a DMI region without the address that was asked for");
    rule(!granted || dmi.get_dmi_ptr() != nullptr, "DMI granted without a pointer");
    return granted;
  }

  void invalidate_direct_mem_ptr(sc_dt::uint64 begin, sc_dt::uint64 end) override {
    rule(begin <= end, "a DMI range that ends before it begins");
    in->invalidate_direct_mem_ptr(begin, end);
  }

  /// Call at the end: transactions must not be left half-done.
  void finish() { rule(under_way_.empty(), "a transaction without its end"); }

 private:
  /// What nobody may change while a transaction is under way.
  struct Attributes {
    explicit Attributes(const Transaction& t)
        : command(t.get_command()),
          address(t.get_address()),
          data(t.get_data_ptr()),
          length(t.get_data_length()),
          enables(t.get_byte_enable_ptr()),
          enables_length(t.get_byte_enable_length()),
          width(t.get_streaming_width()) {}
    bool operator==(const Attributes&) const = default;

    ::tlm::tlm_command command;
    sc_dt::uint64 address;
    const unsigned char* data;
    unsigned length;
    const unsigned char* enables;
    unsigned enables_length, width;
  };
  struct Progress {
    Attributes attributes;
    Phase phase;
    sc_core::sc_time time;
  };

  void rule(bool kept, const std::string& broken) {
    if (!kept) violations.push_back(broken);
  }

  void begin(const Transaction& t, const std::string& where) {
    ++calls;
    rule(t.get_response_status() == ::tlm::TLM_INCOMPLETE_RESPONSE, where + " with a response status");
    rule(!t.is_dmi_allowed(), where + " with the DMI hint set");
    rule(t.get_data_ptr() != nullptr, where + " without a data pointer");
    rule(t.get_data_length() != 0, where + " without data");
    rule(t.get_streaming_width() != 0, where + " with streaming width 0");
    rule(t.get_byte_enable_ptr() == nullptr || t.get_byte_enable_length() != 0, where + " with 0 byte enables");
  }

  void note_time(Transaction& t, const sc_core::sc_time& delay) {
    Progress& p = under_way_.at(&t);
    const sc_core::sc_time now = sc_core::sc_time_stamp() + delay;
    rule(now >= p.time, "time went back between two phases");
    p.time = now;
  }

  void advance(Transaction& t, const Phase& phase, const sc_core::sc_time& delay) {
    const auto found = under_way_.find(&t);
    if (found == under_way_.end()) return rule(false, "a phase of a transaction that is not under way");
    Progress& p = found->second;
    const bool in_order = phase == ::tlm::END_REQ      ? p.phase == ::tlm::BEGIN_REQ
                          : phase == ::tlm::BEGIN_RESP ? p.phase == ::tlm::BEGIN_REQ || p.phase == ::tlm::END_REQ
                          : phase == ::tlm::END_RESP   ? p.phase == ::tlm::BEGIN_RESP
                                                       : false;
    rule(in_order, std::string("phase ") + phase.get_name() + " after " + p.phase.get_name());
    rule(p.attributes == Attributes(t), "an attribute changed between two phases");
    note_time(t, delay);
    p.phase = phase;
    if (phase == ::tlm::END_REQ || phase == ::tlm::BEGIN_RESP) request_ = request_ == &t ? nullptr : request_;
    if (phase == ::tlm::BEGIN_RESP) {
      rule(t.get_response_status() != ::tlm::TLM_INCOMPLETE_RESPONSE, "BEGIN_RESP without a response status");
      rule(response_ == nullptr, "BEGIN_RESP before the end of the response before");
      response_ = &t;
    }
    if (phase == ::tlm::END_RESP) complete(t);
  }

  void complete(Transaction& t) {
    if (request_ == &t) request_ = nullptr;
    if (response_ == &t) response_ = nullptr;
    under_way_.erase(&t);
  }

  std::map<Transaction*, Progress> under_way_;
  Transaction* request_ = nullptr;   // BEGIN_REQ without END_REQ or BEGIN_RESP
  Transaction* response_ = nullptr;  // BEGIN_RESP without END_RESP
};

}  // namespace mmusim
