// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/publisher.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>

#include "base/errno.hpp"

namespace drvbus::bus {

std::string channel_path(const std::string& name)
{
    char* path = nullptr;
    check(sd_bus_path_encode(kChannelsPath, name.c_str(), &path), "sd_bus_path_encode");
    const std::unique_ptr<char, decltype(&std::free)> owned(path, &std::free);
    return path;
}

Message Publisher::new_signal(const std::string& path, const char* member) const
{
    sd_bus_message* message = nullptr;
    const int result =
        sd_bus_message_new_signal(connection_.handle(), &message, path.c_str(), kChannelInterface, member);
    if (result == -ENOTCONN)
        throw SendError(std::strerror(-result));
    check(result, "sd_bus_message_new_signal");
    return Message(message);
}

bool Publisher::event(const MessageContext& context, const record::Event& event)
{
    try {
        return send_event(context, event);
    } catch (const std::system_error&) {
        // Trying again would give the same error, and the channel would never get past this event.
        send_event(context.plain(), event);
        return false;
    }
}

bool Publisher::send_event(const MessageContext& context, const record::Event& event)
{
    const Message message = new_signal(context.path, "Event");
    const bool fits = encoder_.append_event(message.get(), context, event);
    send(message.get());
    return fits;
}

void Publisher::lost(const MessageContext& context, std::uint64_t first, std::uint64_t count)
{
    const Message message = new_signal(context.path, "Lost");
    append(message.get(), 't', &first);
    append(message.get(), 't', &count);
    send(message.get());
}

}  // namespace drvbus::bus
