// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/replay.hpp"

#include <algorithm>

#include "base/event_loop.hpp"

namespace drvbus::bus {

namespace {

// What one answer takes: enough that a subscriber is soon up to date, little enough that the channels need not
// wait for it, and that answers to a hundred callers who do not read them fit in memory.
constexpr std::uint32_t kMostEvents = 1000;
constexpr std::size_t kMostBytes = 131072;

Message new_answer(sd_bus_message* call)
{
    sd_bus_message* answer = nullptr;
    check(sd_bus_message_new_method_return(call, &answer), "sd_bus_message_new_method_return");
    return Message(answer);
}

/// What the events of an answer come to.
struct Sum {
    std::uint64_t events = 0;
    std::uint64_t next;  ///< sequence behind the last
    bool more = false;   ///< not all records went in
};

Sum append_events(sd_bus_message* answer, const Replay& replay, std::uint64_t since, std::uint32_t max)
{
    EventEncoder encoder;
    // Where nothing is held, nothing of what was is.
    Sum sum{.next = replay.records.empty() ? std::max(since, replay.next_sequence) : since};
    open(answer, 'a', "(sttuv)");
    for (std::span<const std::byte> rest = replay.records; !rest.empty();) {
        const device::Record record = device::parse_record(rest);
        // One that goes back is of another instance, which is not known as such before it is committed.
        if (record.state != device::Record::State::whole || record.event.sequence < sum.next)
            break;
        const std::size_t done = replay.records.size() - rest.size();
        if (sum.events == max || (done > 0 && done + record.size > kMostBytes)) {
            sum.more = true;
            break;
        }
        open(answer, 'r', EventEncoder::kSignature);
        encoder.append_event(answer, replay.channel, record.event);
        close(answer);
        ++sum.events;
        sum.next = record.event.sequence + 1;
        rest = rest.subspan(record.size);
    }
    close(answer);
    return sum;
}

}  // namespace

void answer_get_events(sd_bus_message* call, const Replay& replay, std::uint64_t since, std::uint32_t max)
{
    const std::uint64_t from = std::max<std::uint64_t>(since, 1);
    const Message answer = new_answer(call);
    const Sum sum = append_events(answer.get(), replay, from, max == 0 ? kMostEvents : std::min(max, kMostEvents));
    const std::uint64_t lost = sum.next - from - sum.events;
    const int more = sum.more || sum.next < replay.next_sequence ? 1 : 0;
    append(answer.get(), 't', &sum.next);
    append(answer.get(), 'b', &more);
    append(answer.get(), 't', &lost);
    append(answer.get(), 't', &replay.instance);
    send(answer.get());
}

}  // namespace drvbus::bus
