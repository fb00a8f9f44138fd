// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/replay.hpp"

#include <algorithm>

#include "base/errno.hpp"

namespace drvbus::bus {

namespace {

// Limits of one answer: large enough that a subscriber catches up quickly, small enough that the channels do not wait
// long for it and that answers to a hundred callers that do not read them fit in memory.
constexpr std::uint32_t kMostEvents = 1000;
constexpr std::size_t kMostBytes = 131072;

Message new_answer(sd_bus_message* call)
{
    sd_bus_message* answer = nullptr;
    check(sd_bus_message_new_method_return(call, &answer), "sd_bus_message_new_method_return");
    return Message(answer);
}

/// Describes the events in an answer.
struct Summary {
    std::uint64_t events = 0;
    std::uint64_t next;  ///< sequence after the last event
    bool more = false;   ///< records were left out
};

Summary append_events(sd_bus_message* answer, const Replay& replay, std::uint64_t since, std::uint32_t max)
{
    EventEncoder encoder;
    // No record is held: all events up to the next one are lost.
    Summary summary{.next = replay.records.empty() ? std::max(since, replay.next_sequence) : since};
    open(answer, 'a', "(sttuv)");
    for (std::span<const std::byte> rest = replay.records; !rest.empty();) {
        const record::Record record = record::parse_record(rest);
        // A lower sequence belongs to another instance, whose beginning is not committed yet.
        if (record.state != record::Record::State::complete || record.event.sequence < summary.next)
            break;
        const std::size_t done = replay.records.size() - rest.size();
        if (summary.events == max || (done > 0 && done + record.size > kMostBytes)) {
            summary.more = true;
            break;
        }
        open(answer, 'r', EventEncoder::kSignature);
        encoder.append_event(answer, replay.schema, record.event);
        close(answer);
        ++summary.events;
        summary.next = record.event.sequence + 1;
        rest = rest.subspan(record.size);
    }
    close(answer);
    return summary;
}

}  // namespace

void answer_get_events(sd_bus_message* call, const Replay& replay, std::uint64_t since, std::uint32_t max)
{
    const std::uint64_t from = std::max<std::uint64_t>(since, 1);
    const Message answer = new_answer(call);
    const Summary summary =
        append_events(answer.get(), replay, from, max == 0 ? kMostEvents : std::min(max, kMostEvents));
    const std::uint64_t lost = summary.next - from - summary.events;
    const int more = summary.more || summary.next < replay.next_sequence ? 1 : 0;
    append(answer.get(), 't', &summary.next);
    append(answer.get(), 'b', &more);
    append(answer.get(), 't', &lost);
    append(answer.get(), 't', &replay.instance);
    send(answer.get());
}

}  // namespace drvbus::bus
