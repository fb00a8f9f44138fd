// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/replay.hpp"

#include <algorithm>
#include <system_error>

#include "base/errno.hpp"

namespace drvbus::bus {

namespace {

// Limits of one reply. They are large enough that a subscriber catches up quickly. They are small enough that a reply
// does not delay the channels for long, and that unread replies to a hundred callers fit in memory.
constexpr std::uint32_t kMaxEvents = 1000;
constexpr std::size_t kMaxBytes = 131072;

Message new_reply(sd_bus_message* call)
{
    sd_bus_message* reply = nullptr;
    check(sd_bus_message_new_method_return(call, &reply), "sd_bus_message_new_method_return");
    return Message(reply);
}

/// Describes the events in a reply.
struct Summary {
    std::uint64_t events = 0;
    std::uint64_t next;  ///< sequence after the last event
    bool more = false;   ///< the reply does not have all records, because of a limit
};

Summary append_events(sd_bus_message* reply, const Replay& replay, std::uint64_t since, std::uint32_t max)
{
    EventEncoder encoder;
    // Without records, all events from `since` to the next one are lost.
    Summary summary{.next = replay.records.empty() ? std::max(since, replay.next_sequence) : since};
    open(reply, 'a', "(sttuv)");
    for (std::span<const std::byte> rest = replay.records; !rest.empty();) {
        const record::Record record = record::parse_record(rest);
        // A lower sequence belongs to a new instance, whose first events are not committed yet.
        if (record.state != record::Record::State::complete || record.event.sequence < summary.next)
            break;
        const std::size_t done = replay.records.size() - rest.size();
        if (summary.events == max || (done > 0 && done + record.size > kMaxBytes)) {
            summary.more = true;
            break;
        }
        summary.next = record.event.sequence + 1;
        rest = rest.subspan(record.size);
        if ((record.event.flags & record::kLoss) != 0)
            continue;  // counted as one lost event
        open(reply, 'r', EventEncoder::kSignature);
        encoder.append_event(reply, replay.context, record.event);
        close(reply);
        ++summary.events;
    }
    close(reply);
    return summary;
}

/// Builds the reply. @throws std::system_error if sd-bus refuses a value of an event
Message make_reply(sd_bus_message* call, const Replay& replay, std::uint64_t since, std::uint32_t max)
{
    Message reply = new_reply(call);
    const Summary summary =
        append_events(reply.get(), replay, since, max == 0 ? kMaxEvents : std::min(max, kMaxEvents));
    const std::uint64_t lost = summary.next - since - summary.events;
    const int more = summary.more || summary.next < replay.next_sequence ? 1 : 0;
    append(reply.get(), 't', &summary.next);
    append(reply.get(), 'b', &more);
    append(reply.get(), 't', &lost);
    append(reply.get(), 't', &replay.instance);
    return reply;
}

/// As `make_reply`. If sd-bus refuses an event, all events of the reply have no names, and their payloads are bytes: a
/// container cannot be taken out of a message again, and a reply without these events could never be completed.
Message make_acceptable_reply(sd_bus_message* call, const Replay& replay, std::uint64_t since, std::uint32_t max)
{
    try {
        return make_reply(call, replay, since, max);
    } catch (const std::system_error&) {
        const MessageContext plain = replay.context.plain();
        return make_reply(call, {plain, replay.records, replay.next_sequence, replay.instance}, since, max);
    }
}

}  // namespace

void reply_to_get_events(sd_bus_message* call, const Replay& replay, std::uint64_t since, std::uint32_t max)
{
    send(make_acceptable_reply(call, replay, std::max<std::uint64_t>(since, 1), max).get());
}

}  // namespace drvbus::bus
